//! Inputs from the client.

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
    /// Reports that the transport of this attempt is established, with all layers below MQTT. `login` are the credentials for this link; missing parts come from
    /// [`Options::login`](crate::Options::login).
    pub fn dialed(&mut self, now: Instant, link: LinkId, login: &Login) {
        self.clock.see(now);
        if matches!(self.phase, Phase::Dialling { .. }) && self.link.id == link {
            let login = login.or(&self.options.login);
            self.open_link(&login);
        }
        self.settle();
    }

    /// Reports that no transport was established, with the reason `why` in words for people. `not_before`: the time for which the server or a proxy asked the client to wait.
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

    /// Answers [`Action::Resolve`](crate::Action::Resolve) with the SRV records of a server, valid for `ttl` seconds. An empty slice counts as a failure.
    pub fn resolved(&mut self, now: Instant, server: ServerId, targets: &[SrvTarget<'_>], ttl: u32) {
        if targets.is_empty() {
            return self.not_resolved(now, server, FailureClass::Passing, "there are no SRV records");
        }
        let now = self.clock.see(now);
        if self.is_resolving(server) {
            // Records with a TTL of 0 are valid for this dial.
            self.rounds.resolved(server, targets, now.after_secs(ttl.max(1)));
            self.phase = Phase::Idle { dial_at: Some(now) };
        }
        self.settle();
    }

    /// Answers [`Action::Resolve`](crate::Action::Resolve) with a failure, with the reason `why` in words for people. It counts as a failed dial, and the records are requested
    /// again before the next one.
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

    /// Handles a failed look-up. The previous records are no longer valid.
    pub(super) fn resolving_is_over(&mut self, class: FailureClass, why: &str) {
        if let Some(target) = self.target() {
            self.rounds.unresolved(target.server);
        }
        self.dial_is_over(class, why.into(), None);
    }

    /// Passes input. It is stored until [`step`](Self::step) processes it, and counts as a sign of life at once.
    pub fn received(&mut self, now: Instant, link: LinkId, bytes: Bytes) {
        self.clock.see(now);
        if matches!(self.phase, Phase::Open) && self.link.id == link && self.link.transport_end.is_none() {
            self.inbox.push(bytes);
            self.tell_unread();
        }
        self.settle();
    }

    /// Reports that the transport is closed, with the reason `why` in words for people. Input passed before is still processed.
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

    /// Handles expired deadlines. Call it when [`poll_timeout`](Self::poll_timeout) has passed; earlier calls are harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.clock.see(now);
        let _ = self.engine.handle_timeout(now); // an error shows in `should_close`; messages expire also without a link
        self.do_due();
        self.settle();
    }

    /// Reports that the log is durable up to `sequence`.
    pub fn stored(&mut self, now: Instant, sequence: u64) {
        self.clock.see(now);
        self.log.note_stored(&mut self.engine, sequence);
        self.outbox.has_room = true; // the places of durable records are free
        self.inbox.unblock();
        self.settle();
    }

    /// Reports that a snapshot, and the log after it up to `sequence`, has replaced the log.
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

    /// Reports that the log could not be written or made durable. Nothing since the last `stored` counts as written, and nothing that depends on it is sent; the agent requests
    /// a new snapshot. If that fails too, [`Options::on_store_failure`](crate::Options::on_store_failure) decides.
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

    /// Dials again after an attempt that was given up.
    fn dial_again(&mut self) {
        let is_wanted = self.leaving == Leaving::No && self.options.redial != Redial::Host;
        if is_wanted && matches!(self.phase, Phase::Idle { dial_at: None }) {
            self.phase = Phase::Idle { dial_at: Some(self.clock.now) };
        }
    }

    /// Handles a failed attempt.
    pub(super) fn dial_is_over(&mut self, class: FailureClass, why: String, not_before: Option<Instant>) {
        let is_lasting = class != FailureClass::Passing;
        let outcome = if is_lasting { Outcome::FailedLastingly } else { Outcome::Failed };
        self.link_is_over(LinkEnd::NotDialed(class, why), outcome, not_before);
    }

    /// Stops dialling until the program dials.
    pub(super) fn stop_dialling(&mut self) {
        match &mut self.leaving {
            Leaving::No => self.leaving = Leaving::Disconnected,
            Leaving::Finishing { may_dial, .. } => *may_dial = false,
            _ => {}
        }
    }
}

/// The delay in milliseconds after which a failed snapshot is retried.
const STORE_RETRY: u64 = 10_000;
