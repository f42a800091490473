//! The properties of PUBLISH (5.0).

use crate::outcome::{Finding, Played};
use crate::stage::Stage;
use crate::tool::Tool;

const FORMAT: &str = "%F|%C|%R|%D|%P|%E";
const ARRIVES: &str = "1|text/plain|answers/ü|key|b=1 a=2 b=1|";
const EXPIRY: u32 = 3_600;

pub fn run(stage: &mut Stage) -> Played {
    let topic = stage.word("properties/");
    let reader = Tool::subscriber(stage, stage.port(), &["-t", &topic, "-q", "1", "-F", FORMAT])?;
    let expiry = EXPIRY.to_string();
    let words =
        ["pub", "-t", &topic, "-q", "1", "-m", "x", "--utf8", "--expiry", &expiry, "--content-type", "text/plain"];
    let more = ["--response-topic", "answers/ü", "--correlation", "key", "-D", "b=1", "-D", "a=2", "-D", "b=1"];
    Tool::run(stage, &[&words[..], &more].concat(), "")?;
    let line = reader.line(stage.left()).ok_or_else(|| Finding::wrong("a message did not come in time"))?;
    let left = line.strip_prefix(ARRIVES).and_then(|left| left.parse::<u32>().ok());
    match left.is_some_and(|left| (EXPIRY - 15..=EXPIRY).contains(&left)) {
        true => Ok(String::new()),
        false => Err(Finding::wrong("properties are lost or changed").with(line)),
    }
}
