//! Tests that at any point of a random script the log restores the session as it is.
//!
//! Random scripts run on a connection: commands, packets both ways, links in any version, lost sessions, buffers that
//! are too small, a host that writes late and in parts, snapshots, power failures. After every call three states are
//! compared: the session, the log as the connection describes it, and the result of a recovery from the log.
//!
//! ```text
//! PURE_MQTT_RECOVERY=100000 cargo test --release --features journal,bytes --lib recovery -- --nocapture
//! ```
//!
//! A failure prints its seed; run that script again with `PURE_MQTT_SEED`.

mod compare;
mod script;

use std::string::String;

use self::script::Script;
use crate::storage::{Journaled, Storage};
use crate::{Fixed, Heap};

/// The number of scripts for each storage, unless the environment sets another.
const SOME: u64 = 30;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text: String| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// Prints the seed of a script that failed.
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
