//! What is not the point of the hosts in `src/bin`: the command line, sentences for failures, the clock, and the application that they run.
//!
//! | module | what a host that you copy needs of it |
//! |---|---|
//! | [`pump`] | bytes into the connection and out of it: copy it along |
//! | [`nonblocking`] | the same for a socket that never blocks: copy it for `many` and `bridge` |
//! | [`uplink`] | link after link over such sockets: copy it for `many` and `bridge` |
//! | [`ledger`], [`route`] | what a bridge owes, and what it carries under which names: copy them for `bridge` |
//! | [`sockets`] | TCP sockets with time-outs: copy what you use |
//! | [`clock`] | the time as the connection wants it: a few lines |
//! | [`station`], [`talk`] | nothing: your application stands in their place |
//! | [`args`], [`failure`], [`signals`], [`lines`], [`files`] | nothing: your program has its own |

pub mod args;
pub mod clock;
pub mod failure;
#[cfg(unix)]
pub mod files;
pub mod ledger;
pub mod lines;
pub mod nonblocking;
pub mod pauses;
pub mod pump;
pub mod route;
pub mod signals;
pub mod sockets;
pub mod station;
pub mod talk;
pub mod uplink;

use pure_mqtt::{Connection, Heap};

/// The connection of all hosts here.
pub type Mqtt = Connection<Heap>;

/// The longest packet that a broker may send, in bytes: what the buffers for input hold. The broker is told.
pub const LONGEST_PACKET: usize = 16 * 1024;

/// A random number, as far as the standard library has one: for [`Backoff`](pure_mqtt::Backoff), and for client identifiers.
pub fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish()
}
