//! Files and folders, with errors that name them.

use std::path::Path;

use crate::Result;

/// What a file holds.
pub fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| failed(path, &error))
}

/// Writes a file, in place of what it held.
pub fn write(path: &Path, text: &str) -> Result {
    std::fs::write(path, text).map_err(|error| failed(path, &error))
}

/// Makes a folder, and those above it.
pub fn create(folder: &Path) -> Result {
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, &error))
}

fn failed(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}.", path.display())
}
