//! From a world that goes wrong to a short one that goes wrong in the same way.

use crate::run::Plan;
use crate::shorter::{drop_features, drop_steps};

/// Of what happened, so much is told.
const MOST_LINES: usize = 120;
const WIDEST: usize = 240;

/// What two findings must have in common to be the same: the words before any particulars.
pub fn kind_of(text: &str) -> String {
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
        "{}\n{text}\nhas {}\nagain: PURE_MQTT_SEED={} PURE_MQTT_WITHOUT={} PURE_MQTT_STEPS={} \
         cargo test -p pure-mqtt-agent --test world -- --nocapture",
        lines[lines.len().saturating_sub(MOST_LINES)..].join("\n"),
        least.has,
        plan.seed,
        left_out.join(","),
        steps.join(","),
    )
}
