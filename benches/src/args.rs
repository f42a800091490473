//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::prelude::*;

pub const HELP: &str = "\
Measures pure-mqtt and its peers on the same work, in one run, purely in memory.

    cargo bench --manifest-path benches/Cargo.toml
    cargo bench --manifest-path benches/Cargo.toml -- --quick --filter 'inbound QoS 0'

    --quick          fewer and shorter rounds: for a first look
    --filter TEXT    only the rows whose name holds TEXT; may be given several times
    --list           show the rows instead of measuring them
    --out FOLDER     where speed.json and speed.svg go (default: benches/target)

The figures are nanoseconds of this thread's processor time per message, the median of the rounds.
";

/// What was asked for.
#[derive(Debug, Default)]
pub struct Options {
    pub quick: bool,
    pub filters: Vec<String>,
    pub list: bool,
    pub help: bool,
    pub out: Option<PathBuf>,
}

impl Options {
    /// Whether a row of this name is wanted.
    pub fn takes(&self, name: &str) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|filter| name.contains(filter.as_str()))
    }
}

/// Reads the arguments behind the program's name.
///
/// # Errors
/// The sentence that says which argument makes no sense.
pub fn parse(args: impl IntoIterator<Item: Into<OsString>>) -> Result<Options, String> {
    let args = args.into_iter().map(Into::into);
    read(&mut lexopt::Parser::from_args(args)).map_err(|error| error.to_string())
}

fn read(parser: &mut lexopt::Parser) -> Result<Options, lexopt::Error> {
    let mut options = Options::default();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("quick") => options.quick = true,
            Long("filter") => options.filters.push(parser.value()?.string()?),
            Long("list") => options.list = true,
            Long("out") => options.out = Some(parser.value()?.into()),
            Long("bench") => {} // cargo gives it to every bench
            Short('h') | Long("help") => options.help = true,
            other => return Err(other.unexpected()),
        }
    }
    Ok(options)
}
