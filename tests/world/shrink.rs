//! From a world that goes wrong to the shortest that goes wrong in the same way.

use crate::features::Feature;
use crate::run::Plan;
use crate::shorter::{drop_features, drop_steps};

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
