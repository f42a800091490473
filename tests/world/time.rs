//! Three clocks: the world's, the client's, which may begin anywhere and go back, and those of the servers, which go at a pace of their own.

use crate::life::World;
use crate::memory::Memory;
use crate::wire::NEVER;
use pure_mqtt::Instant;

impl<S: Memory> World<S> {
    /// What the client's clock shows.
    pub fn time(&self) -> Instant {
        Instant::from_millis((self.character.epoch + self.now).saturating_sub(self.lag))
    }

    /// When the client's clock shows this.
    fn true_time(&self, at: Instant) -> u64 {
        (at.as_millis().saturating_add(self.lag)).saturating_sub(self.character.epoch)
    }

    pub fn pass_to(&mut self, at: u64) {
        let passed = at - self.now;
        if self.is_paused() {
            self.paused += passed.min(self.paused_until - self.now);
        }
        for (server, fraction) in self.servers.iter_mut().zip(&mut self.server_fraction) {
            let pace = if self.is_good { 16 } else { self.character.server_pace };
            let passed = passed * pace + *fraction;
            *fraction = passed % 16;
            server.tick(server.now + passed / 16);
        }
        self.now = at;
        self.turns_now = 0;
        self.app.disk.now = at;
        if let Some(transport) = &mut self.transport {
            transport.now = at;
        }
    }

    /// When something happens next.
    pub fn next(&mut self) -> u64 {
        let mut next = NEVER;
        let mut due = |at: u64| next = next.min(at);
        for (server, fraction) in self.servers.iter().zip(self.server_fraction) {
            if let Some(at) = server.next() {
                let pace = if self.is_good { 16 } else { self.character.server_pace };
                let left = at.saturating_sub(server.now) * 16;
                due(self.now + left.saturating_sub(fraction).div_ceil(pace));
            }
        }
        due(self.app.disk.done_at.unwrap_or(NEVER));
        let is_paused = self.is_paused();
        if is_paused {
            due(self.paused_until);
        }
        if let Some(transport) = &self.transport {
            due(transport.up.next());
            if !is_paused && self.reading.has_room() {
                due(transport.down.next().max(transport.reads_at));
            }
            if !is_paused && self.last.is_full && transport.up.stuck_until > self.now {
                due(transport.up.stuck_until);
            }
        } else if !is_paused {
            due(self.connects_at.max(self.now + 1));
        }
        if !is_paused {
            due(self.confirms_at);
            let timer = self.wakes_at().map(|at| self.true_time(at));
            due(timer.map_or(NEVER, |at| at.max(self.now + 1)));
        }
        next
    }
}
