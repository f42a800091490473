//! A durable log in a folder of the file system: a snapshot, and records that were appended after it.
//!
//! The store does not interpret what it stores: an agent's log, or the journal of an engine. Rules:
//!
//! * **A snapshot starts a new file.** The file is written under a temporary name, synced and renamed; then the folder is
//!   synced and the old file removed. After opening a store, the first write is a snapshot: files of an earlier process are
//!   read, and never appended to.
//! * **Records are appended** to it in groups: [`append`](FileStore::append) frames a record in memory, and
//!   [`commit`](FileStore::commit) writes all pending records with one `fsync`. Space is reserved in advance.
//! * **A failure is final for its file.** If a write or `fsync` fails, or the disk is full, nothing after the last success
//!   counts as stored, and the file is not used again: a later `fsync` may succeed although the system has dropped the data
//!   that it could not write. Only a snapshot in a new file makes the store writable again.
//! * **Recovery** returns the last snapshot and the records after it, in order. An incomplete tail is cut. Any other change of
//!   the file is [`Damaged`](StoreError::Damaged), with file and offset. Damage in the last group of an idle store cannot be
//!   told from an incomplete tail; [`Recovered::cut`] reports it.
//!
//! | cost of a record | |
//! |---|---|
//! | bytes | 16, and the payload |
//! | copies | one |
//! | system calls | 2 per commit, however many records it has |

mod error;
mod files;
mod folder;
mod names;
mod record;
mod recover;
mod thread;

use std::fmt;
use std::io::Write;
use std::path::PathBuf;

pub use self::error::{Operation, StoreError};
pub use self::files::{Files, LogFile};
pub use self::folder::Folder;
pub use self::recover::{Cut, Recovered};
pub use self::thread::{OwnedSnapshot, StoreEvent, StoreThread};

use self::record::{FRAME, HEAD};

/// How much space is reserved behind what is written, unless [`FileStore::with_reserve`] says otherwise.
const RESERVE: u64 = 256 * 1024;

/// Memory that a burst leaves behind is given back beyond this.
const KEPT_CAPACITY: usize = 64 * 1024;

/// A durable log; see the [module](self) for its rules. It is a plain value, which [`StoreThread`] moves to a thread of its own.
///
/// ```
/// use pure_mqtt_net::store::{FileStore, Snapshot};
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let folder = tempfile::tempdir()?; // a program has one that stays
///     let (mut store, recovered) = FileStore::open(folder.path())?;
///     assert!(recovered.snapshot.is_none()); // the first time
///     let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
///     store.replace(&Snapshot { bytes: b"state", sequence: 0, header: b"lamp-7", wall_clock: now })?;
///     store.append(b"one", 1)?;
///     store.append(b"two", 2)?;
///     assert_eq!(store.commit()?, 2); // all up to here are durable
///     drop(store);
///
///     let (_, recovered) = FileStore::open(folder.path())?;
///     assert_eq!(recovered.concatenated(), b"stateonetwo");
///     assert_eq!((&recovered.header[..], recovered.wall_clock), (&b"lamp-7"[..], now));
///     Ok(())
/// }
/// ```
pub struct FileStore<F: Files = Folder> {
    files: F,
    /// The one that is appended to. `None`: only a snapshot heals.
    log: Option<Log<F::File>>,
    /// The last generation that was made durable here, under its name; 0 for none.
    durable_generation: u64,
    /// The last generation that was tried.
    last_generation: u64,
    reserve: u64,
    is_space_low: bool,
    /// Up to here everything is stored.
    stored: u64,
}

struct Log<File> {
    file: File,
    path: PathBuf,
    generation: u64,
    /// Durable up to here.
    durable: u64,
    reserved: u64,
    /// Framed, and not written.
    pending: Vec<u8>,
    /// The sequence of the last one pending.
    sequence: u64,
}

/// The start of a new file. A snapshot covers everything that was appended before.
#[derive(Clone, Copy)]
pub struct Snapshot<'a> {
    /// The owner's state, in the owner's form.
    pub bytes: &'a [u8],
    /// The sequence that [`FileStore::stored`] returns once the snapshot is durable.
    pub sequence: u64,
    /// Other data that the owner needs after a restart, for example an identifier or a format version.
    pub header: &'a [u8],
    /// The wall clock, in seconds since 1970: the store reads no clock.
    pub wall_clock: u64,
}

