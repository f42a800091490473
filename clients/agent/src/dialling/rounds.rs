//! The order in which servers are tried, and the pauses in between.
//!
//! A *round* tries each candidate once, beginning with the one that accepted a link last. Within a round the next candidate is dialled at once; between
//! rounds there is a pause. Candidates that have failed lately are passed over as long as there are others.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use pure_mqtt::{Instant, ReasonCode};

use super::backoff::Backoff;
use super::candidate::{Candidate, Outcome, Then};
use super::nodes::Nodes;
use super::redirect::first_host;
use crate::event::Host;
use crate::ids::ServerId;
use crate::options::{Options, Redial};

/// The longest pause in milliseconds after a link that was silent.
const SOON: u32 = 2_000;

#[derive(Debug)]
pub(crate) struct Rounds {
    backoff: Backoff,
    nodes: Nodes,
    /// Dials since a link last stood.
    attempts: u32,
    /// The server was asked to be left for this one.
    redirect: Option<Candidate>,
    /// Redirects since a link last stood.
    redirects: u8,
    /// Until when SRV records hold.
    resolved: BTreeMap<ServerId, Instant>,
    /// Servers that are not to be dialled before.
    patience: BTreeMap<ServerId, Instant>,
    /// The server that was dialled last.
    last: ServerId,
}

impl Rounds {
    pub(crate) fn new(options: &Options) -> Self {
        let mut rounds = Self {
            backoff: Backoff::new(options.redial, options.seed),
            nodes: Nodes::default(),
            attempts: 0,
            redirect: None,
            redirects: 0,
            resolved: BTreeMap::new(),
            patience: BTreeMap::new(),
            last: ServerId::default(),
        };
        rounds.set_servers(options);
        rounds
    }

    /// 32 random bits.
    pub(crate) fn random(&mut self) -> u32 {
        self.backoff.draw(u32::MAX)
    }

    /// Pauses are drawn from other ranges.
    pub(crate) fn set_pauses(&mut self, redial: Redial) {
        self.backoff.set(redial);
    }

    /// There is another list of servers.
    pub(crate) fn set_servers(&mut self, options: &Options) {
        self.nodes = Nodes::of(options, &mut self.backoff);
        self.redirect = None;
        self.resolved.clear();
    }

    /// Where to dial now. Counts as an attempt.
    pub(crate) fn dial(&mut self) -> Option<Candidate> {
        self.attempts = self.attempts.saturating_add(1);
        let target = self.target()?;
        self.last = target.server;
        self.patience.remove(&target.server);
        Some(target)
    }

    /// The server that was dialled last has asked not to be dialled before.
    pub(crate) fn be_patient(&mut self, until: Instant) {
        self.patience.insert(self.last, until);
    }

    /// When the next target may be dialled.
    pub(crate) fn patience(&self) -> Instant {
        let until = self.target().and_then(|target| self.patience.get(&target.server));
        until.copied().unwrap_or(Instant::from_millis(0))
    }

    /// Where to dial next.
    pub(crate) fn target(&self) -> Option<Candidate> {
        self.redirect.clone().or_else(|| self.nodes.target().cloned())
    }

    /// A round is under way: some of its candidates have failed, and others are left.
    pub(crate) fn is_inside(&self) -> bool {
        self.nodes.is_inside() || self.redirect.is_some()
    }

    /// Whether the SRV records of a server are known, and not too old.
    pub(crate) fn is_resolved(&self, server: ServerId, now: Instant) -> bool {
        self.resolved.get(&server).is_some_and(|until| self.nodes.is_inside() || *until > now)
    }

    pub(crate) fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Whether another candidate is left in this round, so that a slow one need not be waited for.
    pub(crate) fn has_others(&self, now: Instant) -> bool {
        self.nodes.has_others(now)
    }

    /// Whether the session can go on at another node, so that a silent one need not be waited for.
    pub(crate) fn has_sharers(&self) -> bool {
        self.nodes.has_sharers()
    }

