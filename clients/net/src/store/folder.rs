//! A folder of the file system.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use fs4::{FileExt, TryLockError};

use crate::store::StoreError;
use crate::store::error::Operation;
use crate::store::files::{Files, LogFile};

const LOCK: &str = "lock";

/// A folder of the file system, locked for one store while this value exists.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Holds the lock.
    _lock: File,
}

impl Folder {
    /// Creates the folder if it is missing, and locks it. On Unix only the owner has access.
    ///
    /// # Errors
    /// [`StoreError::InUse`] if another store has it, in this process or in another one; [`StoreError::Io`].
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let path = path.into();
        make_folders(&path).map_err(|error| StoreError::io(Operation::MakeFolder, path.clone(), &error))?;
        let lock_path = path.join(LOCK);
        let lock = options().truncate(false).open(&lock_path);
        let lock = lock.map_err(|error| StoreError::io(Operation::Lock, lock_path.clone(), &error))?;
        match FileExt::try_lock(&lock) {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse { folder: path }),
            Err(TryLockError::Error(error)) => Err(StoreError::io(Operation::Lock, lock_path, &error)),
        }
    }
}

#[cfg(unix)]
fn make_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().mode(0o700).create(path)
}

#[cfg(not(unix))]
fn make_folder(path: &Path) -> io::Result<()> {
    fs::create_dir(path)
}

/// Makes what is missing of this path, durably.
fn make_folders(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent {
        make_folders(parent)?;
    }
    match make_folder(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => {} // another process was faster
        result => result?,
    }
    sync_folder(parent.unwrap_or(Path::new(".")))
}

/// Makes durable which files a folder has. Elsewhere than on Unix a folder is no file that could be opened.
fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

/// What is stored may be secret.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

impl Files for Folder {
    type File = File;

    fn names(&self) -> io::Result<Vec<String>> {
        let entries: io::Result<Vec<_>> = fs::read_dir(&self.path)?.collect();
        Ok(entries?.into_iter().filter_map(|entry| entry.file_name().into_string().ok()).collect())
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        fs::read(self.path.join(name))
    }

    fn create(&mut self, name: &str) -> io::Result<File> {
        options().create_new(true).open(self.path.join(name))
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    fn sync(&mut self) -> io::Result<()> {
        sync_folder(&self.path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

impl LogFile for File {
    fn reserve(&mut self, length: u64) -> io::Result<()> {
        match FileExt::allocate(self, length) {
            Err(error) if error.kind() == ErrorKind::Unsupported => Ok(()), // then only writing tells
            result => result,
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        self.flush()?;
        self.sync_data() // with the length, as far as it is needed to read the data
    }
}
