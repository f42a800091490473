//! A connection to one broker over non-blocking sockets, link after link: when to connect, and what to do when a link ends.

use std::io::ErrorKind;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use mio::{Events, Poll, Registry, Token};
use pure_mqtt::{Connect, Connection, ConnectionError, Disconnect, Event, Heap, Instant, Limits, State};

use crate::Mqtt;
use crate::failure::Failure;
use crate::nonblocking::Link;
use crate::pauses::Pauses;

/// Milliseconds between two attempts: at first, and at most.
const PAUSES: (u32, u32) = (100, 30_000);

/// A connection, and the link that it has at present.
pub struct Uplink {
    /// The connection, which outlives its links.
    pub mqtt: Mqtt,
    token: Token,
    link: Option<Link>,
    pauses: Pauses,
    /// When to connect, if there is no link. Never again once it has left.
    dial: Option<Instant>,
}

impl Uplink {
    /// No link yet: the first attempt is to be made at `dial`. Its sockets report themselves as `token`.
    pub fn new(limits: Limits, token: Token, dial: Instant) -> Self {
        let (first, longest) = PAUSES;
        let mqtt = Connection::new(Heap::new(), limits);
        Self { mqtt, token, link: None, pauses: Pauses::new(first, longest), dial: Some(dial) }
    }

    /// When to look at it, although its socket is quiet.
    pub fn next_deadline(&self) -> Option<Instant> {
        if self.link.is_some() { self.mqtt.poll_timeout() } else { self.dial }
    }

    /// It is time to [`connect`](Self::connect).
    pub fn is_due(&self, now: Instant) -> bool {
        self.link.is_none() && self.dial.is_some_and(|dial| dial <= now)
    }

    /// It has left, and won't come back.
    pub fn is_over(&self) -> bool {
        self.link.is_none() && self.dial.is_none()
    }

    /// Begins a link. Whether there is a broker shows later.
    ///
    /// # Errors
    /// There can be no such socket, or `connect` can't be sent.
    pub fn connect(
        &mut self,
        now: Instant,
        registry: &Registry,
        address: SocketAddr,
        connect: &Connect<'_>,
    ) -> Result<(), Failure> {
        self.link = Some(Link::dial(registry, address, self.token)?);
        Ok(self.mqtt.open(now, connect)?)
    }

    /// Moves bytes until the socket has no more, and ends the link if that was its last. True if there was anything to do.
    ///
    /// # Errors
    /// The link is lost: [`retry`](Self::retry), if the failure may pass.
    pub fn turn(&mut self, now: Instant, mut on_event: impl FnMut(&mut Mqtt, Event<'_>)) -> Result<bool, Failure> {
        let Self { mqtt, link: Some(link), pauses, .. } = self else { return Ok(false) };
        let has_moved = link.turn(mqtt, now, |mqtt, event| {
            if matches!(&event, Event::ConnAck(connack) if connack.is_accepted()) {
                pauses.accepted(now);
            }
            on_event(mqtt, event);
        })?;
        match mqtt.close_reason() {
            _ if !mqtt.should_close() => Ok(has_moved),
            ConnectionError::Disconnected => {
                self.end(now, None); // all that the broker had to say was read
                Ok(true)
            }
            reason => Err(reason.into()),
        }
    }

    /// The link is lost: waits before the next attempt, longer after each failure. How long, in milliseconds.
    pub fn retry(&mut self, now: Instant) -> u32 {
        let delay = self.pauses.next(now);
        self.end(now, Some(now.after_millis(delay.into())));
        delay
    }

    /// Says DISCONNECT, or gives the link up if there is none, or if that was said already and does not get through. False if there is nothing to send.
    ///
    /// # Errors
    /// `disconnect` can't be sent.
    pub fn leave(&mut self, now: Instant, disconnect: &Disconnect<'_>) -> Result<bool, Failure> {
        if self.link.is_none() || self.mqtt.state() == State::Closing {
            self.end(now, None);
            return Ok(false);
        }
        self.mqtt.disconnect(now, disconnect)?;
        Ok(true)
    }

    fn end(&mut self, now: Instant, dial: Option<Instant>) {
        (self.link, self.dial) = (None, dial);
        self.mqtt.handle_close(now);
    }
}

/// The first address behind `address` (`host:port`).
///
/// # Errors
/// [`Failure::Unreachable`].
pub fn resolve(address: &str) -> Result<SocketAddr, Failure> {
    let unreachable = |error| Failure::Unreachable(address.to_owned(), error);
    let first = address.to_socket_addrs().map_err(unreachable)?.next();
    first.ok_or_else(|| unreachable(ErrorKind::NotFound.into()))
}

/// Waits until sockets have changed, or for so long; or a signal has come.
///
/// # Errors
/// The system can't wait.
pub fn wait(poll: &mut Poll, events: &mut Events, patience: Option<Duration>) -> Result<(), Failure> {
    match poll.poll(events, patience) {
        Err(error) if error.kind() != ErrorKind::Interrupted => Err(error.into()),
        _ => Ok(()),
    }
}
