//! `mqtt`: the line is read by the program itself, which then prints its help.

use std::process::Command;

use crate::pages::known::Known;
use crate::{Result, files, root};

/// The words of a whole command. Where `--help` comes last, all words before it have been read and found good.
pub fn check(words: &[String], known: &Known) -> Result {
    help(words, known).map(|_| ())
}

/// A command that is mentioned in a text, perhaps without the values of its options: the command and the options exist. `None` if it is something else.
pub fn check_mention(words: &[String], known: &Known) -> Option<Result> {
    let (command, options) = words.split_first()?;
    let is_command = command.chars().all(|letter| letter.is_ascii_lowercase());
    if !is_command {
        return None;
    }
    Some(help(std::slice::from_ref(command), known).and_then(|help| {
        let options = options.iter().filter(|word| word.starts_with("--") && *word != "--help");
        let missing = options.into_iter().find(|option| !help.contains(option.as_str()));
        missing.map_or(Ok(()), |option| Err(format!("there is no {option}.")))
    }))
}

/// A block of TOML is a configuration file that the program takes.
pub fn check_configuration(text: &str, known: &Known) -> Result {
    let file = std::env::temp_dir().join(format!("pure-mqtt-pages-{}.toml", std::process::id()));
    files::write(&file, text)?;
    let outcome = check(&["sub".into(), "--config".into(), file.display().to_string()], known);
    let _ = std::fs::remove_file(file);
    outcome
}

fn help(words: &[String], known: &Known) -> Result<String> {
    let mut command = Command::new(&known.mqtt);
    command.args(words).arg("--help").env("MQTT_CONFIG", "").env("XDG_CONFIG_HOME", root().join("target"));
    let output = command.output().map_err(|error| format!("{}: {error}.", known.mqtt.display()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}
