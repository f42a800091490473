//! The arguments.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use lexopt::prelude::*;
use pure_mqtt::{ClientId, QoS, Version};

use crate::failure::Failure;
use crate::support::random;

/// What the arguments ask for.
pub enum Task {
    Help,
    Publish(Options),
    Subscribe(Options),
}

/// All options of both commands.
pub struct Options {
    pub host: String,
    pub port: u16,
    pub version: Version,
    pub user: Option<String>,
    pub password: Option<String>,
    pub timeout: Option<Duration>,
    pub id: Option<String>,
    pub resume: bool,
    pub session_expiry: Option<u32>,
    pub keep_alive: u16,
    pub topics: Vec<String>,
    pub qos: QoS,
    pub will: Option<WillOptions>,
    pub source: Option<Source>,
    pub retain: bool,
    pub count: Option<u64>,
    pub verbose: bool,
}

/// What the broker publishes if we vanish.
#[derive(Default)]
pub struct WillOptions {
    pub topic: Option<String>,
    pub payload: String,
    pub qos: QoS,
    pub retain: bool,
}

/// Where payloads come from.
pub enum Source {
    Message(Vec<u8>),
    File(PathBuf),
    Stdin,
    Lines,
}

impl Options {
    fn new() -> Self {
        Self {
            host: "localhost".to_owned(),
            port: 1883,
            version: Version::V311,
            user: None,
            password: None,
            timeout: None,
            id: None,
            resume: false,
            session_expiry: None,
            keep_alive: 60,
            topics: Vec::new(),
            qos: QoS::AtMostOnce,
            will: None,
            source: None,
            retain: false,
            count: None,
            verbose: false,
        }
    }

    /// The client identifier: the given one, or one that every broker takes.
    pub fn client_id(&self) -> String {
        let random_id = || ClientId::from_random(u128::from(random()) << 64 | u128::from(random()));
        self.id.clone().unwrap_or_else(|| random_id().as_str().to_owned())
    }
}

pub fn parse(mut parser: lexopt::Parser) -> Result<Task, Failure> {
    let mut command: Option<OsString> = None;
    let mut options = Options::new();
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Task::Help),
            Value(word) if command.is_none() => command = Some(word),
            Long(name) => {
                let name = name.to_owned();
                set(&mut options, &name, &mut parser)?;
            }
            Short(letter) => set(&mut options, long_name(letter)?, &mut parser)?,
            Value(_) => return Err(argument.unexpected().into()),
        }
    }
    let command = command.ok_or(Failure::Arguments("say `pub` or `sub`".to_owned()))?;
    match command.to_str() {
        Some("pub") => check_publish(options),
        Some("sub") => check_subscribe(options),
        _ => Err(Failure::Arguments(format!("there is no command {}", command.display()))),
    }
}

fn long_name(letter: char) -> Result<&'static str, Failure> {
    Ok(match letter {
        't' => "topic",
        'q' => "qos",
        'm' => "message",
        'f' => "file",
        's' => "stdin",
        'l' => "lines",
        'r' => "retain",
        'c' => "count",
        'v' => "verbose",
        _ => return Err(Failure::Arguments(format!("there is no option -{letter}"))),
    })
}

fn set(options: &mut Options, name: &str, parser: &mut lexopt::Parser) -> Result<(), Failure> {
    match name {
        "host" => options.host = parser.value()?.string()?,
        "port" => options.port = parser.value()?.parse()?,
        "version" => options.version = parser.value()?.parse_with(version)?,
        "user" => options.user = Some(parser.value()?.string()?),
        "password" => options.password = Some(parser.value()?.string()?),
        "timeout" => options.timeout = Some(Duration::from_secs(parser.value()?.parse()?)),
        "id" => options.id = Some(parser.value()?.string()?),
        "clean" => options.resume = false,
        "resume" => options.resume = true,
        "session-expiry" => options.session_expiry = Some(parser.value()?.parse()?),
        "keep-alive" => options.keep_alive = parser.value()?.parse()?,
        "topic" => options.topics.push(parser.value()?.string()?),
        "qos" => options.qos = parser.value()?.parse_with(qos)?,
        "message" => options.source = Some(Source::Message(parser.value()?.string()?.into_bytes())),
        "file" => options.source = Some(Source::File(parser.value()?.into())),
        "stdin" => options.source = Some(Source::Stdin),
        "lines" => options.source = Some(Source::Lines),
        "retain" => options.retain = true,
        "count" => options.count = Some(parser.value()?.parse()?),
        "verbose" => options.verbose = true,
        _ => return set_will(options.will.get_or_insert_default(), name, parser),
    }
    Ok(())
}

fn set_will(will: &mut WillOptions, name: &str, parser: &mut lexopt::Parser) -> Result<(), Failure> {
    match name {
        "will-topic" => will.topic = Some(parser.value()?.string()?),
        "will-payload" => will.payload = parser.value()?.string()?,
        "will-qos" => will.qos = parser.value()?.parse_with(qos)?,
        "will-retain" => will.retain = true,
        _ => return Err(Failure::Arguments(format!("there is no option --{name}"))),
    }
    Ok(())
}

fn version(text: &str) -> Result<Version, &'static str> {
    match text {
        "3.1" => Ok(Version::V31),
        "3.1.1" => Ok(Version::V311),
        "5" | "5.0" => Ok(Version::V5),
        _ => Err("the versions are 3.1, 3.1.1 and 5"),
    }
}

fn qos(text: &str) -> Result<QoS, &'static str> {
    let level = text.parse().ok().and_then(QoS::from_bits);
    level.ok_or("the quality of service is 0, 1 or 2")
}

fn check_publish(options: Options) -> Result<Task, Failure> {
    if options.topics.len() != 1 {
        return Err(Failure::Arguments("pub needs one --topic".to_owned()));
    }
    if options.source.is_none() {
        return Err(Failure::Arguments("pub needs --message, --file, --stdin or --lines".to_owned()));
    }
    if options.verbose {
        return Err(Failure::Arguments("--verbose is an option of sub".to_owned()));
    }
    check_both(&options)?;
    Ok(Task::Publish(options))
}

fn check_subscribe(options: Options) -> Result<Task, Failure> {
    if options.topics.is_empty() {
        return Err(Failure::Arguments("sub needs a --topic".to_owned()));
    }
    if options.source.is_some() || options.retain {
        return Err(Failure::Arguments("payloads and --retain are options of pub".to_owned()));
    }
    check_both(&options)?;
    Ok(Task::Subscribe(options))
}

fn check_both(options: &Options) -> Result<(), Failure> {
    if options.resume && options.id.is_none() {
        return Err(Failure::Arguments("--resume needs the --id of the session".to_owned()));
    }
    if options.will.as_ref().is_some_and(|will| will.topic.is_none()) {
        return Err(Failure::Arguments("a will needs a --will-topic".to_owned()));
    }
    Ok(())
}
