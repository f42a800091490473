//! What can go wrong with a journal in flash, and what to do.

use core::fmt;

use pure_mqtt::journal::RecoverError;

/// Why [`Mqtt::keep`](crate::Mqtt::keep) ended, or a [`FlashJournal`](crate::FlashJournal) could not be created. The client sends nothing that depends on records
/// which are not in flash.
///
/// ```
/// use pure_mqtt_embassy::JournalError;
///
/// /// Whether erasing the region helps. The session in it is lost.
/// fn needs_erasing<E>(error: &JournalError<E>) -> bool {
///     matches!(error, JournalError::Foreign | JournalError::Damaged { .. } | JournalError::OtherForm)
/// }
///
/// fn main() {
///     assert!(needs_erasing(&JournalError::<()>::Foreign));
///     assert!(!needs_erasing(&JournalError::<()>::AlreadyKept));
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum JournalError<E> {
    /// The flash driver failed to read, write or erase. Call [`keep`](crate::Mqtt::keep) again: it begins a new log in another place.
    Flash(E),
    /// The region contains something other than a journal; it was not changed. If it is the right region, [`erase`](crate::FlashJournal::erase) it.
    Foreign,
    /// The contents at this address are damaged. The session is lost: [`erase`](crate::FlashJournal::erase) the region.
    Damaged {
        /// The offset from the start of the flash.
        address: u32,
    },
    /// A later version of this crate wrote the log, in another format. Use that version, or [`erase`](crate::FlashJournal::erase) the region.
    OtherForm,
    /// A message in the log is encoded for a version of MQTT that is not compiled in. Enable the feature `v3` or `v5` that the previous firmware had, or
    /// [`erase`](crate::FlashJournal::erase) the region.
    Version,
    /// The session in the log does not fit the client's storage, which was larger when the log was written. Use the former size, or
    /// [`erase`](crate::FlashJournal::erase) the region.
    StorageTooSmall,
    /// The log is longer than the buffer: `LOG` was larger when the log was written. Use the former size, or [`erase`](crate::FlashJournal::erase) the region.
    LogTooLong,
    /// The buffer is too small for the client's storage.
    BufferTooSmall {
        /// The minimum `LOG`, in bytes.
        needed: usize,
    },
    /// The region is shorter than [`FlashJournal::REGION`](crate::FlashJournal::REGION).
    RegionTooSmall {
        /// The minimum length of the region, in bytes.
        needed: u32,
    },
    /// The region does not begin and end at a page of the flash, or lies outside of it.
    NotPages,
    /// Another `keep` is running for this client.
    AlreadyKept,
}

impl<E> JournalError<E> {
    /// What the engine says of a log that was read from this address on.
    pub(crate) const fn of_log(error: RecoverError, address: u32) -> Self {
        match error {
            RecoverError::NoJournal => Self::OtherForm,
            RecoverError::TooSmall { .. } => Self::StorageTooSmall,
            RecoverError::Version => Self::Version,
            _ => Self::Damaged { address },
        }
    }
}

impl<E: fmt::Debug> fmt::Display for JournalError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flash(error) => write!(f, "the flash failed: {error:?}"),
            Self::Foreign => f.write_str("the region holds something else than a journal: choose another, or erase it"),
            Self::Damaged { address } => {
                write!(f, "the journal is damaged at address {address:#x}: erase its region, the session is lost")
            }
            Self::OtherForm => f.write_str("the journal has a form that this version doesn't know: erase its region"),
            Self::Version => f.write_str("a message in the journal is of a version of MQTT that is not compiled in"),
            Self::StorageTooSmall => f.write_str("the session in the journal is larger than the client's storage"),
            Self::LogTooLong => {
                f.write_str("the journal is longer than LOG: it was larger when the journal was written")
            }
            Self::BufferTooSmall { needed } => write!(f, "LOG must be at least {needed} for this client"),
            Self::RegionTooSmall { needed } => write!(f, "the journal's region must have at least {needed} bytes"),
            Self::NotPages => f.write_str("the journal's region must be whole pages of the flash"),
            Self::AlreadyKept => f.write_str("this client's journal is being kept already"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for JournalError<E> {}
