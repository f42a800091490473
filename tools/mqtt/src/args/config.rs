//! The configuration file: defaults of options, in TOML.
//!
//! ```toml
//! host = "broker.example"        # for all commands that have the option
//! cafile = "/etc/mqtt/ca.pem"
//!
//! [sub]                          # for one command
//! format = "json"
//! ```
//!
//! Precedence: the command line, the environment, the file, the program's defaults.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use clap::builder::OsStr;
use clap::{ArgAction, Command};
use toml::{Table, Value};

/// Defaults for options, and the file they come from.
pub struct Config {
    pub path: PathBuf,
    table: Table,
}

/// Reads the file named by the user, or the usual one if it exists.
pub fn find() -> Result<Option<Config>, String> {
    match named() {
        Some(path) => load(&path, true),
        None => usual().map_or(Ok(None), |path| load(&path, false)),
    }
}

/// Returns the file named by `--config` or the environment.
fn named() -> Option<PathBuf> {
    let arguments: Vec<OsString> = env::args_os().collect();
    let behind = |pair: &[OsString]| match pair {
        [name, value] if name == "--config" => Some(PathBuf::from(value)),
        _ => None,
    };
    let with_sign = |argument: &OsString| argument.to_str()?.strip_prefix("--config=").map(PathBuf::from);
    let on_line = arguments.windows(2).find_map(behind).or_else(|| arguments.iter().find_map(with_sign));
    on_line.or_else(|| env::var_os("MQTT_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from))
}

fn usual() -> Option<PathBuf> {
    let folder = env::var_os("XDG_CONFIG_HOME").or_else(|| env::var_os("APPDATA")).map(PathBuf::from);
    let folder = folder.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".config")))?;
    Some(folder.join("mqtt").join("config.toml"))
}

fn load(path: &Path, is_named: bool) -> Result<Option<Config>, String> {
    let shown = path.display();
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound && !is_named => return Ok(None),
        Err(error) => return Err(format!("cannot read the configuration {shown}: {error}")),
    };
    // The error's own text would show the line, which may contain a password.
    let table = text.parse::<Table>().map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        format!("the configuration {shown} is not valid TOML in line {line}: {}", error.message())
    })?;
    Ok(Some(Config { path: path.to_owned(), table }))
}

impl Config {
    /// Returns the command with these defaults.
    pub fn fill(&self, mut command: Command) -> Result<Command, String> {
        let names: Vec<String> = command.get_subcommands().map(|known| known.get_name().to_owned()).collect();
        for (key, value) in &self.table {
            match value {
                Value::Table(options) if names.contains(key) => {
                    for (option, value) in options {
                        command = self.fill_one(command, key, option, value)?.ok_or_else(|| self.unknown(option))?;
                    }
                }
                _ => command = self.fill_all(command, &names, key, value)?,
            }
        }
        Ok(command)
    }

    /// Sets the default of an option in each command that has it, unless the command's own section sets it too.
    fn fill_all(&self, mut command: Command, names: &[String], key: &str, value: &Value) -> Result<Command, String> {
        let mut is_known = false;
        for name in names {
            let has_own = self.table.get(name).and_then(Value::as_table).is_some_and(|own| own.contains_key(key));
            if has_own {
                is_known = true;
            } else if let Some(filled) = self.fill_one(command.clone(), name, key, value)? {
                (command, is_known) = (filled, true);
            }
        }
        if is_known { Ok(command) } else { Err(self.unknown(key)) }
    }

    fn unknown(&self, key: &str) -> String {
        let path = self.path.display();
        format!(
            "the configuration {path} has {key:?}, which is neither a command nor an option: write options without dashes, such as `{}`",
            "keep-alive = 30"
        )
    }

    /// Sets the default of an option. Returns `None` if the command has no such option.
    fn fill_one(&self, command: Command, name: &str, key: &str, value: &Value) -> Result<Option<Command>, String> {
        let Some(chosen) = command.find_subcommand(name) else { return Ok(None) };
        let option = chosen.get_arguments().find(|option| {
            option.get_long() == Some(key) || option.get_all_aliases().is_some_and(|others| others.contains(&key))
        });
        let Some(option) = option.filter(|option| !matches!(option.get_action(), ArgAction::HelpShort)) else {
            return Ok(None);
        };
        let (id, is_flag) = (option.get_id().clone(), matches!(option.get_action(), ArgAction::SetTrue));
        let values = texts(value).filter(|_| is_flag == value.is_bool()).ok_or_else(|| self.wrong(key, is_flag))?;
        let values: Vec<OsStr> = values.into_iter().map(OsStr::from).collect();
        Ok(Some(
            command.mut_subcommand(name, |chosen| {
                chosen.mut_arg(id, |option| option.default_values(values).required(false))
            }),
        ))
    }

    fn wrong(&self, key: &str, is_flag: bool) -> String {
        let what = if is_flag { "true or false" } else { "a string, a number or a list of them" };
        format!("in the configuration {} {key} must be {what}", self.path.display())
    }
}

/// Converts a value to the text that the command line would have.
fn texts(value: &Value) -> Option<Vec<String>> {
    Some(match value {
        Value::String(text) => vec![text.clone()],
        Value::Integer(number) => vec![number.to_string()],
        Value::Float(number) => vec![number.to_string()],
        Value::Boolean(is_set) => vec![is_set.to_string()],
        Value::Array(values) => values.iter().map(|value| texts(value)?.pop()).collect::<Option<_>>()?,
        _ => return None,
    })
}
