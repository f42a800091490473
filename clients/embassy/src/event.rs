//! What the client tells beside messages and ends of deliveries.

use pure_mqtt::{ConnectionError, Discard, SessionState};

use crate::maybe::Maybe;

/// What happened to the link, as [`Mqtt::event`](crate::Mqtt::event) returns it.
///
/// ```
/// use pure_mqtt_embassy::raw::CriticalSectionRawMutex;
/// use pure_mqtt_embassy::{EmbassyClock, Event, Fixed, Mqtt};
///
/// type Client = Mqtt<CriticalSectionRawMutex, EmbassyClock, Fixed<2048, 16, 16, 128>, 1024, 16, 4, 8>;
///
/// static MQTT: Client = Client::new(EmbassyClock, Fixed::new());
///
/// /// A task that shows whether the server is there.
/// async fn lamp(set: impl Fn(bool)) {
///     loop {
///         match MQTT.event().await {
///             Event::Connected(_) => set(true),
///             Event::Disconnected(_) => set(false),
///             _ => {}
///         }
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Event {
    /// The server accepted the link.
    Connected(SessionState),
    /// A link has ended, or could not be opened.
    Disconnected(LinkEnd),
    /// A message from the server was discarded and acknowledged.
    Discarded {
        /// The reason.
        why: Discard,
        /// The length of the whole packet in bytes.
        length: u32,
    },
    /// Messages from the server have waited for room in the ring for [`Options::blocked_timeout`](crate::Options::blocked_timeout): tasks hold messages and
    /// don't finish them, or the ring is too small for what this server sends at a time. Reported once until all input was read.
    InputBlocked,
}

/// Why there is no link.
///
/// ```
/// use pure_mqtt_embassy::LinkEnd;
/// use pure_mqtt_embassy::pure_mqtt::ConnectionError;
///
/// fn sentence(end: LinkEnd) -> &'static str {
///     match end {
///         LinkEnd::NotDialed => "the server can't be reached",
///         LinkEnd::Transport => "the connection broke",
///         LinkEnd::Connection(ConnectionError::Refused(_)) => "the server refuses this client",
///         _ => "the connection was ended",
///     }
/// }
///
/// fn main() {
///     assert_eq!(sentence(LinkEnd::NotDialed), "the server can't be reached");
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum LinkEnd {
    /// The dial failed, or took longer than [`Options::dial_timeout`](crate::Options::dial_timeout).
    NotDialed,
    /// The transport failed, or the other side closed it.
    Transport,
    /// The engine ended the link: the server refused or closed it, did not answer or violated the protocol, or the client disconnected.
    Connection(ConnectionError),
}

/// The client's counters, since it was created. They stop at their maximum.
///
/// ```
/// use pure_mqtt_embassy::raw::CriticalSectionRawMutex;
/// use pure_mqtt_embassy::{EmbassyClock, Fixed, Mqtt};
///
/// type Client = Mqtt<CriticalSectionRawMutex, EmbassyClock, Fixed<2048, 16, 16, 128>, 1024, 16, 4, 8>;
///
/// static MQTT: Client = Client::new(EmbassyClock, Fixed::new());
///
/// /// Whether a task reads too slowly for its share of the ring.
/// fn loses_messages() -> bool {
///     MQTT.stats().dropped > 0
/// }
///
/// fn main() {
///     assert!(!loses_messages());
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Stats {
    /// Links that the server accepted.
    pub links: u32,
    /// Messages for receivers; a message with two receivers counts twice.
    pub received: u32,
    /// Messages that a receiver did not get because its share was full.
    pub dropped: u32,
    /// Messages that matched no receiver; they were acknowledged.
    pub unmatched: u32,
    /// Replies that arrived too late, or that belong to no request.
    pub foreign_replies: u32,
    /// Events dropped because four others were waiting.
    pub lost_events: u32,
}

/// Events that wait to be fetched; the oldest gives way.
pub struct Events {
    waiting: [Maybe<Event>; Self::MOST],
}

impl Events {
    const MOST: usize = 4;
    pub const NONE: Self = Self { waiting: [Maybe::None; Self::MOST] };

    /// False if the oldest had to give way.
    pub fn push(&mut self, event: Event) -> bool {
        if let Some(place) = self.waiting.iter_mut().find(|place| matches!(place, Maybe::None)) {
            *place = Maybe::Some(event);
            return true;
        }
        self.pop();
        self.push(event);
        false
    }

    pub fn pop(&mut self) -> Option<Event> {
        let [first, second, third, fourth] = self.waiting;
        self.waiting = [second, third, fourth, Maybe::None];
        match first {
            Maybe::None => None,
            Maybe::Some(event) => Some(event),
        }
    }
}
