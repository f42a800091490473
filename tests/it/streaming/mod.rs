//! Messages longer than the memory that there is for them.

mod incoming;
mod outgoing;