impl FileStore {
    /// Opens the store in `folder`, creates the folder if it is missing, and returns the stored data.
    ///
    /// # Errors
    /// [`StoreError::InUse`], [`StoreError::Damaged`], [`StoreError::NewerFormat`], [`StoreError::Io`].
    pub fn open(folder: impl Into<PathBuf>) -> Result<(Self, Recovered), StoreError> {
        Self::over(Folder::open(folder)?)
    }
}

impl<F: Files> FileStore<F> {
    /// Like [`open`](FileStore::open), on another implementation of [`Files`].
    ///
    /// # Errors
    /// As there.
    pub fn over(files: F) -> Result<(Self, Recovered), StoreError> {
        let (recovered, generation) = recover::recover(&files)?;
        let store = Self {
            files,
            log: None,
            durable_generation: 0, // who renamed it may not have lived to make that durable
            last_generation: generation,
            reserve: RESERVE,
            is_space_low: false,
            stored: 0,
        };
        Ok((store, recovered))
    }

    /// Sets how many bytes are reserved at a time behind what is written. Default: 256 KiB.
    #[must_use]
    pub const fn with_reserve(mut self, bytes: u64) -> Self {
        self.reserve = bytes;
        self
    }

    /// Writes a snapshot to a new file, which replaces the old one. The snapshot is durable when this returns `Ok`.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::TooLarge`]. If [`is_writable`](Self::is_writable) is still true, the old file is still
    /// in use, and no appended record is lost.
    pub fn replace(&mut self, snapshot: &Snapshot<'_>) -> Result<(), StoreError> {
        self.remove_leftovers();
        let generation = self.last_generation.saturating_add(1); // a foreign file may have any number
        self.last_generation = generation;
        let (new, name) = (names::new_log(generation), names::log(generation));
        let written = self.write_new(&new, generation, snapshot);
        let log = written.inspect_err(|_| {
            let _ = self.files.remove(&new); // it may be what fills the disk
        })?;
        // From here on it is not known which of both files is found after a crash, until the folder is durable.
        self.log = None;
        let renamed = self.files.rename(&new, &name);
        renamed.map_err(|error| StoreError::io(Operation::Rename, self.files.path(&new), &error))?;
        self.files.sync().map_err(|error| StoreError::io(Operation::SyncFolder, self.files.path(""), &error))?;
        self.durable_generation = generation;
        self.stored = snapshot.sequence;
        self.log = Some(log);
        self.remove_leftovers();
        Ok(())
    }

    /// Writes a snapshot to a file of this name, and makes it durable.
    fn write_new(&mut self, new: &str, generation: u64, snapshot: &Snapshot<'_>) -> Result<Log<F::File>, StoreError> {
        let path = self.files.path(new);
        let failed = |operation| {
            let path = path.clone();
            move |error: std::io::Error| StoreError::io(operation, path, &error)
        };
        let beginning = beginning(generation, snapshot).ok_or(StoreError::TooLarge)?;
        let length = (beginning.len() + snapshot.bytes.len()) as u64;
        let mut file = self.files.create(new).map_err(failed(Operation::Create))?;
        let is_reserved = file.reserve(length + self.reserve).is_ok();
        file.write_all(&beginning).map_err(failed(Operation::Write))?;
        file.write_all(snapshot.bytes).map_err(failed(Operation::Write))?;
        file.sync().map_err(failed(Operation::Sync))?;
        self.is_space_low = !is_reserved;
        Ok(Log {
            file,
            path: self.files.path(&names::log(generation)),
            generation,
            durable: length,
            reserved: if is_reserved { length + self.reserve } else { length },
            pending: Vec::new(),
            sequence: snapshot.sequence,
        })
    }

    /// Adds a record to the next [`commit`](Self::commit). `sequence` is chosen by the owner, and ascends. An empty record is
    /// not stored; its sequence counts.
    ///
    /// # Errors
    /// [`StoreError::NeedsSnapshot`] after opening and after a failure; [`StoreError::TooLarge`], which is a failure.
    pub fn append(&mut self, bytes: &[u8], sequence: u64) -> Result<(), StoreError> {
        let log = self.log.as_mut().ok_or(StoreError::NeedsSnapshot)?;
        if !bytes.is_empty() {
            let since = log.pending.len() as u64;
            let Some(frame) = record::frame(log.generation, log.durable + since, since, bytes) else {
                self.log = None; // what follows would be stored without it
                return Err(StoreError::TooLarge);
            };
            log.pending.reserve(FRAME + bytes.len());
            log.pending.extend_from_slice(&frame);
            log.pending.extend_from_slice(bytes);
        }
        log.sequence = sequence;
        Ok(())
    }

