//! The part of a connection that doesn't depend on the storage's type: compiled once, however many storages a program uses.

use crate::connection::choices::Choices;
use crate::connection::link::{Link, Ping};
use crate::connection::state::State;
use crate::connection::stats::Counters;
use crate::error::ConnectionError;
use crate::limits::{Limits, StoredLimits};
use crate::session::{Aliases, EXPIRING, Incoming, Outgoing, Time};
use crate::storage::{Parts, Record};
use crate::time::{Deadline, Instant};
use crate::types::{Handle, Version};
use crate::wire::{Disconnect, PacketType, Rules, Writer};

/// Here and in what it consists of, small fields come first, in `repr(C)`: a field that lies near takes half as many bytes to reach in Thumb's code.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Core {
    pub(super) link: Link,
    pub(super) outgoing: Outgoing,
    pub(super) incoming: Incoming,
    pub(super) limits: StoredLimits,
    pub(super) choices: Choices,
    /// `None` as long as no message was published that may expire.
    pub(super) count_time: Option<fn(&Core) -> Time>,
    pub(super) aliases: Aliases,
    /// When the server drops it, counted from the end of the last link.
    pub(super) session_expires: Deadline,
    /// The latest time seen.
    pub(super) now: Instant,
    pub(super) stats: Counters,
}

impl Core {
    pub(super) const fn new(limits: Limits) -> Self {
        Self {
            limits: StoredLimits::new(limits),
            choices: Choices::of(&limits),
            count_time: None,
            outgoing: Outgoing::new(limits.version),
            incoming: Incoming::EMPTY,
            aliases: Aliases::EMPTY,
            session_expires: Deadline::NONE,
            link: Link::CLOSED,
            now: Instant::from_millis(0),
            stats: Counters::ZERO,
        }
    }

