//! The way to the server: a socket, perhaps TLS on it, perhaps WebSocket on that. Nothing here waits: what can't be done now is
//! [`WouldBlock`](std::io::ErrorKind::WouldBlock).

mod secure;
mod socket;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "websocket")]
mod websocket;

use std::io::{self, Read, Write};

pub(crate) use self::socket::{Address, Socket};
#[cfg(feature = "tls")]
pub use self::tls::{Tls, TlsError, TlsOptions};

use self::secure::Secure;
use crate::server::Server;

/// A way to the server.
pub(crate) enum Transport {
    Stream(Secure),
    #[cfg(feature = "websocket")]
    WebSocket(Box<websocket::WebSocket>),
}

impl Transport {
    /// Puts on a socket what `server` wants.
    pub(crate) fn new(socket: Socket, server: &Server) -> io::Result<Self> {
        let stream = Secure::new(socket, server)?;
        #[cfg(feature = "websocket")]
        if let Some(request) = &server.websocket {
            return Ok(Self::WebSocket(Box::new(websocket::WebSocket::new(stream, server, request)?)));
        }
        Ok(Self::Stream(stream))
    }

    /// Goes on with what must be agreed on first; true when all is.
    pub(crate) fn shake_hands(&mut self) -> io::Result<bool> {
        match self {
            Self::Stream(stream) => stream.shake_hands(),
            #[cfg(feature = "websocket")]
            Self::WebSocket(websocket) => websocket.shake_hands(),
        }
    }

    /// Says that nothing more will be sent, as far as that can be said at once.
    pub(crate) fn finish(&mut self) {
        match self {
            Self::Stream(stream) => stream.finish(),
            #[cfg(feature = "websocket")]
            Self::WebSocket(websocket) => websocket.finish(),
        }
    }
}

impl Read for Transport {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Stream(stream) => stream.read(room),
            #[cfg(feature = "websocket")]
            Self::WebSocket(websocket) => websocket.read(room),
        }
    }
}

impl Write for Transport {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stream(stream) => stream.write(bytes),
            #[cfg(feature = "websocket")]
            Self::WebSocket(websocket) => websocket.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stream(stream) => stream.flush(),
            #[cfg(feature = "websocket")]
            Self::WebSocket(websocket) => websocket.flush(),
        }
    }
}
