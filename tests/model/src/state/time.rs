//! Time passes only where nothing else can help: the transport takes nothing, or nothing comes.

use super::{Checked, State};
use crate::config::{Config, KEEP_ALIVE};
use crate::device::{Client, Memory};
use crate::rules::{Rule, hold};
use pure_mqtt::{ConnectionError, Instant, Limits};

/// A link that is up and takes nothing: PINGREQ is due after the keep alive, and the transport has that and the time for PINGRESP to take it. What has to
/// leave then has a time of its own.
const LONGEST: u64 = {
    let taken = 3 * KEEP_ALIVE as u64 * 1000;
    let answered = Limits::DEFAULT.connack_timeout as u64;
    Limits::DEFAULT.close_timeout as u64 + if taken > answered { taken } else { answered }
};

impl<M: Memory> State<M> {
    /// Time passes until the client wants to be woken; it may give the link up.
    pub(super) fn wait(&mut self, config: &Config) -> Checked {
        let _ = self.client.transmit(self.now).chunk(); // the host tries
        let due = Self::wake(&mut self.client, self.now)?;
        let Some(due) = due else { return Ok(false) };
        self.now = due;
        if self.client.should_close() {
            self.close(config)?;
        }
        Ok(true)
    }

    /// Wakes the client when it wants to be woken, and gives that time.
    fn wake(client: &mut Client<M>, now: Instant) -> Result<Option<Instant>, Rule> {
        let Some(due) = client.poll_timeout() else { return Ok(None) };
        let due = due.max(now);
        match client.handle_timeout(due) {
            Ok(()) | Err(ConnectionError::ConnAckTimeout | ConnectionError::KeepAliveTimeout) => Ok(Some(due)),
            Err(_) => Err(Rule::NoFault),
        }
    }

    /// Whatever the state is: if from now on nothing leaves and nothing comes, the link is to be closed in time.
    pub(super) fn check_end(&self) -> Result<(), Rule> {
        let mut client = self.client.clone();
        let longest = match client.state() {
            pure_mqtt::State::Closed => return Ok(()),
            pure_mqtt::State::Closing => Limits::DEFAULT.close_timeout.into(),
            _ => LONGEST,
        };
        let mut now = self.now;
        for _ in 0..8 {
            if client.should_close() {
                return hold(now.millis_since(self.now) <= longest, Rule::G7Bounded);
            }
            let due = Self::wake(&mut client, now)?;
            now = due.ok_or(Rule::G7Bounded)?;
            let _ = client.transmit(now).chunk(); // the host tries
        }
        Err(Rule::G7Bounded)
    }
}
