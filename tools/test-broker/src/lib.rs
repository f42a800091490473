#![doc = include_str!("../README.md")]

mod broker;
mod error;
mod message;
mod misbehave;
#[doc(hidden)] // for this project's own tests, and not part of what the version promises
pub mod sans_io;
mod seen;
mod server;
mod sessions;
mod socket;
mod watch;

pub use broker::Broker;
pub use error::TimedOut;
pub use message::Message;
pub use sans_io::prop_id;
pub use sans_io::{Act, Config, Direction, Entry, Fault, LinkId, Oddity, Packet, Prop, Props, Received, Version, When};
pub use seen::Seen;
pub use sessions::Keep;
