//! Where and when to dial.

mod backoff;
mod nodes;
mod redirect;
mod rounds;

pub use self::rounds::SrvTarget;
pub(crate) use self::rounds::{Candidate, Outcome, Rounds, Then};
