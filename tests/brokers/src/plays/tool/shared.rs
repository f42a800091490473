//! A crew of two programs.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::outcome::{Finding, Played};
use crate::stage::Stage;
use crate::tool::Tool;

const MESSAGES: usize = 100;
/// How long a member is listened to before the other one's turn.
const TURN: Duration = Duration::from_millis(5);
/// When nothing came for so long, nothing comes any more.
const QUIET: Duration = Duration::from_secs(2);
/// For SUBACK; a broker that hangs up at `$share` has done so by then.
const GRANT: Duration = Duration::from_secs(5);

pub fn run(stage: &mut Stage) -> Played {
    let topic = stage.word("shared/");
    let filter = format!("$share/crew/{topic}");
    let members = [member(stage, &filter)?, member(stage, &filter)?];
    let lines: String = (0..MESSAGES).map(|number| format!("{number}\n")).collect();
    Tool::run(stage, &["pub", "-t", &topic, "-q", "1", "-l"], &lines)?;
    let mut arrived = BTreeMap::<String, usize>::new();
    let (mut shares, mut quiet) = ([0; 2], Instant::now());
    while arrived.len() < MESSAGES && quiet.elapsed() < QUIET {
        for (member, share) in members.iter().zip(&mut shares) {
            while let Some(line) = member.line(TURN) {
                *arrived.entry(line).or_default() += 1;
                *share += 1;
                quiet = Instant::now();
            }
        }
    }
    let detail = format!("{shares:?} of {MESSAGES}");
    match () {
        () if arrived.is_empty() && !stage.is_v5() => {
            Err(Finding::absent("`$share` is granted as a filter like any other"))
        }
        () if arrived.is_empty() => Err(Finding::wrong("`$share` is granted, and no message comes")),
        () if arrived.len() < MESSAGES => Err(Finding::wrong("messages are lost between the members").with(detail)),
        () if arrived.values().any(|count| *count > 1) => {
            Err(Finding::wrong("messages go to both members").with(detail))
        }
        () if shares.contains(&0) => Err(Finding::wrong("one member gets everything").with(detail)),
        () => Ok(String::new()),
    }
}

fn member(stage: &Stage, filter: &str) -> Played<Tool> {
    let mut tool = Tool::start(stage, stage.port(), &["sub", "-t", filter, "-q", "1"])?;
    if tool.once(GRANT, |log| log.contains("received SUBACK") && !log.contains("error: ")) {
        let is_refused = tool.end(Duration::from_millis(200))?.is_some();
        return if is_refused { Err(Finding::absent("the filter")) } else { Ok(tool) };
    }
    Err(match tool.lost_links() {
        0 => Finding::absent("CONNACK says so"),
        _ => Finding::wrong("the broker ends the link at `$share`").with(tool.log()),
    })
}
