//! A process that is started, killed, frozen and thawed, always by its id.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// A process, which ends with this value at the latest.
pub struct Process(Child);

impl Process {
    /// Starts it; what it says is appended to `log`.
    pub fn start(command: &mut Command, log: &Path) -> Result<Self, String> {
        let program = command.get_program().to_string_lossy().into_owned();
        let failed = |error| format!("{program} can't be started: {error}. It has to be installed: see --help.");
        let log = File::options().create(true).append(true).open(log).map_err(failed)?;
        let copy = log.try_clone().map_err(failed)?;
        let child = command.stdin(Stdio::null()).stdout(log).stderr(copy).spawn().map_err(failed)?;
        Ok(Self(child))
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw);
        // One that has ended already is waited for by `Child`, so that its number is nobody else's.
        let _ = pid.map(|pid| kill_process(pid, signal));
    }

    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
        let _ = self.0.wait();
    }

    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(Some(_)))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill(); // also one that is frozen
    }
}

/// Looks again and again until `is_so`; an error after `patience`.
pub fn await_that(what: &str, patience: Duration, mut is_so: impl FnMut() -> bool) -> Result<(), String> {
    let until = Instant::now() + patience;
    while !is_so() {
        if Instant::now() >= until {
            return Err(format!("it took more than {} s until {what}", patience.as_secs()));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
