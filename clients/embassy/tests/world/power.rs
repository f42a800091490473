//! The power fails: at every unit of flash that is written and in every erase, and at random ones again and again.

use pure_mqtt_embassy::Version;

use crate::clock::{given_seed, with_seeds};
use crate::life::{Habits, World};
use crate::net::Trouble;
use crate::tally::POWER_FAILURES;

/// Lets the power fail at each moment of one life, or at each of so many; the next one finishes it.
fn at_every_moment<const UNIT: usize, const PAGE: usize, const LOG: usize>(pages: usize, messages: u32, step: u64) {
    let mut lives = 0;
    for version in [Version::V311, Version::V5] {
        for moment in (0..).step_by(step as usize) {
            fastrand::seed(7);
            let world = World::<UNIT, PAGE>::new(Habits::calm(version, messages), pages);
            world.chip.power_on(Some(moment));
            let is_done = world.live::<LOG>();
            fastrand::seed(moment);
            world.chip.power_on(None);
            if !is_done {
                assert!(world.live::<LOG>());
            }
            world.check();
            lives += 1;
            if is_done {
                let counts = world.chip.counts();
                println!("{version:?}, units of {UNIT}, pages of {PAGE}: {counts:?}");
                assert!(counts.erased > 0 && counts.moments <= moment, "{counts:?}");
                break;
            }
        }
    }
    println!("{lives} lives");
}

#[test]
fn at_every_moment_with_short_pages() {
    at_every_moment::<4, 256, 560>(6, 12, 1);
}

#[test]
fn at_every_moment_with_several_logs_in_a_page() {
    at_every_moment::<1, 2048, 560>(2, 30, number("PURE_MQTT_STEP", 97));
}

#[test]
fn at_every_moment_with_long_units() {
    at_every_moment::<32, 1024, 560>(2, 24, number("PURE_MQTT_STEP", 5));
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("it is a number"))
}

/// Lives over lines that are cut, with futures that are dropped, flash that is slow, and firmware that is replaced by one with another buffer.
#[test]
fn again_and_again() {
    let count = number("PURE_MQTT_LIVES", 100);
    with_seeds(1, count, |seed| {
        fastrand::seed(seed);
        match fastrand::u32(..4) {
            0 => play::<4, 256>(13),
            1 => play::<1, 2048>(3),
            2 => play::<8, 4096>(2),
            _ => play::<32, 1024>(4),
        }
    });
    let failures = POWER_FAILURES.get();
    println!("the power failed {failures} times in {count} worlds");
    assert!(given_seed().is_some() || failures > count);
}

fn play<const UNIT: usize, const PAGE: usize>(pages: usize) {
    let chance = |one_in: u32| if fastrand::bool() { fastrand::u32(one_in / 4..one_in * 4) } else { 0 };
    let losses = if fastrand::u32(..4) == 0 { 300 } else { 0 };
    let habits = Habits {
        version: if fastrand::bool() { Version::V5 } else { Version::V311 },
        starts_clean: fastrand::u32(..4) == 0,
        is_split: fastrand::bool(),
        messages: fastrand::u32(1..25),
        rarity: if fastrand::bool() { 4 } else { u32::MAX },
        run_rarity: if fastrand::bool() { fastrand::u32(200..2_000) } else { u32::MAX },
        trouble: Trouble { cuts: chance(60), refusals: chance(4).max(2), stalls: chance(150), losses },
    };
    if given_seed().is_some() {
        println!("{habits:?}, units of {UNIT}, pages of {PAGE}");
    }
    let mut world = World::<UNIT, PAGE>::new(habits, pages);
    if fastrand::bool() {
        world.chip.slow_down(fastrand::u64(..20), fastrand::u64(..400));
    }
    if fastrand::bool() {
        world.chip.write_at_once();
    }
    let (failures, new_firmware) = (fastrand::u32(..12), fastrand::u32(..12));
    let mut is_done = false;
    for life in 0..=failures {
        let supply = (life < failures).then(|| fastrand::u64(..600));
        world.chip.power_on(supply);
        is_done = if life < new_firmware { world.live::<560>() } else { world.live::<700>() };
        if is_done {
            break;
        }
        POWER_FAILURES.count();
        world.habits.version = if fastrand::bool() { Version::V5 } else { Version::V311 };
    }
    assert!(is_done);
    world.check();
}
