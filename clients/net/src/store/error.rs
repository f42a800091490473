//! What can be wrong with a store.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a store cannot be opened, or cannot store something.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreError {
    /// The folder is in use by another store, in this process or in another one.
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// The system returned an error.
    Io {
        /// The operation that failed.
        operation: Operation,
        /// Its file or folder.
        path: PathBuf,
        /// The kind of the system's error.
        kind: io::ErrorKind,
        /// The system's message.
        why: String,
    },
    /// A file was changed at a place that was durable.
    Damaged {
        /// The file.
        path: PathBuf,
        /// The offset of the first invalid record, in bytes.
        offset: u64,
    },
    /// A file was written by a later version of this crate.
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: u32,
    },
    /// A snapshot must be written first: the store was just opened, or writing has failed.
    NeedsSnapshot,
    /// A record, or all pending records together, are longer than 4 GiB.
    TooLarge,
}

/// An operation of the file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Create the folder.
    MakeFolder,
    /// Lock the folder.
    Lock,
    /// List the files, or read one.
    Read,
    /// Create a file.
    Create,
    /// Write.
    Write,
    /// Sync a file.
    Sync,
    /// Give a file its final name.
    Rename,
    /// Sync the folder.
    SyncFolder,
    /// Start the thread of a [`StoreThread`](crate::store::StoreThread).
    StartThread,
}

impl StoreError {
    pub(super) fn io(operation: Operation, path: PathBuf, error: &io::Error) -> Self {
        Self::Io { operation, path, kind: error.kind(), why: error.to_string() }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse { folder } => write!(
                f,
                "{} is in use by another store: stop the other process, or use another folder",
                folder.display()
            ),
            Self::Io { path, kind: io::ErrorKind::StorageFull, .. } => {
                write!(f, "there is no space left for {}: free some, and write a snapshot", path.display())
            }
            Self::Io { operation, path, why, .. } => {
                write!(f, "{} cannot be {}: {why}", path.display(), operation.done())
            }
            Self::Damaged { path, offset } => write!(
                f,
                "{} is damaged at byte {offset}: restore it from a backup, or move it away to start with an empty store",
                path.display()
            ),
            Self::NewerFormat { path, format } => write!(
                f,
                "{} is of format {format}, which a later version of this program wrote: use that version",
                path.display()
            ),
            Self::NeedsSnapshot => f.write_str("a snapshot must be written to the store before any record"),
            Self::TooLarge => f.write_str("records longer than 4 GiB in all cannot be stored at once"),
        }
    }
}

impl std::error::Error for StoreError {}

impl Operation {
    const fn done(self) -> &'static str {
        match self {
            Self::MakeFolder | Self::Create => "made",
            Self::Lock => "locked",
            Self::Read => "read",
            Self::Write => "written",
            Self::Sync | Self::SyncFolder => "made durable",
            Self::Rename => "renamed",
            Self::StartThread => "given a thread",
        }
    }
}
