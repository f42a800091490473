//! All faults go, and everything must come to its end.

use crate::features::Feature;
use crate::hosts::{Inbox, What};
use crate::ledger::Verdict;
use crate::life::World;
use pure_mqtt_agent::{AckMode, FilterOptions, QoS, Qos0Queue, Redial};

/// Milliseconds until everything must have ended.
const BOUND: u64 = 1_800_000;

impl World {
    pub fn heal(&mut self) -> Verdict {
        self.say(|| "all is well from now on".into());
        self.heals = true;
        for server in &mut self.servers {
            (server.refusals.0, server.mutes, server.frozen_until) = (0, 0, 0);
        }
        for link in 0..self.links.len() {
            (self.links[link].up.stalled_until, self.links[link].down.stalled_until) = (0, 0);
            self.links[link].capacity = 100_000;
            if self.links[link].is_dead {
                self.leave_session(link);
            } else if self.has.has(Feature::MuteRelease) {
                self.hang_up(link); // the PUBREL comes again, and is answered
            }
        }
        self.stop_doubles();
        (0..self.hosts.len()).for_each(|index| self.take_over_what_was_left(index));
        self.hurry();
        let start = self.now;
        while self.now < start + BOUND {
            self.wake_up();
            self.run_until(self.now + 5_000)?;
            self.hurry();
            if self.pending().is_empty() {
                self.judge_all()?;
                return self.end();
            }
        }
        let open = self.pending();
        Err(format!("still open after half an hour: {}", open.join("; ")))
    }

    /// Messages that dropped receivers left unacknowledged go to somebody who wants them all.
    fn take_over_what_was_left(&mut self, index: usize) {
        let now = self.instant();
        let host = &mut self.hosts[index];
        if host.receivers.iter().all(|inbox| inbox.is_alive) || host.is_shut {
            return;
        }
        let id = host.agent.receiver(AckMode::OnNext, Qos0Queue::default());
        let mut inbox = Inbox::new(id, 0, false);
        inbox.ever.insert("#".into());
        host.receivers.push(inbox);
        if let Ok(ticket) = host.agent.subscribe(now, id, &[("#", QoS::ExactlyOnce)], FilterOptions::default()) {
            host.tickets.insert(ticket, What::Subscribe(vec!["#".into()]));
        }
    }

    /// Two clients of one identifier never come to rest: one goes.
    fn stop_doubles(&mut self) {
        for index in 1..self.hosts.len() {
            if self.has.has(Feature::SameId) && self.is_id_shared(index) && !self.hosts[index].is_shut {
                self.shut_down(index, 1_000);
            }
        }
    }

    fn wake_up(&mut self) {
        for index in 0..self.hosts.len() {
            let host = &self.hosts[index];
            let waits = host.link.is_none() && host.agent.poll_timeout().is_none();
            let is_host = host.options.redial == Redial::Host;
            if !host.is_shut && !host.agent.is_connected() && (host.is_down || is_host && waits) {
                self.dial(index, None);
            }
        }
    }

    fn end(&mut self) -> Verdict {
        for index in 0..self.hosts.len() {
            if !self.hosts[index].is_shut {
                self.shut_down(index, 10_000);
            }
        }
        self.run_until(self.now + 60_000)?;
        for (index, host) in self.hosts.iter().enumerate() {
            if !host.is_done || !host.agent.is_done() {
                return Err(format!("host {index} never shut down"));
            }
            if let Some((ticket, what)) = host.tickets.iter().next() {
                return Err(format!("host {index}: ticket {ticket} has no end: {what:?}"));
            }
        }
        Ok(())
    }
}