    /// The dial or the link has ended: the pause before the next dial, in milliseconds; `None` within a round.
    pub(crate) fn ended(&mut self, now: Instant, outcome: Outcome) -> Option<u32> {
        let was_redirect = self.redirect.take().is_some();
        match outcome {
            Outcome::Lost { was_good, then } => {
                if was_good {
                    self.note_good();
                }
                self.nodes.begin_round(now);
                let pause = self.backoff.next();
                let is_left = then != Then::Stay && !was_redirect && self.leave(now);
                Some(if is_left && then == Then::LeaveSoon { pause % (SOON + 1) } else { pause })
            }
            Outcome::Failed | Outcome::FailedLastingly if was_redirect => None, // the list is as it was
            Outcome::Failed | Outcome::FailedLastingly => {
                self.nodes.note_failed(now, &mut self.backoff);
                if self.nodes.go_on(now) {
                    return None;
                }
                if outcome == Outcome::FailedLastingly {
                    self.backoff.lengthen();
                }
                Some(self.backoff.next())
            }
        }
    }

    fn leave(&mut self, now: Instant) -> bool {
        let is_shared = self.nodes.has_sharers();
        if is_shared {
            self.nodes.note_failed(now, &mut self.backoff);
        }
        is_shared && self.nodes.leave(now)
    }

    /// Pauses begin with the shortest again: a link has stood.
    pub(crate) fn note_good(&mut self) {
        self.backoff.reset();
        self.nodes.note_good();
        (self.attempts, self.redirects) = (0, 0);
    }

    /// The program wants a link now, at this server if it names one.
    pub(crate) fn begin_anew(&mut self, server: Option<ServerId>) {
        self.nodes.forgive();
        if server.is_some_and(|server| self.nodes.prefer(server)) {
            self.redirect = None;
        }
        self.note_good();
    }

    /// The server asks to go elsewhere. True if the next dial, without a pause, goes there.
    pub(crate) fn follow(&mut self, reason: ReasonCode, reference: &str, from: ServerId, options: &Options) -> bool {
        let is_asked = matches!(reason, ReasonCode::USE_ANOTHER_SERVER | ReasonCode::SERVER_MOVED);
        let Some(host) = first_host(reference).filter(|_| is_asked && self.redirects < options.redirects.most) else {
            return false;
        };
        let is_trusted = options.redirects.trusts(&host.name);
        if !is_trusted && !options.redirects.follow_others {
            return false;
        }
        self.redirects += 1;
        self.redirect = Some(Candidate { server: from, host: Some(host), is_trusted });
        true
    }

