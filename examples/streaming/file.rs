//! The files that the payload is read from and written to.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use crc32fast::Hasher;

/// A file of random bytes. It goes with the program.
pub struct Source {
    file: TempFile,
    length: u32,
    sum: u32,
    sent: u64,
}

impl Source {
    pub fn of(length: u32) -> io::Result<Self> {
        let mut file = TempFile::new("source")?;
        let mut bytes = vec![0; length as usize];
        fastrand::fill(&mut bytes);
        file.file.write_all(&bytes)?;
        Ok(Self { file, length, sum: crc32fast::hash(&bytes), sent: 0 })
    }

    /// The bytes at this place, whether they were asked for before or not.
    pub fn read(&mut self, offset: u32, room: &mut [u8]) -> io::Result<()> {
        self.file.file.seek(SeekFrom::Start(offset.into()))?;
        self.file.file.read_exact(room)?;
        self.sent += room.len() as u64;
        Ok(())
    }

    pub fn length(&self) -> u32 {
        self.length
    }

    /// How many bytes were sent, those that were sent again included.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    pub fn sum(&self) -> u32 {
        self.sum
    }
}

/// The file that the message is written to. It goes with the program.
pub struct Target {
    file: TempFile,
    sum: Hasher,
    length: u64,
}

impl Target {
    pub fn new() -> io::Result<Self> {
        Ok(Self { file: TempFile::new("target")?, sum: Hasher::new(), length: 0 })
    }

    /// The next piece; at 0 the message begins, perhaps once more.
    pub fn write(&mut self, offset: u32, piece: &[u8]) -> io::Result<()> {
        if offset == 0 {
            self.sum = Hasher::new();
            self.length = 0;
            self.file.file.seek(SeekFrom::Start(0))?;
        }
        self.sum.update(piece);
        self.length += piece.len() as u64;
        self.file.file.write_all(piece)
    }

    pub fn length(&self) -> u64 {
        self.length
    }

    pub fn sum(&self) -> u32 {
        self.sum.clone().finalize()
    }
}

struct TempFile {
    file: File,
    path: PathBuf,
}

impl TempFile {
    fn new(name: &str) -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("pure-mqtt-{name}-{}", std::process::id()));
        let file = File::options().read(true).write(true).create(true).truncate(true).open(&path)?;
        Ok(Self { file, path })
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}
