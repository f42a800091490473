//! The command line of the programs: options with values, and what they all share.

use std::collections::BTreeMap;
use std::net::{SocketAddr, ToSocketAddrs};
use std::process::ExitCode;

use lexopt::prelude::{Long, ValueExt};
use pure_mqtt_embassy::Version;

/// The exit code for a command line that makes no sense.
const USAGE: u8 = 2;

/// The values of the options.
pub struct Args(BTreeMap<String, String>);

impl Args {
    /// Reads the command line. `options` are the known ones with their defaults. `Err`
    /// holds what the program then ends with: it has told why.
    ///
    /// # Errors
    /// The exit code.
    pub fn parse(usage: &str, options: &[(&str, &str)]) -> Result<Self, ExitCode> {
        let mut values: BTreeMap<_, _> = options
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        match read(&mut values) {
            Ok(true) => Ok(Self(values)),
            Ok(false) => {
                print!("{usage}");
                Err(ExitCode::SUCCESS)
            }
            Err(error) => {
                eprintln!("{error}\n\n{usage}");
                Err(USAGE.into())
            }
        }
    }

    /// The value of an option.
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// The version of `--mqtt`.
    ///
    /// # Errors
    /// A sentence.
    pub fn version(&self) -> Result<Version, String> {
        match self.get("mqtt") {
            "3.1.1" => Ok(Version::V311),
            "5.0" => Ok(Version::V5),
            other => Err(format!("--mqtt is 3.1.1 or 5.0, not {other:?}.")),
        }
    }

    /// Host and port of `--broker`.
    ///
    /// # Errors
    /// A sentence.
    pub fn broker(&self) -> Result<(&str, u16), String> {
        let broker = self.get("broker");
        let parts = broker
            .rsplit_once(':')
            .and_then(|(host, port)| Some((host, port.parse().ok()?)));
        parts.ok_or_else(|| format!("--broker is HOST:PORT, not {broker:?}."))
    }

    /// An address of `--broker`.
    ///
    /// # Errors
    /// A sentence.
    pub fn address(&self) -> Result<SocketAddr, String> {
        let broker = self.broker()?;
        let mut addresses = broker
            .to_socket_addrs()
            .map_err(|error| format!("{}: {error}.", broker.0))?;
        addresses.next().ok_or_else(|| format!("{} has no address.", broker.0))
    }
}

/// False if only help is wanted.
fn read(values: &mut BTreeMap<String, String>) -> Result<bool, lexopt::Error> {
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        let Long(name) = argument else { return Err(argument.unexpected()) };
        if name == "help" {
            return Ok(false);
        }
        let name = name.to_owned();
        let Some(value) = values.get_mut(&name) else {
            return Err(Long(&name).unexpected());
        };
        *value = parser.value()?.string()?;
    }
    Ok(true)
}

/// Ends the program: with a sentence and 1, if it failed.
pub fn exit(name: &str, result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("{name}: {sentence}");
            ExitCode::FAILURE
        }
    }
}
