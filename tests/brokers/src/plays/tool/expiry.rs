//! Session Expiry Interval (5.0).

use std::thread;
use std::time::Duration;

use crate::outcome::{Finding, Played};
use crate::stage::Stage;
use crate::tool::Tool;

/// Time itself is what is awaited: nothing tells that a session is over. Brokers look every few seconds.
const AFTER: Duration = Duration::from_secs(10);

pub fn run(stage: &mut Stage) -> Played {
    let (topic, id) = (stage.word("expiry/"), stage.word("sleeper"));
    let words = ["sub", "-c", "-i", &id, "-t", &topic, "-q", "1", "-x", "3"];
    let asleep = [&words[..], &["-E"]].concat();
    Tool::run(stage, &asleep, "")?;
    Tool::run(stage, &["pub", "-t", &topic, "-q", "1", "-m", "meanwhile"], "")?;
    let mut awake = Tool::start(stage, stage.port(), &[&words[..], &["-C", "1"]].concat())?;
    awake.finish(stage.left()).map_err(|_| Finding::wrong("the session is resumed without its messages"))?;
    if !awake.was_resumed() {
        return Err(Finding::wrong("the session does not outlive its link"));
    }
    thread::sleep(AFTER);
    let mut late = Tool::start(stage, stage.port(), &asleep)?;
    late.finish(stage.left())?;
    match late.was_resumed() {
        true => Err(Finding::wrong("the session outlives its Session Expiry Interval")),
        false => Ok(String::new()),
    }
}
