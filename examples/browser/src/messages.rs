//! The table of published messages, and how far each has come.

use pure_mqtt::wire::Packet;
use pure_mqtt::{Handle, PacketId, QoS};

use crate::json::Json;

/// The last messages.
#[derive(Default)]
pub struct Messages(Vec<Row>);

/// A message.
pub struct Row {
    handle: Handle,
    id: Option<PacketId>,
    topic: String,
    qos: QoS,
    stage: &'static str,
}

const QUEUED: &str = "queued";
const SENT: &str = "PUBLISH sent";
const RECORDED: &str = "PUBREC came";
const RELEASED: &str = "PUBREL sent";
const DONE: &str = "done";
const MOST_ROWS: usize = 50;

impl Messages {
    pub fn accepted(&mut self, handle: Handle, id: Option<PacketId>, topic: &str, qos: QoS) {
        if self.0.len() == MOST_ROWS {
            self.0.remove(0);
        }
        self.0.push(Row { handle, id, topic: topic.into(), qos, stage: QUEUED });
    }

    pub fn on_sent(&mut self, packet: &Packet<'_>) {
        match packet {
            Packet::Publish(publish) => match publish.id {
                Some(_) => self.advance(publish.id, SENT),
                None => self.left(publish.topic),
            },
            Packet::PubRel(ack) => self.advance(Some(ack.id), RELEASED),
            _ => {}
        }
    }

    pub fn on_received(&mut self, packet: &Packet<'_>) {
        if let Packet::PubRec(ack) = packet {
            self.advance(Some(ack.id), RECORDED);
        }
    }

    pub fn ended(&mut self, handle: Handle, stage: &'static str) {
        if let Some(row) = self.0.iter_mut().find(|row| row.handle == handle) {
            row.stage = stage;
            row.id = None; // the identifier is free again
        }
    }

    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.0.iter()
    }

    fn advance(&mut self, id: Option<PacketId>, stage: &'static str) {
        if let Some(row) = self.0.iter_mut().find(|row| row.id == id) {
            row.stage = stage;
        }
    }

    /// At QoS 0 the oldest that waits is the one that leaves, and that is all.
    fn left(&mut self, topic: &str) {
        let is_it = |row: &&mut Row| row.qos == QoS::AtMostOnce && row.stage == QUEUED && row.topic == topic;
        if let Some(row) = self.0.iter_mut().find(is_it) {
            row.stage = DONE;
        }
    }
}

impl Row {
    pub fn write(&self, json: &mut Json) {
        json.number("handle", self.handle.get());
        json.number("id", self.id.map_or(0, |id| id.get().into()));
        json.text("topic", &self.topic);
        json.number("qos", self.qos.bits().into());
        json.text("stage", self.stage);
    }
}
