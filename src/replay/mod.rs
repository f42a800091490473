//! Reading a trace of [`Recorder`](crate::record::Recorder), and making its calls again.
//!
//! A [`Trace`] can be looked at record by record ([`entries`](Trace::entries)), and it can be replayed: a connection of the same kind gets the same calls,
//! and must return the same and send the same bytes. What a user saw once can so be seen again, in a debugger for instance, and a change of the engine
//! can be tried on conversations of the past. The example `replay` shows a trace as a readable conversation.
//!
//! ```
//! use pure_mqtt::record::Recorder;
//! use pure_mqtt::replay::{Call, Trace};
//! use pure_mqtt::{Connect, Heap, Instant, Limits, Version};
//!
//! let now = Instant::from_millis(0);
//! let mut mqtt = Recorder::new(Heap::new(), Limits::DEFAULT, Vec::new());
//! mqtt.open(now, &Connect::new(Version::V311, "sensor-1"))?;
//! let length = mqtt.transmit(now).remaining();
//! mqtt.transmit(now).advance(length);
//! let _ = mqtt.handle_input(now.after_millis(7), b"\x20\x02\x00\x00");
//! assert!(mqtt.is_connected());
//! let (_, bytes) = mqtt.into_parts();
//!
//! let trace = Trace::read(&bytes)?;
//! let mut inputs = 0;
//! trace.replay(|entry, progress| {
//!     if let Call::Input { .. } = entry.call {
//!         assert_eq!(entry.at.as_millis(), 7);
//!         assert_eq!(progress.state, pure_mqtt::State::Connected);
//!         inputs += 1;
//!     }
//! })?;
//! assert_eq!(inputs, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod call;
mod error;
mod limits;
mod reader;
mod run;

pub use self::call::{Call, Entry};
pub use self::error::{Difference, ReplayError, TraceError, TraceFault};

use self::call::Beginning;
use self::reader::Reader;
use crate::connection::{Connection, State, Timer};
use crate::error::ConnectionError;
use crate::limits::Limits;
use crate::record::Redact;
use crate::storage::Storage;
use crate::time::Instant;
use crate::types::Version;

/// A trace whose beginning was read.
#[derive(Clone, Debug)]
pub struct Trace<'t> {
    beginning: Beginning<'t>,
    rest: Reader<'t>,
}

impl<'t> Trace<'t> {
    /// Reads the beginning of a trace.
    ///
    /// # Errors
    /// [`TraceError`]: it is none, or not one that this version of the crate reads.
    pub fn read(bytes: &'t [u8]) -> Result<Self, TraceError> {
        let mut rest = Reader::new(bytes);
        let beginning = rest.beginning()?;
        Ok(Self { beginning, rest })
    }

    /// The version of this crate that wrote the trace. Another one may rightly answer and send differently.
    pub const fn engine(&self) -> &'t str {
        self.beginning.engine
    }

    /// What was kept out of the trace.
    pub const fn redact(&self) -> Redact {
        self.beginning.redact
    }

    /// The settings that the connection began with.
    pub const fn limits(&self) -> Limits {
        self.beginning.limits
    }

    const fn shape(&self) -> Option<[usize; 8]> {
        self.beginning.shape
    }

    /// The records one by one. After an error there are no more.
    pub fn entries(&self) -> impl Iterator<Item = Result<Entry<'t>, TraceError>> + use<'t> {
        let mut rest = Some(self.rest.clone());
        let mut now = Instant::from_millis(0);
        core::iter::from_fn(move || {
            let reader = rest.as_mut().filter(|reader| !reader.is_at_end())?;
            let entry = reader.entry(now);
            match &entry {
                Ok(entry) => now = entry.at,
                Err(_) => rest = None,
            }
            Some(entry)
        })
    }
}

/// How a connection stands after a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Where the link stands.
    pub state: State,
    /// The version that it speaks.
    pub version: Version,
    /// Commands that are not finished.
    pub pending: usize,
    /// Nothing is unfinished.
    pub is_idle: bool,
    /// Why the link is over, as [`Connection::close_reason`](crate::Connection::close_reason) has it.
    pub close_reason: ConnectionError,
    /// Why and when the connection wants to be woken.
    pub timer: Option<(Timer, Instant)>,
}

impl Progress {
    fn of<S: Storage>(connection: &Connection<S>) -> Self {
        Self {
            state: connection.state(),
            version: connection.version(),
            pending: connection.pending(),
            is_idle: connection.is_idle(),
            close_reason: connection.close_reason(),
            timer: connection.next_timer(),
        }
    }
}
