//! How `Debug` shows bytes.

use core::fmt;

/// Shows bytes as text if they are a short one, otherwise their number.
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

/// The longest text that is shown. Longer ones would hide the fields around them.
const LONGEST: usize = 64;

impl fmt::Debug for Bytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match core::str::from_utf8(self.0) {
            Ok(text) if text.len() <= LONGEST => fmt::Debug::fmt(text, f),
            _ => write!(f, "{} bytes", self.0.len()),
        }
    }
}

/// Shows `***` in place of a secret.
pub(crate) struct Secret;

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
