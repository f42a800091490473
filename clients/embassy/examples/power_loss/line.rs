//! What a host has in the place of a network chip and a timer: a TCP socket and the system's clock, both polled.

use std::future::poll_fn;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::task::Poll;
use std::time;

use pure_mqtt_embassy::{Clock, Instant};

/// The time since the device has power.
pub struct HostClock(time::Instant);

impl HostClock {
    pub fn new() -> Self {
        Self(time::Instant::now())
    }
}

impl Clock for HostClock {
    fn now(&self) -> Instant {
        Instant::from_millis(self.0.elapsed().as_millis() as u64)
    }

    async fn wait_until(&self, at: Instant) {
        polled(|| if self.now() >= at { Ok(()) } else { Err(ErrorKind::WouldBlock.into()) }).await.unwrap_or_default();
    }
}

/// A TCP connection.
pub struct Line(TcpStream);

impl Line {
    pub fn dial(server: SocketAddr) -> io::Result<Self> {
        let socket = TcpStream::connect(server)?;
        socket.set_nonblocking(true)?;
        Ok(Self(socket))
    }
}

/// Tries again until there is no need to wait.
async fn polled<R>(mut work: impl FnMut() -> io::Result<R>) -> Result<R, embedded_io_async::ErrorKind> {
    poll_fn(|context| match work() {
        Err(error) if error.kind() == ErrorKind::WouldBlock => {
            context.waker().wake_by_ref();
            Poll::Pending
        }
        done => Poll::Ready(done.map_err(|_| embedded_io_async::ErrorKind::Other)),
    })
    .await
}

impl embedded_io_async::ErrorType for Line {
    type Error = embedded_io_async::ErrorKind;
}

impl embedded_io_async::Read for Line {
    async fn read(&mut self, room: &mut [u8]) -> Result<usize, Self::Error> {
        polled(|| self.0.read(room)).await
    }
}

impl embedded_io_async::Write for Line {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        polled(|| self.0.write(bytes)).await
    }

    async fn flush(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}
