//! The code that the hosts in `src/bin` share: command line, error messages, clock, and the application that they run.
//!
//! | module | use in a host that you copy |
//! |---|---|
//! | [`pump`] | bytes into the connection and out of it: copy it |
//! | [`nonblocking`] | the same for a socket that never blocks: copy it for `many` and `bridge` |
//! | [`uplink`] | link after link over such sockets: copy it for `many` and `bridge` |
//! | [`ledger`], [`route`] | pending acknowledgements, and the topics of a bridge: copy them for `bridge` |
//! | [`sockets`] | TCP sockets with time-outs: copy the functions you use |
//! | [`clock`] | conversion of time: a few lines |
//! | [`station`], [`talk`] | replace them by your application |
//! | [`args`], [`failure`], [`signals`], [`lines`], [`files`] | replace them by your program's own |

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
