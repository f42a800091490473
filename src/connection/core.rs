//! The part of a connection that doesn't depend on the storage's type: compiled once, however many storages a program uses.

use crate::connection::effect::{Effect, Place};
use crate::connection::link::{Link, Ping};
use crate::connection::state::State;
use crate::connection::stats::Counters;
use crate::event::{Message, Received, Topic};
use crate::limits::{Limits, StoredLimits};
#[cfg(target_pointer_width = "32")]
use crate::session::Time;
use crate::session::{Aliases, Forms, Incoming, Most, Need, Outgoing, Victims, Withdrawing};
use crate::storage::{Parts, SendSlot};
use crate::time::{Epoch, Instant};
use crate::types::Version;
use crate::wire::{Disconnect, Header, PacketType, Properties, Reply, Rules, Violation, Writer};

/// Here and in what it consists of, small fields come first, in `repr(C)`: a field that lies near takes half as many bytes to reach in Thumb's code.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Core {
    pub(super) link: Link,
    pub(super) outgoing: Outgoing,
    pub(super) incoming: Incoming,
    pub(super) limits: StoredLimits,
    pub(super) extras: Extras,
    pub(super) aliases: Aliases,
    /// From when on the seconds of messages that expire are counted.
    pub(super) epoch: Epoch,
    /// The latest time seen.
    pub(super) now: Instant,
    pub(super) stats: Counters,
}

/// What few connections need: `extras` says what sets it, and has the questions.
#[derive(Clone, Copy)]
pub(super) struct Extras {
    #[cfg(target_pointer_width = "32")]
    pub(super) policy: Option<Policy>,
    #[cfg(target_pointer_width = "32")]
    pub(super) watch: Option<&'static Watch>,
    #[cfg(target_pointer_width = "32")]
    pub(super) discarding: Option<&'static Discarding>,
    #[cfg(target_pointer_width = "32")]
    pub(super) payload_check: Option<PayloadCheck>,
    #[cfg(target_pointer_width = "32")]
    pub(super) begun: Begun,
    #[cfg(not(target_pointer_width = "32"))]
    pub(super) has_aliases: bool,
    #[cfg(not(target_pointer_width = "32"))]
    pub(super) counts_time: bool,
}

/// What was set by its first use, and stays whatever the limits are.
#[cfg(target_pointer_width = "32")]
#[derive(Clone, Copy)]
pub(super) struct Begun {
    pub(super) aliasing: Option<&'static Aliasing>,
    pub(super) taking_back: Option<&'static TakingBack>,
    pub(super) authenticating: Option<&'static Authenticating>,
    pub(super) reducing: Option<&'static Reducing>,
    pub(super) timing: Option<&'static Timing>,
}

/// What deals with the time of messages that expire.
#[cfg(target_pointer_width = "32")]
pub(super) struct Timing {
    pub(super) count: fn(&Core) -> Time,
    pub(super) find_next: fn(&mut Core, &[SendSlot]),
}

