//! The addresses to dial: their state, and which is next.

use alloc::vec::Vec;

use pure_mqtt::Instant;

use super::backoff::Backoff;
use super::candidate::Candidate;
use crate::ids::ServerId;
use crate::options::Options;

/// The first rest of a node is up to this many times the shortest delay: longer than reaching another node takes.
const FIRST_REST: u64 = 4;

/// The candidates of a round, and the index of the one dialled now or next.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    list: Vec<Node>,
    position: usize,
    /// All had failed recently when the round began, so rests are ignored.
    ignores_rest: bool,
}

#[derive(Clone, Debug)]
struct Node {
    candidate: Candidate,
    /// Nodes with the same number share sessions.
    group: u16,
    /// It has failed in this round.
    is_tried: bool,
    /// How often it has failed since it last served.
    failures: u32,
    /// Until then, other nodes are dialled instead.
    rests_until: Instant,
}

impl Node {
    fn new(candidate: Candidate, group: u16) -> Self {
        Self { candidate, group, is_tried: false, failures: 0, rests_until: Instant::from_millis(0) }
    }
}

impl Nodes {
    /// Creates the list from the settings. Servers that share sessions are shuffled: otherwise all clients would start on the same node.
    pub(super) fn of(options: &Options, backoff: &mut Backoff) -> Self {
        let count = options.servers.len() as u16;
        let realms: Vec<_> = (0..count).map(|id| options.realms(ServerId(id))).collect();
        let group = |realm| realms.iter().position(|one| one.meets(realm)).unwrap_or_default() as u16;
        let node = |id, realm| Node::new(Candidate::own_host(ServerId(id)), group(realm));
        let mut nodes =
            Self { list: (0..count).zip(&realms).map(|(id, realm)| node(id, realm)).collect(), ..Self::default() };
        for group in 0..count {
            nodes.shuffle(group, backoff);
        }
        nodes
    }

    /// Shuffles the places of one group (Fisher and Yates).
    fn shuffle(&mut self, group: u16, backoff: &mut Backoff) {
        let places: Vec<_> =
            (0..self.list.len()).filter(|at| self.list.get(*at).is_some_and(|n| n.group == group)).collect();
        for (last, place) in places.iter().enumerate().skip(1) {
            let other = backoff.draw(last as u32) as usize;
            self.list.swap(*place, places.get(other).copied().unwrap_or(*place));
        }
    }

    fn at_position(&self) -> Option<&Node> {
        self.list.get(self.position)
    }

    /// Returns the candidate dialled now or next.
    pub(super) fn target(&self) -> Option<&Candidate> {
        self.at_position().map(|node| &node.candidate)
    }

    /// Returns whether a round is in progress.
    pub(super) fn is_inside(&self) -> bool {
        self.list.iter().any(|node| node.is_tried)
    }

    /// Returns whether another candidate remains in this round.
    pub(super) fn has_others(&self, now: Instant) -> bool {
        self.list.iter().enumerate().any(|(at, node)| at != self.position && self.is_admitted(node, now))
    }

    /// Returns whether another node shares the sessions of the current one.
    pub(super) fn has_sharers(&self) -> bool {
        let group = self.at_position().map(|node| node.group);
        self.list.iter().filter(|node| Some(node.group) == group).count() > 1
    }

    /// Returns whether a node is tried in this round.
    fn is_admitted(&self, node: &Node, now: Instant) -> bool {
        !node.is_tried && (self.ignores_rest || node.rests_until <= now)
    }

    /// Notes a failure of the current node: it rests for a time that doubles with each failure.
    pub(super) fn note_failed(&mut self, now: Instant, backoff: &mut Backoff) {
        let (min, max) = backoff.range();
        let Some(node) = self.list.get_mut(self.position) else { return };
        let step = (u64::from(min) * FIRST_REST) << node.failures.min(16);
        let half = step.min(max.into()) as u32 / 2;
        node.rests_until = now.after_millis(u64::from(half) + u64::from(backoff.draw(half)));
        node.failures += 1;
    }

    /// Marks the current node as tried, and switches to another. Returns false when none remains: the next round starts with another.
    pub(super) fn go_on(&mut self, now: Instant) -> bool {
        if let Some(node) = self.list.get_mut(self.position) {
            node.is_tried = true;
        }
        let next = self.find(|node| self.is_admitted(node, now));
        if let Some(next) = next {
            self.position = next;
            return true;
        }
        self.begin_round(now);
        self.position = self.find(|node| self.is_admitted(node, now)).unwrap_or(self.position);
        false
    }

