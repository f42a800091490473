//! What the program sends, until each message has its end.

mod caution;
mod deliveries;
mod requests;
mod tickets;

pub(crate) use self::caution::Caution;
pub(crate) use self::deliveries::{Deliveries, Entry, end_of};
pub(crate) use self::requests::{Key, Requests};
pub(crate) use self::tickets::Tickets;
