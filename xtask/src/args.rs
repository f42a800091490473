//! The command line.

use std::ffi::OsString;

use lexopt::prelude::*;

use crate::Result;
use crate::select::{Scope, Selection};

/// What `cargo xtask help` prints.
pub const HELP: &str = "\
The project's own commands.

    cargo xtask test            set the machine up, then run every check
    cargo xtask setup           only set the machine up
    cargo xtask fuzz            run every fuzz target for a minute, or for --seconds N
    cargo xtask instructions    compare instructions per message with the accepted ones; --bless accepts those of now
    cargo xtask faults          check that fifteen known faults are found, by two methods each; --all tries every method
    cargo xtask trace           check that statements of the standards are cited; --table prints docs/traceability.md
    cargo xtask end-to-end      measure the client through a mosquitto, beside its peers; --write puts the table into docs/performance.md, --quick does less
    cargo xtask clusters        kill and freeze nodes of NATS and RabbitMQ under the clients; options as `cargo xtask clusters --help` says
    cargo xtask brokers         play everything against real brokers, or those that are named; --write puts the tables into docs/brokers.md
    cargo xtask deny            check licences, sources and duplicates of all dependencies, and that the crates without I/O have neither runtime nor TLS
    cargo xtask release         pack all crates that are published, check what they hold, and run the programs of their pages in new projects
    cargo xtask footprint       print what firmware with the crate takes, and with its peers; --write puts it into the README
    cargo xtask help            this text

Options of `test` and `setup`:

    --list         show the chosen steps instead of running them
    --only STEP    run this step alone; may be given several times
    --skip STEP    leave this step out; may be given several times
    --quick        formatting, lints and tests only, without set-up (`test` only)

Steps run in the order of the table, whatever the order of the options. Those that build in folders of their own run beside the others; what they
print is shown at the end. A step that fails stops all behind it on its side.
";

/// A command line that was understood.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// Explain the commands.
    Help,
    /// Show steps.
    List(Selection),
    /// Run steps.
    Run(Selection),
    /// Run each fuzz target so long.
    Fuzz {
        /// How long.
        seconds: u32,
    },
    /// Check that known faults are found.
    Faults {
        /// By every method, not just by enough of them.
        all: bool,
    },
    /// Count instructions.
    Instructions {
        /// Accept the counts.
        bless: bool,
    },
    /// Check the citations, or print their table.
    Trace {
        /// Print it.
        table: bool,
    },
    /// Measure clients through a real broker.
    EndToEnd {
        /// Put the table into docs/performance.md.
        write: bool,
        /// Fewer messages and runs.
        quick: bool,
    },
    /// Kill and freeze nodes of clusters under the clients.
    Clusters {
        /// Those of `tests/clusters`.
        options: Vec<String>,
    },
    /// Play against real brokers.
    Brokers {
        /// Names and options for the program that plays.
        words: Vec<String>,
    },
    /// Check the dependencies.
    Deny,
    /// Try a release.
    Release,
    /// Measure firmware.
    Footprint {
        /// Put the table into the README.
        write: bool,
    },
}

/// Reads the arguments behind the program's name.
pub fn parse(args: impl IntoIterator<Item: Into<OsString>>) -> Result<Command> {
    let args = args.into_iter().map(Into::into);
    read(&mut lexopt::Parser::from_args(args)).map_err(|error| error.to_string())?
}

