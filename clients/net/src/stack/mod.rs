//! Everything between the bytes of a socket and the bytes of MQTT.

mod absent;
mod closed;
#[cfg(feature = "websocket")]
mod frames;
#[cfg(any(feature = "proxy", feature = "websocket"))]
mod head;
mod layers;
#[cfg(feature = "proxy")]
mod proxy;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "websocket")]
mod upgrade;
#[cfg(feature = "websocket")]
mod websocket;

use std::collections::VecDeque;
use std::fmt;

use bytes::{Buf, Bytes, BytesMut};

#[cfg(not(feature = "proxy"))]
use self::absent::ProxyHandshake;
#[cfg(not(feature = "tls"))]
use self::absent::TlsLayer;
#[cfg(not(feature = "websocket"))]
use self::absent::WebSocketLayer;
pub use self::closed::Closed;
use self::layers::Layers;
#[cfg(feature = "proxy")]
use self::proxy::ProxyHandshake;
#[cfg(feature = "tls")]
use self::tls::TlsLayer;
#[cfg(feature = "websocket")]
use self::websocket::WebSocketLayer;
use crate::failure::{Failure, Stage};
use crate::server::Server;

/// How much may lie here in each direction unless [`Stack::with_limits`] says otherwise.
const DEFAULT_LIMIT: usize = 64 * 1024;

/// With this much a buffer begins, so that it needn't grow often.
const FIRST_CAPACITY: usize = 1024;

/// A buffer that is empty keeps no more memory than this.
const KEPT_CAPACITY: usize = 4 * 1024;

/// The layers between a connected socket and MQTT: proxy, TLS and WebSocket, as set in a [`Server`].
///
/// A stack does no I/O: the host passes it bytes from the socket and writes its output to the socket. It has no timers and
/// starts no threads. TLS and WebSocket masks use the system's random numbers, and certificates are checked against the
/// system's date.
///
/// # The loop
///
/// 1. Connect a socket to [`Server::dial_target`], and create a `Stack`.
/// 2. While [`transmit`](Self::transmit) returns bytes, write them, and call [`advance`](Self::advance) with the number written.
/// 3. While [`wants_input`](Self::wants_input) is true, read the socket and pass the bytes to [`received`](Self::received); at
///    end of stream or after an error, call [`end_of_input`](Self::end_of_input). Then call [`read`](Self::read) until it
///    returns `None`.
/// 4. Once [`is_up`](Self::is_up) is true, pass MQTT's output to [`send`](Self::send).
/// 5. If [`failure`](Self::failure) returns a reason, write what `transmit` returns once more (TLS sends an alert), and close
///    the socket. If [`closed`](Self::closed) returns `Some`, the server sends nothing more: read the rest, and continue with
///    step 6.
/// 6. To close in order, call [`finish`](Self::finish). Once [`is_finished`](Self::is_finished) is true, shut down the socket's
///    writing half, and read until end of stream, with a deadline.
///
/// Any call order is legal; calls without effect are no-ops.
///
/// # Memory
///
/// Output is bounded by [`room`](Self::room). Input is bounded if the host stops reading the socket while `wants_input` is
/// false. In addition, TLS buffers at most one record (16 KiB, handshake messages 64 KiB), and a handshake of proxy or
/// WebSocket at most 16 KiB. WebSocket payload is passed on as it arrives, so frames and messages of any length need no buffer.
/// Empty buffers keep at most 4 KiB.
pub struct Stack {
    layers: Layers,
    /// For MQTT.
    incoming: VecDeque<Bytes>,
    unread: usize,
    /// From MQTT, not wrapped yet.
    outgoing: BytesMut,
    most_unread: usize,
    most_unsent: usize,
    is_finishing: bool,
    end: End,
}

/// How far the other side is.
enum End {
    Open,
    Closed(Closed),
    Failed(Failure),
}

impl Stack {
    /// Creates a stack for a socket that is connected to [`Server::dial_target`]. If the server uses TLS without options, the
    /// first call in a process reads the system's certificates from files; call `Tls::system` earlier to avoid that in a loop.
    ///
    /// # Errors
    /// [`Failure::Host`], [`Failure::ProxyToUnixSocket`], [`Failure::TlsOptions`] if the system has no certificates.
    pub fn new(server: &Server) -> Result<Self, Failure> {
        Ok(Self {
            layers: Layers::new(server)?,
            incoming: VecDeque::new(),
            unread: 0,
            outgoing: BytesMut::new(),
            most_unread: DEFAULT_LIMIT,
            most_unsent: DEFAULT_LIMIT,
            is_finishing: false,
            end: End::Open,
        })
    }

    /// Sets the limits in bytes for unread input and unsent output. Default: 64 KiB each; minimum: 1.
    #[must_use]
    pub fn with_limits(mut self, unread: usize, unsent: usize) -> Self {
        self.most_unread = unread.max(1);
        self.most_unsent = unsent.max(1);
        self
    }

    /// Processes bytes from the socket.
    pub fn received(&mut self, bytes: impl Into<Bytes>) {
        let bytes = bytes.into();
        self.receive(|layers, give| layers.received(bytes, give));
    }

    /// Like [`received`](Self::received), from a borrowed buffer. Saves a copy with TLS, and costs one without.
    pub fn received_slice(&mut self, bytes: &[u8]) {
        self.receive(|layers, give| layers.received_slice(bytes, give));
    }

