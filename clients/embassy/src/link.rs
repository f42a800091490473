//! One link: bytes between a transport and the engine, and what is due in between.
//!
//! Bytes are copied through two small buffers, so that no read or write ever borrows what the other tasks use. What the engine has put into the outgoing one
//! counts as taken by the transport.

use core::cell::RefCell;
use core::future::{pending, poll_fn};
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll};

use embassy_futures::select::select;
use embassy_sync::blocking_mutex::Mutex;
use embedded_io_async::{Read, Write};
use pure_mqtt::{Instant, RxBuffer};

use crate::client::sealed::Access;
use crate::clock::Clock;
use crate::copying::copy;

/// Bytes that are read or written at a time.
const STAGE: usize = 128;

/// How long the last bytes of a link may take to leave, in milliseconds.
const FAREWELL: u64 = 1_000;

/// What both directions of a link share. Behind the client's own kind of mutex, so that the future of the link is `Send` wherever the client is `Sync`.
pub struct Wire<'w, Q: Access, const N: usize> {
    mqtt: &'w Q,
    rx: Mutex<Q::Mutex, RefCell<&'w mut RxBuffer<N>>>,
    /// Everything that was taken from the engine is with the server, as far as the transport tells.
    is_flushed: AtomicBool,
}

impl<'w, Q: Access, const N: usize> Wire<'w, Q, N> {
    pub const fn new(mqtt: &'w Q, rx: &'w mut RxBuffer<N>) -> Self {
        Self { mqtt, rx: Mutex::new(RefCell::new(rx)), is_flushed: AtomicBool::new(true) }
    }

    /// Reads once. False if the transport failed or has ended.
    pub async fn receive(&self, reader: &mut impl Read) -> bool {
        let mut stage = [0; STAGE];
        let room = poll_fn(|context| self.poll_room(context)).await;
        let room = stage.get_mut(..room.min(STAGE)).unwrap_or_default();
        match reader.read(room).await {
            Ok(count @ 1..) => {
                self.push(room.get(..count).unwrap_or_default());
                true
            }
            _ => false,
        }
    }

    /// Writes once, or flushes when nothing waits any more. False if the transport failed.
    pub async fn send(&self, writer: &mut impl Write) -> bool {
        let mut stage = [0; STAGE];
        self.output().await;
        let filled = self.mqtt.enter(|shared, now| shared.fill(now, &mut stage)).unwrap_or(0);
        if filled > 0 {
            self.is_flushed.store(false, Ordering::Relaxed);
            return write_all(writer, stage.get(..filled).unwrap_or_default()).await;
        }
        let is_flushed = writer.flush().await.is_ok();
        self.is_flushed.store(true, Ordering::Relaxed);
        self.nudge();
        is_flushed
    }

    /// Waits until there is something to write or to flush.
    pub async fn output(&self) {
        poll_fn(|context| match self.has_output() {
            true => Poll::Ready(()),
            false => {
                self.mqtt.enter(|shared, _| shared.common.watch(context));
                Poll::Pending
            }
        })
        .await;
    }

    /// Whether there is something to write or to flush.
    pub fn has_output(&self) -> bool {
        let waits = || self.mqtt.enter(|shared, now| shared.has_output(now)).unwrap_or(false);
        !self.is_flushed.load(Ordering::Relaxed) || waits()
    }

    fn poll_room(&self, context: &Context<'_>) -> Poll<usize> {
        let room = self.with_rx(|rx| rx.room().len()).unwrap_or(0);
        if room > 0 {
            return Poll::Ready(room);
        }
        self.mqtt.enter(|shared, _| shared.common.watch(context));
        Poll::Pending
    }

    fn push(&self, bytes: &[u8]) {
        self.with_rx(|rx| {
            let count = copy(bytes, rx.room());
            rx.filled(count);
        });
        self.nudge();
    }

    fn nudge(&self) {
        self.mqtt.enter(|shared, _| shared.common.nudge());
    }

    /// Takes the packets that are there, each in a critical section of its own.
    pub fn take_packets(&self) {
        let take = |rx: &mut RxBuffer<N>| self.mqtt.enter(|shared, now| shared.take_packet(now, rx));
        while self.with_rx(take).flatten().unwrap_or(false) {}
    }

    fn with_rx<R>(&self, work: impl FnOnce(&mut RxBuffer<N>) -> R) -> Option<R> {
        self.rx.lock(|rx| rx.try_borrow_mut().ok().map(|mut rx| work(&mut rx)))
    }

    /// Does what is due, until the link is over and its last bytes have left.
    pub async fn work(&self) {
        let mut closes_at = None; // once the link is over: it is closed at the latest then
        loop {
            self.take_packets();
            let turn = self.mqtt.enter(|shared, now| (now, shared.work(now), shared.connection.should_close()));
            let (mut until, mut is_over) = (None, false);
            if let Some((now, due, should_close)) = turn {
                until = due;
                if should_close {
                    let last = *closes_at.get_or_insert(now.after_millis(FAREWELL));
                    until = Some(due.map_or(last, |due| due.min(last)));
                    is_over = self.is_flushed.load(Ordering::Relaxed) || now >= last;
                }
            }
            if is_over {
                return;
            }
            let nudged = poll_fn(|context| {
                let polled = self.mqtt.enter(|shared, _| shared.common.poll_nudge(context));
                polled.unwrap_or_else(|| crate::publish::again(context))
            });
            select(self.wait(until), nudged).await;
        }
    }

    async fn wait(&self, until: Option<Instant>) {
        match until {
            Some(until) => self.mqtt.clock().wait_until(until).await,
            None => pending().await,
        }
    }
}

/// Writes all of it. False if the transport failed.
async fn write_all(writer: &mut impl Write, mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        match writer.write(bytes).await {
            Ok(count @ 1..) => bytes = bytes.get(count..).unwrap_or_default(),
            _ => return false,
        }
    }
    true
}
