//! Payloads from arguments, files and the standard input. A thread reads them, so that the connection is served while no input arrives.

use std::io::{self, BufRead, Read};
use std::time::Duration;
use std::{fs, thread};

use crossbeam_channel::{Receiver, Sender, bounded};
use pure_mqtt_client::Bytes;

use crate::args::Source;
use crate::encoding::Encoding;
use crate::failure::Failure;
use crate::outbox::{Mark, Skip};

/// The maximum number of payloads that were read and not yet taken.
const WAITING: usize = 100;

/// The payloads to publish; an error ends them.
pub type Payloads = Receiver<Result<Payload, Failure>>;

pub struct Payload {
    pub bytes: Bytes,
    /// The payload's position in the standard input; `None` if it is not a line.
    pub mark: Option<Mark>,
}

/// How payloads are read.
pub struct Reading {
    pub encoding: Encoding,
    /// How often each payload is repeated.
    pub repeat: u64,
    /// The delay between two payloads.
    pub pause: Option<Duration>,
    /// Lines up to this position are skipped.
    pub skip: Option<Skip>,
}

/// Reads a whole payload.
pub fn read(source: &Source, encoding: Encoding) -> Result<Vec<u8>, Failure> {
    encoding.decode(match source {
        Source::Bytes(bytes) => bytes.clone(),
        Source::File(path) => fs::read(path).map_err(|cause| Failure::File { path: path.clone(), cause })?,
        Source::Stdin | Source::Lines => {
            let mut payload = Vec::new();
            io::stdin().lock().read_to_end(&mut payload).map_err(Failure::Input)?;
            payload
        }
    })
}

/// Starts to read the payloads of a run.
pub fn open(source: &Source, reading: Reading) -> Result<Payloads, Failure> {
    let (sender, receiver) = bounded(WAITING);
    let mut out = Out { sender, reading, is_first: true };
    match source {
        Source::Lines => drop(thread::spawn(move || out.send_lines())),
        source => {
            let bytes = read(source, out.reading.encoding)?.into();
            thread::spawn(move || out.send(bytes, None));
        }
    }
    Ok(receiver)
}

struct Out {
    sender: Sender<Result<Payload, Failure>>,
    reading: Reading,
    is_first: bool,
}

impl Out {
    fn send_lines(&mut self) {
        let mut mark = Mark::default();
        for line in io::stdin().lock().split(b'\n') {
            match self.take_line(line, &mut mark) {
                Ok(true) => {}
                Ok(false) => return,
                Err(failure) => return self.fail(failure),
            }
        }
        if let Some(Err(failure)) = self.reading.skip.as_ref().map(|skip| skip.check_end(mark)) {
            self.fail(failure);
        }
    }

    /// Returns false if the receiver is gone.
    fn take_line(&mut self, line: io::Result<Vec<u8>>, mark: &mut Mark) -> Result<bool, Failure> {
        let mut line = line.map_err(Failure::Input)?;
        line.pop_if(|byte| *byte == b'\r');
        *mark = mark.behind(&line);
        match &self.reading.skip {
            Some(skip) if skip.covers(*mark)? => Ok(true),
            _ => Ok(self.send(self.reading.encoding.decode(line)?.into(), Some(*mark))),
        }
    }

    fn fail(&self, failure: Failure) {
        let _ = self.sender.send(Err(failure)); // the receiver is gone at the end of the run
    }

    /// Returns false if the receiver is gone.
    fn send(&mut self, bytes: Bytes, mark: Option<Mark>) -> bool {
        (0..self.reading.repeat).all(|_| {
            if let Some(pause) = self.reading.pause.filter(|_| !std::mem::take(&mut self.is_first)) {
                thread::sleep(pause);
            }
            self.sender.send(Ok(Payload { bytes: bytes.clone(), mark })).is_ok()
        })
    }
}
