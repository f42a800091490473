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

/// What lies between a connected socket and MQTT: a proxy, TLS and WebSocket, as a [`Server`] wants them.
///
/// A stack does no I/O: it takes bytes that came from the socket and has bytes for it. It reads no clock and starts no thread;
/// TLS and the masks of WebSocket take random numbers from the system, and TLS asks the system for the date of certificates.
///
/// # The loop
///
/// 1. Connect a socket to [`Server::dial_target`], and make a new `Stack`.
/// 2. Whenever [`transmit`](Self::transmit) has bytes, write them, and call [`advance`](Self::advance) with how many were taken.
/// 3. While [`wants_input`](Self::wants_input), read the socket: give what came to [`received`](Self::received), or call
///    [`end_of_input`](Self::end_of_input) at its end. Then take everything out with [`read`](Self::read).
/// 4. Once [`is_up`](Self::is_up), [`send`](Self::send) what MQTT has to send.
/// 5. When [`failure`](Self::failure) has a reason, write what `transmit` still has, once, and close the socket. When
///    [`closed`](Self::closed) says that the server is done, read out the rest, and go on as in 6.
/// 6. To end in order, call [`finish`](Self::finish); once [`is_finished`](Self::is_finished), shut down the socket's writing
///    half, and read until its end, with a deadline.
///
/// Every call may be made at any time; what makes no sense then does nothing.
///
/// # Memory
///
/// `send` takes no more than [`room`](Self::room); what waits to be read is bounded if the host stops reading the socket while
/// `wants_input` is false. Of what TLS and WebSocket hold themselves, the most is one record of TLS (16 KiB) and one head of
/// HTTP (16 KiB): payload of WebSocket passes through however long its frame or message is. Buffers that are empty give back
/// all but 4 KiB.
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
    /// Begins on a socket that is connected to [`Server::dial_target`]. If the server wants TLS and was given no options, the
    /// system's certificates are read from its files at the first call in a process: `Tls::system` does that at a time of your
    /// choice.
    ///
    /// # Errors
    /// [`Failure::Host`], [`Failure::ProxyToUnixSocket`], and, if TLS is wanted without options, [`Failure::TlsOptions`].
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

    /// Sets how many bytes may wait to be read by MQTT, and how many to be written to the socket. Default: 64 KiB each; at
    /// least 1.
    #[must_use]
    pub fn with_limits(mut self, unread: usize, unsent: usize) -> Self {
        self.most_unread = unread.max(1);
        self.most_unsent = unsent.max(1);
        self
    }

    /// Takes bytes that came from the socket.
    pub fn received(&mut self, bytes: impl Into<Bytes>) {
        let bytes = bytes.into();
        self.receive(|layers, give| layers.received(bytes, give));
    }

    /// Like [`received`](Self::received), from a buffer that the host keeps: the better one of both with TLS, which copies
    /// anyway.
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

    /// Says that nothing more will come: the socket's reading end is closed, or reading has failed.
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

    /// Returns the next bytes for MQTT. Packets may begin and end anywhere in them.
    pub fn read(&mut self) -> Option<Bytes> {
        let bytes = self.incoming.pop_front()?;
        self.unread -= bytes.len();
        if self.incoming.is_empty() {
            self.incoming.shrink_to(4);
        }
        Some(bytes)
    }

    /// Accepts bytes of MQTT, as many as there is [`room`](Self::room) for, and returns how many. What is sent between two
    /// calls of [`transmit`](Self::transmit) goes together: into one frame of WebSocket, and as few records of TLS as hold it.
    pub fn send(&mut self, bytes: &[u8]) -> usize {
        let count = self.room().min(bytes.len());
        let target = if self.layers.is_bare() { &mut self.layers.wire } else { &mut self.outgoing };
        if target.capacity() == 0 && count > 0 {
            target.reserve(FIRST_CAPACITY);
        }
        target.extend_from_slice(bytes.get(..count).unwrap_or_default());
        count
    }

    /// Returns how many bytes [`send`](Self::send) would take now: none before [`is_up`](Self::is_up), and after
    /// [`finish`](Self::finish).
    pub fn room(&self) -> usize {
        if !self.is_up() || self.is_finishing {
            return 0;
        }
        self.most_unsent.saturating_sub(self.unsent())
    }

    /// Returns how many bytes wait to be written to the socket.
    pub fn unsent(&self) -> usize {
        self.outgoing.len() + self.layers.wire.len()
    }

    /// Returns how many bytes wait for [`read`](Self::read).
    pub const fn unread(&self) -> usize {
        self.unread
    }

    /// Returns the bytes to be written to the socket next, empty if there are none. Call [`advance`](Self::advance) with how
    /// many were written.
    pub fn transmit(&mut self) -> &[u8] {
        // Else every ping of a server whose window is closed would add its answer.
        if self.layers.wire.len() < self.most_unsent && !matches!(self.end, End::Failed(_)) {
            self.layers.send(&mut self.outgoing);
            give_back(&mut self.outgoing);
        }
        &self.layers.wire
    }

    /// Takes note that the first `count` bytes of [`transmit`](Self::transmit) were written.
    pub fn advance(&mut self, count: usize) {
        let wire = &mut self.layers.wire;
        wire.advance(count.min(wire.len()));
        give_back(wire);
    }

    /// Returns true once all layers are agreed on, until the server closes or something fails.
    pub fn is_up(&self) -> bool {
        matches!(self.end, End::Open) && self.layers.stage() == Stage::Up
    }

    /// Returns what is under way.
    pub fn stage(&self) -> Stage {
        self.layers.stage()
    }

    /// Returns true if nothing lies on the stream: then bytes may also go between the socket and MQTT directly, without the
    /// copy that [`send`](Self::send) makes.
    pub fn is_bare(&self) -> bool {
        self.layers.is_bare()
    }

    /// Returns false while so much waits to be read that the host should leave the rest in the socket, and once nothing more
    /// can come.
    pub fn wants_input(&self) -> bool {
        matches!(self.end, End::Open) && self.unread < self.most_unread
    }

    /// Returns why the stack has failed, if it has. What MQTT has not read yet is still there.
    pub const fn failure(&self) -> Option<&Failure> {
        match &self.end {
            End::Failed(failure) => Some(failure),
            _ => None,
        }
    }

    /// Returns how the server has closed its half of the connection, if it has. What MQTT has not read yet is still there.
    pub const fn closed(&self) -> Option<&Closed> {
        match &self.end {
            End::Closed(closed) => Some(closed),
            _ => None,
        }
    }

    /// Sends what was accepted, and says that no more comes: a close frame of WebSocket, close_notify of TLS.
    pub fn finish(&mut self) {
        if !std::mem::replace(&mut self.is_finishing, true) && !matches!(self.end, End::Failed(_)) {
            self.layers.send(&mut self.outgoing);
            self.layers.finish();
        }
    }

    /// Returns true once everything is written after [`finish`](Self::finish): then the socket's writing half is to be shut down.
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
