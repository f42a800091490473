//! What both worlds do with one that goes wrong: play it with less in it, and count findings by kind.

use crate::run::Plan;
use std::collections::BTreeMap;

/// Leaves out as many steps as possible, in runs that get shorter.
pub fn drop_steps(least: &mut Plan, fails: &impl Fn(&Plan) -> bool) -> bool {
    let mut has_shrunk = false;
    let mut length = least.steps.as_ref().map_or(0, Vec::len);
    while length > 0 {
        let mut start = 0;
        while start < least.steps.as_ref().map_or(0, Vec::len) {
            let mut fewer = least.clone();
            if let Some(steps) = &mut fewer.steps {
                steps.drain(start..(start + length).min(steps.len()));
            }
            if fails(&fewer) {
                *least = fewer;
                has_shrunk = true;
            } else {
                start += length;
            }
        }
        length /= 2;
    }
    has_shrunk
}

/// Leaves out each feature that is not needed.
pub fn drop_features(least: &mut Plan, fails: &impl Fn(&Plan) -> bool) -> bool {
    let mut has_shrunk = false;
    for feature in least.has.iter().collect::<Vec<_>>() {
        let mut fewer = least.clone();
        fewer.has.remove(feature);
        if fails(&fewer) {
            *least = fewer;
            has_shrunk = true;
        }
    }
    has_shrunk
}

/// Numbers with commas between them.
pub fn parse_steps(text: &str) -> Vec<usize> {
    text.split(',')
        .filter(|part| !part.is_empty())
        .map(|part| part.parse().expect("PURE_MQTT_STEPS are numbers"))
        .collect()
}

/// How often each kind of finding came, with some of the seeds.
pub fn summarise(failed: &[(u64, String)], kind_of: fn(&str) -> String) {
    let mut kinds: BTreeMap<String, Vec<(u64, &str)>> = BTreeMap::new();
    for (seed, text) in failed {
        kinds.entry(kind_of(text)).or_default().push((*seed, text));
    }
    for (kind, seeds) in kinds {
        let some: Vec<u64> = seeds.iter().map(|(seed, _)| *seed).take(6).collect();
        println!("{:6} {kind}: {some:?}\n         {:.400}", seeds.len(), seeds[0].1);
    }
}
