//! Queries and waits of a test.

use std::time::{Duration, Instant};

use crate::broker::Broker;
use crate::error::TimedOut;
use crate::sans_io::Received;
use crate::seen::Seen;

/// The number of lines of the log in the error of a wait.
const LAST_LINES: usize = 20;

impl Broker {
    /// Calls `look` with the current state of the broker, which stands still meanwhile.
    ///
    /// ```
    /// use pure_mqtt_test_broker::{Broker, Packet};
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     assert_eq!(broker.see(|seen| (seen.accepted(), seen.count(Packet::Connect))), (0, 0));
    ///     Ok(())
    /// }
    /// ```
    pub fn see<R>(&self, look: impl FnOnce(&Seen<'_>) -> R) -> R {
        look(&Seen { core: &self.shared.lock().core })
    }

    /// Waits until the condition holds, up to `bound`. The condition is checked whenever something has happened.
    ///
    /// # Errors
    ///
    /// [`TimedOut`] after `bound`; it contains the end of the log.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use pure_mqtt_test_broker::{Broker, Message, TimedOut};
    ///
    /// fn main() -> Result<(), TimedOut> {
    ///     let broker = Broker::start().expect("this machine has a free port");
    ///     broker.publish(&Message::new("plant/state", "up").retain());
    ///     broker.wait_for(Duration::from_secs(5), |seen| seen.retained("plant/state") == Some(b"up"))
    /// }
    /// ```
    pub fn wait_for(&self, bound: Duration, mut condition: impl FnMut(&Seen<'_>) -> bool) -> Result<(), TimedOut> {
        let end = Instant::now().checked_add(bound);
        let mut inside = self.shared.lock();
        loop {
            let seen = Seen { core: &inside.core };
            if condition(&seen) {
                return Ok(());
            }
            let left = end.map_or(bound, |end| end.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                let log = seen.log();
                let last = log.get(log.len().saturating_sub(LAST_LINES)..).unwrap_or_default();
                return Err(TimedOut { bound, last: last.iter().map(ToString::to_string).collect() });
            }
            inside = self.shared.wait_at_most(inside, left);
        }
    }

    /// Returns the messages that clients have published to topics that match this topic filter, in order. A QoS 2 message is listed once.
    ///
    /// ```
    /// use pure_mqtt_test_broker::Broker;
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     let readings: Vec<_> = broker.received("plant/#").iter().map(|message| message.text()).collect();
    ///     assert!(readings.is_empty());
    ///     Ok(())
    /// }
    /// ```
    pub fn received(&self, filter: &str) -> Vec<Received> {
        self.see(|seen| seen.received(filter).cloned().collect())
    }

    /// Returns the payloads of [`received`](Self::received) as text.
    ///
    /// ```
    /// use pure_mqtt_test_broker::Broker;
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     // The program under test publishes.
    ///     assert_eq!(broker.texts("plant/boiler"), [] as [&str; 0]);
    ///     Ok(())
    /// }
    /// ```
    pub fn texts(&self, filter: &str) -> Vec<String> {
        self.see(|seen| seen.received(filter).map(Received::text).collect())
    }

    /// Returns the clients' violations of the standard; each line begins with the violated statement. Check it at the end of each test.
    ///
    /// ```
    /// use pure_mqtt_test_broker::Broker;
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     // The program under test runs.
    ///     assert_eq!(broker.violations(), [] as [&str; 0]);
    ///     Ok(())
    /// }
    /// ```
    pub fn violations(&self) -> Vec<String> {
        self.see(|seen| seen.violations().to_vec())
    }

    /// Returns the newest packets and events, one per line: `link 1 -> PUBLISH …` is from a client, `link 1 <- PUBACK …` to a client.
    ///
    /// ```
    /// use pure_mqtt_test_broker::Broker;
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     assert_eq!(broker.log(), "");
    ///     Ok(())
    /// }
    /// ```
    pub fn log(&self) -> String {
        self.see(|seen| seen.log().iter().map(|line| format!("{line}\n")).collect())
    }

    /// Returns whether no connected client has anything unfinished, in either direction.
    ///
    /// ```
    /// use pure_mqtt_test_broker::Broker;
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     assert!(broker.is_idle());
    ///     Ok(())
    /// }
    /// ```
    pub fn is_idle(&self) -> bool {
        self.see(|seen| seen.is_idle())
    }
}
