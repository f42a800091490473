//! The limit of open files, and so of sockets.

use std::io::{Error, Result};

use rustix::process::{Resource, getrlimit, setrlimit};

/// Makes sure that `count` files may be open at a time, and raises the soft limit if need be.
///
/// # Errors
/// The hard limit is lower; the sentence says what to do.
pub fn allow(count: u64) -> Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= count) {
        return Ok(());
    }
    if let Some(maximum) = limit.maximum.filter(|maximum| *maximum < count) {
        return Err(Error::other(format!(
            "this takes {count} open files, and only {maximum} are allowed: raise the limit (`ulimit -n {count}`), or take fewer connections"
        )));
    }
    limit.current = Some(count);
    Ok(setrlimit(Resource::Nofile, limit)?)
}
