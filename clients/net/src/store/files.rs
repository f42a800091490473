//! The file system operations of a store.

use std::io;
use std::path::PathBuf;

/// A folder of files. [`Folder`](crate::store::Folder) implements it for the file system; tests implement one that loses power.
pub trait Files {
    /// A file that is being written.
    type File: LogFile;

    /// Returns the names of the files that are there.
    ///
    /// # Errors
    /// The system's.
    fn names(&self) -> io::Result<Vec<String>>;

    /// Reads a whole file.
    ///
    /// # Errors
    /// The system's.
    fn read(&self, name: &str) -> io::Result<Vec<u8>>;

    /// Creates a file, which must not exist yet.
    ///
    /// # Errors
    /// The system's.
    fn create(&mut self, name: &str) -> io::Result<Self::File>;

    /// Renames a file, and replaces a file of the new name.
    ///
    /// # Errors
    /// The system's.
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// The system's.
    fn remove(&mut self, name: &str) -> io::Result<()>;

    /// Syncs the folder: makes names durable.
    ///
    /// # Errors
    /// The system's.
    fn sync(&mut self) -> io::Result<()>;

    /// Returns the path of a file, for errors.
    fn path(&self, name: &str) -> PathBuf;
}

/// A file that is written from its beginning to its end.
pub trait LogFile: io::Write {
    /// Reserves space up to this length in bytes, if the file system supports it. May extend the file with zeros.
    ///
    /// # Errors
    /// The system's.
    fn reserve(&mut self, length: u64) -> io::Result<()>;

    /// Syncs the file: makes written data durable.
    ///
    /// # Errors
    /// The system's. Data written since the last success then counts as lost, even if a later call succeeds.
    fn sync(&mut self) -> io::Result<()>;
}
