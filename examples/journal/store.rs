//! Durable memory: a file of transactions, each stored completely or not at all.
//!
//! ```text
//!   length: u32 | published: u32 | received: u32 | records of the journal | CRC-32 of all before: u32
//! ```

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use std::io::Result;

/// What the device has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Readings that were accepted by the connection.
    pub published: u32,
    /// Messages that were counted.
    pub received: u32,
}

/// The file, open for the next transaction.
pub struct Store {
    file: File,
    path: PathBuf,
    length: u64,
}

/// What was in the file.
pub struct Found {
    pub store: Store,
    pub done: Done,
    /// The records of all transactions.
    pub journal: Vec<u8>,
}

/// A log longer than this is replaced by a snapshot.
const LONG: u64 = 8 * 1024;

impl Store {
    /// Opens the file, or makes it. A transaction that was not written to its end is cut off.
    pub fn open(path: &Path) -> Result<Found> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let (done, journal, length) = transactions(&bytes);
        file.set_len(length)?;
        file.seek(SeekFrom::End(0))?;
        Ok(Found { store: Self { file, path: path.into(), length }, done, journal })
    }

    /// What the device has done, while it may be writing.
    pub fn look(path: &Path) -> Result<Done> {
        Ok(transactions(&std::fs::read(path)?).0)
    }

    /// Appends a transaction. When this returns it is durable.
    pub fn append(&mut self, done: Done, journal: &[u8]) -> Result<()> {
        let bytes = encode(done, journal);
        self.file.write_all(&bytes)?;
        self.file.sync_data()?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    pub const fn is_long(&self) -> bool {
        self.length > LONG
    }

    /// Replaces everything by one transaction: written beside, and renamed over the old file once it is durable.
    pub fn replace(&mut self, done: Done, snapshot: &[u8]) -> Result<()> {
        let beside = self.path.with_extension("new");
        let bytes = encode(done, snapshot);
        let mut file = File::create(&beside)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        std::fs::rename(&beside, &self.path)?;
        if let Some(folder) = self.path.parent() {
            File::open(folder)?.sync_all()?; // the name is durable as well
        }
        self.file = file;
        self.length = bytes.len() as u64;
        Ok(())
    }
}

/// What is in a file: what was done, the records of all whole transactions, and how long these are.
fn transactions(bytes: &[u8]) -> (Done, Vec<u8>, u64) {
    let (mut done, mut journal, mut rest) = (Done::default(), Vec::new(), bytes);
    while let Some((found, records, behind)) = transaction(rest) {
        done = found;
        journal.extend_from_slice(records);
        rest = behind;
    }
    (done, journal, (bytes.len() - rest.len()) as u64)
}

fn encode(done: Done, journal: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(journal.len() + 16);
    bytes.extend((journal.len() as u32).to_le_bytes());
    bytes.extend(done.published.to_le_bytes());
    bytes.extend(done.received.to_le_bytes());
    bytes.extend(journal);
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    bytes
}

/// The transaction at the start of `bytes`, if it is whole, and what is behind it.
fn transaction(bytes: &[u8]) -> Option<(Done, &[u8], &[u8])> {
    let number = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    let end = 12 + number(0)? as usize;
    let check = number(end)?;
    let done = Done { published: number(4)?, received: number(8)? };
    let whole = bytes.get(..end)?;
    (crc32fast::hash(whole) == check).then_some((done, whole.get(12..)?, bytes.get(end + 4..)?))
}
