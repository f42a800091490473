//! A round of all connections: received messages and their latencies.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, unbounded};
use hdrhistogram::Histogram;

use super::took::new_histogram;
use crate::failure::Failure;

pub struct Round {
    /// The zero point of time stamps.
    start: Instant,
    progress: Mutex<Progress>,
}

struct Progress {
    number: u64,
    messages: u64,
    received: u64,
    acknowledged: u64,
    /// In microseconds.
    latency: Histogram<u64>,
    finished: Sender<Result<(), Failure>>,
}

/// A payload begins with the time and the number of the round.
const STAMP: usize = 16;

impl Round {
    pub fn new() -> Self {
        let (finished, _) = unbounded();
        let latency = new_histogram();
        let progress = Progress { number: 0, messages: 0, received: 0, acknowledged: 0, latency, finished };
        Self { start: Instant::now(), progress: Mutex::new(progress) }
    }

    /// Begins a round of this many messages. The channel returns its result.
    pub fn begin(&self, messages: u64) -> Receiver<Result<(), Failure>> {
        let (finished, receiver) = unbounded();
        let mut progress = self.lock();
        let (number, latency) = (progress.number + 1, new_histogram());
        *progress = Progress { number, messages, received: 0, acknowledged: 0, latency, finished };
        receiver
    }

    /// Returns a payload of this length, stamped with the current time.
    pub fn stamp(&self, size: usize) -> Vec<u8> {
        let mut payload = Vec::with_capacity(size);
        payload.extend((self.start.elapsed().as_micros() as u64).to_le_bytes());
        payload.extend(self.lock().number.to_le_bytes());
        payload.resize(size.max(STAMP), b'x');
        payload
    }

    /// Returns whether the payload was published in this round.
    pub fn is_of_now(&self, payload: &[u8]) -> bool {
        read(payload).is_some_and(|(_, number)| number == self.lock().number)
    }

    pub fn received(&self, payload: &[u8]) {
        let now = self.start.elapsed().as_micros() as u64;
        let mut progress = self.lock();
        if let Some((then, _)) = read(payload) {
            progress.latency.saturating_record(now.saturating_sub(then));
        }
        progress.received += 1;
        progress.look();
    }

    pub fn acknowledged(&self) {
        let mut progress = self.lock();
        progress.acknowledged += 1;
        progress.look();
    }

    pub fn fail(&self, failure: Failure) {
        let _ = self.lock().finished.send(Err(failure)); // the receiver may be gone
    }

    /// Returns how many messages were received.
    pub fn count(&self) -> u64 {
        self.lock().received
    }

    pub fn missing(&self) -> u64 {
        let progress = self.lock();
        progress.messages - progress.received
    }

    pub fn take_latency(&self) -> Histogram<u64> {
        std::mem::replace(&mut self.lock().latency, new_histogram())
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress {
    fn look(&self) {
        if self.received >= self.messages && self.acknowledged >= self.messages {
            let _ = self.finished.send(Ok(())); // received once
        }
    }
}

/// The time and the number of the round.
fn read(payload: &[u8]) -> Option<(u64, u64)> {
    let (time, rest) = payload.split_first_chunk()?;
    let (number, _) = rest.split_first_chunk()?;
    Some((u64::from_le_bytes(*time), u64::from_le_bytes(*number)))
}
