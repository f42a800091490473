//! The world around the board: QEMU runs a firmware, a relay is its line to a mosquitto, and whatever is printed can be awaited.
//!
//! Everything is bounded in time: what is awaited comes within [`PATIENCE`], or the test fails and shows what was seen.

pub mod build;
pub mod lines;
pub mod log;
pub mod qemu;
pub mod relay;
#[path = "../../../tests/mosquitto/server.rs"]
pub mod server;
pub mod watch;

use std::time::Duration;

/// How long something that must happen may take. Generous, since the machine may be busy; nothing waits so long without a reason.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Random numbers from the seed in `PURE_MQTT_SEED`, or from a new one; which it is, is printed.
///
/// # Panics
/// If what stands there is no number.
pub fn random() -> fastrand::Rng {
    let given = std::env::var("PURE_MQTT_SEED").ok().map(|seed| seed.parse().expect("PURE_MQTT_SEED is a number"));
    let seed = given.unwrap_or_else(|| fastrand::u64(..));
    println!("PURE_MQTT_SEED={seed}");
    fastrand::Rng::with_seed(seed)
}
