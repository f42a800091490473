//! Sockets, and which ends they lead to.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
#[cfg(unix)]
use std::path::PathBuf;

use mio::event::Source;
use mio::net::TcpStream;
#[cfg(unix)]
use mio::net::UnixStream;
use mio::{Interest, Registry, Token};

/// One end that a server may be reached at.
#[derive(Clone, Debug)]
pub(crate) enum Address {
    Tcp(SocketAddr),
    #[cfg(unix)]
    Unix(PathBuf),
}

/// A socket that never waits.
pub(crate) struct Socket(Kind);

enum Kind {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

/// Does the same with either kind.
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
    /// Begins to connect, and has `registry` watch how it goes.
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

    /// Whether it is connected by now.
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
            Kind::Tcp(stream) => drop(stream.set_nodelay(true)), // without it all works, only slower
            #[cfg(unix)]
            Kind::Unix(_) => {}
        }
        Ok(true)
    }

    /// Nothing more will be written.
    pub(crate) fn shut_down(&self) {
        let _ = either!(&self.0, stream => stream.shutdown(Shutdown::Write)); // it is gone already, then
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
        Ok(()) // a socket keeps nothing back
    }
}
