//! The board, emulated.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::PATIENCE;
use crate::lines::Lines;
use crate::server::find;

/// A running board. It is switched off when this is dropped.
pub struct Board {
    child: Child,
    /// What the firmware says on the debugger's console.
    pub console: Lines,
}

impl Board {
    /// Boots `firmware`. UART 0 goes to the TCP port `line`, if there is one; what UART 1 sends goes to the file `log`, if there is one.
    pub fn boot(firmware: &Path, line: Option<u16>, log: Option<&Path>) -> Self {
        let line = line.map_or_else(|| "null".to_owned(), |port| format!("tcp:127.0.0.1:{port}"));
        let log = log.map_or_else(|| "null".to_owned(), |file| format!("file:{}", file.display()));
        let mut child = Command::new(find("qemu-system-arm"))
            .args(["-machine", "lm3s6965evb", "-display", "none", "-monitor", "none"])
            .args(["-semihosting-config", "enable=on,target=native"])
            .args(["-serial", &line, "-serial", &log])
            .arg("-kernel")
            .arg(firmware)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("QEMU starts");
        let console = Lines::default();
        console.follow(child.stdout.take().expect("stdout is a pipe"));
        console.follow(child.stderr.take().expect("stderr is a pipe"));
        Self { child, console }
    }

    /// Waits until the firmware has ended its run, well.
    ///
    /// # Panics
    /// If it doesn't end in time, or ends badly.
    pub fn await_end(&mut self) {
        let start = Instant::now();
        let status = loop {
            match self.child.try_wait().expect("the child can be asked") {
                Some(status) => break status,
                None => thread::sleep(Duration::from_millis(5)), // between two questions
            }
            assert!(start.elapsed() < PATIENCE, "the firmware doesn't end:\n{}", self.console.all().join("\n"));
        };
        assert!(status.success(), "the firmware ended badly:\n{}", self.console.all().join("\n"));
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            println!("the board's console:\n{}", self.console.all().join("\n"));
        }
    }
}
