//! A file of a million bytes, byte for byte.

use crate::outcome::{Finding, Played};
use crate::stage::Stage;
use crate::tool::Tool;

const LENGTH: usize = 1_000_000;

pub fn run(stage: &mut Stage) -> Played {
    let topic = stage.word("large/");
    let payload: Vec<u8> = (0..LENGTH).map(|_| stage.random.u8(..)).collect();
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), &payload)?;
    let mut reader = Tool::subscriber(stage, stage.port(), &["-t", &topic, "-q", "1", "-C", "1", "--raw"])?;
    let path = file.path().to_string_lossy();
    Tool::run(stage, &["pub", "-t", &topic, "-q", "1", "-f", &path], "")?;
    reader.finish(stage.left()).map_err(|_| Finding::wrong("a message did not come in time"))?;
    match reader.rest() == payload {
        true => Ok(String::new()),
        false => Err(Finding::wrong("other bytes arrive")),
    }
}
