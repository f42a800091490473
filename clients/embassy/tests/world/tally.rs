//! What the worlds have done, counted: a test of nothing would pass as well.

use std::sync::atomic::{AtomicU64, Ordering};

/// One counter.
pub struct Counter(AtomicU64);

impl Counter {
    const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    pub fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

pub static DROPPED_FUTURES: Counter = Counter::new();
pub static CUTS: Counter = Counter::new();
pub static STALLS: Counter = Counter::new();
pub static LOST_SESSIONS: Counter = Counter::new();
pub static PUBLISHED: Counter = Counter::new();
pub static CONFIRMED: Counter = Counter::new();
pub static RECEIVED: Counter = Counter::new();
pub static GIVEN_BACK: Counter = Counter::new();
pub static ECHOED: Counter = Counter::new();
pub static GIVEN_UP: Counter = Counter::new();
pub static REPLIES: Counter = Counter::new();
/// Of the test `power` alone.
#[cfg(feature = "flash")]
pub static POWER_FAILURES: Counter = Counter::new();
pub static EVENTS: Counter = Counter::new();

const ALL: [(&str, &Counter); 12] = [
    ("dropped futures", &DROPPED_FUTURES),
    ("cuts", &CUTS),
    ("stalls", &STALLS),
    ("lost sessions", &LOST_SESSIONS),
    ("published", &PUBLISHED),
    ("confirmed", &CONFIRMED),
    ("received", &RECEIVED),
    ("given back", &GIVEN_BACK),
    ("echoed", &ECHOED),
    ("given up, since input was blocked", &GIVEN_UP),
    ("replies", &REPLIES),
    ("events", &EVENTS),
];

/// Prints the counters. After enough worlds each has counted.
pub fn check(worlds: u64) {
    for (name, counter) in ALL {
        println!("{name}: {}", counter.get());
        assert!(worlds < 100 || counter.get() > 0, "{name}: none in {worlds} worlds");
    }
}
