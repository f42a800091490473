//! Whole exchanges, one file for each topic.

mod aliases;
mod auth;
mod connect;
mod disconnect;
mod exchange;
mod limits;
mod publish;
mod receive;
mod requests;
mod resume;
mod soak;
mod timers;
mod wire;
