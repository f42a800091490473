//! A program that runs while a test watches it.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);

/// A running program. It is killed when this is dropped.
pub struct Program {
    child: Child,
    output: Stream,
    errors: Stream,
}

/// What a program that has ended leaves.
pub struct Ended {
    pub code: Option<i32>,
    pub output: Vec<String>,
    pub errors: String,
}

/// The lines that came out of a pipe so far, and the thread that reads them.
struct Stream {
    lines: Arc<(Mutex<Vec<String>>, Condvar)>,
    reader: Option<JoinHandle<()>>,
}

impl Program {
    /// Starts one of the hosts.
    pub fn host(path: &str, arguments: &str) -> Self {
        let mut command = Command::new(path);
        command.args(arguments.split_whitespace());
        Self::start(command)
    }

    pub fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let output = Stream::follow(child.stdout.take().expect("stdout is a pipe"));
        let errors = Stream::follow(child.stderr.take().expect("stderr is a pipe"));
        Self { child, output, errors }
    }

    /// Runs a program to its end, which must be good, and gives what it printed.
    #[track_caller]
    pub fn run(command: Command, input: &str) -> Vec<String> {
        let mut program = Self::start(command);
        program.write(input);
        program.finish().well()
    }

    /// Writes to the standard input. A program that has ended doesn't read it, and that
    /// is no error here.
    pub fn write(&mut self, input: &str) {
        let _ =
            self.child.stdin.as_mut().expect("stdin is open").write_all(input.as_bytes());
    }

    /// Waits until the program has printed so many lines.
    pub fn await_lines(&self, count: usize) {
        self.output.wait(|lines| lines.len() >= count);
    }

    /// Waits until the program has written a line with `text` in it to the standard
    /// error.
    pub fn await_error(&self, text: &str) {
        self.errors.wait(|lines| lines.iter().any(|line| line.contains(text)));
    }

    /// How many lines the program has printed.
    pub fn lines(&self) -> usize {
        self.output.wait(|_| true).len()
    }

    /// Waits until the program has printed this line, and gives all before it.
    pub fn lines_until(&self, last: &str) -> Vec<String> {
        let mut lines = self.output.wait(|lines| lines.iter().any(|line| line == last));
        lines.truncate(
            lines.iter().position(|line| line == last).expect("the line was waited for"),
        );
        lines
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        let status = Command::new("kill").arg(self.child.id().to_string()).status();
        assert!(status.expect("kill starts").success());
    }

    /// Closes the standard input and waits for the end.
    pub fn finish(mut self) -> Ended {
        drop(self.child.stdin.take());
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("the child can be asked") {
                break status;
            }
            if start.elapsed() > PATIENCE {
                panic!(
                    "the program does not end:\n{}\n{}",
                    self.output.text(),
                    self.errors.text()
                );
            }
            thread::sleep(Duration::from_millis(2)); // between two questions
        };
        self.output.join();
        self.errors.join();
        let output = self.output.lines.0.lock().unwrap().clone();
        Ended { code: status.code(), output, errors: self.errors.text() }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// What it printed; it must have ended well.
    #[track_caller]
    pub fn well(self) -> Vec<String> {
        assert_eq!(self.code, Some(0), "{}", self.errors);
        self.output
    }
}

impl Stream {
    fn follow(pipe: impl Read + Send + 'static) -> Self {
        let lines = Arc::new((Mutex::new(Vec::new()), Condvar::new()));
        let shared = Arc::clone(&lines);
        let reader = thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                shared.0.lock().unwrap().push(line);
                shared.1.notify_all();
            }
        });
        Self { lines, reader: Some(reader) }
    }

    /// Waits until the lines are as they should be, and gives them.
    fn wait(&self, is_met: impl Fn(&[String]) -> bool) -> Vec<String> {
        let (lines, grown) = &*self.lines;
        let lines = lines.lock().unwrap();
        let (lines, waited) =
            grown.wait_timeout_while(lines, PATIENCE, |lines| !is_met(lines)).unwrap();
        assert!(!waited.timed_out(), "the program printed only:\n{}", lines.join("\n"));
        lines.clone()
    }

    fn text(&self) -> String {
        self.lines.0.lock().unwrap().join("\n")
    }

    /// Waits until all is read.
    fn join(&mut self) {
        self.reader
            .take()
            .expect("it is joined once")
            .join()
            .expect("the reader doesn't panic");
    }
}
