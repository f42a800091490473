//! The line of a cargo command in its parts.

use std::path::Path;

use lexopt::prelude::*;

use super::is_placeholder;
use crate::pages::known::Known;
use crate::pages::source;
use crate::{Result, files, root};

/// Options without a value.
const FLAGS: [&str; 20] = [
    "all-targets",
    "allow-dirty",
    "benches",
    "bins",
    "dev",
    "doc",
    "dry-run",
    "examples",
    "help",
    "keep-going",
    "lib",
    "locked",
    "no-deps",
    "no-run",
    "no-verify",
    "offline",
    "quiet",
    "release",
    "tests",
    "verbose",
];

/// Options whose value needs no check here.
const VALUES: [&str; 7] = ["baseline-rev", "exclude", "jobs", "message-format", "profile", "target", "target-dir"];

/// What a line names.
#[derive(Default)]
pub struct Line {
    /// `--package`
    pub packages: Vec<String>,
    /// `--features`
    pub features: Vec<String>,
    /// Kind and name: `--bin`, `--example`, `--test`, `--bench`.
    pub targets: Vec<(&'static str, String)>,
    /// `--manifest-path`
    pub manifest: Option<String>,
    /// `--path`
    pub path: Option<String>,
    /// `--all-features`
    pub has_all_features: bool,
    /// `--no-default-features`
    pub has_no_default: bool,
    /// `--workspace`
    pub is_whole: bool,
    /// Words that belong to no option.
    pub words: Vec<String>,
    /// What stands behind `--`.
    pub rest: Vec<String>,
}

impl Line {
    /// Reads the words behind the subcommand. Those of other programs than cargo may have options of their own.
    pub fn parse(words: &[String], is_cargos: bool) -> Result<Self> {
        let (own, rest) = match words.iter().position(|word| word == "--") {
            Some(end) => (words.get(..end).unwrap_or_default(), words.get(end + 1..).unwrap_or_default()),
            None => (words, &[][..]),
        };
        let mut line = Self { rest: rest.to_vec(), ..Self::default() };
        line.read(&mut lexopt::Parser::from_args(own), is_cargos).map_err(|error| format!("{error}."))?;
        Ok(line)
    }

    fn read(&mut self, parser: &mut lexopt::Parser, is_cargos: bool) -> std::result::Result<(), lexopt::Error> {
        while let Some(arg) = parser.next()? {
            match arg {
                Short('p') | Long("package") => self.packages.push(parser.value()?.string()?),
                Short('F') | Long("features") => self.features.extend(list(&parser.value()?.string()?)),
                Long("bin") => self.targets.push(("bin", parser.value()?.string()?)),
                Long("example") => self.targets.push(("example", parser.value()?.string()?)),
                Long("test") => self.targets.push(("test", parser.value()?.string()?)),
                Long("bench") => self.targets.push(("bench", parser.value()?.string()?)),
                Long("manifest-path") => self.manifest = Some(parser.value()?.string()?),
                Long("path") => self.path = Some(parser.value()?.string()?),
                Long("all-features") => self.has_all_features = true,
                Long("no-default-features") => self.has_no_default = true,
                Long("workspace") => self.is_whole = true,
                Long(flag) if FLAGS.contains(&flag) => {}
                Long(option) if VALUES.contains(&option) => drop(parser.value()?),
                Short('q' | 'v' | 'r') => {}
                Short('j' | 's') => drop(parser.value()?),
                Value(word) => self.words.push(word.string()?),
                _ if !is_cargos => {}
                other => return Err(other.unexpected()),
            }
        }
        Ok(())
    }
}

fn list(features: &str) -> impl Iterator<Item = String> {
    features.split([',', ' ']).filter(|feature| !feature.is_empty()).map(str::to_owned)
}

/// Each option among `words` stands somewhere in the source of the program in `folder`.
pub fn check_options(words: &[String], folder: &Path, known: &Known) -> Result {
    let options = words.iter().filter_map(|word| word.strip_prefix("--")).filter(|option| *option != "help");
    let options: Vec<_> = options.map(|option| option.split('=').next().unwrap_or(option)).collect();
    if options.is_empty() {
        return Ok(());
    }
    let text = sources(folder, known)?;
    let is_there = |option: &&&str| text.contains(&format!("\"{option}\"")) || text.contains(&format!("--{option}"));
    match options.iter().find(|option| !is_there(option)) {
        None => Ok(()),
        Some(option) => Err(format!("the program has no option --{option}.")),
    }
}

/// A filter of tests names one: a file, a module or a function.
pub fn check_filter(filter: &str, folder: &Path, known: &Known) -> Result {
    let name = filter.rsplit("::").next().unwrap_or(filter);
    let is_named = |line: &str| (line.contains("fn ") || line.contains("mod ")) && line.contains(name);
    if is_placeholder(filter) || sources(folder, known)?.lines().any(is_named) {
        return Ok(());
    }
    Err(format!("there is no test {filter} in {}.", folder.display()))
}

/// The source of a package, with a line for the module that each file is.
fn sources(folder: &Path, known: &Known) -> Result<String> {
    let mut text = String::new();
    for file in source::files(folder)? {
        let is_rust = file.extension().is_some_and(|extension| extension == "rs");
        let is_own = known.package_folder(&file) == known.package_folder(folder);
        if is_rust && is_own {
            let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            text.push_str(&format!("mod {name}\n{}\n", files::read(&root().join(&file))?));
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str, is_cargos: bool) -> Result<Line> {
        let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        Line::parse(&words, is_cargos)
    }

    #[test]
    fn a_line_is_read() {
        let line = parsed("-p a --features b,c/d --test=e f --release -- --nocapture", true).expect("it is good");
        assert_eq!((line.packages, line.features), (vec!["a".into()], vec!["b".into(), "c/d".into()]));
        assert_eq!((line.targets, line.words), (vec![("test", "e".into())], vec!["f".into()]));
        assert_eq!(line.rest, ["--nocapture"]);
    }

    #[test]
    fn cargo_has_not_every_option() {
        assert!(parsed("--relaese", true).is_err());
        assert!(parsed("--output-path x", false).is_ok());
    }
}
