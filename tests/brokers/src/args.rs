//! The command line.

use std::path::PathBuf;

use lexopt::prelude::*;

use crate::brokers::{self, Broker};
use crate::plays::{self, Play};

pub const HELP: &str = "\
Plays everything that the client does against real brokers, and prints what works.

    brokers [NAME...] [OPTIONS]

Without a name all brokers are played. What is missing is installed: packages of Debian by apt-get, which needs an
administrator, packages of npm and PyPI below the folder `target`.

    --play PLAY      only this play; may be given several times
    --target FOLDER  where npm and pip install (default: target/brokers)
    --tool PATH      the program mqtt, for the plays whose names begin with `tool-`; they are left out without it
    --write FILE     put the tables of these brokers into this page
    --help           this text

Environment: PURE_MQTT_SEED, the seed that an earlier run has printed.
Exit code: 0 if each broker did what the page says, 1 if one did something else, 2 for a wrong command line.
";

pub struct Args {
    pub brokers: Vec<&'static Broker>,
    pub plays: Vec<&'static Play>,
    pub target: PathBuf,
    pub tool: Option<PathBuf>,
    pub write: Option<PathBuf>,
}

/// `None` if help is asked for.
pub fn parse(mut parser: lexopt::Parser) -> Result<Option<Args>, lexopt::Error> {
    let mut args =
        Args { brokers: Vec::new(), plays: Vec::new(), target: "target/brokers".into(), tool: None, write: None };
    while let Some(arg) = parser.next()? {
        match arg {
            Long("play") => args.plays.push(play(&parser.value()?.string()?)?),
            Long("target") => args.target = parser.value()?.into(),
            Long("tool") => args.tool = Some(parser.value()?.into()),
            Long("write") => args.write = Some(parser.value()?.into()),
            Long("help") | Short('h') => return Ok(None),
            Value(name) => args.brokers.push(broker(&name.string()?)?),
            other => return Err(other.unexpected()),
        }
    }
    if args.write.is_some() && !args.plays.is_empty() {
        return Err("--write needs all plays; please leave --play out.".into());
    }
    if args.brokers.is_empty() {
        args.brokers = brokers::ALL.iter().collect();
    }
    if args.plays.is_empty() {
        let has_tool = args.tool.is_some();
        args.plays = plays::ALL.iter().filter(|play| has_tool || !play.is_by_tool()).collect();
    }
    Ok(Some(args))
}

fn broker(name: &str) -> Result<&'static Broker, lexopt::Error> {
    let names = || brokers::ALL.iter().map(|broker| broker.name).collect::<Vec<_>>().join(", ");
    let found = brokers::ALL.iter().find(|broker| broker.name == name);
    found.ok_or_else(|| format!("there is no broker {name:?}; there are {}.", names()).into())
}

fn play(name: &str) -> Result<&'static Play, lexopt::Error> {
    let names = || plays::ALL.iter().map(|play| play.name).collect::<Vec<_>>().join(", ");
    let found = plays::ALL.iter().find(|play| play.name == name);
    found.ok_or_else(|| format!("there is no play {name:?}; there are {}.", names()).into())
}
