//! Messages longer than the memory that there is for them.

mod dialogue;
mod incoming;
mod outgoing;
