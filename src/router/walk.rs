//! Follows all paths of a topic through the tree, without a stack: from each node first to the child with that name,
//! then to the child for `+`, and back through the link to the parent.

use crate::router::tree::{ROOT, Tree};
use crate::topic::TopicName;

/// Visits the nodes on a topic's paths, each once.
///
/// A node has one depth, so it is compared with one level of the topic. Whatever the filters are, a walk visits at most
/// all nodes of the tree, and each level with `+` at most doubles its length (which takes as many filters). Levels
/// below the deepest filter are not visited.
#[derive(Clone)]
pub(super) struct Walk<'t> {
    topic: &'t str,
    node: usize,
    /// The start of the level that is compared with the node's children; behind the end of the topic if there is none.
    next: usize,
    step: Step,
}

#[derive(Clone, Copy)]
enum Step {
    Visit,
    Descend,
    Return,
}

/// A node on a path.
pub(super) struct Visit {
    pub(super) node: usize,
    /// Whether the topic ends here, so that filters that end here match.
    pub(super) is_end: bool,
    /// Whether filters that end here with `#` match.
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

    /// Returns whether wildcards may match here: in the first level they do not match topics that start with `$`
    /// `[MQTT-4.7.2-1]`.
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

    /// Returns the end of the level that begins at `next`. Levels are short: a byte loop is faster than a prepared
    /// search.
    fn level_end(&self) -> usize {
        let rest = self.topic.as_bytes().get(self.next..).unwrap_or_default();
        self.next + rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len())
    }

    fn enter(&mut self, child: usize) {
        self.next = self.level_end() + 1;
        self.node = child;
        self.step = Step::Visit;
    }

    /// Goes back to the parent, and from there down to its child for `+` unless that was just visited. `None` above the
    /// root.
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
        // All filters whose levels are `a` or `+`, up to this number of levels.
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
