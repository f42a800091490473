//! Errors of traces and replays.

use alloc::boxed::Box;
use core::fmt;

use crate::answer::Answer;

/// The trace can't be read from this offset on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TraceError {
    /// The offset of the record that can't be read, in bytes from the start of the trace.
    pub offset: usize,
    /// What is wrong with the record.
    pub fault: TraceFault,
}

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum TraceFault {
    /// The bytes are not a trace.
    NotATrace,
    /// The format is not the one that this version of the crate reads.
    Format(u8),
    /// A record of an unknown kind.
    UnknownRecord(u8),
    /// The trace ends inside the record: the recording was cut off.
    Truncated,
    /// The check value does not match: the record is damaged.
    Check,
    /// A value is outside its range.
    Value,
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offset = self.offset;
        match self.fault {
            TraceFault::NotATrace => f.write_str("this is not a trace"),
            TraceFault::Format(format) => write!(f, "the trace has the unknown format {format}"),
            TraceFault::UnknownRecord(tag) => write!(f, "the record at byte {offset} has the unknown kind 0x{tag:02X}"),
            TraceFault::Truncated => write!(f, "the trace ends inside the record at byte {offset}"),
            TraceFault::Check => write!(f, "the record at byte {offset} is damaged"),
            TraceFault::Value => write!(f, "the record at byte {offset} holds a value out of range"),
        }
    }
}

impl core::error::Error for TraceError {}

/// Why a replay stopped before the end of the trace.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplayError {
    /// The trace can't be read further.
    Trace(TraceError),
    /// A call returned another result than in the recording.
    Answer(Box<Difference>),
    /// The output differs from the recording.
    Output {
        /// The offset of the record.
        offset: usize,
        /// The position of the first byte that differs, from the start of this record's output.
        position: usize,
    },
}

/// A call that returned another result than in the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The offset of its record.
    pub offset: usize,
    /// The recorded result.
    pub recorded: Answer,
    /// The result of the replay.
    pub replayed: Answer,
}

impl From<TraceError> for ReplayError {
    fn from(error: TraceError) -> Self {
        Self::Trace(error)
    }
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trace(error) => error.fmt(f),
            Self::Answer(difference) => {
                let Difference { offset, recorded, replayed } = **difference;
                write!(f, "the call at byte {offset} returned {recorded} and returns {replayed} in the replay")
            }
            Self::Output { offset, position } => {
                write!(f, "the output at byte {offset} differs in the replay, from its byte {position} on")
            }
        }
    }
}

impl core::error::Error for ReplayError {}
