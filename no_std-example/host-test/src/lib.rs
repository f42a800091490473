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
