//! A link: a stream of bytes, and the layers of [`pure_mqtt_net::Stack`] between it and MQTT.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pure_mqtt::{Instant, Version};
use pure_mqtt_agent::{Agent, Bytes, LinkId};
use pure_mqtt_net::Stack;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::dial::DialFailure;
use crate::spans::Tap;
use crate::stream::Stream;

/// So many bytes are read at once at most.
const READ: usize = 64 * 1024;
/// So often is read at once at most where nothing can be written any more.
const LAST_READS: usize = 16;
/// How long the server may take to close its side when we have closed ours.
const FAREWELL_PATIENCE: Duration = Duration::from_secs(1);

thread_local! {
    /// Where bytes are read to: one for all clients of a thread, so that an idle one needs none.
    static ROOM: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into_boxed_slice());
}

pub(crate) struct Link {
    transport: Stream,
    stack: Stack,
    /// Something was written that the transport may hold back.
    is_to_be_flushed: bool,
    pub(crate) tap: Tap,
}

impl Link {
    pub(crate) fn new(transport: Stream, stack: Stack) -> Self {
        Self { transport, stack, is_to_be_flushed: false, tap: Tap::new() }
    }

    /// Goes on with what must be agreed on before MQTT begins, until all is.
    pub(crate) async fn handshake(&mut self) -> Result<(), DialFailure> {
        poll_fn(|cx| {
            loop {
                let _ = self.poll_write_out(cx)?; // what is left waits for the transport beside what is awaited below
                if self.stack.is_up() {
                    return Poll::Ready(Ok(()));
                }
                if let Some(failure) = self.stack.failure() {
                    return Poll::Ready(Err(failure.clone().into()));
                }
                if !self.stack.wants_input() {
                    return Poll::Pending;
                }
                match self.poll_read_in(cx) {
                    // A server that can't read the handshake resets the connection as often as it closes it.
                    Err(error) if error.kind() == ErrorKind::ConnectionReset => self.stack.end_of_input(),
                    read => ready!(read?),
                }
            }
        })
        .await
    }

