//! Filters as a tree. Each level is a node, which is found from its parent through a hash table for the whole tree.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::slab::Slab;

/// The node above the first level.
pub(super) const ROOT: usize = 1;

/// A node: one level of one or more filters.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) parent: usize,
    label: Box<str>,
    hash: u64,
    pub(super) is_plus: bool,
    /// The number of children with a name, that is, other than `+`.
    literals: usize,
    /// The child for `+`; 0 for none.
    plus: usize,
    /// The first entry of the filters that end here; 0 for none.
    exact: usize,
    /// The first entry of the filters that end here with `/#`; 0 for none.
    tail: usize,
}

/// The place of a filter's entries.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) node: usize,
    pub(super) is_tail: bool,
}

impl Node {
    pub(super) fn head(&self, is_tail: bool) -> usize {
        if is_tail { self.tail } else { self.exact }
    }

    fn is_bare(&self) -> bool {
        self.literals == 0 && self.plus == 0 && self.exact == 0 && self.tail == 0
    }
}

#[derive(Clone)]
pub(super) struct Tree {
    nodes: Slab<Node>,
    /// The hash table: the numbers of the nodes with a name, each at or behind the place of its hash; 0 for none. The
    /// length is a power of two.
    table: Vec<usize>,
    /// The number of nodes in the table.
    named: usize,
    /// The length of the longest name that was in the tree, in bytes.
    longest: usize,
    seed: u64,
}

impl Tree {
    pub(super) const fn new(seed: u64) -> Self {
        Self { nodes: Slab::EMPTY, table: Vec::new(), named: 0, longest: 0, seed }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new(self.seed);
    }

    pub(super) fn node(&self, number: usize) -> Option<&Node> {
        self.nodes.get(number)
    }

    /// Returns the child of `parent` whose name is this level of a topic.
    pub(super) fn literal(&self, parent: usize, level: &str) -> Option<usize> {
        if level.len() > self.longest || self.node(parent)?.literals == 0 {
            return None;
        }
        let hash = self.hash(parent, level);
        let found = self.probe(hash).map(|place| self.table.get(place).copied().unwrap_or_default());
        found.take_while(|number| *number != 0).find(|number| {
            self.node(*number).is_some_and(|node| node.hash == hash && node.parent == parent && *node.label == *level)
        })
    }

    pub(super) fn plus(&self, parent: usize) -> Option<usize> {
        self.node(parent).map(|node| node.plus).filter(|plus| *plus != 0)
    }

    /// Returns the place of the entries of `filter`, if there are any.
    pub(super) fn find(&self, filter: &str) -> Option<Place> {
        let mut node = ROOT;
        for level in filter.split('/') {
            node = match level {
                "#" => return Some(Place { node, is_tail: true }),
                "+" => self.plus(node)?,
                name => self.literal(node, name)?,
            };
        }
        Some(Place { node, is_tail: false })
    }

    /// Like [`find`](Self::find), but adds the nodes that are missing.
    pub(super) fn find_or_grow(&mut self, filter: &str) -> Place {
        if self.node(ROOT).is_none() {
            self.add_node(0, "", 0);
        }
        let mut node = ROOT;
        for level in filter.split('/') {
            node = match level {
                "#" => return Place { node, is_tail: true },
                "+" => self.plus(node).unwrap_or_else(|| self.add_plus(node)),
                name => self.literal(node, name).unwrap_or_else(|| self.add_literal(node, name)),
            };
        }
        Place { node, is_tail: false }
    }

    /// Sets the first entry at `place` (0 for none), and removes nodes that have become empty.
    pub(super) fn set_head(&mut self, place: Place, entry: usize) {
        if let Some(node) = self.nodes.get_mut(place.node) {
            *(if place.is_tail { &mut node.tail } else { &mut node.exact }) = entry;
        }
        self.prune(place.node);
    }