    /// Time never goes back.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(super) fn see(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    pub(super) const fn version(&self) -> Version {
        self.outgoing.version()
    }

    pub(super) const fn rules(&self) -> Rules {
        Rules { version: self.version(), strict: self.limits.strict() }
    }

    /// The time, if there may be messages that expire.
    pub(super) fn counted_time(&self) -> Option<Time> {
        self.count_time.map(|count| count(self))
    }

    /// The time for messages that expire. Elsewhere asked through [`counted_time`](Self::counted_time), so that firmware that publishes none doesn't
    /// divide.
    pub(super) fn time(&self) -> Time {
        let (over, rest) = self.now.seconds();
        Time { over, next: over.saturating_add(u32::from(rest > 0)), expiring: &EXPIRING }
    }

    pub(super) fn is_connected(&self) -> bool {
        self.link.state == State::Connected
    }

    /// Nothing more will be sent, and nothing waits to be: the transport is to be closed `[MQTT-3.14.4-2]`.
    pub(super) fn should_close(&self) -> bool {
        self.link.state == State::Closing && self.link.control.is_empty() && self.outgoing.is_between_frames()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.outgoing.is_empty()
            && self.incoming.owes_nothing()
            && self.link.control.is_empty()
            && self.link.ping == Ping::None
    }

    /// Ends the link `[3.1.1: MQTT-4.8.0-1]`. Where the standard lets us say why, one DISCONNECT is the last to leave.
    pub(super) fn fail(&mut self, parts: &mut Parts<'_>, error: ConnectionError) {
        let is_stuck = self.outgoing.is_inside_streamed();
        let says_why = self.is_connected() && self.version().has_properties() && !is_stuck;
        self.finish_link(error);
        let is_told = says_why && self.link.peer.takes_length(LONGEST_BARE_DISCONNECT) && {
            self.keep_only_begun(parts);
            self.append_disconnect(parts, &Disconnect::new(error.reason()))
        };
        if !is_told {
            self.silence();
        }
    }

    /// The link is over for this reason; what waits to leave still may.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(super) fn finish_link(&mut self, error: ConnectionError) {
        self.link.state = State::Closing;
        self.link.end = error;
        self.link.ping = Ping::None;
        self.link.is_challenged = false;
        self.link.partial = 0;
        self.link.last_received = self.now;
        self.link.deadlines = Default::default();
        crate::fmt::debug!("link over: {}", error);
    }

    /// Nothing more is sent.
    pub(super) fn silence(&mut self) {
        self.link.control = Default::default();
        self.outgoing.halt();
    }

    /// Makes DISCONNECT the last packet to leave, without its properties if they don't fit: the packet that is half out is finished first, all others
    /// stay behind `[MQTT-3.14.4-1]`.
    pub(super) fn farewell(&mut self, parts: &mut Parts<'_>, disconnect: &Disconnect<'_>) {
        self.keep_only_begun(parts);
        let bare = Disconnect::new(disconnect.reason);
        let has_properties = !disconnect.properties.is_empty();
        let is_appended =
            self.append_disconnect(parts, disconnect) || has_properties && self.append_disconnect(parts, &bare);
        if !is_appended {
            self.silence();
        }
    }

    fn keep_only_begun(&mut self, parts: &mut Parts<'_>) {
        self.link.control.keep_only_begun(parts.control);
        self.outgoing.keep_only_begun(parts);
    }

    /// False if it doesn't fit.
    fn append_disconnect(&mut self, parts: &mut Parts<'_>, disconnect: &Disconnect<'_>) -> bool {
        let version = self.version();
        let mut writer = self.link.control.writer(parts.control);
        write_disconnect(disconnect, version, &mut writer);
        let written = writer.finish();
        if let Ok(length) = written {
            self.link.control.append(length, true);
        }
        written.is_ok()
    }

    /// Gives up a message whose payload the application was to supply; false if that can't be. If it is half out the link can't go on.
    pub(super) fn abandon(&mut self, parts: &mut Parts<'_>, handle: Handle) -> bool {
        let Some(id) = self.outgoing.abandonable(parts.slots, handle).filter(|_| parts.journal.has_room(0)) else {
            return false;
        };
        if self.outgoing.is_begun(id) {
            self.finish_link(ConnectionError::Abandoned);
            self.silence();
        }
        self.outgoing.abandon(parts, id);
        true
    }

    /// The transport is gone; the session stays `[MQTT-4.1.0-1]`.
    pub(super) fn closed(&mut self, parts: &mut Parts<'_>) {
        if self.link.state == State::Closed {
            return;
        }
        self.outgoing.link_lost(parts);
        self.incoming.link_lost(parts.inbox);
        if let Some(place) = self.link.stream.unfinished() {
            self.incoming.abandon(parts.inbox, place);
        }
        if let Some(names) = parts.names.as_deref_mut().filter(|_| Version::KNOWS_PROPERTIES) {
            self.aliases.clear(&mut names.inbound());
            self.aliases.clear(&mut names.outbound());
        }
        if self.link.established {
            self.start_session_expiry();
        } else if self.link.clean_start {
            self.give_up_clean_start(parts);
        }
        self.link = Link::CLOSED;
    }

    /// A link that was to begin with a clean start was never accepted. The server may have dropped the session all the same, as it was told to.
    fn give_up_clean_start(&mut self, parts: &mut Parts<'_>) {
        if self.link.is_connect_out && !self.is_answered() {
            self.outgoing.session_exists = false;
        } else if self.outgoing.session_exists {
            parts.journal.write(&Record::Session { expiry: self.known_expiry() });
        }
    }

    /// CONNECT had an answer, if not a good one.
    const fn is_answered(&self) -> bool {
        use ConnectionError::{Malformed, Protocol, Refused, ServerDisconnect};
        matches!(self.link.end, Refused(_) | ServerDisconnect(_) | Malformed(_) | Protocol(_))
    }

    /// The Session Expiry Interval starts when the link ends (§3.1.2.11.2) `[MQTT-3.1.2-23]`.
    fn start_session_expiry(&mut self) {
        self.session_expires = match self.link.session_expiry {
            u32::MAX => Deadline::NONE,
            seconds => Deadline::at(self.now.after_secs(seconds)),
        };
    }

    /// For how many seconds the server keeps the session, counted from the end of the link.
    pub(super) fn known_expiry(&self) -> u32 {
        match self.session_expires.get() {
            Some(at) => at.millis_since(self.now).div_ceil(1000) as u32,
            None if self.link.established => self.link.session_expiry,
            None => u32::MAX,
        }
    }
}

#[cfg(feature = "journal")]
impl Core {
    /// Whether the server may still hold our session: not from a clean start on, whatever comes of it.
    pub(super) const fn may_resume(&self) -> bool {
        self.outgoing.session_exists && (self.link.established || !self.link.clean_start)
    }
}

/// The fixed header, a reason code, and nothing else.
const LONGEST_BARE_DISCONNECT: usize = 3;

pub(super) fn write_disconnect(disconnect: &Disconnect<'_>, version: Version, writer: &mut Writer<'_>) {
    let block = writer.begin_packet(PacketType::Disconnect);
    disconnect.encode(version, writer);
    writer.end(block);
}
