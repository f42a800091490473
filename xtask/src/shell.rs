//! Runs command lines.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Result;

/// Where servers such as mosquitto may be although a user's `PATH` leaves it out.
const SERVER_FOLDERS: [&str; 3] = ["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin"];

/// A folder to run command lines in.
///
/// A command line is split at spaces and nothing else: there is no quoting, because no step needs it. Words of the form
/// `NAME=value` before the program are environment variables.
#[derive(Clone, Debug)]
pub struct Shell {
    folder: PathBuf,
    search_path: OsString,
}

impl Shell {
    /// A shell in `folder`. What it runs also sees the programs in `/usr/sbin` and the like.
    pub fn new(folder: PathBuf) -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::env::split_paths(&path).chain(SERVER_FOLDERS.map(PathBuf::from));
        let search_path = std::env::join_paths(folders).unwrap_or(path);
        Self { folder, search_path }
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A shell in a folder below this one, if there is a package in it.
    pub fn inside(&self, folder: &str) -> Option<Self> {
        let folder = self.folder.join(folder);
        folder.join("Cargo.toml").is_file().then(|| Self { folder, search_path: self.search_path.clone() })
    }

    /// Shows `line` and runs it; its output goes where ours goes.
    pub fn run(&self, line: &str) -> Result {
        println!("$ {line}");
        let status = self.command(line).status().map_err(|error| format!("`{line}` could not be started: {error}."))?;
        if status.success() {
            return Ok(());
        }
        Err(format!("`{line}` failed ({status})."))
    }

    /// Whether `line` can be run and ends well. Its output is dropped.
    pub fn succeeds(&self, line: &str) -> bool {
        self.output(line).is_some()
    }

    /// What `line` prints, without the white space around it, if it ends well.
    pub fn output(&self, line: &str) -> Option<String> {
        let output = self.command(line).stderr(Stdio::null()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Whether there is a program of this name.
    pub fn has(&self, program: &str) -> bool {
        let file = format!("{program}{}", std::env::consts::EXE_SUFFIX);
        std::env::split_paths(&self.search_path).any(|folder| folder.join(&file).is_file())
    }

    fn command(&self, line: &str) -> Command {
        let Line { variables, program, arguments } = Line::parse(line);
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(&self.folder)
            .env("PATH", &self.search_path)
            .envs(variables)
            .stdin(Stdio::null());
        command
    }
}

/// A command line in its parts.
#[derive(PartialEq, Eq, Debug)]
struct Line<'a> {
    variables: Vec<(&'a str, &'a str)>,
    program: &'a str,
    arguments: Vec<&'a str>,
}

impl<'a> Line<'a> {
    fn parse(line: &'a str) -> Self {
        let mut words = line.split_whitespace().peekable();
        let mut variables = Vec::new();
        while let Some(variable) = words.peek().and_then(|word| word.split_once('=')) {
            variables.push(variable);
            words.next();
        }
        Self { variables, program: words.next().unwrap_or_default(), arguments: words.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_variables_then_program_then_arguments() {
        for (line, variables, program, arguments) in [
            ("cargo", &[][..], "cargo", &[][..]),
            ("cargo test  --only=x", &[], "cargo", &["test", "--only=x"]),
            ("A=1 B=-Dx=y cargo doc", &[("A", "1"), ("B", "-Dx=y")], "cargo", &["doc"]),
            ("", &[], "", &[]),
        ] {
            let expected = Line { variables: variables.to_vec(), program, arguments: arguments.to_vec() };
            assert_eq!(Line::parse(line), expected, "{line:?}");
        }
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let shell = Shell::new(PathBuf::from("."));
        let message = shell.run("no-such-program --here").expect_err("it cannot run");
        assert!(message.starts_with("`no-such-program --here` could not be started"), "{message}");
        assert!(!shell.succeeds("no-such-program"));
        assert!(!shell.has("no-such-program"));
    }

    #[test]
    fn cargo_is_there() {
        let shell = Shell::new(PathBuf::from("."));
        assert!(shell.has("cargo"));
        assert!(shell.output("cargo --version").is_some_and(|text| text.starts_with("cargo ")));
        assert!(!shell.succeeds("cargo --no-such-option"));
    }

    #[test]
    #[cfg(unix)]
    fn a_program_that_fails_is_named_with_its_exit_code() {
        let message = Shell::new(PathBuf::from(".")).run("false").expect_err("it fails");
        assert_eq!(message, "`false` failed (exit status: 1).");
    }
}
