//! `circles`: no modules of the engine, the recorder, the agent, the firmware's client, the network layer or the test broker need each other.
//!
//! Files of one folder, and the folders and files of `src` itself, are each a graph: whoever names something of another one, in a `use` line or with a path in
//! the code, points to it. From outside, a folder is one node, and what lies in it is its own affair. Inside, its `mod.rs` is a node like the others; what it only
//! re-exports counts for the file that defines it. Tests and documentation don't count.

mod graph;
mod source;
mod tree;

use std::path::Path;

use self::graph::{Circle, Graph};
use self::tree::Tree;
use crate::Result;
use crate::shell::Shell;

/// What is looked through: folders with a `lib.rs`.
const ROOTS: [&str; 6] =
    ["src", "trace/src", "clients/agent/src", "clients/embassy/src", "clients/net/src", "tools/test-broker/src"];

/// Looks for circles.
pub fn check(shell: &Shell) -> Result {
    let mut circles = Vec::new();
    for root in ROOTS {
        circles.extend(find(root, &|path| std::fs::read_to_string(shell.folder().join(path)).ok())?);
    }
    let told: Vec<_> = circles.iter().map(Circle::to_string).collect();
    if told.is_empty() { Ok(()) } else { Err(format!("\n{}", told.join("\n"))) }
}

/// The circles of the crate in this folder, whose files `read` gives.
fn find(root: &str, read: &dyn Fn(&Path) -> Option<String>) -> Result<Vec<Circle>> {
    let tree = Tree::read(Path::new(root), read)?;
    Ok(Graph::all_of(&tree).iter().flat_map(Graph::circles).collect())
}

#[cfg(test)]
mod tests;
