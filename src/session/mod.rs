//! The session: outgoing packets until they are acknowledged, packet identifiers, unfinished QoS 2 messages from the
//! server.
//!
//! This module is independent of time, transports, and the contents of packets. Each transition is a function named as
//! in the standard. [`link_lost`](Outgoing::link_lost) alone decides what each state becomes after a reconnect.

mod alias;
mod arena;
mod expiry;
mod fast_path;
mod fence;
mod forms;
mod incoming;
mod list;
mod outgoing;
mod owed;
mod peer;
mod queue;
mod received;
mod reencode;
#[cfg(feature = "journal")]
mod replay;
mod resume;
mod run;
mod sending;
#[cfg(test)]
mod tests;
mod tolerance;
mod topics;
mod watching;
mod withdraw;
#[cfg(feature = "journal")]
mod written;

pub(crate) use self::alias::{AliasState, Aliases, Outbound, fingerprint};
pub(crate) use self::expiry::{EXPIRING, Time};
pub(crate) use self::fast_path::EXISTS as HAS_FAST_PATH;
pub(crate) use self::forms::{FORMS, Forms};
pub(crate) use self::incoming::{Arrival, Bound, Due, Incoming, OrphanReplyKind, Release};
pub(crate) use self::outgoing::{Frame, Matched, Mismatch, Outgoing, PubRecStep, Withdrawing};
#[cfg(feature = "journal")]
pub(crate) use self::owed::{flags_of, stub};
pub(crate) use self::peer::Peer;
pub use self::queue::Dropped;
pub(crate) use self::queue::{Capacity, Need};
pub(crate) use self::resume::Loss;
pub(crate) use self::sending::Rare;
pub(crate) use self::withdraw::WITHDRAWING;
#[cfg(feature = "journal")]
pub(crate) use self::written::note_written;
