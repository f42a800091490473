//! Topics in many scripts.

use std::time::Duration;

use crate::outcome::{Finding, Played};
use crate::plays::topics::SCRIPTS;
use crate::stage::Stage;
use crate::tool::Tool;

/// For a message that may never arrive.
const PATIENCE: Duration = Duration::from_secs(3);

pub fn run(stage: &mut Stage) -> Played {
    let start = stage.word("utf");
    let filter = format!("{start}/#");
    let reader = Tool::subscriber(stage, stage.port(), &["-t", &filter, "-q", "1", "-F", "%t|%p"])?;
    let mut wrong: Vec<String> = Vec::new();
    for name in SCRIPTS {
        let topic = format!("{start}/{name}");
        let mut publisher = Tool::start(stage, stage.port(), &["pub", "-t", &topic, "-q", "1", "-m", name])?;
        let what = match publisher.end(PATIENCE)? {
            Some(status) if status.success() => {
                let came = reader.line(PATIENCE);
                if came.as_deref() == Some(&format!("{topic}|{name}")) {
                    continue;
                }
                "acknowledged, but does not arrive as it was"
            }
            _ if publisher.log().contains("closed the connection") => "the broker ends the link, again and again",
            _ => "not acknowledged",
        };
        wrong.push(format!("{what}: `{name}`"));
    }
    if wrong.is_empty() { Ok(String::new()) } else { Err(Finding::wrong(wrong.join("; "))) }
}
