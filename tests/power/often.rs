//! Several times, at random.

use crate::common::clock::{given_seed, with_seeds};
use crate::world::{Character, World};
use pure_mqtt::Version;

/// Unless the environment asks for more.
const SOME: u64 = 600;

#[test]
fn the_power_fails_again_and_again() {
    let asked_for =
        std::env::var("PURE_MQTT_POWER").ok().map(|text| text.parse().expect("PURE_MQTT_POWER is a number"));
    let count = if given_seed().is_some() { 1 } else { asked_for.unwrap_or(SOME) };
    with_seeds(1, count, |seed| {
        let mut rng = fastrand::Rng::with_seed(seed);
        let character = Character {
            version: rng.choice(Version::ALL).unwrap(),
            manual_acks: rng.bool(),
            compacts_at: rng.choice([100, 200, usize::MAX]).unwrap(),
            piece: rng.choice([1, 5, usize::MAX]).unwrap(),
            is_eager: rng.bool(),
        };
        let first = rng.u64(0..900);
        let mut failures = rng.u32(0..8);
        World::new(character, first).live(|| {
            failures = failures.saturating_sub(1);
            if failures == 0 { u64::MAX } else { rng.u64(0..500) }
        });
    });
    println!("{count} lives, in each of which the power failed up to eight times");
}
