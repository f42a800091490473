//! The rules of a script, and how far each has counted.

use super::when::Event;
use super::{Act, When};

/// What happens on a link, for rules to look at.
pub(in crate::sans_io) struct Moment<'a> {
    /// The number of the link, counted from 1.
    pub link: u32,
    /// Its client identifier; empty before CONNECT.
    pub client: &'a str,
    /// What happens.
    pub event: Event,
}

/// All rules, in the order in which they were added.
#[derive(Clone, Default, Debug)]
pub(in crate::sans_io) struct Script {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    when: When,
    act: Act,
    count: u32,
}

impl Script {
    /// Adds a rule.
    pub fn add(&mut self, when: When, act: Act) {
        self.rules.push(Rule { when, act, count: 0 });
    }

    /// Drops all rules.
    pub fn clear(&mut self) {
        self.rules.clear();
    }

    /// Whether nothing can go wrong.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The acts of all rules that fire now. `fits` says whether an act has a meaning here; only such moments are counted.
    pub fn acts(&mut self, moment: &Moment<'_>, fits: impl Fn(&Act) -> bool) -> Vec<Act> {
        let concerned = self.rules.iter_mut().filter(|rule| rule.when.concerns(moment) && fits(&rule.act));
        concerned.filter_map(Rule::fire).collect()
    }
}

impl Rule {
    /// Counts the moment.
    fn fire(&mut self) -> Option<Act> {
        self.count = self.count.saturating_add(1);
        self.when.nth.is_none_or(|nth| nth == self.count).then(|| self.act.clone())
    }
}

impl When {
    fn concerns(&self, moment: &Moment<'_>) -> bool {
        let is_event = match (self.event, moment.event) {
            (Event::SendsAny, Event::Sends(_)) => true,
            (wanted, event) => wanted == event,
        };
        is_event
            && self.client.as_ref().is_none_or(|client| client == moment.client)
            && self.link.is_none_or(|link| link == moment.link)
    }
}
