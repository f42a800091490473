//! From a world that goes wrong to a short one that goes wrong in the same way.

use crate::run::Plan;
use std::collections::BTreeMap;

/// Of what happened, so much is told.
const MOST_LINES: usize = 120;
const WIDEST: usize = 240;

/// What two findings must have in common to be the same: the words before any particulars.
fn kind_of(text: &str) -> String {
    let line: String = text.lines().next().unwrap_or_default().chars().filter(|c| !c.is_ascii_digit()).collect();
    line.split(['{', ':'])
        .take(if line.starts_with("panic") { 3 } else { 1 })
        .collect::<String>()
        .chars()
        .take(70)
        .collect()
}

/// Shrinks it, and tells the shortest with the line that plays it again.
pub fn shrink(plan: &Plan, text: &str) -> String {
    let kind = kind_of(text);
    let fails = |plan: &Plan| plan.play(false).verdict.is_err_and(|text| kind_of(&text) == kind);
    let mut least = plan.clone();
    least.steps = Some((0..plan.script().len()).collect());
    for _ in 0..3 {
        drop_steps(&mut least, &fails);
        drop_features(&mut least, &fails);
    }
    let story = least.play(true);
    let text = story.verdict.err().unwrap_or_else(|| text.into());
    let left_out: Vec<_> = plan.has.iter().filter(|one| !least.has.has(*one)).map(|one| format!("{one:?}")).collect();
    let steps: Vec<_> = least.steps.iter().flatten().map(usize::to_string).collect();
    let lines: Vec<String> = story.lines.iter().map(|line| line.chars().take(WIDEST).collect()).collect();
    format!(
        "{}\n{text}\nhas {}\nagain: PURE_MQTT_SEED={} PURE_MQTT_WITHOUT={} PURE_MQTT_STEPS={} cargo test -p pure-mqtt-agent --test world -- --nocapture",
        lines[lines.len().saturating_sub(MOST_LINES)..].join("\n"),
        least.has,
        plan.seed,
        left_out.join(","),
        steps.join(","),
    )
}

/// Leaves out as many steps as possible, in runs that get shorter.
fn drop_steps(least: &mut Plan, fails: &impl Fn(&Plan) -> bool) {
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
            } else {
                start += length;
            }
        }
        length /= 2;
    }
}

fn drop_features(least: &mut Plan, fails: &impl Fn(&Plan) -> bool) {
    for feature in least.has.iter().collect::<Vec<_>>() {
        let mut fewer = least.clone();
        fewer.has.remove(feature);
        if fails(&fewer) {
            *least = fewer;
        }
    }
}

/// Numbers with commas between them.
pub fn parse_steps(text: &str) -> Vec<usize> {
    text.split(',').filter(|part| !part.is_empty()).map(|part| part.parse().expect("numbers")).collect()
}

/// How often each kind of finding came, with some of the seeds.
pub fn summarise(failed: &[(u64, String)]) {
    let mut kinds: BTreeMap<String, Vec<(u64, &str)>> = BTreeMap::new();
    for (seed, text) in failed {
        kinds.entry(kind_of(text)).or_default().push((*seed, text));
    }
    for (kind, seeds) in kinds {
        let some: Vec<u64> = seeds.iter().map(|(seed, _)| *seed).take(6).collect();
        println!("{:6} {kind}: {some:?}\n         {:.300}", seeds.len(), seeds[0].1);
    }
}
