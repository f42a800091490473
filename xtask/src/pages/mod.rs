//! `pages`: every block of every page is what it claims to be when it is copied out of the page.

mod rust;
pub mod source;

use crate::Result;
use crate::shell::Shell;

/// Checks all blocks, those that need no compiler first.
pub fn check(shell: &Shell) -> Result {
    rust::check(shell)
}
