//! The modules of one folder as a graph, and its circles.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::circles::tree::{Need, Place, Tree};

/// The file of a folder itself, among the modules inside.
const FACADE: &str = "mod";

/// Who needs whom in one folder, with the lines that say so.
pub struct Graph {
    folder: String,
    edges: BTreeMap<(String, String), Lines>,
}

/// What is named, by the file with the line where that is.
type Lines = BTreeMap<String, BTreeSet<String>>;

/// Modules that need each other, directly or by way of others among them.
#[derive(Debug, PartialEq, Eq)]
pub struct Circle {
    pub folder: String,
    /// In the order of their names.
    pub modules: Vec<String>,
    /// What each needs of the others: the file with the line, and what is named there.
    pub lines: Vec<String>,
}

impl Graph {
    /// The graph of each folder.
    pub fn all_of(tree: &Tree) -> Vec<Self> {
        let needs = tree.needs();
        tree.folders().map(|folder| Self::of(tree, folder, &needs)).collect()
    }

    fn of(tree: &Tree, folder: &Place, needs: &[Need<'_>]) -> Self {
        let mut edges: BTreeMap<_, Lines> = BTreeMap::new();
        let node = |place: &Place| {
            place.strip_prefix(folder.as_slice()).map(|rest| rest.first().map_or(FACADE, String::as_str).to_owned())
        };
        for need in needs {
            let (Some(from), Some(to)) = (node(need.from), node(&need.to)) else { continue };
            if from != to {
                let line = format!("{}:{}", need.file.display(), need.named.line).replace('\\', "/");
                edges.entry((from, to)).or_default().entry(line).or_default().insert(need.named.segments.join("::"));
            }
        }
        let folder = folder.iter().fold(tree.root.clone(), |path, name| path.join(name));
        Self { folder: folder.display().to_string().replace('\\', "/"), edges }
    }

    /// Its circles, each as large as it is.
    pub fn circles(&self) -> Vec<Circle> {
        let nodes: BTreeSet<_> = self.edges.keys().flat_map(|(from, to)| [from.as_str(), to.as_str()]).collect();
        let reach: BTreeMap<_, _> = nodes.iter().map(|node| (*node, self.reachable(node))).collect();
        let mut seen = BTreeSet::new();
        let mut circles = Vec::new();
        for node in &nodes {
            let together = |other: &&&str| reach[**other].contains(*node) && reach[*node].contains(**other);
            let modules: Vec<_> = nodes.iter().filter(together).map(ToString::to_string).collect();
            if !modules.is_empty() && seen.insert(modules.clone()) {
                circles.push(self.circle(modules));
            }
        }
        circles
    }

    fn reachable<'g>(&'g self, from: &str) -> BTreeSet<&'g str> {
        let mut found = BTreeSet::new();
        let mut open = vec![from];
        while let Some(node) = open.pop() {
            for (_, to) in self.edges.keys().filter(|(from, _)| from == node) {
                if found.insert(to.as_str()) {
                    open.push(to);
                }
            }
        }
        found
    }

    fn circle(&self, modules: Vec<String>) -> Circle {
        let inside = self.edges.iter().filter(|((from, to), _)| modules.contains(from) && modules.contains(to));
        let lines = inside.flat_map(|((from, to), lines)| {
            let list = |names: &BTreeSet<String>| names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            lines.iter().map(move |(line, names)| format!("{from} -> {to}: {line} names {}", list(names)))
        });
        Circle { folder: self.folder.clone(), lines: lines.collect(), modules }
    }
}

impl fmt::Display for Circle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { folder, modules, lines } = self;
        write!(f, "{folder}: {} need each other; each line is one that would have to go:", modules.join(", "))?;
        lines.iter().try_for_each(|line| write!(f, "\n    {line}"))
    }
}
