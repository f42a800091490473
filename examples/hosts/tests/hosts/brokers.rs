//! Brokers that remember, and mosquitto's clients.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

pub use crate::server::lasting;
use crate::server::{Mosquitto, find};

const PATIENCE: Duration = Duration::from_secs(10);

/// A folder that goes when this is dropped.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir()
            .join(format!("pure-mqtt-hosts-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder can be made");
        Self(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn as_path(&self) -> &Path {
        &self.0
    }
}

impl AsRef<Path> for Folder {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Waits until something listens on a further port of a broker: WebSocket comes later
/// than the rest.
pub fn await_listener(port: u16) {
    let start = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(start.elapsed() < PATIENCE, "nothing listens on port {port}");
        thread::sleep(Duration::from_millis(2)); // between two attempts
    }
}

/// One of mosquitto's clients. With 3.1.1, which is their default: a mosquitto 2.0 that
/// was restarted overruns Receive Maximum, at which they give up.
pub fn client(broker: &Mosquitto, program: &str, arguments: &str) -> Command {
    let mut client = Command::new(find(program));
    client
        .args(["-h", "127.0.0.1", "-p", &broker.port.to_string()])
        .args(arguments.split_whitespace());
    client
}
