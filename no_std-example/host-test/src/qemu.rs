//! The board, emulated.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use crate::lines::Lines;
use crate::server::find;

/// A running board. It is switched off when this is dropped.
pub struct Board {
    child: Child,
    /// What the firmware says on the debugger's console.
    pub console: Lines,
    /// What QEMU itself has to say.
    complaints: Lines,
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
        let complaints = Lines::default();
        complaints.follow(child.stderr.take().expect("stderr is a pipe"));
        Self { child, console, complaints }
    }

    /// Waits until the firmware has ended its run, well.
    ///
    /// # Panics
    /// If it falls silent without an end, or ends badly.
    pub fn await_end(&mut self) {
        self.console.await_end();
        let status = self.child.wait().expect("the child can be awaited");
        assert!(status.success(), "the firmware ended badly:\n{}", self.console.all().join("\n"));
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let tail = |lines: Vec<String>| lines[lines.len().saturating_sub(60)..].join("\n");
            println!("the board's console:\n{}\nQEMU:\n{}", tail(self.console.all()), tail(self.complaints.all()));
        }
    }
}
