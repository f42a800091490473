use std::collections::{BTreeMap, BTreeSet};

use pure_mqtt::wire::{Acknowledgement, ConnAck, Connect, Decoded, Packet, Publish, Rules, SubAck, UnsubAck};
use pure_mqtt::{Connection, Event, Instant, OpenError, PacketId, Properties, QoS, Received, Storage, Version};

/// A client, a server, and a link that breaks after `carries` bytes in both directions together.
pub struct Pair<S: Storage> {
    pub mqtt: Connection<S>,
    pub server: Server,
    pub now: Instant,
    pub carries: usize,
    rx: Vec<u8>,
}

impl<S: Storage> Pair<S> {
    pub fn new(mqtt: Connection<S>) -> Self {
        Self { mqtt, server: Server::default(), now: Instant::from_millis(0), carries: 0, rx: Vec::new() }
    }

    /// Opens a new link.
    pub fn open(&mut self, connect: &Connect<'_>, carries: usize) -> Result<(), OpenError> {
        self.mqtt.handle_close(self.now);
        self.server.hang_up();
        self.rx.clear();
        self.carries = carries;
        self.mqtt.open(self.now, connect)
    }

    /// Moves bytes until none are left to move, and passes each event to `app`. Returns false if the link has ended.
    pub fn run(&mut self, mut app: impl FnMut(&mut Connection<S>, Event<'_>)) -> bool {
        loop {
            let _ = self.mqtt.handle_timeout(self.now); // after an error `should_close` is true
            let has_moved = self.send() | self.receive(&mut app);
            if self.carries == 0 || self.mqtt.should_close() {
                self.mqtt.handle_close(self.now);
                return false;
            }
            if !has_moved {
                return true;
            }
        }
    }

    fn send(&mut self) -> bool {
        let mut transmit = self.mqtt.transmit(self.now);
        let before = self.carries;
        while !transmit.chunk().is_empty() && self.carries > 0 {
            let count = transmit.chunk().len().min(self.carries);
            self.server.input(&transmit.chunk()[..count]);
            transmit.advance(count);
            self.carries -= count;
        }
        self.carries < before
    }

    fn receive(&mut self, app: &mut impl FnMut(&mut Connection<S>, Event<'_>)) -> bool {
        let mut has_moved = false;
        let count = self.server.output.len().min(self.carries);
        self.rx.extend(self.server.output.drain(..count));
        self.carries -= count;
        while let Ok(Received::Packet { consumed, event }) = self.mqtt.handle_input(self.now, &self.rx) {
            if let Some(event) = event {
                app(&mut self.mqtt, event);
            }
            self.rx.drain(..consumed);
            has_moved = true;
        }
        has_moved || count > 0
    }
}

/// A server for one client. It answers like a broker, and keeps the messages that it receives.
#[derive(Default)]
pub struct Server {
    /// The messages it received: topic and payload.
    pub taken: Vec<(String, Vec<u8>)>,
    /// Bytes for the client.
    pub output: Vec<u8>,
    /// Whether it has the client's session.
    pub has_session: bool,
    version: Version,
    input: Vec<u8>,
    /// Messages for the client that the client has not acknowledged.
    unfinished: BTreeMap<u16, (String, Vec<u8>, QoS)>,
    /// Messages for the client after PUBREC: PUBCOMP has not arrived.
    released: BTreeSet<u16>,
    /// QoS 2 messages from the client whose PUBREL has not arrived.
    open: BTreeSet<PacketId>,
    last_id: u16,
}

impl Server {
    /// Sends a message to the client.
    pub fn publish(&mut self, topic: &str, payload: &[u8], qos: QoS) {
        self.last_id += 1;
        if qos != QoS::AtMostOnce {
            self.unfinished.insert(self.last_id, (topic.into(), payload.into(), qos));
        }
        self.send_message(self.last_id, topic, payload, qos, false);
    }

    fn send_message(&mut self, id: u16, topic: &str, payload: &[u8], qos: QoS, dup: bool) {
        let id = PacketId::new(id).filter(|_| qos != QoS::AtMostOnce);
        let properties = Properties::NONE;
        self.send(Packet::Publish(Publish { dup, qos, retain: false, topic, id, properties, payload }));
    }

    fn send(&mut self, packet: Packet<'_>) {
        let mut buffer = vec![0; 64 * 1024];
        let length = packet.encode(self.version, &mut buffer).expect("short enough");
        self.output.extend(&buffer[..length]);
    }

    /// Ends the link, and drops the bytes in transit.
    pub fn hang_up(&mut self) {
        self.input.clear();
        self.output.clear();
    }

    /// Handles bytes from the client, in chunks of any size.
    pub fn input(&mut self, bytes: &[u8]) {
        self.input.extend(bytes);
        let input = std::mem::take(&mut self.input);
        let mut rest = &input[..];
        while let Ok(Decoded::Packet { packet, length }) = Packet::decode(rest, Rules::new(self.version)) {
            self.take(&packet);
            rest = &rest[length..];
        }
        self.input = rest.to_vec();
    }

    fn take(&mut self, packet: &Packet<'_>) {
        match packet {
            Packet::Connect(connect) => self.accept(connect),
            Packet::Publish(publish) => self.take_message(publish),
            Packet::PubRel(ack) => {
                self.open.remove(&ack.id);
                self.send(Packet::PubComp(Acknowledgement::new(ack.id)));
            }
            Packet::PubRec(ack) => {
                self.unfinished.remove(&ack.id.get());
                self.released.insert(ack.id.get());
                self.send(Packet::PubRel(Acknowledgement::new(ack.id)));
            }
            Packet::PubAck(ack) => drop(self.unfinished.remove(&ack.id.get())),
            Packet::PubComp(ack) => drop(self.released.remove(&ack.id.get())),
            Packet::Subscribe(request) => {
                let codes: Vec<u8> = request.entries.iter().map(|wish| wish.qos.bits()).collect();
                self.send(Packet::SubAck(SubAck { id: request.id, properties: Properties::NONE, codes: &codes }));
            }
            Packet::Unsubscribe(request) => {
                let codes: Vec<u8> = request.entries.iter().map(|_| 0).collect();
                self.send(Packet::UnsubAck(UnsubAck { id: request.id, properties: Properties::NONE, codes: &codes }));
            }
            Packet::PingReq => self.send(Packet::PingResp),
            _ => {}
        }
    }

    /// Handles CONNECT: resumes the session if there is one and the client wants it, and sends unfinished messages
    /// again.
    fn accept(&mut self, connect: &Connect<'_>) {
        self.version = connect.version;
        let session_present = self.has_session && !connect.clean_start;
        self.has_session = true;
        self.send(Packet::ConnAck(ConnAck { session_present, code: 0, properties: Properties::NONE }));
        if !session_present {
            (self.unfinished, self.released, self.open) = Default::default();
        }
        for (id, (topic, payload, qos)) in self.unfinished.clone() {
            self.send_message(id, &topic, &payload, qos, true);
        }
        for id in self.released.clone().into_iter().filter_map(PacketId::new) {
            self.send(Packet::PubRel(Acknowledgement::new(id)));
        }
    }

    /// Handles PUBLISH. At QoS 2 a message whose identifier is in use is a duplicate.
    fn take_message(&mut self, publish: &Publish<'_>) {
        let is_new = publish.qos != QoS::ExactlyOnce || publish.id.is_some_and(|id| self.open.insert(id));
        if is_new {
            self.taken.push((publish.topic.into(), publish.payload.into()));
        }
        match (publish.qos, publish.id) {
            (QoS::AtLeastOnce, Some(id)) => self.send(Packet::PubAck(Acknowledgement::new(id))),
            (QoS::ExactlyOnce, Some(id)) => self.send(Packet::PubRec(Acknowledgement::new(id))),
            _ => {}
        }
    }
}
