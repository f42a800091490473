//! The desired subscriptions of a program, which are restored after the server has lost the session.
//!
//! [`Subscriptions`] holds the desired subscriptions. [`subscribe`](Subscriptions::subscribe) and
//! [`unsubscribe`](Subscriptions::unsubscribe) change it at any time, with a link or without;
//! [`sync`](Subscriptions::sync) sends the requests that are missing. The host's loop makes three calls:
//!
//! | call | when |
//! |---|---|
//! | [`on_event`](Subscriptions::on_event) | for each event |
//! | [`on_outcome`](Subscriptions::on_outcome) | for each outcome |
//! | [`sync`](Subscriptions::sync) | after these, before sending |
//!
//! The list behaves like this:
//!
//! * In a new session (or one from an earlier run of this program) every filter is subscribed to again. A resumed
//!   session has the subscriptions already. A server of 3.1 cannot report that it has lost the session, so in 3.1 every
//!   link subscribes again.
//! * A SUBSCRIBE has up to [`batch`](Subscriptions::with_batch) filters, fewer if the server's Maximum Packet Size or
//!   the storage has less room. Filters with different subscription identifiers are sent in different packets, as 5.0
//!   requires.
//! * The result in SUBACK is kept for each filter ([`SubscriptionState`]). A refused filter is not requested again
//!   before there is a new session, or before `subscribe` is called for it again.
//! * A filter that the server does not support (for example one with a wildcard) does not hold up the others; it is
//!   tried again on the next link.
//! * A filter is removed when UNSUBACK has arrived. A request that was in flight when the link ended is repeated.
//!
//! If a link ends before CONNACK arrives, call [`assume_session_lost`](Subscriptions::assume_session_lost): the server
//! may have begun a new session on that link, and the next CONNACK reports that session as an existing one.
//!
//! The list lives in a [`HeapList`] (feature `alloc`) or, without an allocator, in a [`FixedList`].
//!
//! ```
//! # fn main() { #[cfg(feature = "alloc")] {
//! use pure_mqtt::subscriptions::{HeapList, SubscriptionState, Subscriptions};
//! use pure_mqtt::{Connect, Connection, Heap, Instant, Limits, QoS, Received, Subscription, TopicFilter, Version};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let now = Instant::from_millis(0);
//!     let mut mqtt = Connection::new(Heap::new(), Limits::DEFAULT);
//!     let mut subscriptions = Subscriptions::new(HeapList::new());
//!     let filter = TopicFilter::new("plant/#")?;
//!     subscriptions.subscribe(Subscription::new(filter, QoS::AtLeastOnce))?;
//!
//!     mqtt.open(now, &Connect::new(Version::V311, "gateway"))?;
//!     let length = mqtt.transmit(now).remaining();
//!     mqtt.transmit(now).advance(length);
//!     let mut input = &b"\x20\x02\x00\x00\x90\x03\x00\x01\x01"[..];
//!     while !input.is_empty() {
//!         // In the host's loop:
//!         if let Ok(Received::Packet { consumed, event }) = mqtt.handle_input(now, input) {
//!             if let Some(event) = event {
//!                 subscriptions.on_event(&event);
//!                 // … and the program handles the event
//!             }
//!             input = &input[consumed..];
//!         }
//!         while let Some(outcome) = mqtt.poll_outcome() {
//!             subscriptions.on_outcome(&outcome);
//!         }
//!         subscriptions.sync(now, &mut mqtt);
//!         // … send what `transmit` shows
//!         let length = mqtt.transmit(now).remaining();
//!         mqtt.transmit(now).advance(length);
//!     }
//!     assert!(mqtt.is_idle());
//!     // Once the server has answered:
//!     assert_eq!(subscriptions.subscription_state(filter), Some(SubscriptionState::Granted(QoS::AtLeastOnce)));
//!     Ok(())
//! }
//! # main().unwrap(); } }
//! ```
//!
//! # What to read next
//!
//! [`router`](crate::router): dispatching messages by topic filter. Then [`guide::streaming`](crate::guide::streaming).

mod answers;
mod client;
mod entry;
mod list;
mod requests;
mod sync;

use core::fmt;

pub use self::client::Client;
pub use self::entry::SubscriptionState;
#[cfg(feature = "alloc")]
pub use self::list::HeapList;
pub use self::list::{FixedList, List};

use self::entry::{Entry, Options, State};
use self::list::sealed::Keep;
use self::requests::Requests;
use crate::topic::TopicFilter;
use crate::wire::Subscription;

/// The maximum number of filters in one SUBSCRIBE or UNSUBSCRIBE.
const MOST_IN_A_PACKET: usize = 16;
/// Some large services accept no more filters in a packet.
const DEFAULT_BATCH: usize = 8;

