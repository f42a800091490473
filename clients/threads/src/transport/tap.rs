//! Log lines for the packets of a link, in both directions.

use pure_mqtt::Version;
use pure_mqtt_agent::PacketLines;

/// Log lines of a link, until the loop takes them.
#[derive(Default)]
pub(crate) struct Tap {
    received: PacketLines,
    sent: PacketLines,
    lines: Vec<String>,
}

impl Tap {
    pub(crate) fn received(&mut self, version: Version, bytes: &[u8]) {
        self.received.follow(version, bytes, |line| self.lines.push(format!("received {line}")));
    }

    pub(crate) fn sent(&mut self, version: Version, bytes: &[u8]) {
        self.sent.follow(version, bytes, |line| self.lines.push(format!("sent {line}")));
    }

    pub(crate) fn take_lines(&mut self) -> Vec<String> {
        std::mem::take(&mut self.lines)
    }
}
