//! Random worlds: tasks that drop their futures at any poll, over links that are cut at any byte, stalled and refused, with sessions that are lost, in virtual
//! time. Nothing that was accepted is lost, nothing is doubled at QoS 2, and every future ends.
//!
//! | in the environment | means |
//! |---|---|
//! | `PURE_MQTT_WORLDS` | how many worlds |
//! | `PURE_MQTT_LIVES` | how many devices whose power fails (feature `flash`) |
//! | `PURE_MQTT_STEP` | let the power fail at each of so many moments, instead of each, 5th or 97th, as the chip is |
//! | `PURE_MQTT_SEED` | one world, told with `--nocapture` |
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[cfg(feature = "flash")]
mod chip;
#[allow(dead_code)] // only its seeds are used
#[path = "../../../../tests/common/clock.rs"]
mod clock;
#[cfg(feature = "flash")]
mod damage;
mod executor;
#[cfg(feature = "flash")]
mod flash;
mod ledger;
#[cfg(feature = "flash")]
mod life;
mod links;
mod net;
#[cfg(feature = "flash")]
mod power;
mod program;
mod scenes;
mod tally;
mod tasks;
mod time;
#[cfg(feature = "flash")]
mod wear;

use clock::with_seeds;

/// Unless the environment asks for more.
const SOME: u64 = 300;

#[test]
fn nothing_is_lost_whatever_is_dropped() {
    let count = std::env::var("PURE_MQTT_WORLDS").map_or(SOME, |text| text.parse().expect("it is a number"));
    with_seeds(1, count, program::play);
    if clock::given_seed().is_none() {
        tally::check(count);
    }
}