    fn prune(&mut self, mut number: usize) {
        while let Some(node) = self.node(number).filter(|node| number != ROOT && node.is_bare()) {
            let (parent, is_plus) = (node.parent, node.is_plus);
            if !is_plus {
                self.unlist(number);
            }
            self.nodes.remove(number);
            if let Some(parent) = self.nodes.get_mut(parent) {
                match is_plus {
                    true => parent.plus = 0,
                    false => parent.literals -= 1,
                }
            }
            number = parent;
        }
    }

    fn add_node(&mut self, parent: usize, label: &str, hash: u64) -> usize {
        let (label, is_plus) = (label.into(), label == "+");
        self.nodes.insert(Node { parent, label, hash, is_plus, literals: 0, plus: 0, exact: 0, tail: 0 })
    }

    fn add_plus(&mut self, parent: usize) -> usize {
        let number = self.add_node(parent, "+", 0);
        if let Some(parent) = self.nodes.get_mut(parent) {
            parent.plus = number;
        }
        number
    }

    fn add_literal(&mut self, parent: usize, name: &str) -> usize {
        let hash = self.hash(parent, name);
        let number = self.add_node(parent, name, hash);
        if let Some(parent) = self.nodes.get_mut(parent) {
            parent.literals += 1;
        }
        self.longest = self.longest.max(name.len());
        self.named += 1;
        if self.named * 4 > self.table.len() * 3 {
            self.grow_table();
        }
        self.list(number, hash);
        number
    }

    /// Iterates, without end, over the places in which a node with this hash may be, in the order of the search.
    fn probe(&self, hash: u64) -> impl Iterator<Item = usize> + use<> {
        let mask = self.table.len().wrapping_sub(1);
        let home = hash as usize;
        (0..).map(move |step: usize| home.wrapping_add(step) & mask)
    }

    fn list(&mut self, number: usize, hash: u64) {
        let free = self.probe(hash).find(|place| self.table.get(*place).is_none_or(|number| *number == 0));
        if let Some(place) = free {
            self.fill(place, number);
        }
    }

    fn grow_table(&mut self) {
        let length = (self.table.len() * 2).max(8);
        let old = core::mem::take(&mut self.table);
        self.table.resize(length, 0);
        for number in old {
            if let Some(hash) = self.node(number).map(|node| node.hash) {
                self.list(number, hash);
            }
        }
    }

    /// Removes a node from the table. The nodes behind it move up where possible, so that no search stops too early.
    fn unlist(&mut self, number: usize) {
        let Some(hash) = self.node(number).map(|node| node.hash) else { return };
        let is_it = |place: &usize| self.table.get(*place).is_none_or(|found| *found == number || *found == 0);
        let Some(mut gap) = self.probe(hash).find(is_it) else { return };
        let mask = self.table.len().wrapping_sub(1);
        for place in self.probe(gap as u64).skip(1) {
            let Some(moved) = self.table.get(place).copied().filter(|number| *number != 0) else { break };
            let Some(home) = self.node(moved).map(|node| node.hash as usize) else { break };
            let is_behind_its_home = place.wrapping_sub(home) & mask >= place.wrapping_sub(gap) & mask;
            if is_behind_its_home {
                self.fill(gap, moved);
                gap = place;
            }
        }
        self.fill(gap, 0);
        self.named -= 1;
    }

    fn fill(&mut self, place: usize, number: usize) {
        if let Some(place) = self.table.get_mut(place) {
            *place = number;
        }
    }

    /// Hashes the name by multiplications, eight bytes at a time. Someone who knows the seed can choose filters whose
    /// names collide; topics are not stored, so they cannot cause collisions.
    fn hash(&self, parent: usize, name: &str) -> u64 {
        const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;
        let fold = |left: u64, right: u64| {
            let product = u128::from(left) * u128::from(right);
            (product as u64) ^ (product >> 64) as u64
        };
        let start = fold(self.seed ^ parent as u64, FACTOR) ^ name.len() as u64;
        name.as_bytes().chunks(8).fold(start, |hash, chunk| {
            let word = chunk.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
            fold(hash ^ word ^ FACTOR, FACTOR | 1)
        })
    }
}
