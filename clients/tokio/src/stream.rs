//! A stream of bytes below a link: a socket of the system's, or the program's own.

use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::dial::Boxed;

pub(crate) enum Stream {
    Tcp(TcpStream),
    Unwatched(Unwatched),
    Other(Boxed),
    /// The system has refused to watch it again: the link is over.
    Lost,
}

/// A TCP socket that the runtime doesn't watch: nothing that comes wakes the task, which looks for itself after each pause.
pub(crate) struct Unwatched {
    socket: std::net::TcpStream,
    /// The last read took all that was there.
    is_drained: bool,
}

impl Stream {
    /// Whether the runtime watches sockets.
    pub(crate) fn is_socket(&self) -> bool {
        matches!(self, Self::Tcp(_) | Self::Unwatched(_))
    }

    /// A pause begins, in which nothing that comes is to wake the task.
    pub(crate) fn unwatch(&mut self) -> io::Result<()> {
        match self.take() {
            Self::Tcp(socket) => {
                *self = Self::Unwatched(Unwatched { socket: socket.into_std()?, is_drained: false });
            }
            Self::Unwatched(Unwatched { socket, .. }) => {
                *self = Self::Unwatched(Unwatched { socket, is_drained: false });
            }
            other => *self = other,
        }
        Ok(())
    }

    /// What comes is to wake the task again. True if it was not so, and what came meanwhile is to be read.
    pub(crate) fn watch(&mut self) -> io::Result<bool> {
        match self.take() {
            Self::Unwatched(Unwatched { socket, .. }) => {
                *self = Self::Tcp(TcpStream::from_std(socket)?);
                Ok(true)
            }
            other => {
                *self = other;
                Ok(false)
            }
        }
    }

    fn take(&mut self) -> Self {
        std::mem::replace(self, Self::Lost)
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Tcp(socket) => Pin::new(socket).poll_read(cx, buffer),
            Self::Unwatched(socket) => socket.read(buffer),
            Self::Other(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Lost => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Tcp(socket) => Pin::new(socket).poll_write(cx, bytes),
            Self::Unwatched(Unwatched { socket, .. }) => unless_blocked(|| socket.write(bytes)),
            Self::Other(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Lost => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Tcp(_) | Self::Unwatched(_) | Self::Lost => Poll::Ready(Ok(())),
            Self::Other(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Tcp(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Unwatched(Unwatched { socket, .. }) => Poll::Ready(socket.shutdown(std::net::Shutdown::Write)),
            Self::Other(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Lost => Poll::Ready(Ok(())),
        }
    }
}

impl Unwatched {
    fn read(&mut self, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.is_drained {
            return Poll::Pending;
        }
        let room = buffer.initialize_unfilled();
        let read = unless_blocked(|| self.socket.read(room));
        self.is_drained = !matches!(read, Poll::Ready(Ok(count)) if count == room.len() || count == 0);
        read.map_ok(|count| buffer.advance(count))
    }
}

/// A call to a socket that doesn't wait.
fn unless_blocked<T>(mut call: impl FnMut() -> io::Result<T>) -> Poll<io::Result<T>> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return Poll::Ready(result),
        }
    }
}