    /// SRV records of a server: its targets take its place, those of the lowest priority number first, by weight within one (RFC 2782).
    pub(crate) fn resolved(&mut self, server: ServerId, targets: &[SrvTarget<'_>], until: Instant) {
        self.resolved.insert(server, until);
        let named = |host| Candidate { server, host: Some(host), is_trusted: true };
        let new = self.order(targets).into_iter().map(named).collect();
        self.nodes.replace(server, new);
    }

    /// There are no SRV records of a server: it stands for itself again, to be looked up before it is dialled.
    pub(crate) fn unresolved(&mut self, server: ServerId) {
        self.resolved.remove(&server);
        self.nodes.replace(server, alloc::vec![Candidate::own_host(server)]);
    }

    fn order(&mut self, targets: &[SrvTarget<'_>]) -> Vec<Host> {
        let mut drawn: Vec<_> = targets
            .iter()
            .map(|target| {
                let weight = u32::from(target.weight) + 1;
                (target.priority, self.backoff.draw(u32::MAX - 1) / weight, target)
            })
            .collect();
        drawn.sort_by_key(|(priority, place, _)| (*priority, *place));
        drawn.iter().map(|(.., target)| Host { name: target.host.into(), port: Some(target.port) }).collect()
    }
}

/// One SRV record (RFC 2782).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SrvTarget<'a> {
    /// The host.
    pub host: &'a str,
    /// Its port.
    pub port: u16,
    /// Targets with a lower number are tried first.
    pub priority: u16,
    /// Among targets of one priority, those with a greater weight are more likely to come first.
    pub weight: u16,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{Redirects, Server};

    const NOW: Instant = Instant::from_millis(0);

    fn options(servers: usize) -> Options {
        Options { servers: alloc::vec![Server::new(); servers], ..Options::new("a", 7) }
    }

    fn server(rounds: &mut Rounds) -> u16 {
        rounds.dial().unwrap().server.0
    }

    #[test]
    fn within_a_round_the_next_server_is_dialled_at_once() {
        let mut rounds = Rounds::new(&options(3));
        let mut seen = Vec::new();
        for _ in 0..2 {
            seen.push(server(&mut rounds));
            assert!(rounds.has_others(NOW));
            assert_eq!(rounds.ended(NOW, Outcome::Failed), None);
        }
        seen.push(server(&mut rounds));
        assert!(!rounds.has_others(NOW));
        let pauses: Vec<_> = (0..20).map(|_| rounds.ended(NOW, Outcome::Failed)).collect();
        assert!(pauses.iter().flatten().any(|pause| *pause > 0), "{pauses:?}");
        assert_eq!(seen, [0, 1, 2]);
    }

    #[test]
    fn the_server_that_accepted_last_is_tried_first() {
        let mut rounds = Rounds::new(&options(3));
        rounds.ended(NOW, Outcome::Failed);
        assert_eq!(server(&mut rounds), 1);
        rounds.ended(NOW, Outcome::Lost { was_good: true, then: Then::Stay });
        assert_eq!(server(&mut rounds), 1);
    }

    #[test]
    fn only_hosts_that_are_allowed_are_followed_and_not_for_ever() {
        let mut options = options(2);
        let mut rounds = Rounds::new(&options);
        let (reason, from) = (ReasonCode::SERVER_MOVED, ServerId(0));
        assert!(!rounds.follow(reason, "evil.example", from, &options));
        options.redirects = Redirects { trusted: alloc::vec![".example.com".into()], ..Redirects::default() };
        assert!(!rounds.follow(reason, "notexample.com", from, &options));
        for _ in 0..3 {
            assert!(rounds.follow(reason, "b.EXAMPLE.com:8883", from, &options));
            let candidate = rounds.dial().unwrap();
            assert!(candidate.is_trusted && candidate.host.unwrap().port == Some(8883));
            assert_eq!(rounds.ended(NOW, Outcome::Failed), None);
        }
        assert!(!rounds.follow(reason, "b.example.com", from, &options));
        assert_eq!(rounds.dial().unwrap().host, None);
        rounds.note_good();
        options.redirects.follow_others = true;
        assert!(rounds.follow(reason, "other.example", from, &options));
        assert!(!rounds.dial().unwrap().is_trusted);
        assert!(!rounds.follow(ReasonCode::SERVER_BUSY, "b.example.com", from, &options));
    }

    #[test]
    fn srv_targets_come_by_priority_and_replace_the_server() {
        let mut rounds = Rounds::new(&options(2));
        let target = |host, priority, weight| SrvTarget { host, port: 1883, priority, weight };
        let until = Instant::from_millis(1);
        rounds.resolved(ServerId(0), &[target("c", 2, 0), target("a", 1, 10), target("b", 1, 0)], until);
        let names = |rounds: &Rounds| -> Vec<_> {
            rounds.nodes.candidates().map(|candidate| candidate.host.as_ref().map(|host| host.name.clone())).collect()
        };
        let seen = names(&rounds);
        assert_eq!(seen.len(), 4);
        assert_eq!(seen[2].as_deref(), Some("c"));
        assert_eq!(seen[3], None);
        assert!(rounds.is_resolved(ServerId(0), Instant::from_millis(0)));
        rounds.unresolved(ServerId(0));
        assert_eq!(names(&rounds), [None, None]);
        assert!(!rounds.is_resolved(ServerId(0), Instant::from_millis(0)));
    }
}
