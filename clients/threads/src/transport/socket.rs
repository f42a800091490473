//! Non-blocking sockets and their addresses.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
#[cfg(unix)]
use std::path::PathBuf;

use mio::event::Source;
use mio::net::TcpStream;
#[cfg(unix)]
use mio::net::UnixStream;
use mio::{Interest, Registry, Token};

/// An address of a server.
#[derive(Clone, Debug)]
pub(crate) enum Address {
    Tcp(SocketAddr),
    #[cfg(unix)]
    Unix(PathBuf),
}

/// A non-blocking socket.
pub(crate) struct Socket(Kind);

enum Kind {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

/// Does the same for both kinds.
macro_rules! either {
    ($socket:expr, $stream:ident => $result:expr) => {
        match $socket {
            Kind::Tcp($stream) => $result,
            #[cfg(unix)]
            Kind::Unix($stream) => $result,
        }
    };
}

impl Socket {
    /// Starts to connect, and registers the socket with `registry`.
    pub(crate) fn connect(address: &Address, registry: &Registry, token: Token) -> io::Result<Self> {
        let mut kind = match address {
            Address::Tcp(address) => Kind::Tcp(TcpStream::connect(*address)?),
            #[cfg(unix)]
            Address::Unix(path) => Kind::Unix(UnixStream::connect(path)?),
        };
        let interest = Interest::READABLE | Interest::WRITABLE;
        either!(&mut kind, stream => stream.register(registry, token, interest))?;
        Ok(Self(kind))
    }

    /// Returns whether it is connected.
    pub(crate) fn is_connected(&self) -> io::Result<bool> {
        if let Some(error) = either!(&self.0, stream => stream.take_error())? {
            return Err(error);
        }
        match either!(&self.0, stream => stream.peer_addr().map(|_| ())) {
            Ok(()) => {}
            Err(error) if matches!(error.kind(), ErrorKind::NotConnected | ErrorKind::WouldBlock) => return Ok(false),
            Err(error) => return Err(error),
        }
        match &self.0 {
            Kind::Tcp(stream) => drop(stream.set_nodelay(true)), // an error costs only latency
            #[cfg(unix)]
            Kind::Unix(_) => {}
        }
        Ok(true)
    }

    /// Shuts down the writing side.
    pub(crate) fn shut_down(&self) {
        let _ = either!(&self.0, stream => stream.shutdown(Shutdown::Write)); // it fails if the socket is already closed
    }
}

impl Read for Socket {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        either!(&mut self.0, stream => stream.read(room))
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        either!(&mut self.0, stream => stream.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(()) // a socket has no buffer to flush
    }
}
