//! The log: what survives a loss of power.

mod log;
mod record;
mod recover;

pub(crate) use self::log::{Health, Log};
pub(crate) use self::record::Record;
pub use self::recover::RecoverError;
pub(crate) use self::recover::{History, read};
