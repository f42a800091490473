//! `circles`: no modules of the engine or of the recorder need each other.
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
const ROOTS: [&str; 2] = ["src", "trace/src"];

/// A circle that is there, and is to go: the folder, and its modules in the order of their names.
struct Known {
    folder: &'static str,
    modules: &'static [&'static str],
}

/// The list only gets shorter: a circle that is not there any more, or has become smaller, is a fault until its line says so.
#[rustfmt::skip]
const KNOWN: &[Known] = &[
];

/// Looks for circles.
pub fn check(shell: &Shell) -> Result {
    let mut circles = Vec::new();
    for root in ROOTS {
        circles.extend(find(root, &|path| std::fs::read_to_string(shell.folder().join(path)).ok())?);
    }
    let faults = faults(&circles, KNOWN);
    if faults.is_empty() { Ok(()) } else { Err(format!("\n{}", faults.join("\n"))) }
}

/// The circles of the crate in this folder, whose files `read` gives.
fn find(root: &str, read: &dyn Fn(&Path) -> Option<String>) -> Result<Vec<Circle>> {
    let tree = Tree::read(Path::new(root), read)?;
    Ok(Graph::all_of(&tree).iter().flat_map(Graph::circles).collect())
}

fn faults(circles: &[Circle], known: &[Known]) -> Vec<String> {
    let is_known =
        |circle: &Circle| known.iter().any(|known| known.folder == circle.folder && known.modules == circle.modules);
    let is_there =
        |known: &Known| circles.iter().any(|circle| circle.folder == known.folder && circle.modules == known.modules);
    let new = circles.iter().filter(|circle| !is_known(circle)).map(Circle::to_string);
    let gone = known.iter().filter(|known| !is_there(known)).map(|known| {
        let Known { folder, modules } = known;
        format!(
            "{folder}: {} no longer need each other in just this circle: take it out of KNOWN in xtask/src/circles.rs, or make it smaller there.",
            modules.join(", ")
        )
    });
    new.chain(gone).collect()
}

#[cfg(test)]
mod tests;
