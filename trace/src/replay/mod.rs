//! Reads traces, and replays their calls.

mod call;
mod error;
mod known;
mod reader;
mod run;

pub use self::call::{Call, Entry};
pub use self::error::{Difference, ReplayError, TraceError, TraceFault};

use self::call::TraceHeader;
use self::reader::Reader;
use crate::redact::Redact;
use pure_mqtt::storage::Lengths;
use pure_mqtt::{Connection, ConnectionError, Instant, Limits, State, Storage, Timer, Version};

/// A trace, of which the beginning was read.
///
/// Iterate over its records with [`entries`](Self::entries), or replay it with [`replay`](Self::replay). The [page of
/// the crate](crate) has an example.
#[derive(Clone, Debug)]
pub struct Trace<'t> {
    beginning: TraceHeader<'t>,
    rest: Reader<'t>,
}

impl<'t> Trace<'t> {
    /// Reads the beginning of a trace.
    ///
    /// # Errors
    /// [`TraceError`]: the bytes are not a trace, or one in a format that this version of the crate does not read.
    pub fn read(bytes: &'t [u8]) -> Result<Self, TraceError> {
        let mut rest = Reader::new(bytes);
        let beginning = rest.beginning()?;
        Ok(Self { beginning, rest })
    }

    /// Returns the version of `pure-mqtt` and of this crate that made the trace. Another version may legitimately
    /// return and send something else.
    pub const fn engine(&self) -> &'t str {
        self.beginning.engine
    }

    /// Returns what was kept out of the trace.
    pub const fn redact(&self) -> Redact {
        self.beginning.redact
    }

    /// Returns the initial settings of the connection.
    pub const fn limits(&self) -> Limits {
        self.beginning.limits
    }

    const fn lengths(&self) -> Option<Lengths> {
        self.beginning.lengths
    }

    /// Iterates over the records. After an error there are no more.
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

/// The state of the connection after a call of a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// The state of the link.
    pub state: State,
    /// The version of the link.
    pub version: Version,
    /// The number of unfinished commands.
    pub pending: usize,
    /// Whether nothing is unfinished.
    pub is_idle: bool,
    /// Why the link has ended, as [`Connection::close_reason`](pure_mqtt::Connection::close_reason) has it.
    pub close_reason: ConnectionError,
    /// The next deadline and its timer.
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
