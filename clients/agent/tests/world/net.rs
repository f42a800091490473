//! Links: bytes on their way in both directions, each with its own troubles.

use pure_mqtt_agent::LinkId;
use std::collections::VecDeque;

/// One direction.
#[derive(Debug, Default)]
pub struct Pipe {
    on_the_way: VecDeque<(u64, Vec<u8>)>,
    pub stalled_until: u64,
    length: usize,
}

impl Pipe {
    pub fn push(&mut self, at: u64, bytes: Vec<u8>) {
        let at = self.on_the_way.back().map_or(at, |(before, _)| at.max(*before));
        self.length += bytes.len();
        self.on_the_way.push_back((at, bytes));
    }

    pub fn pop(&mut self, now: u64) -> Option<Vec<u8>> {
        if self.next().is_none_or(|at| at > now) {
            return None;
        }
        let (_, bytes) = self.on_the_way.pop_front()?;
        self.length -= bytes.len();
        Some(bytes)
    }

    /// When something arrives next.
    pub fn next(&self) -> Option<u64> {
        self.on_the_way.front().map(|(at, _)| (*at).max(self.stalled_until))
    }

    pub fn len(&self) -> usize {
        self.length
    }

    /// The link breaks: what is on the way is lost from somewhere on.
    pub fn cut(&mut self, keep: usize) {
        let mut left = keep;
        for (_, bytes) in &mut self.on_the_way {
            bytes.truncate(left);
            left -= bytes.len();
        }
        self.on_the_way.retain(|(_, bytes)| !bytes.is_empty());
        self.length = keep - left;
    }
}

/// A transport between an agent and a server.
#[derive(Debug)]
pub struct Link {
    pub host: usize,
    pub id: LinkId,
    pub server: usize,
    pub up: Pipe,
    pub down: Pipe,
    /// The agent has closed its end.
    pub is_closed_here: bool,
    /// When the server's end was closed: the agent learns of it once it has read everything.
    pub closed_there: Option<u64>,
    /// Bytes vanish, and nobody learns of it.
    pub is_dead: bool,
    /// Bytes of the agent that are not on the way yet go at most this far.
    pub capacity: usize,
    pub latency: u64,
}

impl Link {
    pub fn is_over(&self) -> bool {
        self.is_closed_here
    }
}
