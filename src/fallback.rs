//! Which version to try with a server whose version is unknown.

use crate::error::ConnectionError;
use crate::event::{Event, SessionState};
use crate::types::Version;
use crate::wire::reason::ReasonCode;

/// Chooses the version for the next link: from one that the server refuses to the next lower one, from 5.0 to 3.1.1 to
/// 3.1.
///
/// Servers refuse a version in several ways, and some give no answer at all:
///
/// | the server | then |
/// |---|---|
/// | refuses with 0x84 "Unsupported Protocol Version", or with 3.1.1's return code 1 | the next lower version, for good |
/// | answers a CONNECT of 5.0 with the two bytes of an earlier CONNACK, whatever they say | the same |
/// | closes the transport, or sends nothing until the CONNACK time-out | the next lower version for now; after the lowest the highest again, since the network may have been the cause |
/// | refuses for another reason | the same version: the server understood it |
/// | accepts | the same version from now on, however later links end; only a different answer to CONNECT changes that |
///
/// Call [`on_event`](Self::on_event) with each event, and [`link_ended`](Self::link_ended) before
/// [`handle_close`](crate::Connection::handle_close).
///
/// ```
/// use pure_mqtt::{Connect, Connection, VersionFallback, Fixed, Instant, Limits, Received, Version};
///
/// fn main() -> Result<(), pure_mqtt::OpenError> {
///     let now = Instant::from_millis(0);
///     let mut mqtt = Connection::new(Fixed::<64, 2, 2>::new(), Limits::DEFAULT);
///     let mut fallback = VersionFallback::new(Version::V5);
///
///     mqtt.open(now, &Connect::new(fallback.version(), "sensor-1"))?;
///     let length = mqtt.transmit(now).remaining();
///     mqtt.transmit(now).advance(length);
///     // An old server: "unacceptable protocol version".
///     if let Ok(Received::Packet { event: Some(event), .. }) = mqtt.handle_input(now, b"\x20\x02\x00\x01") {
///         fallback.on_event(&event);
///     }
///     let try_again = fallback.link_ended(mqtt.close_reason());
///     mqtt.handle_close(now);
///     assert!(try_again); // at once; otherwise as `Backoff` says
///     assert_eq!(fallback.version(), Version::V311);
///     mqtt.open(now, &Connect::new(fallback.version(), "sensor-1"))?;
///     Ok(())
/// }
/// ```
///
/// 3.1 allows only client identifiers of 1 to 23 characters: a program with longer ones calls
/// [`down_to`](Self::down_to) with 3.1.1. Not every server keeps a session when the version changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct VersionFallback {
    version: Version,
    /// The highest version that was not refused.
    highest: Version,
    lowest: Version,
    /// The server has shown that it understands `version`.
    is_settled: bool,
    /// The server accepted the present link.
    is_accepted: bool,
}

impl VersionFallback {
    /// Creates a fallback that tries `highest` first.
    pub const fn new(highest: Version) -> Self {
        Self { version: highest, highest, lowest: Version::V31, is_settled: false, is_accepted: false }
    }

    /// Sets the lowest version to try. Default: 3.1.
    #[must_use]
    pub const fn down_to(mut self, lowest: Version) -> Self {
        self.lowest = lowest;
        self
    }

    /// Returns the version for the next [`Connect`](crate::Connect).
    pub const fn version(&self) -> Version {
        self.version
    }

    /// Returns the lowest version that is tried.
    pub const fn lowest(&self) -> Version {
        self.lowest
    }

    /// Updates the fallback with an event. Call it with every event.
    pub fn on_event(&mut self, event: &Event<'_>) {
        if matches!(event, Event::ConnAck(connack) if connack.session != SessionState::Untouched) {
            (self.is_accepted, self.is_settled) = (true, true);
        }
    }

    /// Reports that a link has ended, for the reason that [`Connection::close_reason`](crate::Connection::close_reason)
    /// returned before [`handle_close`](crate::Connection::handle_close). Returns whether [`version`](Self::version)
    /// has changed to one that should be tried at once, without back-off.
    pub fn link_ended(&mut self, reason: ConnectionError) -> bool {
        use ConnectionError::{ConnAckTimeout, Malformed, NotOpen, Refused};
        if core::mem::take(&mut self.is_accepted) {
            return false;
        }
        match reason {
            Refused(ReasonCode::UNSUPPORTED_PROTOCOL_VERSION) => self.give_up(),
            Refused(_) => {
                self.is_settled = true;
                false
            }
            Malformed(_) if !self.is_settled => self.give_up(),
            Malformed(_) => self.take_turns(),
            NotOpen | ConnAckTimeout if !self.is_settled => self.take_turns(),
            _ => false,
        }
    }

    /// Goes to the next lower version for good: the server does not know this one. Returns whether to try at once.
    fn give_up(&mut self) -> bool {
        let Some(lower) = self.lower() else { return false };
        (self.version, self.highest, self.is_settled) = (lower, lower, false);
        true
    }

    /// Goes to the next lower version for now, or after the lowest to the highest again: the server may not know this
    /// one. Returns whether to try at once.
    fn take_turns(&mut self) -> bool {
        let lower = self.lower();
        (self.version, self.is_settled) = (lower.unwrap_or(self.highest), false);
        lower.is_some()
    }

    fn lower(&self) -> Option<Version> {
        Version::ALL.into_iter().rev().find(|version| *version < self.version && *version >= self.lowest)
    }
}

impl Default for VersionFallback {
    /// Creates a fallback from 5.0 to 3.1.
    fn default() -> Self {
        Self::new(Version::V5)
    }
}
