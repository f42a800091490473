//! All plays against one broker.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use pure_mqtt_client::pure_mqtt::Version;

use crate::brokers::Broker;
use crate::groups;
use crate::known::{self, Known};
use crate::outcome::{Finding, Kind, Played};
use crate::plays::Play;
use crate::running::{Running, Site};
use crate::stage::Stage;

/// The versions that are played, in the order of the page.
pub const VERSIONS: [Version; 2] = [Version::V311, Version::V5];
/// What a play may take beyond its bound before it counts as hanging.
const GRACE: Duration = Duration::from_secs(60);

pub struct Season {
    pub broker: &'static Broker,
    /// Of the broker.
    pub version: String,
    pub rows: Vec<Row>,
}

pub struct Row {
    pub play: &'static Play,
    /// One for each version; `None` where it was not played.
    pub cells: [Option<Played>; 2],
}

impl Season {
    /// How many plays ended otherwise than the table of what is known says.
    pub fn surprises(&self) -> usize {
        let of_row = |row: &Row| {
            let is_surprise = |(cell, version): (&Option<Played>, Version)| {
                let Some(played) = cell else { return false };
                let known = known::find(self.broker, row.play, version);
                let surprise = surprise(played, known);
                if let Some(text) = &surprise {
                    println!("  {} {} {}: {text}", self.broker.name, row.play.name, name_of(version));
                }
                surprise.is_some()
            };
            row.cells.iter().zip(VERSIONS).filter(|pair| is_surprise(*pair)).count()
        };
        self.rows.iter().map(of_row).sum()
    }
}

/// What differs from what is known.
fn surprise(played: &Played, known: Option<&Known>) -> Option<String> {
    match (played, known) {
        (Ok(_), None) | (Err(_), Some(_)) => None,
        (Ok(_), Some(known)) if known.is_sometimes => None,
        (Ok(_), Some(known)) => Some(format!("works, although it is known as {:?}", known.remedy)),
        (Err(finding), None) if finding.kind == Kind::Absent => None,
        (Err(finding), None) => Some(finding.to_string()),
    }
}

pub fn name_of(version: Version) -> &'static str {
    match version {
        Version::V5 => "5.0",
        _ => "3.1.1",
    }
}

/// Starts the broker and plays `plays` in each version that it accepts.
pub fn play(broker: &'static Broker, plays: &[&'static Play], tools: PathBuf, seed: u64) -> Result<Season, String> {
    let version = version_of(broker, &tools)?;
    println!("\n{} {version}", broker.title);
    let mut running = Running::start(broker, tools.clone())?;
    let mut rows: Vec<_> = plays.iter().map(|play| Row { play, cells: [None, None] }).collect();
    let accepted = VERSIONS.map(|version| crate::plays::ALL[0].name == plays[0].name || accepts(&mut running, version));
    for (index, version) in VERSIONS.into_iter().enumerate() {
        let mut is_spoken = accepted[index];
        for row in rows.iter_mut().filter(|row| version == Version::V5 || !row.play.only_v5) {
            if !is_spoken {
                break;
            }
            let played = one(&mut running, row.play, version, seed);
            is_spoken = row.play.name != "version" || played.is_ok();
            row.cells[index] = Some(played);
            if !running.is_alive() {
                println!("    the broker has ended. It said:\n{}", running.log());
                running = Running::start(broker, tools.clone())?;
            }
        }
    }
    Ok(Season { broker, version, rows })
}

fn accepts(running: &mut Running, version: Version) -> bool {
    Stage::new(running, version, 0, Duration::from_secs(10)).player("version").is_ok()
}

/// One play. One that hangs ends the program, with the brokers.
fn one(running: &mut Running, play: &'static Play, version: Version, seed: u64) -> Played {
    let (done, is_done) = channel::<()>();
    let (name, bound) = (play.name, play.bound + GRACE);
    let watch = thread::spawn(move || {
        if is_done.recv_timeout(bound) == Err(RecvTimeoutError::Timeout) {
            eprintln!("brokers: the play {name} hangs.");
            groups::end_all();
            std::process::exit(1);
        }
    });
    let start = Instant::now();
    let mut stage = Stage::new(running, version, seed, play.bound);
    let played = (play.run)(&mut stage);
    drop(done);
    let _ = watch.join();
    print(play, version, start.elapsed(), &played);
    played
}

fn print(play: &Play, version: Version, time: Duration, played: &Played) {
    let (name, version, time) = (play.name, name_of(version), time.as_secs_f32());
    match played {
        Ok(note) if note.is_empty() => println!("  {name:12} {version:6} {time:5.1} s  works"),
        Ok(note) => println!("  {name:12} {version:6} {time:5.1} s  works: {note}"),
        Err(finding @ Finding { detail, .. }) => println!("  {name:12} {version:6} {time:5.1} s  {finding} [{detail}]"),
    }
}

/// The first word that begins with a digit, of what its version command prints.
fn version_of(broker: &Broker, tools: &std::path::Path) -> Result<String, String> {
    let site = Site { folder: PathBuf::new(), tools: tools.to_owned(), ports: [0; 4] };
    let output = (broker.version)(&site).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{} cannot say its version: {error}.", broker.name))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let words = text.split_whitespace().map(|word| word.trim_start_matches('v'));
    let number = words.into_iter().find(|word| word.starts_with(|first: char| first.is_ascii_digit()));
    let number = number.ok_or_else(|| format!("{} does not say its version: {text:?}.", broker.name))?;
    Ok(number.split(['-', '+', '~']).next().unwrap_or(number).to_owned())
}
