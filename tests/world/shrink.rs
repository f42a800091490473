//! From a world that goes wrong to the shortest that goes wrong in the same way.

use crate::features::Feature;
use crate::run::Plan;
use std::collections::BTreeMap;

/// Of what happened, so much is told.
const MOST_LINES: usize = 100;
const WIDEST: usize = 260;

/// What two findings must have in common to be the same: all but the numbers.
pub fn kind_of(text: &str) -> String {
    let line: String = text.lines().next().unwrap_or_default().chars().filter(|c| !c.is_ascii_digit()).collect();
    line.split(['{', ':']).next().unwrap_or_default().chars().take(60).collect()
}

/// Shrinks it, and tells the shortest with the line that plays it again.
pub fn shrink(plan: &Plan, text: &str) -> String {
    let kind = kind_of(text);
    let fails = |plan: &Plan| plan.play(false).verdict.is_err_and(|text| kind_of(&text) == kind);
    let mut least = plan.clone();
    least.steps = Some((0..plan.script().len()).collect());
    let mut has_shrunk = fails(&least);
    while std::mem::take(&mut has_shrunk) {
        has_shrunk |= drop_steps(&mut least, &fails);
        has_shrunk |= drop_features(&mut least, &fails);
    }
    let story = least.play(true);
    let text = story.verdict.err().unwrap_or_else(|| text.into());
    let (without, steps) = (left_out(plan, &least), numbers(least.steps.as_deref().unwrap_or_default()));
    let lines: Vec<String> = story.lines.iter().map(|line| line.chars().take(WIDEST).collect()).collect();
    let shown = if plan.is_shown { "PURE_MQTT_SHOWN=1 " } else { "" };
    let start = lines.len().saturating_sub(MOST_LINES);
    format!(
        "{}\n{text}\nhas {}\nagain: {shown}PURE_MQTT_SEED={} PURE_MQTT_WITHOUT={without} PURE_MQTT_STEPS={steps} cargo test --features bytes,journal --test world -- --nocapture",
        lines[start..].join("\n"),
        least.has,
        plan.seed,
    )
}

/// Leaves out as many steps as possible, in runs that get shorter.
fn drop_steps(least: &mut Plan, fails: &impl Fn(&Plan) -> bool) -> bool {
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

fn drop_features(least: &mut Plan, fails: &impl Fn(&Plan) -> bool) -> bool {
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

fn left_out(plan: &Plan, least: &Plan) -> String {
    let names: Vec<String> = plan
        .has
        .iter()
        .filter(|feature: &Feature| !least.has.has(*feature))
        .map(|feature| format!("{feature:?}"))
        .collect();
    names.join(",")
}

fn numbers(steps: &[usize]) -> String {
    steps.iter().map(usize::to_string).collect::<Vec<_>>().join(",")
}

/// Numbers with commas between them.
pub fn parse_steps(text: &str) -> Vec<usize> {
    text.split(',')
        .filter(|part| !part.is_empty())
        .map(|part| part.parse().expect("PURE_MQTT_STEPS are numbers"))
        .collect()
}

/// How often each kind of finding came, with some of the seeds.
pub fn summarise(failed: &[(u64, String)]) {
    let mut kinds: BTreeMap<String, Vec<(u64, &str)>> = BTreeMap::new();
    for (seed, text) in failed {
        kinds.entry(kind_of(text)).or_default().push((*seed, text));
    }
    for (kind, seeds) in kinds {
        let some: Vec<u64> = seeds.iter().map(|(seed, _)| *seed).take(6).collect();
        println!("{:6} {kind}: {some:?}\n         {:.400}", seeds.len(), seeds[0].1);
    }
}
