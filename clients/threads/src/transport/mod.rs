//! The transport: a socket, and the layers of [`pure_mqtt_net::Stack`] between it and MQTT. Nothing here blocks.

mod socket;
mod tap;

use std::io::{self, ErrorKind, Read, Write};

use pure_mqtt::Version;
use pure_mqtt_agent::{Agent, Instant, LinkId};
use pure_mqtt_net::bytes::{Buf, Bytes, BytesMut};
use pure_mqtt_net::{Server, Stack};

pub(crate) use self::socket::{Address, Socket};
pub(crate) use self::tap::Tap;
use crate::error::{ConnectError, LinkEnd};

/// The maximum number of bytes per read.
const READ: usize = 64 * 1024;
/// Small chunks are gathered up to this many bytes before they are written.
const WRITE: usize = 16 * 1024;
/// Chunks of at least this length are written without a copy.
const LARGE: usize = 4 * 1024;

pub(crate) struct Transport {
    socket: Socket,
    stack: Stack,
    room: Box<[u8]>,
    /// The agent's output that the socket has not taken, if there are no layers.
    unsent: BytesMut,
    /// Nothing follows the unsent bytes.
    is_finishing: bool,
    /// The number of bytes read so far.
    pub(crate) bytes_read: u64,
    /// Collects log lines for packets, if they are needed.
    pub(crate) tap: Option<Box<Tap>>,
}

/// The result of a read or a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moved {
    /// Some bytes were transferred; there may be more.
    Some,
    /// All available bytes were transferred; the system reports more, or the end.
    All,
    /// Nothing is possible until the system reports a change.
    Nothing,
}

impl Transport {
    /// Builds the layers that `server` needs, on a connected socket.
    pub(crate) fn new(socket: Socket, server: &Server) -> Result<Self, ConnectError> {
        let stack = Stack::new(server)?;
        let room = vec![0; READ].into_boxed_slice();
        Ok(Self { socket, stack, room, unsent: BytesMut::new(), is_finishing: false, bytes_read: 0, tap: None })
    }

    /// Continues the handshakes before MQTT begins; true when they are complete.
    pub(crate) fn handshake(&mut self) -> Result<bool, ConnectError> {
        loop {
            let written = self.flush()?;
            if self.stack.is_up() {
                return Ok(true);
            }
            if let Some(failure) = self.stack.failure() {
                return Err(failure.clone().into());
            }
            if self.read_socket()? == Moved::Nothing && written == Moved::Nothing {
                return Ok(false);
            }
        }
    }

    /// Reads once, and passes the bytes to the agent.
    pub(crate) fn read(&mut self, agent: &mut Agent, now: Instant, link: LinkId) -> Result<Moved, LinkEnd> {
        let is_bare = self.stack.is_bare();
        let moved = match is_bare {
            true => match read(&mut self.socket, &mut self.room)? {
                Some(0) => return Err(LinkEnd::ClosedByServer),
                Some(count) => {
                    self.bytes_read += count as u64;
                    let bytes = self.room.get(..count).unwrap_or_default();
                    note_received(&mut self.tap, agent, bytes);
                    agent.received(now, link, Bytes::copy_from_slice(bytes));
                    moved(count)
                }
                None => Moved::Nothing,
            },
            false => self.read_socket()?,
        };
        while let Some(bytes) = self.stack.read() {
            note_received(&mut self.tap, agent, &bytes);
            agent.received(now, link, bytes);
        }
        match (self.stack.failure(), self.stack.closed()) {
            (Some(failure), _) => Err(failure.clone().into()),
            (None, Some(_)) => Err(LinkEnd::ClosedByServer),
            (None, None) => Ok(moved),
        }
    }

    /// Writes the agent's output, as far as the socket takes it.
    pub(crate) fn write(&mut self, agent: &mut Agent, now: Instant) -> Result<Moved, LinkEnd> {
        if self.stack.is_bare() {
            return self.write_bare(agent, now);
        }
        let version = agent.version();
        let mut transmit = agent.transmit(now);
        loop {
            let taken = self.stack.send(transmit.chunk());
            note_sent(&mut self.tap, version, transmit.chunk(), taken);
            transmit.advance(taken);
            if self.flush()? == Moved::Nothing {
                return Ok(Moved::Nothing);
            }
            if taken == 0 && self.stack.unsent() == 0 {
                return Ok(Moved::Some);
            }
        }
    }

