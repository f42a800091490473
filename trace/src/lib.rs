#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic))]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

mod answer;
mod check;
#[doc = include_str!("format.md")]
pub mod format {}
mod limits;
mod record;
mod redact;
#[cfg(feature = "alloc")]
mod replay;
mod tag;

pub use answer::Answer;
pub use record::{RecordedTransmit, Recorder, TraceSink};
pub use redact::Redact;
#[cfg(feature = "alloc")]
pub use replay::{Call, Difference, Entry, Progress, ReplayError, Trace, TraceError, TraceFault};
