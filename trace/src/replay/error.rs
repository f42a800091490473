//! Errors of traces and replays.

use alloc::boxed::Box;
use core::fmt;

use crate::answer::Answer;

/// Why a trace cannot be read any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TraceError {
    /// The offset of the record that cannot be read, in bytes.
    pub offset: usize,
    /// What is wrong with the record.
    pub fault: TraceFault,
}

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum TraceFault {
    /// The bytes are not the beginning of a trace.
    NotATrace,
    /// The trace has a format that this version of the crate does not read.
    Format(u8),
    /// The record has an unknown kind.
    UnknownRecord(u8),
    /// The trace ends inside the record, as in a recording that was cut off.
    Truncated,
    /// The check value does not match the bytes.
    Check,
    /// A value is out of range.
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
    /// The trace cannot be read any further.
    Trace(TraceError),
    /// A call returned something else than in the recording.
    Answer(Box<Difference>),
    /// The output differs from the recording.
    Output {
        /// The offset of the record in the trace, in bytes.
        offset: usize,
        /// The first byte that differs, counted from the start of this record's output.
        position: usize,
    },
}

/// A call that returns something else than in the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The offset of its record in the trace, in bytes.
    pub offset: usize,
    /// The recorded answer.
    pub recorded: Answer,
    /// The answer in the replay.
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