    fn write_bare(&mut self, agent: &mut Agent, now: Instant) -> Result<Moved, LinkEnd> {
        let version = agent.version();
        let mut transmit = agent.transmit(now);
        loop {
            let chunk = transmit.chunk();
            let is_large = chunk.len() >= LARGE;
            if !chunk.is_empty() && !is_large && self.unsent.len() < WRITE {
                self.unsent.extend_from_slice(chunk);
                let count = chunk.len();
                note_sent(&mut self.tap, version, chunk, count);
                transmit.advance(count);
                continue;
            }
            if self.flush_unsent()? == Moved::Nothing {
                return Ok(Moved::Nothing);
            }
            let chunk = transmit.chunk();
            if chunk.is_empty() {
                return Ok(Moved::Some);
            }
            if is_large {
                let Some(count) = write(&mut self.socket, chunk)? else { return Ok(Moved::Nothing) };
                note_sent(&mut self.tap, version, chunk, count);
                transmit.advance(count);
            }
        }
    }

    /// Shuts down the writing side, once earlier output has been sent.
    pub(crate) fn finish(&mut self) {
        self.stack.finish();
        self.is_finishing = true;
        self.go_on_finishing();
    }

    fn go_on_finishing(&mut self) {
        let is_out = matches!((self.flush_unsent(), self.flush()), (Ok(Moved::Some), Ok(Moved::Some)));
        if is_out && std::mem::take(&mut self.is_finishing) {
            self.socket.shut_down();
        }
    }

    /// Reads and discards; true at the end of the stream.
    pub(crate) fn drain(&mut self) -> bool {
        if self.is_finishing {
            self.go_on_finishing();
        }
        loop {
            match read(&mut self.socket, &mut self.room) {
                Ok(Some(1..)) => {}
                Ok(None) => return false,
                Ok(Some(0)) | Err(_) => return true,
            }
        }
    }

    fn read_socket(&mut self) -> io::Result<Moved> {
        match read(&mut self.socket, &mut self.room)? {
            Some(0) => self.stack.end_of_input(),
            Some(count) => {
                self.bytes_read += count as u64;
                self.stack.received_slice(self.room.get(..count).unwrap_or_default());
                return Ok(moved(count));
            }
            None => return Ok(Moved::Nothing),
        }
        Ok(Moved::Some)
    }

    fn flush_unsent(&mut self) -> io::Result<Moved> {
        while !self.unsent.is_empty() {
            match write(&mut self.socket, &self.unsent)? {
                Some(count) => self.unsent.advance(count),
                None => return Ok(Moved::Nothing),
            }
        }
        Ok(Moved::Some)
    }

    /// Writes the output of the layers.
    fn flush(&mut self) -> io::Result<Moved> {
        while !self.stack.transmit().is_empty() {
            match write(&mut self.socket, self.stack.transmit())? {
                Some(count) => self.stack.advance(count),
                None => return Ok(Moved::Nothing),
            }
        }
        Ok(Moved::Some)
    }
}

fn note_received(tap: &mut Option<Box<Tap>>, agent: &Agent, bytes: &[u8]) {
    if let Some(tap) = tap {
        tap.received(agent.version(), bytes);
    }
}

fn note_sent(tap: &mut Option<Box<Tap>>, version: Version, bytes: &[u8], count: usize) {
    if let Some(tap) = tap {
        tap.sent(version, bytes.get(..count).unwrap_or_default());
    }
}

/// Returns the result of a read of this many bytes. With epoll, a read that does not fill the buffer has emptied the socket: later input is a new event (epoll(7)). Other
/// systems must be read until nothing is left.
fn moved(count: usize) -> Moved {
    let is_epoll = cfg!(any(target_os = "linux", target_os = "android"));
    if is_epoll && count < READ { Moved::All } else { Moved::Some }
}

/// Returns the number of bytes read; `None` if there are none yet.
fn read(socket: &mut Socket, room: &mut [u8]) -> io::Result<Option<usize>> {
    loop {
        match socket.read(room) {
            Ok(count) => return Ok(Some(count)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Returns the number of bytes written; `None` if the socket is full.
fn write(socket: &mut Socket, bytes: &[u8]) -> io::Result<Option<usize>> {
    loop {
        match socket.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => return Ok(Some(count)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
