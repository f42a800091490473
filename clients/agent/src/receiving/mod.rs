//! Messages from the server: who wants them, where they wait, and when they are acknowledged.

mod asking;
mod filters;
mod held;
mod queues;
mod wants;

pub(crate) use self::asking::Asking;
pub(crate) use self::filters::{Changed, Filters, Known};
pub use self::filters::{FilterOptions, SubscriptionState};
pub(crate) use self::held::{Done, Held};
pub(crate) use self::queues::Queues;
pub use self::queues::{AckMode, Qos0Queue, Undelivered};
