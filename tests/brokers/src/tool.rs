//! The program `mqtt` in a play: what it reads, what it prints, and what it says of itself.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use pure_mqtt_client::pure_mqtt::Version;

use crate::brokers::{PASSWORD, USER};
use crate::outcome::{Finding, Played};
use crate::stage::Stage;

/// Where the program is.
pub static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// Between two looks at whether it has ended.
const GLANCE: Duration = Duration::from_millis(10);

type Log = Arc<(Mutex<String>, Condvar)>;

/// A program that runs until this is dropped.
pub struct Tool {
    child: Child,
    input: Option<ChildStdin>,
    printed: Receiver<Vec<u8>>,
    log: Log,
}

impl Tool {
    /// `mqtt WORDS`, at the broker or at a proxy in front of it.
    pub fn start(stage: &Stage, port: u16, words: &[&str]) -> Played<Self> {
        Self::start_as(stage, port, PASSWORD, words)
    }

    /// The same with this password.
    pub fn start_as(stage: &Stage, port: u16, password: &str, words: &[&str]) -> Played<Self> {
        let program = PROGRAM.get().ok_or_else(|| Finding::wrong("--tool does not say where the program mqtt is"))?;
        let version = if stage.version == Version::V5 { "5" } else { "3.1.1" };
        let mut command = Command::new(program);
        command.args(words).args(["-h", "127.0.0.1", "-p", &port.to_string(), "-V", version]);
        command.args(["-u", USER, "-P", password, "--debug"]).env("MQTT_CONFIG", "/dev/null").env("NO_COLOR", "1");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let (sender, printed) = channel();
        let (output, errors) = (child.stdout.take(), child.stderr.take());
        let log = Log::default();
        let told = Arc::clone(&log);
        thread::spawn(move || lines(output, |line| drop(sender.send(line))));
        thread::spawn(move || lines(errors, |line| note(&told, &line)));
        Ok(Self { input: child.stdin.take(), child, printed, log })
    }

    /// A subscriber, once the broker has granted its filter.
    pub fn subscriber(stage: &Stage, port: u16, words: &[&str]) -> Played<Self> {
        let tool = Self::start(stage, port, &[&["sub"], words].concat())?;
        match tool.once(stage.left(), |log| log.contains("received SUBACK")) {
            true => Ok(tool),
            false if tool.lost_links() > 0 => {
                Err(Finding::wrong("the broker ends the link at SUBSCRIBE").with(tool.log()))
            }
            false => Err(Finding::wrong("a filter is not granted in time").with(tool.log())),
        }
    }

    /// Runs a program to its end with this input.
    pub fn run(stage: &Stage, words: &[&str], input: &str) -> Played<Vec<String>> {
        let mut tool = Self::start(stage, stage.port(), words)?;
        tool.write(input);
        tool.finish(stage.left())?;
        Ok(std::iter::from_fn(|| tool.line(Duration::from_secs(1))).collect())
    }

    /// Gives it something to read.
    pub fn write(&mut self, text: &str) {
        if let Some(input) = &mut self.input {
            let _ = input.write_all(text.as_bytes()).and_then(|()| input.flush()); // it may have ended: that is found out
        }
    }

    /// Ends its input, and waits until it has ended well.
    pub fn finish(&mut self, patience: Duration) -> Played<()> {
        match self.end(patience)? {
            Some(status) if status.success() => Ok(()),
            Some(_) => Err(Finding::wrong(self.error()).with(self.log())),
            None if self.lost_links() > 1 => {
                Err(Finding::wrong("the broker ends the link, again and again").with(self.log()))
            }
            None => Err(Finding::wrong("a message was not acknowledged in time").with(self.log())),
        }
    }

    /// Whether it has ended, whatever it had to read.
    pub fn has_ended(&mut self) -> Played<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// Ends its input, and waits until it has ended.
    pub fn end(&mut self, patience: Duration) -> Played<Option<ExitStatus>> {
        self.input = None;
        let deadline = Instant::now() + patience;
        loop {
            let status = self.child.try_wait()?;
            if status.is_some() || deadline <= Instant::now() {
                return Ok(status);
            }
            thread::sleep(GLANCE);
        }
    }

    /// The next line that it prints, without its end.
    pub fn line(&self, patience: Duration) -> Option<String> {
        let mut line = self.printed.recv_timeout(patience).ok()?;
        if line.last() == Some(&b'\n') {
            line.pop();
        }
        Some(String::from_utf8_lossy(&line).into_owned())
    }

    /// All that it prints until its end.
    pub fn rest(&self) -> Vec<u8> {
        self.printed.iter().flatten().collect()
    }

    /// Waits until what it said of itself is like that.
    pub fn once(&self, patience: Duration, is_so: impl Fn(&str) -> bool) -> bool {
        let (log, changed) = &*self.log;
        let log = log.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = changed.wait_timeout_while(log, patience, |log| !is_so(log));
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// What it said of itself.
    pub fn log(&self) -> String {
        self.log.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many links were lost.
    pub fn lost_links(&self) -> usize {
        self.log().lines().filter(|line| line.starts_with("warning: ")).count()
    }

    /// Whether the broker has ever said that a session was there.
    pub fn was_resumed(&self) -> bool {
        self.log().lines().any(|line| line.contains("has answered: Resumed") || line.contains("has answered: Adopted"))
    }

    /// The sentence that it ended with.
    fn error(&self) -> String {
        let log = self.log();
        let error = log.lines().find_map(|line| line.strip_prefix("error: "));
        error.unwrap_or("the program ended with an error, and no word").to_owned()
    }
}

impl Drop for Tool {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended
        let _ = self.child.wait();
    }
}

fn lines(pipe: Option<impl std::io::Read>, mut each: impl FnMut(Vec<u8>)) {
    let Some(pipe) = pipe else { return };
    let mut pipe = BufReader::new(pipe);
    let mut line = Vec::new();
    while pipe.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
        each(std::mem::take(&mut line));
    }
}

fn note(log: &Log, line: &[u8]) {
    let line = String::from_utf8_lossy(line);
    if std::env::var_os("PURE_MQTT_LOG").is_some() {
        eprint!("mqtt: {line}");
    }
    log.0.lock().unwrap_or_else(PoisonError::into_inner).push_str(&line);
    log.1.notify_all();
}
