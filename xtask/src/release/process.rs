//! Programs that are started, and what they print.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use crate::Result;

/// How long a program may take for a line.
const PATIENCE: Duration = Duration::from_secs(20);

/// A program that runs. It ends when this is dropped.
pub struct Program {
    name: String,
    child: Child,
    lines: Receiver<String>,
}

impl Program {
    /// Starts a program, and shows what it prints.
    pub fn start(program: &Path, arguments: &[&str]) -> Result<Self> {
        let name = program.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        println!("$ {name} {}", arguments.join(" "));
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("{}: {error}.", program.display()))?;
        let output = child.stdout.take().ok_or_else(|| format!("{name} has no output."))?;
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(std::result::Result::ok) {
                println!("{line}");
                let _ = sender.send(line);
            }
        });
        Ok(Self { name, child, lines })
    }

    /// The next line begins with these words.
    pub fn expect(&self, words: &str) -> Result {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(printed) if printed.starts_with(words) => Ok(()),
            printed => Err(format!("{} should have printed {words:?}, not {printed:?}.", self.name)),
        }
    }

    /// The program prints nothing more, and ends well.
    pub fn expect_end(mut self) -> Result {
        match self.lines.recv_timeout(PATIENCE) {
            Err(RecvTimeoutError::Disconnected) => {}
            printed => return Err(format!("{} should have ended: {printed:?}.", self.name)),
        }
        let status = self.child.wait().map_err(|error| format!("{}: {error}.", self.name))?;
        if status.success() { Ok(()) } else { Err(format!("{} failed ({status}).", self.name)) }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
