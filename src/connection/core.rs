//! The part of a connection that does not depend on the storage type, so that it is compiled once.

use crate::connection::effect::{Effect, Place};
use crate::connection::link::{Link, Ping};
use crate::connection::state::State;
use crate::connection::stats::Counters;
use crate::event::{Message, Received, Topic};
use crate::limits::{Limits, StoredLimits};
#[cfg(target_pointer_width = "32")]
use crate::session::Time;
use crate::session::{Aliases, Capacity, Dropped, Forms, Incoming, Need, Outgoing, Withdrawing};
use crate::storage::{Parts, SendSlot};
use crate::time::{Epoch, Instant};
use crate::types::Version;
use crate::wire::{Disconnect, Header, PacketType, Properties, Reply, Rules, Violation, Writer};

/// Here and in its parts, small fields come first, in `repr(C)`: Thumb code reaches a near field in half as many bytes.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Core {
    pub(super) link: Link,
    pub(super) outgoing: Outgoing,
    pub(super) incoming: Incoming,
    pub(super) limits: StoredLimits,
    pub(super) extras: Extras,
    pub(super) aliases: Aliases,
    /// The epoch from which the seconds of message expiry are counted.
    pub(super) epoch: Epoch,
    /// The latest time seen.
    pub(super) now: Instant,
    pub(super) stats: Counters,
}

/// Functions that few connections need: `extras` documents what sets them.
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

/// Extras that are set by their first use, and kept whatever the limits are.
#[cfg(target_pointer_width = "32")]
#[derive(Clone, Copy)]
pub(super) struct Begun {
    pub(super) aliasing: Option<&'static Aliasing>,
    pub(super) taking_back: Option<&'static TakingBack>,
    pub(super) authenticating: Option<&'static Authenticating>,
    pub(super) reducing: Option<&'static Reducing>,
    pub(super) timing: Option<&'static Timing>,
}

/// The functions for messages that expire.
#[cfg(target_pointer_width = "32")]
pub(super) struct Timing {
    pub(super) count: fn(&Core) -> Time,
    pub(super) find_next: fn(&mut Core, &[SendSlot]),
}

/// The functions for unanswered packets.
pub(super) struct Watch {
    /// Updates the time-outs.
    pub(super) update: fn(&mut Core, &[SendSlot]),
    /// Returns whether a packet was unanswered for too long.
    pub(super) is_overdue: fn(&mut Core, &mut Parts<'_>) -> bool,
    /// Sends unacknowledged packets again.
    pub(super) retry: fn(&mut Core, &mut Parts<'_>),
}

/// Returns whether a message is marked as UTF-8 but is not.
pub(super) type PayloadCheck = fn(&Message<'_>) -> bool;

/// Makes room for a message to this topic by dropping others. If that is not enough, nothing is changed, and the last
/// argument stays `None`.
pub(super) type Policy = fn(&mut Core, &mut Parts<'_>, &Need, &Capacity, &[u8], &mut Option<Dropped>);

/// The functions for messages that are held back or withdrawn.
pub(super) struct TakingBack {
    /// Holds messages back, or releases them.
    pub(super) hold: fn(&mut Core, &mut Parts<'_>, bool),
    /// Replaces a withdrawn message by its PUBREL.
    pub(super) withdrawing: Withdrawing,
}

/// The functions for packets with properties or options that an earlier version cannot carry.
pub(super) struct Reducing {
    pub(super) forms: &'static Forms,
    /// Writes the head of the staged message, if it is sent without its properties.
    pub(super) write_head: fn(&mut Core, &mut Parts<'_>),
}

/// The functions for enhanced authentication.
pub(super) struct Authenticating {
    /// Handles AUTH.
    pub(super) on_auth: for<'i> fn(&mut Core, &Reply<'i>, Place<'_, 'i>) -> Effect,
    /// Checks that CONNACK has the authentication method of CONNECT.
    pub(super) check_connack: fn(&Link, &Properties<'_>) -> Result<(), Violation>,
}

/// The functions that discard messages that are too long.
pub(super) struct Discarding {
    /// Handles the start of such a message.
    pub(super) begin: for<'i> fn(&mut Core, &mut Parts<'_>, Header, &'i [u8], &mut Received<'i>) -> Effect,
    /// Handles the following bytes.
    pub(super) go_on: for<'i> fn(&mut Core, &mut Parts<'_>, &'i [u8], &mut Received<'i>) -> Effect,
}

/// The functions for topic aliases.
pub(super) struct Aliasing {
    /// Replaces the topic of the staged message by an alias, if that is shorter.
    pub(super) shorten: fn(&mut Core, &mut Parts<'_>),
    /// Undoes the binding of the staged message's alias, since the message is not staged any more.
    pub(super) take_back: fn(&mut Core, &mut Parts<'_>),
    /// Resolves an alias of the server.
    pub(super) resolve: fn(&mut Core, &mut Parts<'_>, &mut Topic<'_>, u16) -> Result<(), Violation>,
    /// Binds an alias of the server to the topic of the same message, if there is one.
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

    /// Advances the time; it never goes back.
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

    /// Like [`see`](Self::see), if output was taken back just before; `waits`: whether output was pending until then.
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

    /// Takes back staged packets that are not partly sent, with the bytes of the control area that replace the start of
    /// one.
    pub(super) fn unstage(&mut self, parts: &mut Parts<'_>) {
        self.outgoing.unstage(parts.slots);
        self.drop_orphaned_prefix(parts);
    }

    pub(super) fn hold_messages(&mut self, parts: &mut Parts<'_>, holds: bool) {
        self.unstage(parts);
        self.outgoing.hold_messages(parts.slots, holds);
    }

    /// Drops the bytes of the control area that replace the start of a packet that is not staged any more. Called after
    /// every change that may remove a staged packet from the queue.
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
