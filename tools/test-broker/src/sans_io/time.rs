//! What happens because time passes: keep alive, wills, the ends of sessions, and what the script makes late.

use super::link::Phase;
use super::session::Session;
use super::{Broker, DelayedWill, Link};

impl Broker {
    /// Time passes. `now_ms` never goes back.
    pub fn tick(&mut self, now_ms: u64) {
        self.now_ms = self.now_ms.max(now_ms);
        let now_ms = self.now_ms;
        if self.config.enforce_keep_alive {
            self.close_silent_links();
        }
        let due = |(id, will): (&String, &DelayedWill)| (will.due_ms <= now_ms).then(|| id.clone());
        for client_id in self.wills.iter().filter_map(due).collect::<Vec<_>>() {
            self.publish_will(&client_id);
        }
        let over = |session: &Session| session.link.is_none() && session.expires_at.is_some_and(|at| at <= now_ms);
        let ended = self.sessions.iter().filter(|(_, session)| over(session)).map(|(id, _)| id.clone());
        for client_id in ended.collect::<Vec<_>>() {
            self.end_session(&client_id);
        }
    }

    /// When [`Broker::tick`] has to be called at the latest for something to happen in time.
    pub fn deadline(&self) -> Option<u64> {
        let silent = self.links.values().filter(|_| self.config.enforce_keep_alive).filter_map(silent_at);
        let lines = self.links.values().filter_map(|state| state.line.deadline());
        let wills = self.wills.values().map(|will| will.due_ms);
        let absent = self.sessions.values().filter(|session| session.link.is_none());
        silent.chain(lines).chain(wills).chain(absent.filter_map(|session| session.expires_at)).min()
    }

    /// The virtual time of the last tick.
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// Closes the links that were silent for too long.
    fn close_silent_links(&mut self) {
        let now_ms = self.now_ms;
        let is_silent = |state: &&Link| silent_at(state).is_some_and(|at| at <= now_ms);
        for link in self.links.values().filter(is_silent).map(|state| state.id).collect::<Vec<_>>() {
            self.note(link, "[MQTT-3.1.2-22] keep alive ran out");
            self.end_with(link, 0x8D);
        }
    }
}

/// When a link has been silent for too long. One that the script keeps from being read has no such time.
fn silent_at(state: &Link) -> Option<u64> {
    let is_heard = state.phase == Phase::Connected && !state.line.is_deaf;
    let patience_ms = state.patience_ms.filter(|_| is_heard)?;
    Some(state.last_heard_ms.saturating_add(patience_ms).saturating_add(1))
}
