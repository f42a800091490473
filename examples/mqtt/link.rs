//! What all commands share: making the link, keeping it, and the time that is left.

use std::thread;
use std::time::{Duration, Instant};

use pure_mqtt::{Backoff, ConnectionError, Disconnect, Limits, ReasonCode};

use crate::args::Broker;
use crate::failure::Failure;
use crate::report;
use crate::stop::Stop;
use crate::support::{App, Host, HostError, Mqtt, random};

/// Of one packet, in bytes.
const LONGEST_PACKET: u32 = 16 << 20;
/// What stands for ever.
const A_LONG_TIME: Duration = Duration::from_secs(u32::MAX as u64);
/// So often Ctrl-C is looked for while the connection is quiet.
const LOOK: Duration = Duration::from_millis(50);

pub struct Link<'a> {
    pub host: Host,
    pub stop: Stop,
    broker: &'a Broker,
    deadline: Option<Instant>,
    backoff: Backoff,
}

impl<'a> Link<'a> {
    /// No connection yet. The version and the longest packet are set here, whatever `limits` says.
    pub fn new(broker: &'a Broker, limits: Limits) -> Self {
        let limits = Limits { version: broker.version(), inline_max: LONGEST_PACKET, ..limits };
        let deadline = broker.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut host = Host::new(limits);
        if broker.resume {
            host.mqtt.adopt_session(); // the program leaves only when nothing of its own is unfinished
        }
        Self { host, stop: Stop::default(), broker, deadline, backoff: Backoff::default() }
    }

    /// Connects and waits until the broker has accepted. From then on Ctrl-C asks for an orderly end.
    pub fn connect<A: App>(&mut self, app: &mut A) -> Result<(), Failure> {
        self.host.open(&self.broker.address, &self.broker.connect)?;
        self.wait(app, |_, mqtt| mqtt.is_connected())?;
        self.stop.watch().map_err(Failure::Signals)
    }

    /// Connects again, and waits longer after each failure. The session goes on if the broker still has it.
    pub fn reconnect<A: App>(&mut self, app: &mut A, mut error: HostError) -> Result<(), Failure> {
        loop {
            let delay = Duration::from_millis(self.backoff.next_delay(random() as u32).into());
            report::warn(&format!("{error}; connecting again in {:.1} s", delay.as_secs_f32()));
            self.pause(delay)?;
            match self.connect(app) {
                Err(Failure::Host(next)) if is_passing(&next) => error = next,
                result => {
                    self.backoff.reset();
                    return result;
                }
            }
        }
    }

    /// Drives the connection until `done`. If the time is over before that, or Ctrl-C comes, leaves.
    pub fn wait<A: App>(&mut self, app: &mut A, mut done: impl FnMut(&A, &Mqtt) -> bool) -> Result<(), Failure> {
        while !self.drive(app, LOOK, &mut done)? {
            if self.stop.is_wanted() {
                let _ = self.leave(); // it is the end anyway
                return Err(Failure::Stopped);
            }
        }
        Ok(())
    }

    /// The same, whoever wants the end: for what is left to do before it.
    pub fn settle<A: App>(&mut self, app: &mut A, mut done: impl FnMut(&A, &Mqtt) -> bool) -> Result<(), Failure> {
        while !self.drive(app, LOOK, &mut done)? {}
        Ok(())
    }

    /// Drives for so long at most. True if it is done.
    pub fn drive<A: App>(
        &mut self,
        app: &mut A,
        patience: Duration,
        done: impl FnMut(&A, &Mqtt) -> bool,
    ) -> Result<bool, Failure> {
        let is_done = self.host.drive_until(app, patience.min(self.time_left()), done)?;
        if !is_done && self.time_left().is_zero() {
            let _ = self.leave(); // a failure would say less than that the time is over
            return Err(Failure::TimeOut);
        }
        Ok(is_done)
    }

    pub fn leave(&mut self) -> Result<(), Failure> {
        Ok(self.host.leave(&Disconnect::default())?)
    }

    /// Sleeps, unless the end is wanted or comes before.
    fn pause(&self, delay: Duration) -> Result<(), Failure> {
        if delay >= self.time_left() {
            return Err(Failure::TimeOut);
        }
        let end = Instant::now() + delay;
        while Instant::now() < end {
            if self.stop.is_wanted() {
                return Err(Failure::Stopped);
            }
            thread::sleep(LOOK.min(end.saturating_duration_since(Instant::now())));
        }
        Ok(())
    }

    /// What `--timeout` leaves.
    fn time_left(&self) -> Duration {
        self.deadline.map_or(A_LONG_TIME, |deadline| deadline.saturating_duration_since(Instant::now()))
    }
}

/// Whether another attempt can end differently.
pub fn is_passing(error: &HostError) -> bool {
    match error {
        HostError::Open(_) | HostError::Disconnect(_) => false,
        HostError::Mqtt(ConnectionError::Refused(reason)) => {
            matches!(
                *reason,
                ReasonCode::SERVER_UNAVAILABLE | ReasonCode::SERVER_BUSY | ReasonCode::CONNECTION_RATE_EXCEEDED
            )
        }
        HostError::Mqtt(ConnectionError::ServerDisconnect(reason)) => *reason != ReasonCode::SESSION_TAKEN_OVER,
        _ => true,
    }
}