    /// Begins a round with another node of the same cluster, if one can be tried.
    pub(super) fn leave(&mut self, now: Instant) -> bool {
        self.begin_round(now);
        let group = self.at_position().map(|node| node.group);
        let next = self.find(|node| Some(node.group) == group && self.is_admitted(node, now));
        self.position = next.unwrap_or(self.position);
        next.is_some()
    }

    /// Returns the next matching node after the current one.
    fn find(&self, is_wanted: impl Fn(&Node) -> bool) -> Option<usize> {
        let count = self.list.len();
        (1..count).map(|step| (self.position + step) % count).find(|at| self.list.get(*at).is_some_and(&is_wanted))
    }

    /// Begins a round with the current node.
    pub(super) fn begin_round(&mut self, now: Instant) {
        self.list.iter_mut().for_each(|node| node.is_tried = false);
        self.ignores_rest = self.list.iter().all(|node| node.rests_until > now);
    }

    /// Notes that the current node serves.
    pub(super) fn note_good(&mut self) {
        if let Some(node) = self.list.get_mut(self.position) {
            (node.failures, node.rests_until) = (0, Instant::from_millis(0));
        }
    }

    /// Clears all failures and marks.
    pub(super) fn forgive(&mut self) {
        self.list.iter_mut().for_each(|node| *node = Node::new(node.candidate.clone(), node.group));
        self.ignores_rest = false;
    }

    /// Selects the server that the program wants.
    pub(super) fn prefer(&mut self, server: ServerId) -> bool {
        let found = self.list.iter().position(|node| node.candidate.server == server);
        self.position = found.unwrap_or(self.position);
        found.is_some()
    }

    /// Replaces the candidates of a server; the state of those that stay is kept.
    pub(super) fn replace(&mut self, server: ServerId, new: Vec<Candidate>) {
        let Some(first) = self.list.iter().position(|node| node.candidate.server == server) else { return };
        let (old, mut rest): (Vec<_>, Vec<_>) = self.list.drain(..).partition(|node| node.candidate.server == server);
        let group = old.first().map_or(0, |node| node.group);
        let known = |candidate: Candidate| match old.iter().find(|node| node.candidate == candidate) {
            Some(node) => node.clone(),
            None => Node::new(candidate, group),
        };
        rest.splice(first..first, new.into_iter().map(known));
        self.list = rest;
        self.position = self.position.min(first);
    }

    #[cfg(test)]
    pub(super) fn candidates(&self) -> impl Iterator<Item = &Candidate> {
        self.list.iter().map(|node| &node.candidate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Server;

    fn at(seconds: u64) -> Instant {
        Instant::from_millis(seconds * 1_000)
    }

    fn here(nodes: &Nodes) -> u16 {
        nodes.target().unwrap().server.0
    }

    #[test]
    fn a_node_that_has_failed_often_is_passed_over_until_no_other_is_left() {
        let options = Options { servers: alloc::vec![Server::new(); 3], ..Options::new("a", 7) };
        let mut backoff = Backoff::new(options.redial, 7);
        let mut nodes = Nodes::of(&options, &mut backoff);
        nodes.prefer(ServerId(1));
        (0..4).for_each(|_| nodes.note_failed(at(0), &mut backoff));
        nodes.prefer(ServerId(0));
        nodes.begin_round(at(30));
        nodes.note_failed(at(30), &mut backoff);
        assert!(nodes.has_others(at(30)) && nodes.go_on(at(30)));
        assert_eq!(here(&nodes), 2);
        assert!(!nodes.has_others(at(30)), "the one that rests is not waited for");
        nodes.note_failed(at(30), &mut backoff);
        assert!(!nodes.go_on(at(30)), "the round is over");
        let mut round = alloc::vec![here(&nodes)];
        while nodes.go_on(at(31)) {
            round.push(here(&nodes));
        }
        round.sort_unstable();
        assert_eq!(round, [0, 1, 2], "all rest, so all are tried");
        nodes.prefer(ServerId(1));
        nodes.note_good();
        nodes.prefer(ServerId(0));
        nodes.begin_round(at(32));
        assert!(nodes.go_on(at(32)));
        assert_eq!(here(&nodes), 1, "it has served since");
    }
}
