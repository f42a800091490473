//! How bytes look in debug output.

use core::fmt;

/// Bytes as text, if they are a short one; else how many there are.
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

/// Longer texts would hide what stands around them.
const LONGEST: usize = 64;

impl fmt::Debug for Bytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match core::str::from_utf8(self.0) {
            Ok(text) if text.len() <= LONGEST => fmt::Debug::fmt(text, f),
            _ => write!(f, "{} bytes", self.0.len()),
        }
    }
}

/// What nobody should read in a log.
pub(crate) struct Secret;

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
