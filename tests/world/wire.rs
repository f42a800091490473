//! The transport: slow, full, stuck, broken. It belongs to one link.

use crate::tally::Tally;
use std::collections::VecDeque;

/// No time ever.
pub const NEVER: u64 = u64::MAX;

/// Bytes on their way in one direction.
#[derive(Debug, Default)]
pub struct Pipe {
    parts: VecDeque<(u64, Vec<u8>)>,
    length: usize,
    /// Nothing moves until then.
    pub stuck_until: u64,
    /// After so many more bytes nothing moves for so long.
    pub sticks: Option<(usize, u64)>,
}

impl Pipe {
    /// Bytes that arrive at `at`, but not before those that were sent earlier.
    pub fn put(&mut self, at: u64, bytes: &[u8]) {
        let at = self.parts.back().map_or(at, |(last, _)| at.max(*last));
        if !bytes.is_empty() {
            self.length += bytes.len();
            self.parts.push_back((at, bytes.to_vec()));
        }
    }

    /// Up to `most` bytes that have arrived by `now`.
    pub fn take(&mut self, now: u64, most: usize) -> Vec<u8> {
        let most = self.sticks.map_or(most, |(left, _)| most.min(left));
        let is_here = self.parts.front().is_some_and(|(at, _)| *at <= now);
        if now < self.stuck_until || !is_here || most == 0 {
            return Vec::new();
        }
        let Some((_, bytes)) = self.parts.front_mut() else { return Vec::new() };
        let rest = bytes.split_off(most.min(bytes.len()));
        let taken = std::mem::replace(bytes, rest);
        if self.parts.front().is_some_and(|(_, rest)| rest.is_empty()) {
            self.parts.pop_front();
        }
        self.length -= taken.len();
        if let Some((left, length)) = &mut self.sticks {
            *left -= taken.len();
            if *left == 0 {
                self.stuck_until = now.saturating_add(*length);
                self.sticks = None;
            }
        }
        taken
    }

    /// How many bytes have arrived by `now`.
    pub fn arrived(&self, now: u64) -> usize {
        let parts = self.parts.iter().take_while(|(at, _)| *at <= now && !self.is_stuck(now));
        parts.map(|(_, bytes)| bytes.len()).sum()
    }

    /// All that is on the way.
    pub fn drain(&mut self) -> Vec<u8> {
        self.length = 0;
        std::mem::take(&mut self.parts).into_iter().flat_map(|(_, bytes)| bytes).collect()
    }

    /// When the next bytes arrive.
    pub fn next(&self) -> u64 {
        self.parts.front().map_or(NEVER, |(at, _)| (*at).max(self.stuck_until))
    }

    pub const fn is_stuck(&self, now: u64) -> bool {
        now < self.stuck_until
    }

    pub const fn len(&self) -> usize {
        self.length
    }

    /// Sticks after `count` more bytes, or at once if that is 0.
    pub fn stick(&mut self, now: u64, count: usize, length: u64) {
        match count {
            0 => self.stuck_until = self.stuck_until.max(now.saturating_add(length)),
            _ => self.sticks = Some((count, length)),
        }
    }

    pub fn heal(&mut self) {
        (self.stuck_until, self.sticks) = (0, None);
    }
}

/// One transport, from the client's side.
#[derive(Debug)]
pub struct Transport {
    pub now: u64,
    pub up: Pipe,
    pub down: Pipe,
    pub latency: u64,
    /// What it takes while nothing moves.
    pub capacity: usize,
    /// Bytes at a time, at most, in each direction.
    pub most_read: usize,
    pub most_written: usize,
    /// It breaks when so many more bytes were taken.
    pub breaks: Option<usize>,
    pub is_broken: bool,
    /// The server has closed it behind what is on the way.
    pub is_ended: bool,
    pub rng: fastrand::Rng,
    /// Bytes in all, out and in.
    pub written: u64,
    pub read: u64,
    /// When it last took, and gave, a byte; and whether it says that it is full, and since when.
    pub took_at: u64,
    pub gave_at: u64,
    pub was_full: bool,
    pub full_at: u64,
    /// When what it didn't take was taken back.
    pub taken_back_at: u64,
    pub is_stalled: bool,
    /// The host is busy with what it has read, and reads nothing before.
    pub reads_at: u64,
    /// So many bytes it has told the client of without handing them over.
    pub told: usize,
    /// The same when the turn began.
    pub told_before: usize,
    pub tally: Tally,
}

impl Transport {
    pub fn can_read(&self) -> bool {
        self.down.next() <= self.now && self.reads_at <= self.now
    }

    /// How many bytes have arrived and were not read.
    pub fn unread(&self) -> usize {
        self.down.arrived(self.now)
    }

    /// A turn is over, after which output waits for room or not.
    pub fn note_turn(&mut self, is_full: bool) {
        if self.was_full && !is_full {
            (self.was_full, self.taken_back_at) = (false, self.now);
        }
    }

    /// How many bytes it takes now.
    pub fn room(&self) -> usize {
        let is_short = self.up.is_stuck(self.now) || self.up.sticks.is_some();
        match self.breaks {
            Some(0) => 0,
            _ if self.is_broken => 0,
            _ if is_short => {
                let passes = self.up.sticks.map_or(0, |(left, _)| left);
                (self.capacity + passes).saturating_sub(self.up.len())
            }
            _ => usize::MAX,
        }
    }
}

impl crate::hosts::Wire for Transport {
    fn read(&mut self, room: &mut [u8]) -> usize {
        if self.reads_at > self.now {
            return 0;
        }
        let most = self.rng.usize(1..=self.most_read).min(room.len());
        let bytes = self.down.take(self.now, most);
        room[..bytes.len()].copy_from_slice(&bytes);
        self.read += bytes.len() as u64;
        self.tally.read(&bytes);
        if !bytes.is_empty() {
            self.gave_at = self.now;
        }
        bytes.len()
    }

    fn write(&mut self, bytes: &[u8]) -> usize {
        let most = self.rng.usize(1..=self.most_written);
        let count = bytes.len().min(most).min(self.room()).min(self.breaks.unwrap_or(usize::MAX));
        self.up.put(self.now + self.latency, &bytes[..count]);
        self.written += count as u64;
        self.tally.wrote(&bytes[..count], self.now);
        if let Some(left) = &mut self.breaks {
            *left -= count;
            self.is_broken |= *left == 0;
        }
        if count > 0 {
            self.took_at = self.now;
        }
        // What takes the place of other output in the same moment has waited as long.
        if !std::mem::replace(&mut self.was_full, count == 0) && (count > 0 || self.taken_back_at < self.now) {
            self.full_at = self.now;
        }
        count
    }
}
