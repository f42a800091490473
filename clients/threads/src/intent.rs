//! What the handles of a client request of its loop.

use std::time::Instant;

use pure_mqtt_net::Server;

use crate::error::ConnectError;
use crate::kept::Kept;

/// The requests, and their progress.
#[derive(Default)]
pub(crate) struct Intent {
    /// The servers to connect to: the first that accepts.
    pub(crate) servers: Servers,
    /// Set to establish a link.
    pub(crate) dial: Option<Dialling>,
    /// Set to end the link, with this DISCONNECT, or a plain one.
    pub(crate) leave: Option<Option<Kept>>,
    /// The number of the latest loop that runs until it is stopped.
    latest_run: u64,
    /// Loops up to this number must end, by this time at the latest.
    stop: Option<(u64, Instant)>,
    /// The last handle was dropped.
    pub(crate) is_gone: bool,
    /// `disconnect` was called, and no link was requested since.
    pub(crate) has_left: bool,
    /// Something has changed since the loop last checked.
    pub(crate) is_changed: bool,
    /// The loop sleeps, and must be woken.
    pub(crate) is_asleep: bool,
    /// The number of the latest call of `connect`.
    latest: u64,
    /// The result of the latest attempt that a call waits for.
    result: Option<(u64, Result<(), ConnectError>)>,
}

/// The servers of a client.
#[derive(Clone, Debug, Default)]
pub(crate) struct Servers {
    pub(crate) list: Vec<Server>,
    /// Whether they share their sessions.
    pub(crate) is_cluster: bool,
}

impl Servers {
    pub(crate) fn one(server: Server) -> Self {
        Self { list: vec![server], is_cluster: false }
    }
}

/// An attempt to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialling {
    /// For the call of `connect` with this number, which waits for the result.
    For(u64),
    /// For no call in particular.
    ForAll,
}

impl Intent {
    /// Registers a call of `connect` that waits; returns its number.
    pub(crate) fn call(&mut self) -> u64 {
        self.latest += 1;
        self.dial(Dialling::For(self.latest));
        self.latest
    }

    /// Requests a link.
    pub(crate) fn dial(&mut self, dialling: Dialling) {
        if let Some(Dialling::For(number)) = self.dial.replace(dialling) {
            self.answer(Dialling::For(number), Err(ConnectError::GivenUp));
        }
        (self.leave, self.has_left) = (None, false);
    }

    /// Begins a loop that runs until it is stopped; returns its number.
    pub(crate) fn begin_run(&mut self) -> u64 {
        self.latest_run += 1;
        self.latest_run
    }

    /// Ends all current loops; later ones are not affected.
    pub(crate) fn stop(&mut self, limit: Instant) {
        self.stop = Some((self.latest_run, limit));
    }

    /// Returns when the loop with this number must end, if it must.
    pub(crate) fn stop_of(&self, run: u64) -> Option<Instant> {
        self.stop.filter(|(latest, _)| run <= *latest).map(|(_, limit)| limit)
    }

    /// Stores the result of an attempt. True if no call waits for it.
    pub(crate) fn answer(&mut self, dialling: Dialling, result: Result<(), ConnectError>) -> bool {
        let Dialling::For(number) = dialling else { return true };
        let is_newest = self.result.as_ref().is_none_or(|(latest, _)| *latest < number);
        if is_newest {
            self.result = Some((number, result)); // an older call learns that its attempt was given up
        }
        false
    }

    /// Returns the result of the call with this number, or of a later one.
    pub(crate) fn result(&self, number: u64) -> Option<Result<(), ConnectError>> {
        let (latest, result) = self.result.as_ref().filter(|(latest, _)| *latest >= number)?;
        Some(if *latest == number { result.clone() } else { Err(ConnectError::GivenUp) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_to_a_call_outlives_that_to_an_older_one() {
        let mut intent = Intent::default();
        let first = intent.call();
        let under_way = intent.dial.take().unwrap(); // the loop has taken the request
        let second = intent.call();
        intent.dial(Dialling::ForAll);
        intent.answer(under_way, Err(ConnectError::GivenUp));
        for call in [first, second] {
            assert!(matches!(intent.result(call), Some(Err(ConnectError::GivenUp))), "{call}");
        }
    }
}
