//! A stream with TLS or without.

use std::io::{self, Read, Write};

use crate::server::Server;
use crate::transport::Socket;
#[cfg(feature = "tls")]
use crate::transport::tls::TlsStream;

pub(crate) enum Secure {
    Plain(Socket),
    #[cfg(feature = "tls")]
    Tls(Box<TlsStream>),
}

impl Secure {
    /// TLS on `socket` if `server` wants it.
    pub(crate) fn new(socket: Socket, server: &Server) -> io::Result<Self> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &server.tls {
            return Ok(Self::Tls(Box::new(TlsStream::new(socket, tls, &server.place)?)));
        }
        let _ = server;
        Ok(Self::Plain(socket))
    }

    /// Goes on with TLS's handshake; true when there is nothing (more) to agree on.
    pub(crate) fn shake_hands(&mut self) -> io::Result<bool> {
        match self {
            Self::Plain(_) => Ok(true),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.shake_hands(),
        }
    }

    pub(crate) fn finish(&mut self) {
        #[cfg(feature = "tls")]
        if let Self::Tls(stream) = self {
            stream.finish();
        }
        self.socket().shut_down();
    }

    pub(crate) fn socket(&mut self) -> &mut Socket {
        match self {
            Self::Plain(socket) => socket,
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.socket(),
        }
    }
}

impl Read for Secure {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(room),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.read(room),
        }
    }
}

impl Write for Secure {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.flush(),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.flush(),
        }
    }
}
