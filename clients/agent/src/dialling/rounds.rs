//! The order in which servers are tried, and the pauses in between.
//!
//! A *round* tries each candidate once, beginning with the one that accepted a link last. Within a round the next candidate is dialled at once; between
//! rounds there is a pause.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use pure_mqtt::{Instant, ReasonCode};

use super::backoff::Backoff;
use super::redirect::first_host;
use crate::event::Host;
use crate::ids::ServerId;
use crate::options::{Options, Redial};

/// Somewhere to dial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) server: ServerId,
    /// Another host than the server's own.
    pub(crate) host: Option<Host>,
    /// It may have the credentials.
    pub(crate) is_trusted: bool,
}

/// How a dial or a link has ended, as far as it matters for the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// No link came of it; the next candidate is tried.
    Failed,
    /// The same, and it won't get better soon.
    FailedLastingly,
    /// The server had accepted the link.
    Lost {
        /// It had stood, and ended in a way that won't come again at once.
        was_good: bool,
    },
}

#[derive(Debug)]
pub(crate) struct Rounds {
    backoff: Backoff,
    candidates: Vec<Candidate>,
    /// Which candidate is dialled now or next.
    position: usize,
    /// How many candidates of this round have failed.
    failed: usize,
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
            candidates: Vec::new(),
            position: 0,
            failed: 0,
            attempts: 0,
            redirect: None,
            redirects: 0,
            resolved: BTreeMap::new(),
            patience: BTreeMap::new(),
            last: ServerId::default(),
        };
        rounds.set_servers(options.servers.len());
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
    pub(crate) fn set_servers(&mut self, count: usize) {
        self.candidates = (0..count as u16).map(|id| own_host(ServerId(id))).collect();
        (self.position, self.failed, self.redirect) = (0, 0, None);
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
        self.redirect.clone().or_else(|| self.candidates.get(self.position).cloned())
    }

    /// A round is under way: some of its candidates have failed, and others are left.
    pub(crate) fn is_inside(&self) -> bool {
        self.failed > 0 || self.redirect.is_some()
    }

    /// Whether the SRV records of a server are known, and not too old.
    pub(crate) fn is_resolved(&self, server: ServerId, now: Instant) -> bool {
        self.resolved.get(&server).is_some_and(|until| self.failed > 0 || *until > now)
    }

    pub(crate) fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Whether another candidate is left in this round, so that a slow one need not be waited for.
    pub(crate) fn has_others(&self) -> bool {
        self.failed + 1 < self.candidates.len()
    }

    /// The dial or the link has ended: the pause before the next dial, in milliseconds; `None` within a round.
    pub(crate) fn ended(&mut self, outcome: Outcome) -> Option<u32> {
        let was_redirect = self.redirect.take().is_some();
        match outcome {
            Outcome::Lost { was_good } => {
                if was_good {
                    self.note_good();
                }
                self.failed = 0;
                Some(self.backoff.next())
            }
            Outcome::Failed | Outcome::FailedLastingly if was_redirect => None, // the list is as it was
            Outcome::Failed | Outcome::FailedLastingly => {
                self.failed += 1;
                self.position = (self.position + 1) % self.candidates.len().max(1);
                if self.failed < self.candidates.len() {
                    return None;
                }
                self.failed = 0;
                if outcome == Outcome::FailedLastingly {
                    self.backoff.lengthen();
                }
                Some(self.backoff.next())
            }
        }
    }

    /// Pauses begin with the shortest again: a link has stood, or the program wants a link now.
    pub(crate) fn note_good(&mut self) {
        self.backoff.reset();
        (self.attempts, self.redirects) = (0, 0);
    }

    /// The program wants this server.
    pub(crate) fn prefer(&mut self, server: ServerId) {
        if let Some(position) = self.candidates.iter().position(|candidate| candidate.server == server) {
            (self.position, self.failed, self.redirect) = (position, 0, None);
        }
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
        self.replace(server, new);
    }

    /// There are no SRV records of a server: it stands for itself again, to be looked up before it is dialled.
    pub(crate) fn unresolved(&mut self, server: ServerId) {
        self.resolved.remove(&server);
        self.replace(server, alloc::vec![own_host(server)]);
    }

    fn replace(&mut self, server: ServerId, new: Vec<Candidate>) {
        let Some(first) = self.candidates.iter().position(|candidate| candidate.server == server) else { return };
        self.candidates.retain(|candidate| candidate.server != server);
        self.candidates.splice(first..first, new);
        self.position = self.position.min(first);
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
    /// Among targets of one priority, those with a greater weight tend to come first.
    pub weight: u16,
}

fn own_host(server: ServerId) -> Candidate {
    Candidate { server, host: None, is_trusted: true }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{Redirects, Server};

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
            assert!(rounds.has_others());
            assert_eq!(rounds.ended(Outcome::Failed), None);
        }
        seen.push(server(&mut rounds));
        assert!(!rounds.has_others());
        let pauses: Vec<_> = (0..20).map(|_| rounds.ended(Outcome::Failed)).collect();
        assert!(pauses.iter().flatten().any(|pause| *pause > 0), "{pauses:?}");
        assert_eq!(seen, [0, 1, 2]);
    }

    #[test]
    fn the_server_that_accepted_last_is_tried_first() {
        let mut rounds = Rounds::new(&options(3));
        rounds.ended(Outcome::Failed);
        assert_eq!(server(&mut rounds), 1);
        rounds.ended(Outcome::Lost { was_good: true });
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
            assert_eq!(rounds.ended(Outcome::Failed), None);
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
            rounds.candidates.iter().map(|candidate| candidate.host.as_ref().map(|host| host.name.clone())).collect()
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