/// The outer error is about the syntax of an argument, the inner one about its sense.
fn read(parser: &mut lexopt::Parser) -> std::result::Result<Result<Command>, lexopt::Error> {
    let scope = match parser.next()? {
        None | Some(Short('h') | Long("help")) => return Ok(Ok(Command::Help)),
        Some(Value(word)) => match word.to_str() {
            Some("help") => return Ok(Ok(Command::Help)),
            Some("test") => Scope::All,
            Some("setup") => Scope::Setup,
            Some("fuzz") => return read_fuzz(parser).map(Ok),
            Some("end-to-end") => return read_end_to_end(parser).map(Ok),
            Some("clusters") => return read_words(parser).map(|options| Ok(Command::Clusters { options })),
            Some("brokers") => return read_words(parser).map(|words| Ok(Command::Brokers { words })),
            Some("deny") => return read_none(parser, Command::Deny).map(Ok),
            Some("release") => return read_none(parser, Command::Release).map(Ok),
            Some("footprint") => {
                return read_flag(parser, "write")
                    .map(|write| Ok(write.map_or(Command::Help, |write| Command::Footprint { write })));
            }
            Some("instructions") => {
                return read_flag(parser, "bless")
                    .map(|bless| Ok(bless.map_or(Command::Help, |bless| Command::Instructions { bless })));
            }
            Some("faults") => {
                return read_flag(parser, "all")
                    .map(|all| Ok(all.map_or(Command::Help, |all| Command::Faults { all })));
            }
            Some("trace") => {
                return read_flag(parser, "table")
                    .map(|table| Ok(table.map_or(Command::Help, |table| Command::Trace { table })));
            }
            _ => {
                return Ok(Err(format!(
                    "there is no command {word:?}; the commands are test, setup, fuzz, instructions, faults, trace, end-to-end, brokers, clusters, deny, release, footprint and help."
                )));
            }
        },
        Some(other) => return Err(other.unexpected()),
    };

    let mut selection = Selection::new(scope);
    let mut list = false;
    while let Some(arg) = parser.next()? {
        match arg {
            Long("only") => selection.only.push(parser.value()?.string()?),
            Long("skip") => selection.skip.push(parser.value()?.string()?),
            Long("quick") => selection.quick = true,
            Long("list") => list = true,
            Short('h') | Long("help") => return Ok(Ok(Command::Help)),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Ok(if list { Command::List(selection) } else { Command::Run(selection) }))
}

fn read_fuzz(parser: &mut lexopt::Parser) -> std::result::Result<Command, lexopt::Error> {
    let mut seconds = crate::fuzz::SECONDS;
    while let Some(arg) = parser.next()? {
        match arg {
            Long("seconds") => seconds = parser.value()?.parse()?,
            Short('h') | Long("help") => return Ok(Command::Help),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Command::Fuzz { seconds })
}

fn read_end_to_end(parser: &mut lexopt::Parser) -> std::result::Result<Command, lexopt::Error> {
    let (mut write, mut quick) = (false, false);
    while let Some(arg) = parser.next()? {
        match arg {
            Long("write") => write = true,
            Long("quick") => quick = true,
            Short('h') | Long("help") => return Ok(Command::Help),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Command::EndToEnd { write, quick })
}

/// A command without options, or help.
fn read_none(parser: &mut lexopt::Parser, command: Command) -> std::result::Result<Command, lexopt::Error> {
    match parser.next()? {
        None => Ok(command),
        Some(Short('h') | Long("help")) => Ok(Command::Help),
        Some(other) => Err(other.unexpected()),
    }
}

/// The rest of the line, for a program that reads it itself.
fn read_words(parser: &mut lexopt::Parser) -> std::result::Result<Vec<String>, lexopt::Error> {
    let words = parser.raw_args()?.map(|word| word.string());
    words.collect()
}

/// Whether the one option that a command has is there; `None` if help is asked for.
fn read_flag(parser: &mut lexopt::Parser, name: &str) -> std::result::Result<Option<bool>, lexopt::Error> {
    let mut is_set = false;
    while let Some(arg) = parser.next()? {
        match arg {
            Long(option) if option == name => is_set = true,
            Short('h') | Long("help") => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(is_set))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command> {
        parse(line.split_whitespace())
    }

    #[test]
    fn help_is_asked_for_in_many_ways() {
        for line in ["", "help", "--help", "-h", "test --help", "setup -h", "test --quick --help"] {
            assert_eq!(parsed(line), Ok(Command::Help), "{line:?}");
        }
    }

    #[test]
    fn a_bare_command_chooses_its_whole_scope() {
        assert_eq!(parsed("test"), Ok(Command::Run(Selection::new(Scope::All))));
        assert_eq!(parsed("setup"), Ok(Command::Run(Selection::new(Scope::Setup))));
    }

    #[test]
    fn options_repeat_and_take_both_spellings_of_a_value() {
        let mut selection = Selection::new(Scope::All);
        selection.only = vec!["fmt".into(), "doc".into()];
        selection.skip = vec!["msrv".into()];
        selection.quick = true;
        let line = "test --only fmt --skip=msrv --quick --only=doc";
        assert_eq!(parsed(line), Ok(Command::Run(selection.clone())));
        assert_eq!(parsed(&format!("{line} --list")), Ok(Command::List(selection)));
    }

    #[test]
    fn commands_with_options_of_their_own() {
        assert_eq!(parsed("faults"), Ok(Command::Faults { all: false }));
        assert_eq!(parsed("faults --all"), Ok(Command::Faults { all: true }));
        assert_eq!(parsed("faults --help"), Ok(Command::Help));
        assert!(parsed("faults --table").is_err());
        assert_eq!(parsed("fuzz"), Ok(Command::Fuzz { seconds: 60 }));
        assert_eq!(parsed("fuzz --seconds 5"), Ok(Command::Fuzz { seconds: 5 }));
        assert_eq!(parsed("instructions"), Ok(Command::Instructions { bless: false }));
        assert_eq!(parsed("instructions --bless"), Ok(Command::Instructions { bless: true }));
        assert_eq!(parsed("trace"), Ok(Command::Trace { table: false }));
        assert_eq!(parsed("trace --table"), Ok(Command::Trace { table: true }));
        assert_eq!(parsed("end-to-end"), Ok(Command::EndToEnd { write: false, quick: false }));
        assert_eq!(parsed("end-to-end --write"), Ok(Command::EndToEnd { write: true, quick: false }));
        assert_eq!(parsed("end-to-end --quick"), Ok(Command::EndToEnd { write: false, quick: true }));
        let options = vec!["--cluster".into(), "nats".into()];
        assert_eq!(parsed("clusters --cluster nats"), Ok(Command::Clusters { options }));
        let words = ["nats", "--play", "cuts"].map(String::from).to_vec();
        assert_eq!(parsed("brokers nats --play cuts"), Ok(Command::Brokers { words }));
        assert_eq!(parsed("deny"), Ok(Command::Deny));
        assert_eq!(parsed("release"), Ok(Command::Release));
        assert_eq!(parsed("deny --help"), Ok(Command::Help));
        assert!(parsed("deny --all").is_err());
        assert_eq!(parsed("footprint"), Ok(Command::Footprint { write: false }));
        assert_eq!(parsed("footprint --write"), Ok(Command::Footprint { write: true }));
    }

    #[test]
    fn a_wrong_word_is_named() {
        for (line, word) in [
            ("tset", "\"tset\""),
            ("--quick", "--quick"),
            ("test --onyl fmt", "--onyl"),
            ("test fmt", "\"fmt\""),
            ("test --only", "--only"),
            ("test --list=all", "--list"),
        ] {
            let message = parsed(line).expect_err(line);
            assert!(message.contains(word), "{line:?} gave {message:?}");
        }
    }
}
