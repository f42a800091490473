//! At any point of any script the log leads to the session as it is.
//!
//! Random scripts are played to a connection: commands, packets both ways, links that come and go in any version,
//! sessions that are lost, buffers that are too small, a host that writes late and in pieces, snapshots, losses of
//! power. After every call three things are compared: what is true of the session, what the connection takes the log to
//! say, and what a recovery from the log finds.
//!
//! ```text
//! PURE_MQTT_RECOVERY=100000 cargo test --release --features journal,bytes --lib recovery -- --nocapture
//! ```
//!
//! A failure names its seed, which `PURE_MQTT_SEED` takes back.

mod compare;
mod script;

use std::string::String;

use self::script::Script;
use crate::storage::{Journaled, Storage};
use crate::{Fixed, Heap};

/// Unless the environment asks for more, of each storage.
const SOME: u64 = 30;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text: String| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// Names the seed of a script that failed.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::eprintln!("PURE_MQTT_SEED={}", self.0);
        }
    }
}

fn play<S: Storage>(storage: fn() -> S) {
    let seeds = match number("PURE_MQTT_SEED") {
        Some(seed) => seed..seed + 1,
        None => 1..1 + number("PURE_MQTT_RECOVERY").map_or(SOME, |count| count.div_ceil(5)),
    };
    for seed in seeds {
        let _named = Named(seed);
        Script::new(storage, seed).play();
    }
}

type Small = Fixed<400, 8, 4, 64, 2, 20>;

#[test]
fn recovery_from_a_buffer_for_hardly_one_message() {
    play(|| Journaled::<_, 110>::new(Small::new()));
}

#[test]
fn recovery_from_a_small_buffer() {
    play(|| Journaled::<_, 160>::new(Small::new()));
}

#[test]
fn recovery_from_a_large_buffer() {
    play(|| Journaled::<_, 2_000>::new(Fixed::<300, 16, 8>::new()));
}

#[test]
fn recovery_from_a_buffer_of_fixed_size_on_the_heap() {
    play(|| Journaled::<_, 700>::new(Heap::new()));
}

#[test]
fn recovery_from_a_buffer_that_grows() {
    play(Heap::with_journal);
}