/// What watches over acknowledgements.
pub(super) struct Watch {
    /// Brings the time-outs up to date.
    pub(super) update: fn(&mut Core, &[SendSlot]),
    /// Whether a packet has been unanswered for too long.
    pub(super) is_overdue: fn(&mut Core, &mut Parts<'_>) -> bool,
    /// Sends again what is not acknowledged.
    pub(super) retry: fn(&mut Core, &mut Parts<'_>),
}

/// Whether a message is marked as UTF-8, and isn't.
pub(super) type PayloadCheck = fn(&Message<'_>) -> bool;

/// Makes room for a message, also to this topic, by dropping others; `None` as its victims, and nothing changed, if that is not enough.
pub(super) type Policy = fn(&mut Core, &mut Parts<'_>, &Need, &Most, &[u8], &mut Option<Victims>);

/// What takes messages back.
pub(super) struct TakingBack {
    /// Holds messages back, or lets them go.
    pub(super) hold: fn(&mut Core, &mut Parts<'_>, bool),
    /// What is left of a withdrawn message.
    pub(super) withdrawing: Withdrawing,
}

/// What deals with packets that an earlier version can't carry whole.
pub(super) struct Reducing {
    pub(super) forms: &'static Forms,
    /// Writes the head of the message that is staged, if it leaves without its properties.
    pub(super) write_head: fn(&mut Core, &mut Parts<'_>),
}

/// What deals with enhanced authentication.
pub(super) struct Authenticating {
    /// Takes AUTH.
    pub(super) on_auth: for<'i> fn(&mut Core, &Reply<'i>, Place<'_, 'i>) -> Effect,
    /// Whether CONNACK has the method of CONNECT.
    pub(super) check_connack: fn(&Link, &Properties<'_>) -> Result<(), Violation>,
}

/// What throws messages away that are too long.
pub(super) struct Discarding {
    /// Takes the start of such a message.
    pub(super) begin: for<'i> fn(&mut Core, &mut Parts<'_>, Header, &'i [u8], &mut Received<'i>) -> Effect,
    /// Takes what follows.
    pub(super) go_on: for<'i> fn(&mut Core, &mut Parts<'_>, &'i [u8], &mut Received<'i>) -> Effect,
}

/// What deals with topic aliases.
pub(super) struct Aliasing {
    /// Lets an alias stand for the topic of the staged message, where that is shorter.
    pub(super) shorten: fn(&mut Core, &mut Parts<'_>),
    /// Forgets the alias that the staged message was to bind, since the message is staged no longer.
    pub(super) take_back: fn(&mut Core, &mut Parts<'_>),
    /// Puts what an alias of the server's stands for in the place of the topic.
    pub(super) resolve: fn(&mut Core, &mut Parts<'_>, &mut Topic<'_>, u16) -> Result<(), Violation>,
    /// Binds an alias of the server's to the topic that stood beside it, if one did.
    pub(super) bind: fn(&mut Core, &mut Parts<'_>, &Topic<'_>, u16),
}

impl Core {
    pub(super) const fn new(limits: Limits, extras: Extras) -> Self {
        Self {
            limits: StoredLimits::new(limits),
            extras,
            outgoing: Outgoing::new(limits.version),
            incoming: Incoming::EMPTY,
            aliases: Aliases::EMPTY,
            epoch: Epoch::ZERO,
            link: Link::CLOSED,
            now: Instant::from_millis(0),
            stats: Counters::ZERO,
        }
    }

    /// Time never goes back.
    #[cfg_attr(not(target_pointer_width = "32"), inline(always))]
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(super) fn see(&mut self, now: Instant) {
        if usize::BITS <= 32 || now > self.now {
            self.move_on(now);
        }
    }

    fn move_on(&mut self, now: Instant) {
        self.see_as(now, self.wants_to_send());
    }

    /// The same where output that `waits` until now was taken back just before.
    pub(super) fn see_as(&mut self, now: Instant, waits: bool) {
        if now <= self.now {
            return;
        }
        let millis = u32::try_from(now.millis_since(self.now)).unwrap_or(u32::MAX);
        if self.link.state != State::Closed {
            self.link.timers.pass(millis, self.link.is_paused(), waits);
        }
        self.now = now;
    }

    pub(super) const fn version(&self) -> Version {
        self.outgoing.version()
    }

    pub(super) const fn rules(&self) -> Rules {
        Rules { version: self.version(), strict: self.limits.strict() }
    }

    pub(super) fn is_connected(&self) -> bool {
        self.link.state == State::Connected
    }

    pub(super) fn is_idle(&self) -> bool {
        self.outgoing.is_empty()
            && self.incoming.owes_nothing()
            && (self.link.control.is_empty() || self.is_silent())
            && self.link.ping == Ping::None
    }

    /// Takes back what is staged and not begun, with the bytes of the control area that stand for its start.
    pub(super) fn unstage(&mut self, parts: &mut Parts<'_>) {
        self.outgoing.unstage(parts.slots);
        self.drop_orphaned_prefix(parts);
    }

    pub(super) fn hold_messages(&mut self, parts: &mut Parts<'_>, holds: bool) {
        self.unstage(parts);
        self.outgoing.hold_messages(parts.slots, holds);
    }

    /// Drops the bytes of the control area that stand for the start of a packet which is staged no longer. Called after whatever may take a staged packet
    /// out of the queue.
    pub(super) fn drop_orphaned_prefix(&mut self, parts: &mut Parts<'_>) {
        let is_orphaned = self.outgoing.is_between_frames() && self.link.control.drop_prefix(parts.control);
        if let Some(aliasing) = self.aliasing().filter(|_| is_orphaned) {
            (aliasing.take_back)(self, parts);
        }
    }
}

pub(super) fn write_disconnect(disconnect: &Disconnect<'_>, version: Version, writer: &mut Writer<'_>) {
    let block = writer.begin_packet(PacketType::Disconnect);
    disconnect.encode(version, writer);
    writer.end(block);
}
