//! A connection with the server's side of a link, in memory.

use pure_mqtt::{
    Connect, Connection, Event, Heap, Instant, Limits, Property, Publish, QoS, Received, TopicName, Version,
};

pub const NOW: Instant = Instant::from_millis(0);
const TOPIC: &str = "plant/boiler/t01";
static PAYLOAD: [u8; 64] = [7; 64];

pub struct Link {
    pub mqtt: Connection<Heap>,
    version: Version,
    ids: Vec<[u8; 2]>,
}

impl Link {
    pub fn new(version: Version) -> Self {
        Self::with(version, Limits { max_inflight: 0, ..Limits::DEFAULT })
    }

    pub fn with(version: Version, limits: Limits) -> Self {
        let mqtt = Connection::new(Heap::new(), Limits { version, ..limits });
        let mut link = Self { mqtt, version, ids: Vec::with_capacity(65_536) };
        link.open(false);
        link
    }

    pub fn open(&mut self, resumes: bool) {
        let forever = [Property::SessionExpiryInterval(u32::MAX)];
        let connect = Connect::new(self.version, "bench").clean_start(!resumes).properties(&forever);
        self.mqtt.open(NOW, &connect).expect("CONNECT");
        self.send();
        let present = u8::from(resumes);
        let told = match self.version {
            Version::V5 => self.hear(&[0x20, 6, present, 0, 3, 0x22, 0, 4]),
            _ => self.hear(&[0x20, 2, present, 0]),
        };
        assert_eq!(told, 1);
    }

    /// Everything that waits leaves.
    pub fn send(&mut self) {
        let mut transmit = self.mqtt.transmit(NOW);
        loop {
            let length = std::hint::black_box(transmit.chunk()).len();
            if length == 0 {
                return;
            }
            transmit.advance(length);
        }
    }

    /// Packets arrive in one read; returns how many events they gave.
    pub fn hear(&mut self, packets: &[u8]) -> usize {
        let (mut rest, mut events) = (packets, 0);
        while !rest.is_empty() {
            match self.mqtt.handle_input(NOW, rest).expect("good packets") {
                Received::Packet { consumed, event } => {
                    rest = &rest[consumed..];
                    if let Some(event) = event {
                        std::hint::black_box(if let Event::Message(message) = event { message.payload } else { &[] });
                        events += 1;
                    }
                }
                Received::Blocked => self.send(),
                Received::Partial { .. } => panic!("whole packets"),
            }
        }
        events
    }

    /// Publishes `window` messages and sends them.
    pub fn publish(&mut self, qos: QoS, window: usize, properties: &[Property<'_>]) {
        // The compiler isn't to know them: a copy of a constant isn't one.
        let topic = TopicName::new(std::hint::black_box(TOPIC)).expect("a topic");
        let publish = Publish::new(topic, std::hint::black_box(&PAYLOAD[..])).qos(qos).properties(properties);
        self.ids.clear();
        for _ in 0..window {
            let delivery = self.mqtt.publish(NOW, &publish).expect("room");
            self.ids.push(delivery.id.map_or([0; 2], |id| id.get().to_be_bytes()));
        }
        self.send();
    }

    /// The server acknowledges what was published last, by packets of this type.
    pub fn acknowledge(&mut self, first_byte: u8) -> usize {
        let ids = std::mem::take(&mut self.ids);
        let events = ids.iter().map(|[high, low]| self.hear(&[first_byte, 2, *high, *low])).sum();
        self.ids = ids;
        self.send();
        events
    }
}

/// A PUBLISH of the server's with a topic and properties as they are given.
pub fn message(version: Version, qos: u8, id: u16, topic: &[u8], properties: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend((topic.len() as u16).to_be_bytes());
    body.extend(topic);
    if qos > 0 {
        body.extend(id.to_be_bytes());
    }
    if version == Version::V5 {
        varint(properties.len(), &mut body);
        body.extend(properties);
    }
    body.extend(payload);
    let mut packet = vec![0x30 | qos << 1];
    varint(body.len(), &mut packet);
    packet.extend(body);
    packet
}

/// The usual one.
pub fn usual(version: Version, qos: u8, id: u16, properties: &[u8]) -> Vec<u8> {
    message(version, qos, id, TOPIC.as_bytes(), properties, &PAYLOAD)
}

fn varint(mut value: usize, bytes: &mut Vec<u8>) {
    while value > 0x7F {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}
