//! All plays against one broker.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use pure_mqtt_client::pure_mqtt::{QoS, Version};

use crate::brokers::Broker;
use crate::groups;
use crate::known;
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
    /// The plays that ended otherwise than the table of what is known says.
    pub fn surprises(&self) -> Vec<String> {
        let of_row = |row: &Row| {
            let of_cell = |(cell, version): (&Option<Played>, Version)| {
                let surprise = surprise(self.broker, row.play, cell.as_ref()?)?;
                Some(format!("{} {} {}: {surprise}", self.broker.name, row.play.name, name_of(version)))
            };
            row.cells.iter().zip(VERSIONS).filter_map(of_cell).collect::<Vec<_>>()
        };
        self.rows.iter().flat_map(of_row).collect()
    }
}

/// What differs from what is known. What a broker says that it doesn't offer is no surprise.
fn surprise(broker: &Broker, play: &Play, played: &Played) -> Option<String> {
    match played {
        Ok(_) if play.is_by_tool() => None, // it looks less closely
        Ok(_) => Some(format!("works now; it was known as: {}", known::expected(broker, play)?.remedy)),
        Err(finding) if finding.kind == Kind::Absent || known::find(broker, play, finding).is_some() => None,
        Err(finding) => Some(finding.to_string()),
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
    for (index, version) in VERSIONS.into_iter().enumerate() {
        let takes_qos_2 = match accepts(&mut running, version) {
            Ok(takes_qos_2) => takes_qos_2,
            Err(_) if plays.iter().any(|play| play.name == "version") => true, // that play says why
            Err(finding) => {
                println!("  {} is not played: {finding}", name_of(version));
                continue;
            }
        };
        for row in rows.iter_mut().filter(|row| version == Version::V5 || !row.play.only_v5) {
            let played = one(&mut running, row.play, (version, takes_qos_2), seed);
            let goes_on = row.play.name != "version" || played.is_ok();
            row.cells[index] = Some(played);
            if !running.is_alive() {
                println!("    the broker has ended. It said:\n{}", running.log());
                running = Running::start(broker, tools.clone())?;
            }
            if !goes_on {
                break;
            }
        }
    }
    Ok(Season { broker, version, rows })
}

/// Whether the broker takes messages at QoS 2; an error if it doesn't speak the version.
fn accepts(running: &mut Running, version: Version) -> Played<bool> {
    let mut stage = Stage::new(running, version, 0, Duration::from_secs(5));
    let player = stage.player("probe")?;
    let topic = stage.word("probe");
    let info = player.client.publish(&topic, "?", QoS::ExactlyOnce, false)?;
    Ok(info.wait_for_publish(stage.left()).is_ok())
}

/// One play. One that hangs ends the program, with the brokers.
fn one(running: &mut Running, play: &'static Play, (version, takes_qos_2): (Version, bool), seed: u64) -> Played {
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
    let mut stage = Stage::new(running, version, seed_of(play, version, seed), play.bound);
    stage.takes_qos_2 = takes_qos_2;
    let played = (play.run)(&mut stage);
    drop(done);
    let _ = watch.join();
    print(play, version, start.elapsed(), &played);
    played
}

/// Each play has random numbers of its own, whatever is played before it.
fn seed_of(play: &Play, version: Version, seed: u64) -> u64 {
    let words = [play.name, name_of(version)];
    words.concat().bytes().fold(seed, |seed, byte| seed.rotate_left(7) ^ u64::from(byte))
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
