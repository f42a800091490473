//! Dispatching messages by topic filter: finds the values (handlers, queues, tasks) for a topic.
//!
//! | router | memory | cost of a match |
//! |---|---|---|
//! | [`Router`] (feature `alloc`) | a tree on the heap | depends on the levels of the topic, not on the number of filters |
//! | [`FixedRouter`] | a table of `N` entries, inline | compares each entry |
//!
//! Both keep one value for each filter, and find the values of *all* filters that match. A default value is for topics
//! that no filter matches. In paho this is `message_callback_add`, with `on_message` as the default.
//!
//! Filters match as in servers ([`TopicFilter::matches`](crate::TopicFilter::matches)): `+` and `#` in the first level
//! do not match topics that start with `$`, and a shared subscription `$share/group/filter` matches what `filter`
//! matches. Filters are distinguished by their whole text, so `a`, `$share/g/a` and `$share/h/a` can each have a value.
//!
//! Matching allocates nothing and does not recurse, so a long topic takes no stack.
//!
//! ```
//! # fn main() { #[cfg(feature = "alloc")] {
//! use pure_mqtt::router::Router;
//! use pure_mqtt::{TopicFilter, TopicName};
//!
//! fn main() -> Result<(), pure_mqtt::TopicError> {
//!     let mut router = Router::new();
//!     router.insert(TopicFilter::new("plant/+/temperature")?, "thermometer");
//!     router.insert(TopicFilter::new("plant/#")?, "logbook");
//!     router.set_default(Some("stray"));
//!
//!     let mut found: Vec<_> = router.route(TopicName::new("plant/boiler/temperature")?).collect();
//!     found.sort();
//!     assert_eq!(found, [&"logbook", &"thermometer"]);
//!     assert_eq!(router.route(TopicName::new("office/door")?).next(), Some(&"stray"));
//!     Ok(())
//! }
//! # main().unwrap(); } }
//! ```
//!
//! Call handlers that need `&mut` with [`Router::dispatch`]:
//!
//! ```
//! # fn main() { #[cfg(feature = "alloc")] {
//! use pure_mqtt::router::Router;
//! use pure_mqtt::{Connection, Heap, Message, TopicFilter};
//!
//! type Handler = Box<dyn FnMut(&Message<'_>) + Send>;
//!
//! fn deliver(mqtt: &Connection<Heap>, router: &mut Router<Handler>, message: &Message<'_>) {
//!     if let Some(topic) = mqtt.topic(&message.topic) {
//!         router.dispatch(topic, |handler| handler(message));
//!     }
//! }
//!
//! fn main() -> Result<(), pure_mqtt::TopicError> {
//!     let mut router = Router::<Handler>::new();
//!     router.insert(TopicFilter::new("alarm/#")?, Box::new(|message| println!("{:?}", message.payload)));
//!     Ok(())
//! }
//! # main().unwrap(); } }
//! ```
//!
//! # What to read next
//!
//! [`VersionFallback`](crate::VersionFallback) for servers whose version is unknown, or
//! [`guide::streaming`](crate::guide::streaming): messages larger than memory.

mod fixed;
#[cfg(feature = "alloc")]
mod heap;
#[cfg(feature = "alloc")]
mod tree;
#[cfg(feature = "alloc")]
mod walk;

pub use self::fixed::{FixedMatches, FixedRouter};
#[cfg(feature = "alloc")]
pub use self::heap::{Matches, Router};