/// The desired subscriptions of a program, and their state on the server. The [module's page](self) describes the
/// behaviour.
#[derive(Clone, Debug)]
pub struct Subscriptions<L> {
    list: L,
    /// No entry below this place needs a request.
    cursor: usize,
    /// The batch, encoded so that the default is 0.
    batch: u8,
    /// Whether the next session that is resumed may be another one.
    doubts_session: bool,
    /// Whether a session was resumed, and no request was made on its link.
    has_resumed: bool,
    requests: Requests,
}

impl<L: List> Subscriptions<L> {
    /// Creates a list without subscriptions, which are kept in `list`.
    pub const fn new(list: L) -> Self {
        Self { list, cursor: 0, batch: 0, doubts_session: false, has_resumed: false, requests: Requests::NONE }
    }

    /// Sets the maximum number of filters in one packet: 1 to 16. Default: 8, because some services refuse more.
    #[must_use]
    pub const fn with_batch(mut self, filters: usize) -> Self {
        let filters = match filters {
            0 => 1,
            1..MOST_IN_A_PACKET => filters,
            _ => MOST_IN_A_PACKET,
        };
        self.batch = (filters ^ DEFAULT_BATCH) as u8;
        self
    }

    fn batch(&self) -> usize {
        usize::from(self.batch) ^ DEFAULT_BATCH
    }

    /// Adds a subscription. One with the same filter is replaced if its options differ; one that the server refused is
    /// requested again.
    ///
    /// # Errors
    /// [`Full`] if the list has no room for one more filter; never with [`HeapList`].
    pub fn subscribe<'f>(&mut self, subscription: Subscription<'f>) -> Result<(), Full>
    where
        L: Keep<'f>,
    {
        self.subscribe_as(0, subscription)
    }

    /// Like [`subscribe`](Self::subscribe), with a Subscription Identifier (§3.8.2.1.2) of 1 to 268,435,455, which the
    /// server sends with each message that matched; 5.0 only. 0 for none.
    ///
    /// # Errors
    /// Same as [`subscribe`](Self::subscribe).
    pub fn subscribe_as<'f>(&mut self, identifier: u32, subscription: Subscription<'f>) -> Result<(), Full>
    where
        L: Keep<'f>,
    {
        let options = Options::new(&subscription, identifier);
        let place = match self.list.find(subscription.filter) {
            Some(place) => {
                if let Some(entry) = self.list.entry_mut(place) {
                    entry.want(options);
                }
                place
            }
            None => self.list.add(subscription.filter, Entry::new(options)).ok_or(Full)?,
        };
        self.look_again(place);
        Ok(())
    }

    /// Removes a subscription. Returns false if the filter was not in the list.
    pub fn unsubscribe(&mut self, filter: TopicFilter<'_>) -> bool {
        let Some(place) = self.list.find(filter) else { return false };
        let may_exist = self.list.entry(place).is_some_and(|entry| entry.may_exist);
        match self.list.entry_mut(place) {
            Some(entry) if may_exist => {
                if !matches!(entry.state, State::Leaving { .. }) {
                    entry.state = State::Unwanted;
                }
            }
            _ => self.list.remove(place),
        }
        self.look_again(place);
        true
    }

    /// Returns the state of a filter; `None` if it is not in the list (any more).
    pub fn subscription_state(&self, filter: TopicFilter<'_>) -> Option<SubscriptionState> {
        self.list.find(filter).and_then(|place| self.list.entry(place)).map(|entry| entry.subscription_state())
    }

    /// Iterates over the subscriptions with their identifiers (0 for none) and states, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (Subscription<'_>, u32, SubscriptionState)> {
        (0..self.list.end()).filter_map(|place| {
            let entry = self.list.entry(place)?;
            let subscription = entry.options.with(self.list.filter(place)?);
            Some((subscription, entry.options.identifier, entry.subscription_state()))
        })
    }

    /// Returns the number of filters in the list, including those whose UNSUBACK has not arrived.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Returns whether the list is empty.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Returns whether no request is missing or unanswered: each filter is granted, refused, or unsupported on this
    /// link.
    pub fn is_settled(&self) -> bool {
        self.iter().all(|(.., standing)| {
            matches!(
                standing,
                SubscriptionState::Granted(_) | SubscriptionState::Refused(_) | SubscriptionState::Unsupported(_)
            )
        })
    }

    /// Notes that the entry at `place` may need a request.
    fn look_again(&mut self, place: usize) {
        self.cursor = self.cursor.min(place);
    }
}

impl<L: List + Default> Default for Subscriptions<L> {
    fn default() -> Self {
        Self::new(L::default())
    }
}

/// The list has no room for one more subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Full;

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the list of subscriptions is full")
    }
}

impl core::error::Error for Full {}