    /// Reads once, and hands what came to the agent. `Ready` if something came.
    ///
    /// # Errors
    /// The link is over, for this reason.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        agent: &mut Agent,
        now: Instant,
        id: LinkId,
    ) -> Result<Poll<()>, String> {
        let version = agent.version();
        let moved = match self.stack.is_bare() {
            true => self.poll_read_bare(cx, version, |bytes| agent.received(now, id, bytes)),
            false => self.poll_read_in(cx),
        };
        while let Some(bytes) = self.stack.read() {
            self.tap.received(version, &bytes);
            agent.received(now, id, bytes);
        }
        match (self.stack.failure(), self.stack.closed()) {
            (Some(failure), _) => Err(failure.to_string()),
            (None, Some(closed)) => Err(closed.to_string()),
            (None, None) => moved.map_err(|error| format!("the connection broke: {error}")),
        }
    }

    /// Writes what the agent has, as far as the transport takes it. `Ready` if all is written.
    ///
    /// # Errors
    /// As above.
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        agent: &mut Agent,
        now: Instant,
    ) -> Result<Poll<()>, String> {
        let written = match self.stack.is_bare() {
            true => self.poll_write_bare(cx, agent, now),
            false => self.poll_write_through(cx, agent, now),
        };
        written.map_err(|error| format!("the connection broke: {error}"))
    }

    /// Nothing can be written any more, but the server may have said why.
    pub(crate) fn read_last_words(&mut self, cx: &mut Context<'_>, agent: &mut Agent, now: Instant, id: LinkId) {
        let is_there = self.unwatch().is_ok(); // the system itself is asked: the runtime may not know yet
        for _ in 0..LAST_READS {
            if !is_there || !agent.wants_input() || !matches!(self.poll_read(cx, agent, now, id), Ok(Poll::Ready(()))) {
                break;
            }
        }
    }

    fn poll_write_bare(&mut self, cx: &mut Context<'_>, agent: &mut Agent, now: Instant) -> io::Result<Poll<()>> {
        let version = agent.version();
        let mut transmit = agent.transmit(now);
        while !transmit.chunk().is_empty() {
            match self.poll_write_some(cx, transmit.chunk())? {
                Poll::Ready(count) => {
                    self.tap.sent(version, transmit.chunk().get(..count).unwrap_or_default());
                    transmit.advance(count);
                }
                Poll::Pending => return Ok(Poll::Pending),
            }
        }
        self.poll_flush(cx)
    }

    fn poll_write_through(&mut self, cx: &mut Context<'_>, agent: &mut Agent, now: Instant) -> io::Result<Poll<()>> {
        let version = agent.version();
        let mut transmit = agent.transmit(now);
        loop {
            let taken = self.stack.send(transmit.chunk());
            self.tap.sent(version, transmit.chunk().get(..taken).unwrap_or_default());
            transmit.advance(taken);
            if self.poll_write_out(cx)?.is_pending() {
                return Ok(Poll::Pending);
            }
            if taken == 0 && self.stack.unsent() == 0 {
                return Ok(Poll::Ready(()));
            }
        }
    }

    /// Writes what the layers have.
    fn poll_write_out(&mut self, cx: &mut Context<'_>) -> io::Result<Poll<()>> {
        loop {
            let waiting = self.stack.transmit();
            if waiting.is_empty() {
                return self.poll_flush(cx);
            }
            match Pin::new(&mut self.transport).poll_write(cx, waiting)? {
                Poll::Ready(0) => return Err(ErrorKind::WriteZero.into()),
                Poll::Ready(count) => self.stack.advance(count),
                Poll::Pending => return Ok(Poll::Pending),
            }
            self.is_to_be_flushed = true;
        }
    }

    fn poll_write_some(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> io::Result<Poll<usize>> {
        let written = Pin::new(&mut self.transport).poll_write(cx, bytes)?;
        if written == Poll::Ready(0) {
            return Err(ErrorKind::WriteZero.into());
        }
        self.is_to_be_flushed |= written.is_ready();
        Ok(written)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> io::Result<Poll<()>> {
        if self.is_to_be_flushed {
            let flushed = Pin::new(&mut self.transport).poll_flush(cx)?;
            self.is_to_be_flushed = flushed.is_pending();
            return Ok(flushed);
        }
        Ok(Poll::Ready(()))
    }

    /// Reads once into the layers.
    fn poll_read_in(&mut self, cx: &mut Context<'_>) -> io::Result<Poll<()>> {
        let (transport, stack) = (&mut self.transport, &mut self.stack);
        read(transport, cx, |bytes| match bytes.is_empty() {
            true => stack.end_of_input(),
            false => stack.received_slice(bytes),
        })
    }

    fn poll_read_bare(
        &mut self,
        cx: &mut Context<'_>,
        version: Version,
        take: impl FnOnce(Bytes),
    ) -> io::Result<Poll<()>> {
        let (transport, stack, tap) = (&mut self.transport, &mut self.stack, &mut self.tap);
        read(transport, cx, |bytes| match bytes.is_empty() {
            true => stack.end_of_input(),
            false => {
                tap.received(version, bytes);
                take(Bytes::copy_from_slice(bytes));
            }
        })
    }

    /// Whether the runtime watches sockets.
    pub(crate) fn is_socket(&self) -> bool {
        self.transport.is_socket()
    }

    /// A pause begins, in which nothing that comes is to wake the task.
    ///
    /// # Errors
    /// The link is over, for this reason.
    pub(crate) fn unwatch(&mut self) -> Result<(), String> {
        self.transport.unwatch().map_err(|error| format!("the connection broke: {error}"))
    }

    /// What comes is to wake the task again. True if it was not so: then what came meanwhile is to be read.
    ///
    /// # Errors
    /// As above.
    pub(crate) fn watch(&mut self) -> Result<bool, String> {
        self.transport.watch().map_err(|error| format!("the connection broke: {error}"))
    }

    /// Says that nothing more will be sent, and waits a while for the server to close its side: a socket that is closed over unread bytes is reset, and what was written last is lost.
    pub(crate) async fn part(mut self) {
        if self.transport.watch().is_err() {
            return;
        }
        self.stack.finish();
        let farewell = poll_fn(|cx| {
            if self.poll_write_out(cx)?.is_pending() {
                return Poll::Pending;
            }
            ready!(Pin::new(&mut self.transport).poll_shutdown(cx))?;
            for _ in 0..LAST_READS {
                let mut is_over = false;
                let read = read(&mut self.transport, cx, |bytes| is_over = bytes.is_empty());
                match read? {
                    Poll::Ready(()) if is_over => return Poll::Ready(io::Result::Ok(())),
                    Poll::Ready(()) => {}
                    Poll::Pending => return Poll::Pending,
                }
            }
            cx.waker().wake_by_ref(); // the others first, and the time
            Poll::Pending
        });
        let _ = tokio::time::timeout(FAREWELL_PATIENCE, farewell).await; // it is gone in any case
    }
}

/// Reads once; `take` gets nothing at the end of the stream.
fn read(transport: &mut Stream, cx: &mut Context<'_>, take: impl FnOnce(&[u8])) -> io::Result<Poll<()>> {
    ROOM.with_borrow_mut(|room| {
        let mut buffer = ReadBuf::new(room);
        let read = Pin::new(transport).poll_read(cx, &mut buffer)?;
        if read.is_ready() {
            take(buffer.filled());
        }
        Ok(read)
    })
}
