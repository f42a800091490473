//! The byte stream below a link: a TCP or Unix socket, or the program's own stream.

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
    /// The system refused to watch the socket again: the link has ended.
    Lost,
}

/// A TCP socket that the runtime does not watch: input does not wake the task, which checks the socket after each pause.
pub(crate) struct Unwatched {
    socket: std::net::TcpStream,
    /// The last read emptied the socket.
    is_drained: bool,
}

impl Stream {
    /// Returns whether the runtime watches sockets.
    pub(crate) fn is_socket(&self) -> bool {
        matches!(self, Self::Tcp(_) | Self::Unwatched(_))
    }

    /// Begins a pause, in which input does not wake the task.
    pub(crate) fn unwatch(&mut self) -> io::Result<()> {
        let socket = match self.take() {
            Self::Tcp(socket) => socket.into_std()?,
            Self::Unwatched(Unwatched { socket, .. }) => socket,
            other => {
                *self = other;
                return Ok(());
            }
        };
        *self = Self::Unwatched(Unwatched { socket, is_drained: false });
        Ok(())
    }

    /// Ends a pause. True if there was one: then input that arrived meanwhile must be read.
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

/// Converts the result of a non-blocking call.
fn unless_blocked<T>(mut call: impl FnMut() -> io::Result<T>) -> Poll<io::Result<T>> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return Poll::Ready(result),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Counts how often a task is woken.
    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn pair() -> (Stream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (Stream::Tcp(near), listener.accept().await.unwrap().0)
    }

    /// Everything that has been sent has come: an echo on another connection needs the same way, so the socket is asked itself.
    async fn arrived(stream: &Stream, count: usize) {
        let Stream::Unwatched(Unwatched { socket, .. }) = stream else { panic!("it is watched") };
        let mut room = [0; 64];
        while !matches!(socket.peek(&mut room), Ok(there) if there >= count) {
            tokio::task::yield_now().await;
        }
    }

    async fn read(stream: &mut Stream) -> Vec<u8> {
        let mut bytes = [0; 16];
        let count = stream.read(&mut bytes).await.unwrap();
        bytes[..count].to_vec()
    }

    #[tokio::test]
    async fn what_comes_in_a_pause_wakes_nobody_and_is_there_after_it() {
        let (mut near, mut far) = pair().await;
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(Arc::clone(&wakes));
        let mut cx = Context::from_waker(&waker);
        let mut room = [0; 16];
        let mut buffer = ReadBuf::new(&mut room);
        assert!(Pin::new(&mut near).poll_read(&mut cx, &mut buffer).is_pending());
        near.unwatch().unwrap();
        far.write_all(b"one").await.unwrap();
        arrived(&near, 3).await;
        assert_eq!(wakes.0.load(Ordering::Relaxed), 0);
        assert_eq!(read(&mut near).await, b"one");
        assert!(Pin::new(&mut near).poll_read(&mut cx, &mut buffer).is_pending(), "all was read");

        near.unwatch().unwrap();
        far.write_all(b"two").await.unwrap();
        arrived(&near, 3).await;
        assert!(near.watch().unwrap(), "it was not");
        assert!(!near.watch().unwrap(), "it is");
        assert_eq!(read(&mut near).await, b"two", "what came before it was watched again");
        far.write_all(b"three").await.unwrap();
        assert_eq!(read(&mut near).await, b"three", "what came after that");
    }

    #[tokio::test]
    async fn a_stream_that_ends_in_a_pause_is_seen_to_end() {
        let (mut near, mut far) = pair().await;
        near.unwatch().unwrap();
        far.write_all(b"last").await.unwrap();
        drop(far);
        arrived(&near, 4).await;
        assert_eq!(read(&mut near).await, b"last");
        near.watch().unwrap();
        assert_eq!(read(&mut near).await, b"");
    }

    #[tokio::test]
    async fn a_full_socket_waits_for_the_end_of_the_pause() {
        let (mut near, mut far) = pair().await;
        near.unwatch().unwrap();
        let (block, mut written) = (vec![7; 1 << 20], 0);
        while let Poll::Ready(count) = poll_fn(|cx| Poll::Ready(Pin::new(&mut near).poll_write(cx, &block))).await {
            written += count.unwrap();
        }
        near.watch().unwrap();
        let reads = tokio::spawn(async move {
            let mut bytes = Vec::new();
            far.read_to_end(&mut bytes).await.unwrap();
            bytes.len()
        });
        near.write_all(b"more").await.unwrap();
        near.shutdown().await.unwrap();
        assert_eq!(reads.await.unwrap(), written + 4);
    }
}
