//! One transport of the device: slow, and gone sooner or later.

use crate::common::broker::LinkId;
use std::collections::VecDeque;

/// Bytes on their way in one direction.
#[derive(Default)]
pub struct Pipe(VecDeque<(u64, Vec<u8>)>);

impl Pipe {
    /// Bytes that arrive at `at`, but never before those that were sent earlier.
    pub fn put(&mut self, at: u64, bytes: Vec<u8>) {
        let at = self.0.back().map_or(at, |(last, _)| at.max(*last));
        if !bytes.is_empty() {
            self.0.push_back((at, bytes));
        }
    }

    /// Up to `most` bytes that have arrived by `now`.
    pub fn take(&mut self, now: u64, most: usize) -> Vec<u8> {
        let Some((_, bytes)) = self.0.front_mut().filter(|(at, _)| *at <= now) else { return Vec::new() };
        let rest = bytes.split_off(most.min(bytes.len()));
        let taken = std::mem::replace(bytes, rest);
        if self.0.front().is_some_and(|(_, rest)| rest.is_empty()) {
            self.0.pop_front();
        }
        taken
    }

    /// When the next bytes arrive.
    pub fn next(&self) -> Option<u64> {
        self.0.front().map(|(at, _)| *at)
    }

    /// All that is on the way.
    pub fn drain(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0).into_iter().flat_map(|(_, bytes)| bytes).collect()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A transport.
pub struct Link {
    pub id: LinkId,
    pub up: Pipe,
    pub down: Pipe,
    /// What the client has read and not taken.
    pub rx: Vec<u8>,
    pub is_blocked: bool,
    /// Milliseconds in each direction.
    pub latency: u64,
    /// It breaks after so many more bytes, out and in.
    pub left: (usize, usize),
    /// Since when all bytes vanish and nobody is told, or since when the device could have noticed.
    pub dead_since: Option<u64>,
    /// The device slept on it, so time-outs are no surprise.
    pub slept: bool,
}

impl Link {
    pub fn new(id: LinkId, latency: u64, left: (usize, usize)) -> Self {
        Self {
            id,
            up: Pipe::default(),
            down: Pipe::default(),
            rx: Vec::new(),
            is_blocked: false,
            latency,
            left,
            dead_since: None,
            slept: false,
        }
    }

    /// Dies silently.
    pub fn die(&mut self, now: u64) {
        self.dead_since.get_or_insert(now);
        self.up.drain();
        self.down.drain();
    }

    /// When something arrives at an end; only at the server's if the device is asleep or can't take more.
    pub fn next(&self, is_awake: bool) -> Option<u64> {
        [self.up.next(), self.down.next().filter(|_| is_awake && !self.is_blocked)].into_iter().flatten().min()
    }
}
