//! Which features acted together in one world, and how often.

use crate::features::{Feature, Set};
use crate::rules::EXCLUDED;

/// So often each pair must have acted together, in so many worlds.
const LEAST: u64 = 1_000;
const IN: u64 = 20_000;
/// In fewer worlds than this nobody asks.
const ENOUGH: u64 = 2_000;

/// For each pair, in how many worlds both acted.
#[derive(Default)]
pub struct Pairs(std::collections::BTreeMap<(Feature, Feature), u64>);

impl Pairs {
    pub fn add(&mut self, acted: Set) {
        for one in acted.iter() {
            for other in acted.iter().filter(|other| *other >= one) {
                *self.0.entry((one, other)).or_default() += 1;
            }
        }
    }

    fn count(&self, one: Feature, other: Feature) -> u64 {
        self.0.get(&(one.min(other), one.max(other))).copied().unwrap_or(0)
    }

    /// Fails if a pair that can act together did so too rarely.
    pub fn judge(&self, worlds: u64) {
        self.print_if_asked();
        if worlds < ENOUGH {
            return;
        }
        let least = LEAST * worlds / IN;
        let mut rare = Vec::new();
        for (index, one) in Feature::ALL.iter().enumerate() {
            for other in &Feature::ALL[index + 1..] {
                let count = self.count(*one, *other);
                if count < least && reason(*one, *other).is_none() {
                    rare.push(format!("{one:?} and {other:?} acted together in {count} of {worlds} worlds"));
                }
            }
        }
        assert!(
            rare.is_empty(),
            "{} pairs are rare, of which each should act {least} times:\n{}",
            rare.len(),
            rare.join("\n")
        );
    }

    pub fn print_if_asked(&self) {
        if std::env::var("PURE_MQTT_PAIRS").is_ok() {
            self.print();
        }
    }

    fn print(&self) {
        for one in Feature::ALL {
            let least = Feature::ALL.iter().filter(|other| *other != one && reason(*one, **other).is_none());
            let least = least.map(|other| (self.count(*one, *other), *other)).min();
            println!("{one:?} acted in {} worlds, most rarely with {least:?}", self.count(*one, *one));
        }
        println!("\nonce more, pair by pair:");
        for one in Feature::ALL {
            let counts: Vec<String> =
                Feature::ALL.iter().map(|other| format!("{other:?} {}", self.count(*one, *other))).collect();
            println!("{one:?}: {}", counts.join(", "));
        }
        println!("\nnot together:");
        for (some, others, reason) in EXCLUDED {
            println!("{some:?} with {others:?}: {reason}");
        }
    }
}

/// Why two features can't act in one world.
fn reason(one: Feature, other: Feature) -> Option<&'static str> {
    let fits = |some: &[Feature], others: &[Feature]| some.contains(&one) && others.contains(&other);
    let fits_back = |some: &[Feature], others: &[Feature]| some.contains(&other) && others.contains(&one);
    let row = EXCLUDED.iter().find(|(some, others, _)| fits(some, others) || fits_back(some, others));
    row.map(|(_, _, reason)| *reason)
}
