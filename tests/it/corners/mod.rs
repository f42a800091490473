//! Where something is exactly full, too long, too late or out of turn: the borders that whole exchanges rarely meet.

mod aliases;
mod commands;
mod incoming;
mod outgoing;
pub mod rig;
