//! A wrong password: a sentence, and an exit code of its own.

use crate::outcome::{Finding, Played};
use crate::stage::Stage;
use crate::tool::Tool;

/// The exit code for a server that refuses.
const REFUSED: i32 = 3;

pub fn run(stage: &mut Stage) -> Played {
    let topic = stage.word("credentials/");
    let mut tool = Tool::start_as(stage, stage.port(), "wrong", &["pub", "-t", &topic, "-q", "1", "-m", "x"])?;
    let Some(status) = tool.end(stage.left())? else {
        return Err(Finding::wrong("the program goes on trying").with(tool.log()));
    };
    let log = tool.log();
    match status.code() {
        Some(0) => Err(Finding::wrong("a wrong password is accepted")),
        Some(REFUSED) if log.contains("refused") && log.contains("--user and --password") => Ok(String::new()),
        _ if log.contains("closed the connection") => Err(Finding::wrong("the link ends without CONNACK")),
        code => Err(Finding::wrong("another exit code").with(format!("{code:?} {log}"))),
    }
}
