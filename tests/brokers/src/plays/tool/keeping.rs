//! What the broker keeps: retained messages, and the will.

use crate::outcome::{Finding, Played};
use crate::stage::Stage;
use crate::tool::Tool;

pub fn retained(stage: &mut Stage) -> Played {
    let topic = stage.word("retained/");
    for text in ["old", "new"] {
        Tool::run(stage, &["pub", "-t", &topic, "-q", "1", "-r", "-m", text], "")?;
    }
    let kept = Tool::run(stage, &["sub", "-t", &topic, "-q", "1", "-C", "1", "-F", "%r %p"], "")?;
    if kept != ["1 new"] {
        return Err(Finding::wrong("not the last message comes, or not marked as retained").with(format!("{kept:?}")));
    }
    Tool::run(stage, &["pub", "-t", &topic, "-q", "1", "-r", "-n"], "")?;
    let late = Tool::subscriber(stage, stage.port(), &["-t", &topic, "-q", "1", "-C", "1"])?;
    Tool::run(stage, &["pub", "-t", &topic, "-q", "1", "-m", "the end"], "")?;
    match late.line(stage.left()).as_deref() {
        Some("the end") => Ok(String::new()),
        other => Err(Finding::wrong("the empty message does not remove the retained one").with(format!("{other:?}"))),
    }
}

pub fn will(stage: &mut Stage) -> Played {
    let topic = stage.word("will/");
    let watcher = Tool::subscriber(stage, stage.port(), &["-t", &topic, "-q", "1"])?;
    let mortal = |text| ["--will-topic", &topic, "--will-qos", "1", "--will-payload", text];
    let other = stage.word("other/");
    let words = ["pub", "-t", &other, "-q", "1", "-m", "x"];
    Tool::run(stage, &[&words[..], &mortal("left in order")].concat(), "")?;
    let words = ["-t", &other];
    drop(Tool::subscriber(stage, stage.port(), &[&words[..], &mortal("was killed")].concat())?); // SIGKILL
    match watcher.line(stage.left()).as_deref() {
        Some("was killed") => Ok(String::new()),
        Some("left in order") => Err(Finding::wrong("the will is published after DISCONNECT")),
        None => Err(Finding::wrong("the will is not published")),
        other => Err(Finding::wrong("another message comes instead of the will").with(format!("{other:?}"))),
    }
}
