//! A link that swallows bytes: only missing answers tell.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::outcome::{Finding, Played};
use crate::proxy::Mode;
use crate::stage::Stage;
use crate::tool::Tool;

/// 1.5 keep alives of 2 seconds, and 5 seconds.
const NOTICED_WITHIN: Duration = Duration::from_secs(8);
const MESSAGES: usize = 20;

pub fn run(stage: &mut Stage) -> Played {
    let (topic, id) = (stage.word("hole/"), stage.word("publisher"));
    let qos = stage.best_qos().bits().to_string();
    let reader = Tool::subscriber(stage, stage.port(), &["-t", &topic, "-q", &qos])?;
    let proxy = stage.proxy()?;
    let words = ["pub", "-l", "-c", "-i", &id, "-t", &topic, "-q", &qos, "-k", "2", "--reconnect-delay", "0.5"];
    let mut publisher = Tool::start(stage, proxy.port(), &words)?;
    publisher.write("before\n");
    reader.line(stage.left()).ok_or_else(|| Finding::wrong("a message did not come in time"))?;

    proxy.set(Mode::Hole);
    let start = Instant::now();
    publisher.write(&(0..MESSAGES).map(|number| format!("{number}\n")).collect::<String>());
    if !publisher.once(stage.left(), |log| log.contains("warning: ")) {
        return Err(Finding::wrong("the program does not notice"));
    }
    let silence = start.elapsed();
    proxy.set(Mode::Pass);
    publisher.finish(stage.left())?;
    let mut arrived = BTreeSet::new();
    while arrived.len() < MESSAGES {
        let line = reader.line(stage.left()).ok_or_else(|| Finding::wrong("a message did not come in time"))?;
        if !arrived.insert(line) && qos == "2" {
            return Err(Finding::wrong("messages come twice"));
        }
    }
    println!("    noticed after {:.1} s, over after {:.1} s", silence.as_secs_f32(), start.elapsed().as_secs_f32());
    match silence > NOTICED_WITHIN {
        true => Err(Finding::wrong("the program notices late").with(format!("{silence:?}"))),
        false => Ok(String::new()),
    }
}
