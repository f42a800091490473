//! Shows a recorded trace as a readable conversation, and replays it: `cargo run -p pure-mqtt-trace --example replay -- FILE`.
//!
//! Without a file it first makes its own recording: a client and the test broker, connected in memory, with a lost link. `replay/demo.rs` shows how a program makes such a
//! recording.

#[path = "replay/demo.rs"]
mod demo;
#[path = "replay/show.rs"]
mod show;

use std::error::Error;
use std::process::ExitCode;

use pure_mqtt_trace::Trace;

use show::Conversation;

const HELP: &str = "\
Shows a trace of pure-mqtt as a conversation, and checks that a replay returns and sends the same.

usage: cargo run -p pure-mqtt-trace --example replay [-- OPTIONS] [FILE]

  FILE             the trace; without it a recording is made for show
  --save FILE      write that recording to a file as well
  -h, --help       show this

exit code: 0 if the replay went as the recording, 1 if not, 2 if an option is wrong
";

fn main() -> ExitCode {
    let arguments = match parse(lexopt::Parser::from_env()) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("replay: {error}; --help shows the options");
            return ExitCode::from(2);
        }
    };
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("replay: {error}");
            ExitCode::FAILURE
        }
    }
}

struct Arguments {
    file: Option<String>,
    save: Option<String>,
}

fn parse(mut parser: lexopt::Parser) -> Result<Option<Arguments>, lexopt::Error> {
    use lexopt::prelude::*;
    let mut arguments = Arguments { file: None, save: None };
    while let Some(argument) = parser.next()? {
        match argument {
            Value(file) if arguments.file.is_none() => arguments.file = Some(file.string()?),
            Long("save") => arguments.save = Some(parser.value()?.string()?),
            Short('h') | Long("help") => return Ok(None),
            _ => return Err(argument.unexpected()),
        }
    }
    Ok(Some(arguments))
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let bytes = match &arguments.file {
        Some(file) => std::fs::read(file).map_err(|error| format!("cannot read {file}: {error}"))?,
        None => demo::record()?,
    };
    if let Some(file) = &arguments.save {
        std::fs::write(file, &bytes).map_err(|error| format!("cannot write {file}: {error}"))?;
    }
    let trace = Trace::read(&bytes)?;
    println!("a trace of {} bytes, written by pure-mqtt {}\n", bytes.len(), trace.engine());
    let mut conversation = Conversation::default();
    trace.replay(|entry, progress| conversation.show(entry, progress))?;
    println!("\nThe replay returned and sent the same as the recording, in {} calls.", conversation.calls());
    Ok(())
}