    fn receive(&mut self, deliver: impl FnOnce(&mut Layers, &mut dyn FnMut(Bytes)) -> Result<(), Failure>) {
        if !matches!(self.end, End::Open) {
            return;
        }
        let (incoming, unread) = (&mut self.incoming, &mut self.unread);
        let result = deliver(&mut self.layers, &mut |payload: Bytes| {
            *unread += payload.len();
            incoming.push_back(payload);
        });
        match (result, self.layers.closed()) {
            (Err(failure), _) => self.end = End::Failed(failure),
            (Ok(()), Some(_)) if self.layers.stage() != Stage::Up => self.end_early(),
            (Ok(()), Some(closed)) => self.end = End::Closed(closed),
            (Ok(()), None) => {}
        }
    }

    /// Reports the end of the stream, or that reading has failed.
    pub fn end_of_input(&mut self) {
        if !matches!(self.end, End::Open) {
            return;
        }
        if self.layers.stage() == Stage::Up {
            self.end = End::Closed(if self.layers.is_bare() { Closed::Stream } else { Closed::Truncated });
        } else {
            self.end_early();
        }
    }

    fn end_early(&mut self) {
        self.end = End::Failed(Failure::EndedEarly(self.layers.stage()));
    }

    /// Returns the next bytes for MQTT, `None` if there are none. Packets may begin and end anywhere in them.
    pub fn read(&mut self) -> Option<Bytes> {
        let bytes = self.incoming.pop_front()?;
        self.unread -= bytes.len();
        if self.incoming.is_empty() {
            self.incoming.shrink_to(4);
        }
        Some(bytes)
    }

    /// Accepts as many bytes from MQTT as there is [`room`](Self::room) for, and returns the number. Bytes accepted between two
    /// calls of [`transmit`](Self::transmit) share one WebSocket frame and as few TLS records as possible.
    pub fn send(&mut self, bytes: &[u8]) -> usize {
        let count = self.room().min(bytes.len());
        let target = if self.layers.is_bare() { &mut self.layers.wire } else { &mut self.outgoing };
        if target.capacity() == 0 && count > 0 {
            target.reserve(FIRST_CAPACITY);
        }
        target.extend_from_slice(bytes.get(..count).unwrap_or_default());
        count
    }

    /// Returns how many bytes [`send`](Self::send) accepts now: 0 until [`is_up`](Self::is_up) is true, and after
    /// [`finish`](Self::finish).
    pub fn room(&self) -> usize {
        if !self.is_up() || self.is_finishing {
            return 0;
        }
        self.most_unsent.saturating_sub(self.unsent())
    }

    /// Returns how many bytes are to be written to the socket, without the framing of those that are not framed yet.
    pub fn unsent(&self) -> usize {
        self.outgoing.len() + self.layers.wire.len()
    }

    /// Returns how many bytes [`read`](Self::read) has left to return.
    pub const fn unread(&self) -> usize {
        self.unread
    }

    /// Returns the bytes to write to the socket next, empty if there are none. Call [`advance`](Self::advance) with the number
    /// written.
    pub fn transmit(&mut self) -> &[u8] {
        // Else every ping of a server whose window is closed would add its answer.
        if self.layers.wire.len() < self.most_unsent && !matches!(self.end, End::Failed(_)) {
            self.layers.send(&mut self.outgoing);
            give_back(&mut self.outgoing);
        }
        &self.layers.wire
    }

    /// Removes the first `count` bytes of [`transmit`](Self::transmit), which were written.
    pub fn advance(&mut self, count: usize) {
        let wire = &mut self.layers.wire;
        wire.advance(count.min(wire.len()));
        give_back(wire);
    }

    /// Returns true once all handshakes are complete, until the server closes or the stack fails.
    pub fn is_up(&self) -> bool {
        matches!(self.end, End::Open) && self.layers.stage() == Stage::Up
    }

    /// Returns the step of connection set-up that is in progress.
    pub fn stage(&self) -> Stage {
        self.layers.stage()
    }

    /// Returns true if there is no proxy handshake, TLS or WebSocket. Then the host may also pass bytes between socket and MQTT
    /// directly, without the copy made by [`send`](Self::send).
    pub fn is_bare(&self) -> bool {
        self.layers.is_bare()
    }

    /// Returns false while unread input is at its limit, and once no more input is expected.
    pub fn wants_input(&self) -> bool {
        matches!(self.end, End::Open) && self.unread < self.most_unread
    }

    /// Returns why the stack has failed, if it has. Unread input is still available.
    pub const fn failure(&self) -> Option<&Failure> {
        match &self.end {
            End::Failed(failure) => Some(failure),
            _ => None,
        }
    }

    /// Returns how the server closed its half of the connection, if it did. Unread input is still available.
    pub const fn closed(&self) -> Option<&Closed> {
        match &self.end {
            End::Closed(closed) => Some(closed),
            _ => None,
        }
    }

    /// Queues the end of the connection behind the accepted output: a WebSocket close frame and close_notify of TLS.
    pub fn finish(&mut self) {
        if !std::mem::replace(&mut self.is_finishing, true) && !matches!(self.end, End::Failed(_)) {
            self.layers.send(&mut self.outgoing);
            self.layers.finish();
        }
    }

    /// Returns true once all output is written after [`finish`](Self::finish): shut down the socket's writing half.
    pub fn is_finished(&self) -> bool {
        self.is_finishing && self.unsent() == 0
    }
}

/// Gives memory back after a burst.
fn give_back(buffer: &mut BytesMut) {
    if buffer.is_empty() && buffer.try_reclaim(KEPT_CAPACITY + 1) {
        *buffer = BytesMut::new();
    }
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack")
            .field("stage", &self.stage())
            .field("unread", &self.unread)
            .field("unsent", &self.unsent())
            .field("closed", &self.closed())
            .field("failure", &self.failure())
            .finish_non_exhaustive()
    }
}
