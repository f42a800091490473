//! What can be wrong with a store.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a store can't be opened, or can't take something.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreError {
    /// Another store has the folder, in this process or in another one.
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// The system refused.
    Io {
        /// What was to be done.
        operation: Operation,
        /// With which file.
        path: PathBuf,
        /// The kind of the system's error.
        kind: io::ErrorKind,
        /// The system's words.
        why: String,
    },
    /// A file holds something else than was written, at a place that was durable.
    Damaged {
        /// The file.
        path: PathBuf,
        /// The offset of the record that isn't whole, in bytes.
        offset: u64,
    },
    /// A file was written by a later version of this crate.
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: u32,
    },
    /// Nothing can be appended before a snapshot was written: the store was just opened, or writing has failed.
    NeedsSnapshot,
    /// A record, or all that waits for a commit, is longer than 4 GiB.
    TooLarge,
}

/// What was to be done when the system refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Make the folder.
    MakeFolder,
    /// Lock the folder.
    Lock,
    /// List the files, or read one.
    Read,
    /// Make a file.
    Create,
    /// Write.
    Write,
    /// Make what was written durable.
    Sync,
    /// Give a file its final name.
    Rename,
    /// Make the names durable.
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
                "{} is in use by another store: end the other process, or use a folder for each",
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
                "{} is damaged at byte {offset}: restore it from a copy, or move it away and begin anew",
                path.display()
            ),
            Self::NewerFormat { path, format } => write!(
                f,
                "{} is of format {format}, which a later version of this program wrote: use that version",
                path.display()
            ),
            Self::NeedsSnapshot => f.write_str("the store takes no record before a snapshot is written to it"),
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
