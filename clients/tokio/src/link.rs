//! A link: a byte stream, and the layers of [`pure_mqtt_net::Stack`] between it and MQTT.

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

/// The maximum number of bytes per read.
const READ: usize = 64 * 1024;
/// The maximum number of reads at a time after writing has failed.
const LAST_READS: usize = 16;
/// How long to wait for the server to close its side after we have closed ours.
const FAREWELL_PATIENCE: Duration = Duration::from_secs(1);

thread_local! {
    /// The read buffer: one for all clients of a thread, so that an idle client needs none.
    static ROOM: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into_boxed_slice());
}

pub(crate) struct Link {
    transport: Stream,
    stack: Stack,
    /// Bytes were written that the transport may still buffer.
    is_to_be_flushed: bool,
    pub(crate) tap: Tap,
}

impl Link {
    pub(crate) fn new(transport: Stream, stack: Stack) -> Self {
        Self { transport, stack, is_to_be_flushed: false, tap: Tap::new() }
    }

    /// Performs the handshakes before MQTT begins.
    pub(crate) async fn handshake(&mut self) -> Result<(), DialFailure> {
        poll_fn(|cx| {
            loop {
                let _ = self.poll_write_out(cx)?; // the rest is written when the transport is ready, polled below
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

    /// Reads once, and passes the bytes to the agent. `Ready` if bytes arrived.
    ///
    /// # Errors
    /// The link has ended, for this reason.
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

    /// Writes the agent's output as far as the transport takes it. `Ready` if everything was written.
    ///
    /// # Errors
    /// The link has ended, for this reason.
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

    /// Reads what is left after writing has failed: the server may have sent a reason.
    pub(crate) fn read_last_words(&mut self, cx: &mut Context<'_>, agent: &mut Agent, now: Instant, id: LinkId) {
        let is_there = self.unwatch().is_ok(); // asks the system itself: the runtime may not have polled it yet
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

    /// Writes the output of the layers.
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

    /// Returns whether the runtime watches sockets.
    pub(crate) fn is_socket(&self) -> bool {
        self.transport.is_socket()
    }

    /// Begins a pause, in which input does not wake the task.
    ///
    /// # Errors
    /// The link has ended, for this reason.
    pub(crate) fn unwatch(&mut self) -> Result<(), String> {
        self.transport.unwatch().map_err(|error| format!("the connection broke: {error}"))
    }

    /// Ends a pause: input wakes the task again. True if there was a pause: then input that arrived meanwhile must be read.
    ///
    /// # Errors
    /// The link has ended, for this reason.
    pub(crate) fn watch(&mut self) -> Result<bool, String> {
        self.transport.watch().map_err(|error| format!("the connection broke: {error}"))
    }

    /// Shuts down the writing side, and waits up to 1 second for the server to close its side: a socket closed with unread input is reset, and the last output is lost.
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
            cx.waker().wake_by_ref(); // lets other tasks and the timer run first
            Poll::Pending
        });
        let _ = tokio::time::timeout(FAREWELL_PATIENCE, farewell).await; // the link is dropped in any case
    }
}

/// Reads once; `take` gets an empty slice at the end of the stream.
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
