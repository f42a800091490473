//! The other side: mosquitto's own clients.

use std::io::Write;
use std::process::{Child, Command, Stdio};

use crate::lines::Lines;
use crate::server::find;

/// A `mosquitto_sub` that prints all that the board publishes, as `TOPIC|CORRELATION DATA|PAYLOAD`.
pub struct Watcher {
    child: Child,
    pub lines: Lines,
}

impl Watcher {
    /// Subscribes to everything; `await_log` is called to wait until the broker has taken the subscription.
    pub fn start(port: u16) -> Self {
        let mut child = Command::new(find("mosquitto_sub"))
            .args(["-p", &port.to_string(), "-V", "mqttv5", "-i", "watcher", "-q", "2", "-F", "%t|%D|%p"])
            .args([
                "-t",
                "board-7/reading/#",
                "-t",
                "board-7/answer",
                "-t",
                "answers/#",
                "-t",
                "board-7/kept",
                "-t",
                "board-7/report",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("mosquitto_sub starts");
        let lines = Lines::default();
        lines.follow(child.stdout.take().expect("stdout is a pipe"));
        Self { child, lines }
    }

    /// The payloads that came to `topic` so far.
    pub fn payloads(&self, topic: &str) -> Vec<String> {
        payloads(&self.lines.all(), topic)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Those of the `lines` that belong to `topic`, without it.
pub fn payloads(lines: &[String], topic: &str) -> Vec<String> {
    let prefix = format!("{topic}|");
    lines.iter().filter_map(|line| line.strip_prefix(&prefix)).map(str::to_owned).collect()
}

/// Publishes each of the `texts` to `topic`, in order, and waits until the broker has them all.
///
/// # Panics
/// If it cannot.
pub fn publish(port: u16, topic: &str, qos: u8, properties: &[&str], texts: &[String]) {
    let mut child = Command::new(find("mosquitto_pub"))
        .args(["-p", &port.to_string(), "-V", "mqttv5", "-t", topic, "-q", &qos.to_string(), "-l"])
        .args(properties)
        .stdin(Stdio::piped())
        .spawn()
        .expect("mosquitto_pub starts");
    let mut input = child.stdin.take().expect("stdin is a pipe");
    input.write_all((texts.join("\n") + "\n").as_bytes()).expect("mosquitto_pub reads");
    drop(input);
    assert!(child.wait().expect("the child can be awaited").success(), "mosquitto_pub failed");
}
