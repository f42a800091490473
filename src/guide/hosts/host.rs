use std::hash::{BuildHasher, RandomState};
use std::io;

use pure_mqtt::wire::Violation;
use pure_mqtt::{Backoff, Connect, Connection, ConnectionError, Event, Instant, OpenError, Outcome, Received};
use pure_mqtt::{RxBuffer, Storage};

/// The longest packet; `Limits::inline_max` must not be larger.
pub const PACKET: usize = 4096;

/// A stream of bytes to the server.
pub trait Transport {
    /// Waits for bytes, and reads. Waits at most `patience` milliseconds, and with `for_room` only until output can be
    /// written. Returns 0 if no byte arrived, or if `room` is empty; an error if the stream has ended.
    fn read(&mut self, room: &mut [u8], patience: u64, for_room: bool) -> io::Result<usize>;
    /// Writes what fits without waiting; returns 0 if nothing fits.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;
}

/// The program's handlers.
pub trait App<S: Storage> {
    fn event(&mut self, mqtt: &mut Connection<S>, now: Instant, event: Event<'_>);
    fn outcome(&mut self, outcome: Outcome);
}

/// What ends a wait, in addition to bytes from the server.
pub struct Wait {
    pub until: Instant,
    /// Whether output is pending, so that room in the transport ends the wait too.
    pub for_room: bool,
}

/// Drives a connection over one link after the other.
pub struct Host {
    pub rx: RxBuffer<PACKET>,
    backoff: Backoff,
    /// When the server accepted the link.
    accepted_at: Option<Instant>,
    /// Whether the server has a session that the limits do not allow to resume.
    must_start_clean: bool,
}

impl Host {
    pub fn new() -> Self {
        Self { rx: RxBuffer::new(), backoff: Backoff::default(), accepted_at: None, must_start_clean: false }
    }

    /// Drives one link to its end. Returns the delay before the next one, in milliseconds.
    pub fn drive<S: Storage>(
        &mut self,
        mqtt: &mut Connection<S>,
        link: &mut impl Transport,
        clock: impl Fn() -> Instant,
        connect: &Connect<'_>,
        app: &mut impl App<S>,
    ) -> Result<u32, OpenError> {
        self.open(mqtt, clock(), connect)?;
        while let Some(Wait { until, for_room }) = self.turn(mqtt, link, clock(), app) {
            match link.read(self.rx.room(), until.millis_since(clock()), for_room) {
                Ok(count) => self.rx.filled(count),
                Err(_) => break,
            }
        }
        Ok(self.close(mqtt, clock(), app))
    }

    /// Opens a link over a connected transport.
    pub fn open<S: Storage>(
        &mut self,
        mqtt: &mut Connection<S>,
        now: Instant,
        connect: &Connect<'_>,
    ) -> Result<(), OpenError> {
        mqtt.open(now, &connect.clean_start(connect.clean_start || self.must_start_clean))
    }

    /// Handles input, deadlines and outcomes, and sends. Returns what to wait for; `None` once the link has ended.
    pub fn turn<S: Storage>(
        &mut self,
        mqtt: &mut Connection<S>,
        link: &mut impl Transport,
        now: Instant,
        app: &mut impl App<S>,
    ) -> Option<Wait> {
        let is_blocked = self.take(mqtt, now, app);
        let _ = mqtt.handle_timeout(now); // after an error `should_close` is true
        while let Some(outcome) = mqtt.poll_outcome() {
            app.outcome(outcome);
        }
        let (has_sent, is_full) = send(mqtt, link, now).ok()?;
        if mqtt.should_close() {
            return None;
        }
        // After `Blocked` the packet is in the buffer already, and sending has made room: do not wait.
        let until = if is_blocked && has_sent { now } else { mqtt.poll_timeout().unwrap_or(now.after_secs(60)) };
        Some(Wait { until, for_room: is_full })
    }

    /// Handles all complete packets. Returns true if one of them is blocked.
    fn take<S: Storage>(&mut self, mqtt: &mut Connection<S>, now: Instant, app: &mut impl App<S>) -> bool {
        loop {
            match mqtt.handle_input(now, self.rx.bytes()) {
                Ok(Received::Packet { consumed, event }) => {
                    if let Some(event) = event {
                        if matches!(&event, Event::ConnAck(connack) if connack.is_accepted()) {
                            (self.accepted_at, self.must_start_clean) = (Some(now), false);
                        }
                        app.event(mqtt, now, event);
                    }
                    self.rx.consume(consumed);
                }
                Ok(Received::Blocked) => return true,
                Ok(Received::Partial { .. }) | Err(_) => return false,
            }
        }
    }

    /// Ends the link. Returns the delay before the next one, in milliseconds, which grows while links are short.
    pub fn close<S: Storage>(&mut self, mqtt: &mut Connection<S>, now: Instant, app: &mut impl App<S>) -> u32 {
        let reason = mqtt.close_reason(); // `handle_close` resets it
        self.must_start_clean |= reason == ConnectionError::Protocol(Violation::UnknownSession);
        mqtt.handle_close(now);
        self.rx.clear(); // a partial packet of the old link
        while let Some(outcome) = mqtt.poll_outcome() {
            app.outcome(outcome);
        }
        self.backoff.ended(self.accepted_at.take().map_or(0, |at| now.millis_since(at)));
        self.pause()
    }

    /// Returns the delay after a failed attempt, in milliseconds.
    pub fn pause(&mut self) -> u32 {
        self.backoff.next_delay(RandomState::new().hash_one(()) as u32) // a random number
    }
}

/// Sends what the transport takes. Returns whether bytes were sent, and whether the transport is full.
fn send<S: Storage>(mqtt: &mut Connection<S>, link: &mut impl Transport, now: Instant) -> io::Result<(bool, bool)> {
    let mut transmit = mqtt.transmit(now);
    let mut has_sent = false;
    while !transmit.chunk().is_empty() {
        match link.write(transmit.chunk())? {
            0 => return Ok((has_sent, true)),
            count => transmit.advance(count),
        }
        has_sent = true;
    }
    Ok((has_sent, false))
}
