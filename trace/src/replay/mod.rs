//! Reading traces, and making their calls again.

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

/// A trace whose beginning was read.
///
/// It can be looked at record by record ([`entries`](Self::entries)), and it can be replayed ([`replay`](Self::replay)). The [page of the crate](crate) has an
/// example.
#[derive(Clone, Debug)]
pub struct Trace<'t> {
    beginning: TraceHeader<'t>,
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

    /// The version of `pure-mqtt` and of this crate that made the trace. Another one may rightly answer and send differently.
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

    const fn lengths(&self) -> Option<Lengths> {
        self.beginning.lengths
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
    /// Why the link is over, as [`Connection::close_reason`](pure_mqtt::Connection::close_reason) has it.
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
