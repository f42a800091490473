//! The names of files in a store's folder.

/// A log under its final name.
pub(super) fn log(generation: u64) -> String {
    format!("log-{generation:016x}")
}

/// A log that is being made.
pub(super) fn new_log(generation: u64) -> String {
    format!("log-{generation:016x}.new")
}

/// The generation of a log under its final name.
pub(super) fn generation(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("log-").filter(|digits| digits.len() == 16)?;
    u64::from_str_radix(digits, 16).ok().filter(|generation| log(*generation) == name)
}

/// The generation of a log that never got its final name.
pub(super) fn unfinished(name: &str) -> Option<u64> {
    generation(name.strip_suffix(".new")?)
}
