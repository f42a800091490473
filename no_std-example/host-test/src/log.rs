//! What the firmware logs through defmt: frames in a file, the texts in the firmware's own file.

use std::fs;
use std::path::{Path, PathBuf};

use defmt_decoder::{DecodeError, Table};

/// The log of one run. The file goes with it.
pub struct Log {
    table: Table,
    file: PathBuf,
}

impl Log {
    /// An empty log of this firmware.
    ///
    /// # Panics
    /// If the firmware doesn't log through defmt.
    pub fn of(firmware: &Path) -> Self {
        let elf = fs::read(firmware).expect("the firmware is there");
        let table = Table::parse(&elf).expect("the firmware's tables are of this version");
        let name = firmware.file_name().expect("a file has a name").to_string_lossy();
        let file = std::env::temp_dir().join(format!("pure-mqtt-{name}-{}.defmt", std::process::id()));
        Self { table: table.expect("the firmware logs through defmt"), file }
    }

    /// Where the frames go.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// All lines: the time in milliseconds, the level, the text.
    ///
    /// # Panics
    /// If something in the file is no frame.
    pub fn decode(&self) -> Vec<String> {
        let mut decoder = self.table.new_stream_decoder();
        decoder.received(&fs::read(&self.file).expect("the log is there"));
        let mut lines = Vec::new();
        loop {
            match decoder.decode() {
                Ok(frame) => lines.push(frame.display(false).to_string()),
                Err(DecodeError::UnexpectedEof) => return lines,
                Err(DecodeError::Malformed) => panic!("a frame of the log is broken, after {lines:?}"),
            }
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.file);
    }
}
