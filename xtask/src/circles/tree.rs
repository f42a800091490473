//! The modules of a crate, and what each path in them leads to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::Result;
use crate::circles::source::{Named, Source};

/// Where a module stands: the names of the modules around it and its own; nothing for the crate itself.
pub type Place = Vec<String>;

/// All modules that have files.
pub struct Tree {
    pub root: PathBuf,
    modules: BTreeMap<Place, Module>,
}

struct Module {
    file: PathBuf,
    source: Source,
}

/// One module needs something of another one.
#[derive(Debug)]
pub struct Need<'t> {
    pub from: &'t Place,
    pub to: Place,
    pub file: &'t Path,
    pub named: &'t Named,
}

impl Tree {
    /// Reads the crate in the folder `root`, following its `mod` lines.
    pub fn read(root: &Path, read: &dyn Fn(&Path) -> Option<String>) -> Result<Self> {
        let mut tree = Self { root: root.to_owned(), modules: BTreeMap::new() };
        let mut open = vec![(Place::new(), root.join("lib.rs"), root.to_owned())];
        while let Some((place, file, folder)) = open.pop() {
            let text = read(&file).ok_or_else(|| format!("{} can't be read.", file.display()))?;
            let source = Source::read(&text);
            for name in &source.modules {
                let (alone, inside) = (folder.join(format!("{name}.rs")), folder.join(name));
                let file = if read(&alone).is_some() { alone } else { inside.join("mod.rs") };
                let place = place.iter().chain([name]).cloned().collect();
                open.push((place, file, inside));
            }
            tree.modules.insert(place, Module { file, source });
        }
        Ok(tree)
    }

    /// The modules with modules inside, beginning with the crate.
    pub fn folders(&self) -> impl Iterator<Item = &Place> {
        self.modules.iter().filter(|(_, module)| !module.source.modules.is_empty()).map(|(place, _)| place)
    }

    /// Everything that a module needs of another one. What is re-exported from inside is not needed.
    pub fn needs(&self) -> Vec<Need<'_>> {
        let all = self.modules.iter().flat_map(|(from, module)| {
            module.source.paths.iter().filter_map(move |named| {
                let to = self.target(from, named)?;
                let is_re_export = named.is_exported && to.starts_with(from);
                (to != *from && !is_re_export).then_some(Need { from, to, file: &module.file, named })
            })
        });
        all.collect()
    }

    /// The module that defines what a path names; `None` outside of the crate.
    fn target(&self, from: &Place, named: &Named) -> Option<Place> {
        Some(self.resolve(&self.absolute(from, named)?, MOST_RE_EXPORTS))
    }

    /// The path from the crate on.
    fn absolute(&self, from: &Place, named: &Named) -> Option<Place> {
        let (first, rest) = named.segments.split_first()?;
        let start = match first.as_str() {
            "crate" => Place::new(),
            "self" | "super" => {
                let up = named.segments.iter().take_while(|segment| *segment == "super").count();
                let rest = named.segments.iter().skip_while(|segment| *segment == "super" || *segment == "self");
                // The first of them lead out of modules within the file.
                let kept = from.len().saturating_sub(up.saturating_sub(named.depth));
                return Some(from.iter().take(kept).chain(rest).cloned().collect());
            }
            name if named.depth == 0 && self.has_module(from, name) => from.iter().chain([first]).cloned().collect(),
            _ => return None,
        };
        Some(start.iter().chain(rest).cloned().collect())
    }

    fn has_module(&self, place: &Place, name: &str) -> bool {
        self.modules.get(place).is_some_and(|module| module.source.modules.iter().any(|module| module == name))
    }

    /// Follows re-exports up to so many times.
    fn resolve(&self, path: &[String], most: usize) -> Place {
        let mut place = Place::new();
        for (index, segment) in path.iter().enumerate() {
            if self.has_module(&place, segment) {
                place.push(segment.clone());
                continue;
            }
            let imports = self.modules.get(&place).into_iter().flat_map(|module| &module.source.paths);
            let import = imports.into_iter().find(|named| named.imported.as_ref() == Some(segment) && named.depth == 0);
            let Some(target) = import.filter(|_| most > 0).and_then(|named| self.absolute(&place, named)) else {
                break;
            };
            let full: Place = target.iter().chain(path.iter().skip(index + 1)).cloned().collect();
            return self.resolve(&full, most - 1);
        }
        place
    }
}

const MOST_RE_EXPORTS: usize = 5;
