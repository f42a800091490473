//! The commands on pages exist: what they run, and with these options.

mod cargo;
mod line;
mod mqtt;
mod xtask;

pub use mqtt::check_configuration;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::known::Known;
use super::source::Page;
use super::words;
use crate::{Result, root};

/// A block for the shell: its syntax, and each command of it.
pub fn check_script(script: &str, page: &Path, known: &Known) -> Result {
    check_syntax(script)?;
    let mut place = Place { folders: folders(page, known) };
    for words in words::commands(script) {
        let outcome = check_command(&words, &mut place, known);
        outcome.map_err(|error| format!("`{}`: {error}", words.join(" ")))?;
    }
    Ok(())
}

/// Code inside a line of text, if it is a command. Where it is run, the text says; so it may be any workspace.
pub fn check_span(span: &str, page: &Page, known: &Known) -> Option<Result> {
    let is_markdown = page.file.extension().is_some_and(|extension| extension == "md");
    let words = words::commands(span).into_iter().next()?;
    let (program, rest) = words.split_first()?;
    let mut folders = folders(&page.file, known);
    folders.extend(known.workspaces().iter().map(|workspace| workspace.folder.clone()));
    let outcome = match program.as_str() {
        "cargo" if !rest.is_empty() => cargo::check(rest, &folders, known),
        "mqtt" if is_markdown => mqtt::check_mention(rest, known)?,
        _ => return None,
    };
    Some(outcome.map_err(|error| format!("`{span}`: {error}")))
}

/// Where the commands of a block may be run: each folder is tried.
struct Place {
    folders: Vec<PathBuf>,
}

/// The folder of the page, if it belongs to a workspace of its own, then the root.
fn folders(page: &Path, known: &Known) -> Vec<PathBuf> {
    let own = page.parent().unwrap_or(page);
    let is_own = known.workspace_of(own).is_some_and(|workspace| workspace.folder != Path::new(""));
    let own = is_own.then(|| own.to_owned());
    own.into_iter().chain([PathBuf::new()]).collect()
}

fn check_command(words: &[String], place: &mut Place, known: &Known) -> Result {
    let Some((program, rest)) = words.split_first() else { return Ok(()) };
    match program.as_str() {
        "cargo" => cargo::check(rest, &place.folders, known),
        "mqtt" => mqtt::check(rest, known),
        "cd" => place.enter(rest),
        path if path.starts_with("./") || path.starts_with(".ci/") => match root().join(path).is_file() {
            true => Ok(()),
            false => Err("there is no such program.".into()),
        },
        _ => Ok(()),
    }
}

impl Place {
    fn enter(&mut self, rest: &[String]) -> Result {
        let [folder] = rest else { return Err("cd takes one folder.".into()) };
        let entered: Vec<_> = self.folders.iter().map(|from| from.join(folder)).collect();
        self.folders = entered.into_iter().filter(|folder| root().join(folder).is_dir()).collect();
        if self.folders.is_empty() { Err("there is no such folder.".into()) } else { Ok(()) }
    }
}

/// What bash says about a script without running it.
fn check_syntax(script: &str) -> Result {
    let failed = |error: std::io::Error| format!("bash: {error}.");
    let mut command = Command::new("bash");
    command.arg("-n").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut bash = command.spawn().map_err(failed)?;
    let mut input = bash.stdin.take().ok_or("bash takes no input.")?;
    input.write_all(script.as_bytes()).map_err(failed)?;
    drop(input);
    let output = bash.wait_with_output().map_err(failed)?;
    let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if output.status.success() && message.is_empty() { Ok(()) } else { Err(format!("this is no script: {message}")) }
}

/// Whether a word stands for another one that the reader puts in its place, such as `CRATE`.
fn is_placeholder(word: &str) -> bool {
    word == "name_of_the_test"
        || !word.is_empty() && word.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syntax_is_bashs() {
        assert_eq!(check_syntax("a 'b c' | d > e &\n"), Ok(()));
        let message = check_syntax("if a; then\n").expect_err("it has no end");
        assert!(message.starts_with("this is no script"), "{message}");
    }

    #[test]
    fn placeholders_are_in_capitals() {
        assert!(is_placeholder("CRATE") && !is_placeholder("pure-mqtt") && !is_placeholder(""));
    }
}
