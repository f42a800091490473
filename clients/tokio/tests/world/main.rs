//! Random worlds: tasks that drop their futures at any poll, over links that are cut, stalled and refused, in virtual time. Nothing that was accepted is lost, nothing that was not accepted
//! leaves, and every future ends.
//!
//! | in the environment | means |
//! |---|---|
//! | `PURE_MQTT_WORLDS` | how many worlds |
//! | `PURE_MQTT_SEED` | one world, told with `--nocapture` |
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[allow(dead_code)] // only its seeds are used
#[path = "../../../../tests/common/clock.rs"]
mod clock;
mod drops;
mod program;
mod server;

use clock::with_seeds;

/// Unless the environment asks for more.
const SOME: u64 = 100;

#[test]
fn nothing_is_lost_whatever_is_dropped() {
    let count = std::env::var("PURE_MQTT_WORLDS").map_or(SOME, |text| text.parse().expect("it is a number"));
    with_seeds(1, count, |seed| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(program::play(seed));
    });
}
