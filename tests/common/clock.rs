//! Virtual time, and the seed of randomised tests.

use pure_mqtt::Instant;

/// Milliseconds that pass only when a test says so.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock(u64);

impl Clock {
    /// A clock that shows this many milliseconds.
    pub const fn at(millis: u64) -> Self {
        Self(millis)
    }

    /// The time for the client.
    pub const fn now(self) -> Instant {
        Instant::from_millis(self.0)
    }

    /// The time for the broker.
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// Time passes.
    pub const fn advance(&mut self, millis: u64) {
        self.0 += millis;
    }

    /// It is now this late, or later already.
    pub fn advance_to(&mut self, millis: u64) {
        self.0 = self.0.max(millis);
    }
}

/// The seed that the environment asks for in `PURE_MQTT_SEED`.
pub fn given_seed() -> Option<u64> {
    let text = std::env::var("PURE_MQTT_SEED").ok()?;
    Some(text.parse().expect("PURE_MQTT_SEED is a number"))
}

/// Runs `test` with each of `count` seeds from `first` on, or only with the one that the environment gives. A failure names its seed.
pub fn with_seeds(first: u64, count: u64, test: impl Fn(u64)) {
    struct Seed(u64);
    impl Drop for Seed {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("this was PURE_MQTT_SEED={}", self.0);
            }
        }
    }
    let seeds = given_seed().map_or(first..first + count, |seed| seed..seed + 1);
    for seed in seeds {
        let _named = Seed(seed);
        test(seed);
    }
}
