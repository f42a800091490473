//! What a program is subscribed to, kept on this side: a server that has lost the session gets it all again.
//!
//! [`Subscriptions`] holds the desired subscriptions. [`subscribe`](Subscriptions::subscribe) and [`unsubscribe`](Subscriptions::unsubscribe) change it at any time,
//! with a link or without; [`sync`](Subscriptions::sync) asks the server for what is missing. Three calls belong into the host's loop:
//!
//! | call | when |
//! |---|---|
//! | [`on_event`](Subscriptions::on_event) | for each event |
//! | [`on_outcome`](Subscriptions::on_outcome) | for each outcome |
//! | [`sync`](Subscriptions::sync) | after these, before sending |
//!
//! What they do:
//!
//! * A new session (or one that may be older than this program) has none of our subscriptions: every filter is asked for again. A resumed one has them;
//!   but a server of 3.1 can't say that it has lost it, so there every link asks for them again.
//! * SUBSCRIBE carries up to [`batch`](Subscriptions::with_batch) filters, fewer where the server's Maximum Packet Size or the storage has less room.
//!   Filters with different subscription identifiers go in different packets, as 5.0 wants it.
//! * SUBACK is kept for each filter ([`SubscriptionState`]). A refused filter rests until there is a new session, or until it is subscribed to again.
//! * A filter that this server can't take (a wildcard where there are none, say) doesn't hold up the others; it is tried again on the next link.
//! * A filter is forgotten when UNSUBACK has come. A request that was out when the link ended is repeated.
//!
//! One thing only the host can see: a link that ended before CONNACK came. The server may have begun a new session then, which the next CONNACK shows
//! as an existing one. [`assume_session_lost`](Subscriptions::assume_session_lost) makes sure.
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
//!                 // … and what the program itself does with it
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

/// So many filters go in one SUBSCRIBE or UNSUBSCRIBE at most.
const MOST_IN_A_PACKET: usize = 16;
/// Some large services take no more.
const DEFAULT_BATCH: usize = 8;

/// What a program wants to be subscribed to, and how far the server has followed. The [module's page](self) says how it works.
#[derive(Clone, Debug)]
pub struct Subscriptions<L> {
    list: L,
    /// Below this place nothing is to be asked for.
    cursor: usize,
    /// As it differs from the default, which so is 0.
    batch: u8,
    /// The next session that is resumed may be another one.
    doubts_session: bool,
    /// A session was resumed, and nothing was asked for on its link.
    has_resumed: bool,
    requests: Requests,
}

impl<L: List> Subscriptions<L> {
    /// No subscriptions yet, to be kept in `list`.
    pub const fn new(list: L) -> Self {
        Self { list, cursor: 0, batch: 0, doubts_session: false, has_resumed: false, requests: Requests::NONE }
    }

    /// Sets how many filters go in one packet: 1 to 16. The default is 8, more than which some services refuse.
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

    /// Wants a subscription. One with the same filter is replaced if its options differ; one that the server refused is asked for again.
    ///
    /// # Errors
    /// [`Full`] if the list has no place for one more filter; never with [`HeapList`].
    pub fn subscribe<'f>(&mut self, subscription: Subscription<'f>) -> Result<(), Full>
    where
        L: Keep<'f>,
    {
        self.subscribe_as(0, subscription)
    }

    /// The same with a Subscription Identifier (§3.8.2.1.2), 1 to 268,435,455, that comes back with each message that matched; 5.0 only. 0 stands for
    /// none.
    ///
    /// # Errors
    /// As [`subscribe`](Self::subscribe).
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

    /// Wants a subscription no longer. False if there was none.
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

    /// How far the server has followed; `None` for a filter that is not in the list (any more).
    pub fn subscription_state(&self, filter: TopicFilter<'_>) -> Option<SubscriptionState> {
        self.list.find(filter).and_then(|place| self.list.entry(place)).map(|entry| entry.subscription_state())
    }

    /// All subscriptions with their identifiers (0 for none) and how far the server has followed, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (Subscription<'_>, u32, SubscriptionState)> {
        (0..self.list.end()).filter_map(|place| {
            let entry = self.list.entry(place)?;
            let subscription = entry.options.with(self.list.filter(place)?);
            Some((subscription, entry.options.identifier, entry.subscription_state()))
        })
    }

    /// How many filters are in the list, those included that wait for their UNSUBACK.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether the list is empty.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Whether the server has answered everything: each filter is granted, refused, or impossible on this link.
    pub fn is_settled(&self) -> bool {
        self.iter().all(|(.., standing)| {
            matches!(
                standing,
                SubscriptionState::Granted(_) | SubscriptionState::Refused(_) | SubscriptionState::Unsupported(_)
            )
        })
    }

    /// Something is to be asked for at `place`, perhaps.
    fn look_again(&mut self, place: usize) {
        self.cursor = self.cursor.min(place);
    }
}

impl<L: List + Default> Default for Subscriptions<L> {
    fn default() -> Self {
        Self::new(L::default())
    }
}

/// The list of subscriptions has no place for one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Full;

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the list of subscriptions is full")
    }
}

impl core::error::Error for Full {}
