//! Where and when to dial.

mod backoff;
mod candidate;
mod nodes;
mod redirect;
mod rounds;

pub(crate) use self::candidate::{Candidate, Outcome, Then};
pub(crate) use self::rounds::Rounds;
pub use self::rounds::SrvTarget;
