//! What the face tells the agent.

use alloc::string::String;

use bytes::Bytes;
use pure_mqtt::Instant;

use super::{Agent, Leaving, Phase};
use crate::dialling::{Outcome, SrvTarget};
use crate::durable::Health;
use crate::event::{Event, FailureClass, LinkEnd};
use crate::ids::{LinkId, ServerId};
use crate::options::{Login, OnStoreFailure, Redial};

impl Agent {
    /// The transport of this attempt is up, with everything below MQTT. `login` is what was fetched for this link; the rest comes from
    /// [`Options::login`](crate::Options::login).
    pub fn dialed(&mut self, now: Instant, link: LinkId, login: &Login) {
        self.clock.see(now);
        if matches!(self.phase, Phase::Dialling { .. }) && self.link.id == link {
            let login = login.or(&self.options.login);
            self.open_link(&login);
        }
        self.settle();
    }

    /// No transport came of this attempt, for the reason `why`, in words for people. `not_before`: the server, or a proxy, asked for so much patience.
    pub fn dial_failed(
        &mut self,
        now: Instant,
        link: LinkId,
        class: FailureClass,
        why: &str,
        not_before: Option<Instant>,
    ) {
        self.clock.see(now);
        if matches!(self.phase, Phase::Dialling { .. }) && self.link.id == link {
            self.stats.failed_dials += 1;
            self.dial_is_over(class, why.into(), not_before);
        }
        self.settle();
    }

    /// The SRV records of a server, for `ttl` seconds. An empty slice, of a name that has none, is a failure. An answer to
    /// [`Action::Resolve`](crate::Action::Resolve).
    pub fn resolved(&mut self, now: Instant, server: ServerId, targets: &[SrvTarget<'_>], ttl: u32) {
        if targets.is_empty() {
            return self.not_resolved(now, server, FailureClass::Passing, "there are no SRV records");
        }
        let now = self.clock.see(now);
        if self.is_resolving(server) {
            // Records that may not be kept hold for this dial all the same.
            self.rounds.resolved(server, targets, now.after_secs(ttl.max(1)));
            self.phase = Phase::Idle { dial_at: Some(now) };
        }
        self.settle();
    }

    /// The SRV records of a server could not be had, for the reason `why`, in words for people. The other answer to [`Action::Resolve`](crate::Action::Resolve): it counts
    /// as a failed dial, and the records are asked for anew before the next one.
    pub fn not_resolved(&mut self, now: Instant, server: ServerId, class: FailureClass, why: &str) {
        self.clock.see(now);
        if self.is_resolving(server) {
            self.resolving_is_over(class, why);
        }
        self.settle();
    }

    fn is_resolving(&self, server: ServerId) -> bool {
        matches!(self.phase, Phase::Resolving { .. }) && self.target().is_some_and(|target| target.server == server)
    }

    /// No records came. What they said before holds no longer.
    pub(super) fn resolving_is_over(&mut self, class: FailureClass, why: &str) {
        if let Some(target) = self.target() {
            self.rounds.unresolved(target.server);
        }
        self.dial_is_over(class, why.into(), None);
    }

    /// Bytes of the transport. They are kept, and looked at by [`step`](Self::step); from now on they count as a sign of life.
    pub fn received(&mut self, now: Instant, link: LinkId, bytes: Bytes) {
        self.clock.see(now);
        if matches!(self.phase, Phase::Open) && self.link.id == link && self.link.transport_end.is_none() {
            self.inbox.push(bytes);
            self.tell_unread();
        }
        self.settle();
    }

    /// The transport is gone, for the reason `why`, in words for people. What it brought before is still taken.
    pub fn closed(&mut self, now: Instant, link: LinkId, why: &str) {
        self.clock.see(now);
        if self.link.id == link {
            match self.phase {
                Phase::Open => {
                    self.link.transport_end.get_or_insert_with(|| why.into());
                }
                Phase::Dialling { .. } => {
                    self.dial_is_over(FailureClass::Passing, why.into(), None);
                }
                _ => {}
            }
        }
        self.settle();
    }

    /// Does what is due. To be called when [`poll_timeout`](Self::poll_timeout) has come; earlier is no mistake.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.clock.see(now);
        let _ = self.engine.handle_timeout(now); // an error shows in `should_close`; messages expire without a link too
        self.do_due();
        self.settle();
    }

    /// Everything in the log up to `sequence` is durable.
    pub fn stored(&mut self, now: Instant, sequence: u64) {
        self.clock.see(now);
        self.log.note_stored(&mut self.engine, sequence);
        self.outbox.has_room = true; // places that records held are free
        self.inbox.unblock();
        self.settle();
    }

    /// A whole snapshot, and what followed it up to `sequence`, has taken the place of the log.
    pub fn log_replaced(&mut self, now: Instant, sequence: u64) {
        self.clock.see(now);
        let was_failed = self.log.health() != Health::Good;
        self.log.note_replaced(&mut self.engine, sequence);
        self.outbox.has_room = true;
        self.timers.store_retry = None;
        if was_failed {
            self.outbox.wakes.push_back(crate::event::Wake::Room);
        }
        self.inbox.unblock();
        self.settle();
    }

    /// The log could not be written, or not be made durable. Nothing since the last `stored` counts as written, and nothing that depends on it leaves; a whole
    /// snapshot is asked for. If that fails too, [`Options::on_store_failure`](crate::Options::on_store_failure) decides.
    pub fn store_failed(&mut self, now: Instant) {
        let now = self.clock.see(now);
        let was_broken = self.log.health() == Health::Broken;
        if self.log.is_on() {
            self.log.note_failed();
            if self.log.health() == Health::Broken {
                self.on_broken_store(now, was_broken);
            }
        }
        self.settle();
    }

    fn on_broken_store(&mut self, now: Instant, was_broken: bool) {
        match self.options.on_store_failure {
            OnStoreFailure::GoOnVolatile => self.log.turn_off(&mut self.engine),
            OnStoreFailure::Refuse => {
                self.timers.store_retry = Some(now.after_millis(STORE_RETRY));
                self.give_link_up(LinkEnd::Ours);
                self.dial_again();
            }
        }
        if !was_broken {
            self.outbox.events.push_back(Event::StoreFailed);
        }
    }

    /// A dial that was given up is made up for.
    fn dial_again(&mut self) {
        let is_wanted = self.leaving == Leaving::No && self.options.redial != Redial::Host;
        if is_wanted && matches!(self.phase, Phase::Idle { dial_at: None }) {
            self.phase = Phase::Idle { dial_at: Some(self.clock.now) };
        }
    }

    /// An attempt came to nothing.
    pub(super) fn dial_is_over(&mut self, class: FailureClass, why: String, not_before: Option<Instant>) {
        let is_lasting = class != FailureClass::Passing;
        let outcome = if is_lasting { Outcome::FailedLastingly } else { Outcome::Failed };
        self.link_is_over(LinkEnd::NotDialed(class, why), outcome, not_before);
    }

    /// The agent dials no more by itself.
    pub(super) fn stop_dialling(&mut self) {
        match &mut self.leaving {
            Leaving::No => self.leaving = Leaving::Disconnected,
            Leaving::Finishing { may_dial, .. } => *may_dial = false,
            _ => {}
        }
    }
}

/// After so many milliseconds a snapshot that failed is tried again.
const STORE_RETRY: u64 = 10_000;
