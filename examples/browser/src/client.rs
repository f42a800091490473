//! The part of the host that doesn't depend on JavaScript: one connection, and what the
//! page shows of it.

use pure_mqtt::wire::{Decoded, Packet, Rules};
use pure_mqtt::{
    Connect, Connection, Event, Heap, Instant, Limits, OpenError, Property, Publish, QoS,
    Received, SessionState, Subscribe, Subscription, TopicFilter, TopicName, Version,
};

use crate::conversation::{Conversation, Way};
use crate::json::Json;
use crate::messages::Messages;

/// A connection with a receive buffer, and notes of what it said.
pub struct Client {
    mqtt: Connection<Heap>,
    rx: Vec<u8>,
    conversation: Conversation,
    messages: Messages,
    /// Topic, payload and quality of service of what came.
    received: Vec<(String, String, QoS)>,
    session: &'static str,
}

const VERSION: Version = Version::V5;
const RULES: Rules = Rules::new(VERSION);
/// How long the server keeps the session of a page that is gone, in seconds.
const SESSION_EXPIRY: u32 = 120;
/// The page shows the last ones.
const MOST_RECEIVED: usize = 50;

impl Default for Client {
    fn default() -> Self {
        let limits =
            Limits { version: VERSION, inline_max: 64 * 1024, ..Limits::DEFAULT };
        Self {
            mqtt: Connection::new(Heap::new(), limits),
            rx: Vec::new(),
            conversation: Conversation::default(),
            messages: Messages::default(),
            received: Vec::new(),
            session: "none",
        }
    }
}

impl Client {
    /// The socket is open.
    ///
    /// # Errors
    /// As [`Connection::open`].
    pub fn open(&mut self, now: Instant, client_id: &str) -> Result<(), OpenError> {
        let properties = [Property::SessionExpiryInterval(SESSION_EXPIRY)];
        let connect = Connect::new(VERSION, client_id)
            .clean_start(false)
            .keep_alive(20)
            .properties(&properties);
        self.mqtt.open(now, &connect)
    }

    /// The socket is closed.
    pub fn handle_close(&mut self, now: Instant) {
        self.mqtt.handle_close(now);
        self.rx.clear();
        self.conversation.note(Way::Neither, "the link is over".into());
    }

    /// Bytes came.
    pub fn input(&mut self, now: Instant, bytes: &[u8]) {
        self.rx.extend(bytes);
        self.take(now);
    }

    /// Takes the packets that have come, as far as there is room.
    fn take(&mut self, now: Instant) {
        let rx = std::mem::take(&mut self.rx);
        let mut rest = &rx[..];
        while let Ok(Received::Packet { consumed, event }) =
            self.mqtt.handle_input(now, rest)
        {
            let (packet, behind) = rest.split_at(consumed);
            rest = behind;
            if let Ok(Decoded::Packet { packet, .. }) = Packet::decode(packet, RULES) {
                self.conversation.packet(Way::In, &packet);
                self.messages.on_received(&packet);
            }
            if let Some(event) = event {
                self.on_event(&event);
            }
        }
        self.rx = rest.to_vec();
    }

    fn on_event(&mut self, event: &Event<'_>) {
        match event {
            Event::ConnAck(connack) => {
                self.session = match connack.session {
                    SessionState::Resumed => "resumed",
                    SessionState::New { .. } | SessionState::Adopted { .. } => "new",
                    _ => "refused",
                };
            }
            Event::Message(message) => {
                let topic =
                    self.mqtt.topic(&message.topic).map(|name| name.as_str().to_owned());
                let payload = String::from_utf8_lossy(message.payload).into_owned();
                self.received.push((topic.unwrap_or_default(), payload, message.qos));
                if self.received.len() > MOST_RECEIVED {
                    self.received.remove(0);
                }
            }
            Event::PubAck(_) | Event::PubComp(_) | Event::PubRec(_) => {
                if let Some(end) = event.final_result() {
                    self.messages.ended(
                        end.handle,
                        if end.is_success { "done" } else { "refused" },
                    );
                }
            }
            _ => {}
        }
    }

    /// Time has passed.
    pub fn timeout(&mut self, now: Instant) {
        let _ = self.mqtt.handle_timeout(now); // an error shows in `should_close`
        self.take(now);
    }

