//! Transfers bytes into a connection and out of it: what the page of [`Connection`](pure_mqtt::Connection) requires of every host, independent of the transport.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::time::{Duration, Instant as SystemTime};

use pure_mqtt::{Event, Instant, Received};

use crate::Mqtt;

/// What became of the input that was offered.
#[derive(Clone, Copy)]
pub struct Taken {
    /// So many bytes are done with.
    pub consumed: usize,
    /// The rest is to be offered again once something has been sent or acknowledged, whether more bytes come or not.
    pub is_blocked: bool,
}

/// Offers all whole packets in `input`. If one of them ends the link, `should_close` says so.
pub fn take(mqtt: &mut Mqtt, now: Instant, input: &[u8], mut on_event: impl FnMut(&mut Mqtt, Event<'_>)) -> Taken {
    let mut consumed = 0;
    loop {
        match mqtt.handle_input(now, input.get(consumed..).unwrap_or_default()) {
            Ok(Received::Packet { consumed: count, event }) => {
                consumed += count;
                if let Some(event) = event {
                    on_event(mqtt, event);
                }
            }
            Ok(Received::Blocked) => return Taken { consumed, is_blocked: true },
            Ok(Received::Partial { .. }) | Err(_) => return Taken { consumed, is_blocked: false },
        }
    }
}

/// What became of the output.
#[derive(Clone, Copy)]
pub struct Sent {
    /// So many bytes were written.
    pub bytes: usize,
    /// The transport takes no more for now. What is left stays in the connection.
    pub is_full: bool,
}

/// Writes what waits, as far as the transport takes it.
///
/// # Errors
/// The transport is broken.
pub fn send(mqtt: &mut Mqtt, now: Instant, transport: &mut impl Write) -> Result<Sent> {
    let mut transmit = mqtt.transmit(now);
    let mut bytes = 0;
    while !transmit.chunk().is_empty() {
        match transport.write(transmit.chunk()) {
            Ok(0) => return Ok(Sent { bytes, is_full: true }),
            Ok(count) => {
                transmit.advance(count);
                bytes += count;
            }
            Err(error) if is_pending(&error) => return Ok(Sent { bytes, is_full: true }),
            Err(error) => return Err(error),
        }
    }
    Ok(Sent { bytes, is_full: false })
}

/// Reads once into `room`. `None` if nothing came in time, or if there is no room: then the connection must take something first.
///
/// # Errors
/// The transport is broken, or the broker has closed it.
pub fn read(transport: &mut impl Read, room: &mut [u8]) -> Result<Option<usize>> {
    if room.is_empty() {
        return Ok(None); // reading nothing would look like the end
    }
    match transport.read(room) {
        Ok(0) => Err(closed_by_broker()),
        Ok(count) => Ok(Some(count)),
        Err(error) if is_pending(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The transport has ended although MQTT has not.
pub fn closed_by_broker() -> Error {
    Error::new(ErrorKind::UnexpectedEof, "the broker closed it")
}

/// Nothing is wrong, it only isn't time yet: for a socket that doesn't wait, or not for long. One that is still connecting is the same.
pub fn is_pending(error: &Error) -> bool {
    use ErrorKind::{Interrupted, NotConnected, TimedOut, WouldBlock};
    matches!(error.kind(), WouldBlock | TimedOut | Interrupted | NotConnected)
}

/// How long the broker may take to close its side.
pub const FAREWELL_PATIENCE: Duration = Duration::from_secs(1);

/// Reads and throws away until the broker has closed its side. A socket that is closed over unread bytes is reset, and what was written last is lost.
/// The transport is shut down for writing, and a read of it waits no longer than [`FAREWELL_PATIENCE`].
pub fn await_end(transport: &mut impl Read) {
    let start = SystemTime::now();
    while start.elapsed() < FAREWELL_PATIENCE && transport.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {}
}
