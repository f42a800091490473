//! All the ways of a topic through the tree, without a stack: from each node first its child of that name, then its child for `+`, and back up by the
//! link to its parent.

use crate::router::tree::{ROOT, Tree};
use crate::topic::TopicName;

/// Visits the nodes on a topic's ways, each once.
///
/// A node stands at one depth, so it meets one level of the topic: however the filters are chosen, a walk is never longer than the tree
/// is large, nor than twice as long with each level of `+` (which takes as many filters). Levels below the deepest filter are not looked at.
#[derive(Clone)]
pub(super) struct Walk<'t> {
    topic: &'t str,
    node: usize,
    /// Where the level that the node's children meet begins; behind the end of the topic if there is none.
    next: usize,
    step: Step,
}

#[derive(Clone, Copy)]
enum Step {
    Visit,
    Descend,
    Return,
}

/// A node on a way.
pub(super) struct Visit {
    pub(super) node: usize,
    /// The topic ends here: filters that end here match.
    pub(super) is_end: bool,
    /// Filters that end here with `#` match.
    pub(super) takes_tail: bool,
}

impl<'t> Walk<'t> {
    pub(super) const fn new(topic: TopicName<'t>) -> Self {
        Self { topic: topic.as_str(), node: ROOT, next: 0, step: Step::Visit }
    }

    pub(super) fn next(&mut self, tree: &Tree) -> Option<Visit> {
        loop {
            match self.step {
                Step::Visit => {
                    self.step = Step::Descend;
                    let is_end = self.next > self.topic.len();
                    return Some(Visit { node: self.node, is_end, takes_tail: self.may_be_wild() });
                }
                Step::Descend => self.descend(tree),
                Step::Return => self.climb(tree)?,
            }
        }
    }

    /// Wildcards in the first place don't match topics that start with `$` `[MQTT-4.7.2-1]`.
    fn may_be_wild(&self) -> bool {
        self.node != ROOT || !self.topic.starts_with('$')
    }

    fn descend(&mut self, tree: &Tree) {
        let level = self.topic.get(self.next..self.level_end());
        match level.and_then(|level| tree.literal(self.node, level).or_else(|| self.wild_child(tree))) {
            Some(child) => self.enter(child),
            None => self.step = Step::Return,
        }
    }

    fn wild_child(&self, tree: &Tree) -> Option<usize> {
        tree.plus(self.node).filter(|_| self.may_be_wild())
    }

    /// Where the level that begins at `next` ends. Levels are short: looking at each byte is quicker than preparing a search.
    fn level_end(&self) -> usize {
        let rest = self.topic.as_bytes().get(self.next..).unwrap_or_default();
        self.next + rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len())
    }

    fn enter(&mut self, child: usize) {
        self.next = self.level_end() + 1;
        self.node = child;
        self.step = Step::Visit;
    }

    /// Back to the parent, and from there down to its child for `+`, if that was not the one left. `None` above the root.
    fn climb(&mut self, tree: &Tree) -> Option<()> {
        let left = tree.node(self.node).filter(|_| self.node != ROOT)?;
        self.node = left.parent;
        let before = self.topic.as_bytes().get(..self.next.saturating_sub(1)).unwrap_or_default();
        self.next = before.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
        if let Some(plus) = self.wild_child(tree).filter(|_| !left.is_plus) {
            self.enter(plus);
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use std::string::String;
    use std::vec::Vec;

    use super::*;

    fn tree<'f>(filters: impl IntoIterator<Item = &'f str>) -> Tree {
        let mut tree = Tree::new(0);
        for filter in filters {
            let place = tree.find_or_grow(filter);
            tree.set_head(place, 1);
        }
        tree
    }

    fn visits(tree: &Tree, topic: &str) -> usize {
        let mut walk = Walk::new(TopicName::new(topic).unwrap());
        core::iter::from_fn(|| walk.next(tree)).count()
    }

    #[test]
    fn a_match_costs_the_same_among_ten_filters_and_a_hundred_thousand() {
        let count = if cfg!(miri) { 100 } else { 100_000 };
        let names: Vec<String> = (0..count).map(|number| std::format!("plant/{number}/temperature")).collect();
        let shared = ["plant/+/temperature", "#"];
        let small = tree(names.iter().take(10).map(String::as_str).chain(shared));
        let large = tree(names.iter().map(String::as_str).chain(shared));
        for topic in ["plant/7/temperature", "plant/7/pressure", "office"] {
            assert_eq!(visits(&small, topic), visits(&large, topic), "{topic}");
        }
        assert_eq!(visits(&large, "plant/7/temperature"), 6); // the root, plant, 7 and +, and below each temperature
    }

    #[test]
    fn no_node_is_visited_twice_however_the_filters_branch() {
        // All filters of so many levels of `a` or `+`.
        let levels = if cfg!(miri) { 5 } else { 10 };
        let nodes = (2 << levels) - 1;
        let filters: Vec<String> = (0..1 << levels)
            .map(|bits| {
                let levels: Vec<_> = (0..levels).map(|bit| if bits >> bit & 1 == 0 { "a" } else { "+" }).collect();
                levels.join("/")
            })
            .collect();
        let tree = tree(filters.iter().map(String::as_str));
        assert_eq!(visits(&tree, &std::format!("a{}", "/a".repeat(levels - 1))), nodes);
        assert_eq!(visits(&tree, &std::format!("a{}", "/a".repeat(32_000))), nodes); // and no deeper
        assert_eq!(visits(&tree, &std::format!("b{}", "/b".repeat(levels - 1))), levels + 1);
    }

    #[test]
    fn a_filter_of_many_levels_takes_no_stack() {
        let levels = if cfg!(miri) { 300 } else { 32_766 }; // it takes minutes there
        let filter = std::format!("+{}", "/+".repeat(levels));
        let tree = tree([filter.as_str()]);
        let topic = "/".repeat(levels);
        assert_eq!(visits(&tree, &topic), levels + 2);
    }
}