    /// All that waits for the server. A WebSocket takes what it is given, so this counts
    /// as sent.
    pub fn output(&mut self, now: Instant) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut transmit = self.mqtt.transmit(now);
        while !transmit.chunk().is_empty() {
            let count = transmit.chunk().len();
            bytes.extend_from_slice(transmit.chunk());
            transmit.advance(count);
        }
        self.note_sent(&bytes);
        while let Some(outcome) = self.mqtt.poll_outcome() {
            self.messages.ended(outcome.handle, "ended without an answer");
        }
        bytes
    }

    fn note_sent(&mut self, mut bytes: &[u8]) {
        while let Ok(Decoded::Packet { packet, length }) = Packet::decode(bytes, RULES) {
            self.conversation.packet(Way::Out, &packet);
            self.messages.on_sent(&packet);
            bytes = bytes.get(length..).unwrap_or_default();
        }
    }

    /// When to call [`timeout`](Self::timeout).
    pub fn deadline(&self) -> Option<Instant> {
        self.mqtt.poll_timeout()
    }

    /// The socket is to be closed.
    pub fn should_close(&self) -> bool {
        self.mqtt.should_close()
    }

    /// Publishes a message, with a link or without. False if it isn't accepted.
    pub fn publish(
        &mut self,
        now: Instant,
        topic: &str,
        payload: &str,
        qos: QoS,
    ) -> bool {
        let Ok(name) = TopicName::new(topic) else { return false };
        let delivery = self.mqtt.publish(now, &Publish::new(name, payload).qos(qos));
        if let Ok(delivery) = delivery {
            self.messages.accepted(delivery.handle, delivery.id, topic, qos);
        }
        delivery.is_ok()
    }

    /// Subscribes, with a link or without. False if it isn't accepted.
    pub fn subscribe(&mut self, now: Instant, filter: &str) -> bool {
        let Ok(filter) = TopicFilter::new(filter) else { return false };
        let filters = [Subscription::new(filter, QoS::ExactlyOnce)];
        self.mqtt.subscribe(now, &Subscribe::new(&filters)).is_ok()
    }

    /// What the page shows, as JSON.
    pub fn report(&self) -> String {
        let mut json = Json::default();
        json.object(|json| {
            json.text("state", &format!("{:?}", self.mqtt.state()));
            json.text("session", self.session);
            json.number("links", self.mqtt.stats().links.into());
            json.number("pending", self.mqtt.pending() as u64);
            json.number("quota", self.mqtt.send_quota().into());
            json.number("bytesSent", self.mqtt.stats().bytes_sent);
            json.number("bytesReceived", self.mqtt.stats().bytes_received);
            json.list("conversation", self.conversation.lines(), |json, line| {
                line.write(json)
            });
            json.list("messages", self.messages.rows(), |json, row| row.write(json));
            json.list("received", self.received.iter(), |json, (topic, payload, qos)| {
                json.text("topic", topic);
                json.text("payload", payload);
                json.number("qos", qos.bits().into());
            });
        });
        json.into_text()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_goes_through_its_stages() {
        let now = Instant::from_millis(0);
        let mut client = Client::default();
        client.open(now, "page").expect("a CONNECT");
        assert!(
            client.publish(now, "a", "\"x\"", QoS::ExactlyOnce)
                && !client.publish(now, "#", "", QoS::AtMostOnce)
        );
        assert!(client.report().contains(r#""stage":"queued""#));
        assert_eq!(client.output(now).first(), Some(&0x10));
        client.input(now, b"\x20\x03\x00\x00\x00");
        assert_eq!(client.output(now), b"\x34\x09\x00\x01a\x00\x01\x00\"x\"");
        assert!(client.report().contains(r#""stage":"PUBLISH sent""#));
        for half in [&b"\x50\x02"[..], &b"\x00\x01"[..]] {
            client.input(now, half);
        }
        assert!(client.report().contains(r#""stage":"PUBREC came""#));
        assert_eq!(client.output(now), b"\x62\x02\x00\x01");
        client.input(now, b"\x70\x02\x00\x01");
        let report = client.report();
        assert!(report.contains(r#""stage":"done""#), "{report}");
        assert!(report.contains(r#""pending":0"#) && report.contains(r#""links":1"#));
    }
}
