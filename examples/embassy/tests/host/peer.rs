//! The other side: mosquitto's own clients, which share no code with the station.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use pure_mqtt_embassy::Version;

use crate::play::PATIENCE;
use crate::server::{Mosquitto, find};

const NAMES: [(Version, &str); 2] =
    [(Version::V311, "mqttv311"), (Version::V5, "mqttv5")];

fn client(program: &str, port: u16, version: Version, words: &[&str]) -> Command {
    let name = NAMES.iter().find(|(known, _)| *known == version).unwrap().1;
    let mut command = Command::new(find(program));
    command.args(["-h", "127.0.0.1", "-p", &port.to_string(), "-V", name]).args(words);
    command
}

/// Hears the station's answers, and counts them.
pub struct Ear {
    child: Child,
    lines: Receiver<String>,
    heard: BTreeMap<String, u32>,
}

impl Ear {
    /// Subscribed when it returns.
    pub fn open(broker: &Mosquitto, port: u16, version: Version) -> Self {
        let words = ["-t", "station/answer", "-q", "2", "-i", "ear"];
        let mut command = client("mosquitto_sub", port, version, &words);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        broker.await_log("Sending SUBACK to ear");
        Self { child, lines, heard: BTreeMap::new() }
    }

    /// Listens until so many answers have come that begin with `start`, each counted once.
    pub fn hear(&mut self, start: &str, count: usize) {
        while self.counts(start).len() < count {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| {
                panic!("of {count} answers {start:?} came {:?}", self.counts(start))
            });
            *self.heard.entry(line).or_default() += 1;
        }
    }

    /// How often each answer came that begins with `start`.
    pub fn counts(&self, start: &str) -> Vec<u32> {
        self.heard
            .iter()
            .filter(|(line, _)| line.starts_with(start))
            .map(|(_, count)| *count)
            .collect()
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Gives the station commands.
pub struct Mouth {
    child: Child,
    lines: Option<ChildStdin>,
}

impl Mouth {
    pub fn open(port: u16, version: Version, qos: u8) -> Self {
        let words = ["-l", "-t", "station/command", "-q", &qos.to_string()];
        let mut child = client("mosquitto_pub", port, version, &words)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = child.stdin.take();
        Self { child, lines }
    }

    /// The commands with these numbers.
    pub fn say(&mut self, start: &str, numbers: std::ops::Range<u32>) {
        let lines = self.lines.as_mut().unwrap();
        numbers
            .into_iter()
            .for_each(|number| writeln!(lines, "{start}{number}").unwrap());
    }
}

impl Drop for Mouth {
    /// It leaves when everything is acknowledged.
    fn drop(&mut self) {
        drop(self.lines.take());
        if thread::panicking() {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}