    /// Writes all pending records with one `fsync`, and returns the sequence up to which everything is stored.
    ///
    /// # Errors
    /// [`StoreError::Io`]: the records since the last success are not stored. After that, [`StoreError::NeedsSnapshot`] until
    /// [`replace`](Self::replace) succeeds.
    pub fn commit(&mut self) -> Result<u64, StoreError> {
        let log = self.log.as_mut().ok_or(StoreError::NeedsSnapshot)?;
        if !log.pending.is_empty() {
            if let Err(error) = log.write() {
                self.log = None; // never tried again
                return Err(error);
            }
            self.is_space_low = !log.reserve_ahead(self.reserve);
        }
        self.stored = log.sequence;
        Ok(self.stored)
    }

    /// Returns the sequence up to which everything is stored.
    pub const fn stored(&self) -> u64 {
        self.stored
    }

    /// Returns false after opening and after a failure, until [`replace`](Self::replace) has succeeded.
    pub const fn is_writable(&self) -> bool {
        self.log.is_some()
    }

    /// Returns the length of the file in bytes, with pending records: use it to decide when to write a snapshot. 0 if the store
    /// is not writable.
    pub fn length(&self) -> u64 {
        self.log.as_ref().map_or(0, |log| log.durable + log.pending.len() as u64)
    }

    /// Returns how many bytes are pending until [`commit`](Self::commit).
    pub fn pending(&self) -> usize {
        self.log.as_ref().map_or(0, |log| log.pending.len())
    }

    /// Returns true if no more space could be reserved because the disk is nearly full. Space reserved before is still available.
    pub const fn is_space_low(&self) -> bool {
        self.is_space_low
    }

    /// Files that are not needed any more: those before the durable one, those after it that are not the present one, and those
    /// that were not finished.
    fn remove_leftovers(&mut self) {
        let current = self.log.as_ref().map_or(self.durable_generation, |log| log.generation);
        for name in self.files.names().unwrap_or_default() {
            let is_old = names::generation(&name).is_some_and(|generation| generation < current);
            let unfinished = names::unfinished(&name);
            self.last_generation = self.last_generation.max(unfinished.unwrap_or_default());
            if is_old || unfinished.is_some() {
                let _ = self.files.remove(&name); // if it stays, it does no harm
            }
        }
    }
}

/// Everything before the snapshot's bytes. `None` if a part is too long.
fn beginning(generation: u64, snapshot: &Snapshot<'_>) -> Option<Vec<u8>> {
    let mut bytes = record::head(generation, snapshot.wall_clock).to_vec();
    bytes.extend_from_slice(&record::frame(generation, HEAD as u64, 0, snapshot.header)?);
    bytes.extend_from_slice(snapshot.header);
    bytes.extend_from_slice(&record::frame(generation, bytes.len() as u64, 0, snapshot.bytes)?);
    Some(bytes)
}

impl<File: LogFile> Log<File> {
    fn write(&mut self) -> Result<(), StoreError> {
        let written = self.file.write_all(&self.pending);
        written.map_err(|error| StoreError::io(Operation::Write, self.path.clone(), &error))?;
        self.file.sync().map_err(|error| StoreError::io(Operation::Sync, self.path.clone(), &error))?;
        self.durable += self.pending.len() as u64;
        self.pending.clear();
        self.pending.shrink_to(KEPT_CAPACITY);
        Ok(())
    }

    /// Reserves more while there is still some. False if there is none to be had.
    fn reserve_ahead(&mut self, amount: u64) -> bool {
        if self.durable + amount / 2 <= self.reserved {
            return true;
        }
        let wanted = self.durable + amount;
        let is_there = self.file.reserve(wanted).is_ok();
        self.reserved = if is_there { wanted } else { self.reserved };
        is_there
    }
}

/// Hides the stored data.
impl<F: Files> fmt::Debug for FileStore<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStore")
            .field("folder", &self.files.path(""))
            .field("is_writable", &self.is_writable())
            .field("length", &self.length())
            .field("stored", &self.stored)
            .finish_non_exhaustive()
    }
}

/// Hides the data.
impl fmt::Debug for Snapshot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("length", &self.bytes.len())
            .field("sequence", &self.sequence)
            .finish_non_exhaustive()
    }
}
