//! `mqtt pub --durable`: a folder that keeps messages until they are delivered, and the position in the input up to which it has accepted lines.

use std::cmp::Ordering;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use pure_mqtt_client::Client;
use pure_mqtt_client::pure_mqtt::Version;

use crate::args::Publishing;
use crate::args::values::random_id;
use crate::failure::Failure;
use crate::session;

/// A position in the input: a number of lines, and a checksum of all of them. It is stored with each message, as the message's tag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    line: u64,
    checksum: u32,
}

/// The lower bits of a tag are the line, the upper ones the checksum.
const LINE_BITS: u32 = 40;
const CHECKSUM_BITS: u32 = 24;

impl Mark {
    /// Returns the position after one more line.
    pub fn behind(self, line: &[u8]) -> Self {
        let mut hasher = crc32fast::Hasher::new_with_initial(self.checksum);
        hasher.update(line);
        hasher.update(b"\n");
        Self { line: self.line + 1, checksum: hasher.finalize() }
    }

    /// Returns line and checksum in one number, which is 0 only before the first line.
    pub fn tag(self) -> u64 {
        u64::from(self.checksum) >> (32 - CHECKSUM_BITS) << LINE_BITS | self.line
    }
}

/// The position up to which lines are skipped.
#[derive(Clone, Debug)]
pub struct Skip {
    tag: u64,
    folder: PathBuf,
}

impl Skip {
    /// Returns the number of lines to skip.
    pub fn lines(&self) -> u64 {
        self.tag & ((1 << LINE_BITS) - 1)
    }

    /// Returns whether the line before `mark` was accepted by an earlier run.
    ///
    /// # Errors
    /// The input differs.
    pub fn covers(&self, mark: Mark) -> Result<bool, Failure> {
        match mark.line.cmp(&self.lines()) {
            Ordering::Less => Ok(true),
            Ordering::Equal if mark.tag() == self.tag => Ok(true),
            Ordering::Equal => Err(self.differs()),
            Ordering::Greater => Ok(false),
        }
    }

    /// Checks that the input did not end at `mark` too early.
    ///
    /// # Errors
    /// The input is shorter than before.
    pub fn check_end(&self, mark: Mark) -> Result<(), Failure> {
        if mark.line < self.lines() { Err(self.differs()) } else { Ok(()) }
    }

    fn differs(&self) -> Failure {
        Failure::OtherInput { folder: self.folder.clone(), line: self.lines() }
    }
}

/// A client whose messages are kept in a folder.
pub struct Outbox {
    pub client: Client,
    /// Undelivered messages of earlier runs.
    pub left: u64,
    /// Set by `--refeed`.
    pub skip: Option<Skip>,
}

pub fn open(folder: &Path, options: &Publishing) -> Result<Outbox, Failure> {
    let of_file = |cause| Failure::File { path: folder.to_owned(), cause };
    fs::create_dir_all(folder).map_err(of_file)?;
    let mut broker = options.broker.clone();
    if broker.session.id.is_none() {
        broker.session.id = Some(client_id(&folder.join("client-id")).map_err(of_file)?);
    }
    let client = Client::open(folder.join("log"), session::options(&broker, Version::V311))
        .map_err(|error| Failure::Storage { folder: folder.to_owned(), error })?;
    let left = client.recovered().len() as u64;
    let tag = client.latest_tag();
    let skip = (options.refeed && tag != 0).then(|| Skip { tag, folder: folder.to_owned() });
    Ok(Outbox { client, left, skip })
}

/// Returns the client identifier of the folder, generated once.
fn client_id(path: &Path) -> io::Result<String> {
    match fs::read_to_string(path) {
        Ok(id) if !id.is_empty() => return Ok(id),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {} // also if the program crashed after it created the file, before it wrote it
    }
    let id = random_id();
    let mut file = File::create(path)?;
    file.write_all(id.as_bytes())?;
    file.sync_all()?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(lines: &[&str]) -> Mark {
        lines.iter().fold(Mark::default(), |mark, line| mark.behind(line.as_bytes()))
    }

    #[test]
    fn what_was_accepted_is_skipped_and_nothing_else() {
        let skip = Skip { tag: after(&["a", "b"]).tag(), folder: "f".into() };
        let covers = |lines: &[&str]| skip.covers(after(lines)).ok();
        assert_eq!(
            (covers(&["a"]), covers(&["a", "b"]), covers(&["a", "b", "c"])),
            (Some(true), Some(true), Some(false))
        );
    }

    #[test]
    fn another_input_is_told() {
        let skip = Skip { tag: after(&["a", "b"]).tag(), folder: "f".into() };
        assert!(skip.covers(after(&["a", "x"])).is_err());
        assert!(skip.covers(after(&["ab", ""])).is_err());
        assert!(skip.check_end(after(&["a"])).is_err());
        assert!(skip.check_end(after(&["a", "b"])).is_ok());
    }
}
