//! `mqtt` and mosquitto's clients, as they are called to talk to one broker.

use std::process::Command;

use crate::server::{Mosquitto, find};

pub use crate::program::{mqtt, printed, run, start};

/// `mqtt COMMAND` with what it needs to reach the broker.
pub fn ours(broker: &Mosquitto, command: &str, line: &str) -> Command {
    let mut mqtt = mqtt();
    mqtt.args([command, "--host", "127.0.0.1", "--port", &broker.port.to_string(), "--timeout", "20"]);
    mqtt.args(line.split(' '));
    mqtt
}

/// One of mosquitto's clients, likewise.
pub fn theirs(broker: &Mosquitto, program: &str, line: &str) -> Command {
    let mut client = Command::new(find(program));
    client.args(["-h", "127.0.0.1", "-p", &broker.port.to_string()]).args(line.split(' '));
    client
}
