//! What came out, for people, programs and the README.

mod plot;
mod table;

use std::path::Path;

use crate::measure::Result;

/// Prints the tables, and writes `speed.json` and `speed.svg` into `folder`.
///
/// # Errors
/// A sentence that names the file which could not be written.
pub fn report(results: &[Result], folder: &Path) -> std::result::Result<(), String> {
    println!("{}", table::speed(results));
    println!("{}", table::allocations(results));
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let json = serde_json::to_string_pretty(results).map_err(|error| error.to_string())?;
    let path = folder.join("speed.json");
    std::fs::write(&path, json + "\n").map_err(|error| format!("{}: {error}", path.display()))?;
    let path = folder.join("speed.svg");
    plot::draw(results, &path).map_err(|error| format!("{}: {error}", path.display()))?;
    println!("Written: speed.json and speed.svg in {}.", folder.display());
    Ok(())
}
