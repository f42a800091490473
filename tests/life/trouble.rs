//! What a life is like, and what goes wrong in it.

use crate::common::broker::Config;
use crate::device::{CLIENT, Device};
use crate::streaming::{INLINE_MAX, STREAM_MAX};
use pure_mqtt::{Disconnect, Limits, OnSessionLoss, Storage, Version};
use std::ops::AddAssign;

pub const MINUTE: u64 = 60_000;
pub const HOUR: u64 = 60 * MINUTE;

/// What stays the same for a life.
#[derive(Clone, Copy, Debug)]
pub struct Character {
    pub version: Version,
    pub keep_alive: u16,
    pub session_expiry: u32,
    pub policy: OnSessionLoss,
    pub manual_acks: bool,
    pub aliases: u16,
    /// Messages that are longer than its memory.
    pub streams: bool,
    /// Bytes at a time, at most.
    pub most_read: usize,
    pub most_written: usize,
    /// Bytes that a link carries, at most, if it breaks at a byte.
    pub farthest: usize,
}

impl Character {
    pub fn new(rng: &mut fastrand::Rng) -> Self {
        let policies = [OnSessionLoss::Republish, OnSessionLoss::Abort];
        Self {
            version: rng.choice(Version::ALL).unwrap(),
            keep_alive: rng.choice([30, 60, 300, 1200]).unwrap(),
            session_expiry: rng.choice([u32::MAX, u32::MAX, 7_200]).unwrap(),
            policy: rng.choice(policies).unwrap(),
            manual_acks: rng.bool(),
            aliases: rng.choice([0, 2]).unwrap(),
            streams: rng.bool(),
            most_read: rng.choice([1, 9, 4096]).unwrap(),
            most_written: rng.choice([1, 9, 4096]).unwrap(),
            farthest: rng.choice([300, 2_000, 10_000]).unwrap(),
        }
    }

    pub fn limits(&self, rng: &mut fastrand::Rng) -> Limits {
        Limits {
            version: self.version,
            max_inflight: rng.choice([1, 4, 20]).unwrap(),
            manual_acks: self.manual_acks,
            topic_alias_maximum: self.aliases,
            outbound_aliases: self.aliases,
            on_session_loss: self.policy,
            pingresp_timeout: rng.choice([0, 10_000]).unwrap(),
            ack_timeout: rng.choice([0, 60_000]).unwrap(),
            inline_max: if self.streams { INLINE_MAX } else { Limits::DEFAULT.inline_max },
            stream_max: if self.streams { STREAM_MAX } else { 0 },
            ..Limits::DEFAULT
        }
    }

    pub fn config(&self, rng: &mut fastrand::Rng, lines: usize) -> Config {
        Config {
            receive_maximum: rng.choice([None, Some(2), Some(10)]).unwrap(),
            server_keep_alive: rng.choice([None, None, Some(90)]).unwrap(),
            use_aliases: rng.bool(),
            transcript_limit: lines,
            ..Config::default()
        }
    }

    /// After how many bytes a link breaks, out and in.
    pub fn reach(&self, rng: &mut fastrand::Rng) -> (usize, usize) {
        let mut bytes = || if rng.u8(0..3) == 0 { rng.usize(1..self.farthest) } else { usize::MAX };
        (bytes(), bytes())
    }
}

/// What is counted.
#[derive(Clone, Copy, Default, Debug)]
pub struct Counts {
    pub days: u64,
    pub links: u64,
    pub sent: u64,
    pub refused: u64,
    pub queued: u64,
    pub cuts: u64,
    pub deaths: u64,
    pub timeouts: u64,
    pub overruns: u64,
    pub sleeps: u64,
    pub restarts: u64,
    pub losses: u64,
    pub doubles: u64,
    pub pieces: u64,
    pub abandoned: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.days += other.days;
        self.links += other.links;
        self.sent += other.sent;
        self.refused += other.refused;
        self.queued += other.queued;
        self.cuts += other.cuts;
        self.deaths += other.deaths;
        self.timeouts += other.timeouts;
        self.overruns += other.overruns;
        self.sleeps += other.sleeps;
        self.restarts += other.restarts;
        self.losses += other.losses;
        self.doubles += other.doubles;
        self.pieces += other.pieces;
        self.abandoned += other.abandoned;
    }
}

impl<S: Storage + Clone> Device<S> {
    /// Something goes wrong.
    pub fn suffer(&mut self) {
        match self.rng.u8(0..20) {
            0..6 if self.is_awake() => self.cut(),
            6..10 => self.die(),
            10..13 => self.lose_network(),
            13..16 => self.restart_server(),
            16..19 => self.fall_asleep(),
            19 => self.lose_session(),
            _ => {}
        }
    }

    fn die(&mut self) {
        let now = self.now.max(self.sleeps_until);
        if let Some(link) = self.link.as_mut().filter(|link| link.dead_since.is_none()) {
            link.die(now);
            self.counts.deaths += 1;
        }
    }

    /// No network for a while; the client may or may not be told.
    fn lose_network(&mut self) {
        if self.is_awake() && self.rng.bool() {
            self.cut();
        } else {
            self.die();
        }
        self.out_until = self.now + self.rng.u64(MINUTE..2 * HOUR);
    }

    fn restart_server(&mut self) {
        self.counts.restarts += 1;
        self.broker.restart();
        self.watch_session();
        self.out_until = self.out_until.max(self.now + self.rng.u64(100..30 * MINUTE));
        // All links are gone; the device may or may not be told.
        match self.is_awake() && self.rng.bool() {
            true => self.close(true),
            false => self.die(),
        }
    }

    fn fall_asleep(&mut self) {
        if !self.is_awake() {
            return;
        }
        self.counts.sleeps += 1;
        let hours = self.rng.u64(MINUTE..8 * HOUR);
        if self.rng.bool() && self.link.is_some() {
            self.client.disconnect(self.instant(), &Disconnect::default()).expect("disconnect");
            self.advance(self.now);
        }
        self.sleeps_until = self.now + hours;
        if let Some(link) = &mut self.link {
            link.slept = true;
            if link.dead_since.is_some() {
                link.dead_since = Some(self.sleeps_until);
            }
        }
    }

    /// The server loses the session. A 3.1 client can't be told, so its server doesn't.
    fn lose_session(&mut self) {
        if self.character.version != Version::V31 && self.broker.has_session(CLIENT) {
            self.counts.losses += 1;
            self.broker.lose_session(CLIENT);
            self.watch_session();
        }
    }
}
