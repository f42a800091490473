//! Payloads from arguments, files and the standard input.

use std::io::{self, BufRead, Read};
use std::sync::mpsc::{self, Receiver};
use std::{fs, thread};

use crate::args::Source;
use crate::failure::Failure;

/// Lines that were read and nobody has taken yet.
const WAITING: usize = 100;

pub type Lines = Receiver<io::Result<Vec<u8>>>;

/// The payloads of a run.
pub enum Input {
    One(Vec<u8>),
    Lines(Lines),
}

impl Input {
    pub fn open(source: &Source) -> Result<Self, Failure> {
        match source {
            Source::Lines => Ok(Self::Lines(read_lines())),
            source => read(source).map(Self::One),
        }
    }
}

/// Reads a whole payload.
pub fn read(source: &Source) -> Result<Vec<u8>, Failure> {
    match source {
        Source::Message(text) => Ok(text.as_bytes().to_vec()),
        Source::File(path) => fs::read(path).map_err(|cause| Failure::File { path: path.clone(), cause }),
        Source::Stdin | Source::Lines => {
            let mut payload = Vec::new();
            io::stdin().lock().read_to_end(&mut payload).map_err(Failure::Input)?;
            Ok(payload)
        }
    }
}

/// Reads lines in a thread, so that the connection lives on while nobody types.
fn read_lines() -> Lines {
    let (sender, receiver) = mpsc::sync_channel(WAITING);
    thread::spawn(move || {
        for line in io::stdin().lock().split(b'\n') {
            let line = line.map(|mut line| {
                line.pop_if(|byte| *byte == b'\r');
                line
            });
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}
