//! What a store needs of a file system.

use std::io;
use std::path::PathBuf;

/// A folder of files. Implemented for the file system by [`Folder`](crate::store::Folder); tests have one that loses power.
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

    /// Makes a file, which must not be there yet.
    ///
    /// # Errors
    /// The system's.
    fn create(&mut self, name: &str) -> io::Result<Self::File>;

    /// Gives a file another name, in the place of a file that had it.
    ///
    /// # Errors
    /// The system's.
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// The system's.
    fn remove(&mut self, name: &str) -> io::Result<()>;

    /// Makes durable which files there are under which names.
    ///
    /// # Errors
    /// The system's.
    fn sync(&mut self) -> io::Result<()>;

    /// Returns where a file is, for errors.
    fn path(&self, name: &str) -> PathBuf;
}

/// A file that is written from its beginning to its end.
pub trait LogFile: io::Write {
    /// Makes sure that there is space up to this length, as far as the file system can. May extend the file by zeros.
    ///
    /// # Errors
    /// The system's.
    fn reserve(&mut self, length: u64) -> io::Result<()>;

    /// Makes durable what was written.
    ///
    /// # Errors
    /// The system's. Then what was written since the last success counts as lost, whatever a later call says.
    fn sync(&mut self) -> io::Result<()>;
}
