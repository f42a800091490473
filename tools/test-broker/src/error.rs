//! The error of a wait that timed out.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// The condition of [`Broker::wait_for`](crate::Broker::wait_for) did not become true in time. The message contains the last lines of the broker's log.
///
/// ```
/// use std::time::Duration;
///
/// use pure_mqtt_test_broker::Broker;
///
/// fn main() -> std::io::Result<()> {
///     let broker = Broker::start()?;
///     let error = broker.wait_for(Duration::from_millis(5), |seen| seen.is_connected("meter")).unwrap_err();
///     assert!(error.to_string().contains("nothing has happened"));
///     Ok(())
/// }
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TimedOut {
    pub(crate) bound: Duration,
    pub(crate) last: Vec<String>,
}

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the condition did not become true within {:?}", self.bound)?;
        if self.last.is_empty() {
            return f.write_str("; nothing has happened at the broker");
        }
        f.write_str("; the last lines of the broker's log:")?;
        self.last.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

impl Error for TimedOut {}
