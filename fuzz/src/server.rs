//! A server for one client. It follows the standard unless it is told not to, and panics when the client doesn't.

use std::collections::{BTreeMap, BTreeSet};

use pure_mqtt::wire::{
    Acknowledgement, ConnAck, Connect, Decoded, Packet, Properties, Property, Publish, Rules, SubAck, UnsubAck,
};
use pure_mqtt::{Disconnect, PacketId, QoS, ReasonCode, Version};

/// What the server announces in its CONNACK (5.0).
#[derive(Clone, Copy, Debug, Default)]
pub struct Announced {
    pub receive_maximum: Option<u16>,
    pub maximum_qos: Option<u8>,
    pub no_retain: bool,
    pub maximum_packet_size: Option<u32>,
    pub topic_aliases: u16,
    pub keep_alive: Option<u16>,
}

/// A message to the client that is not finished.
#[derive(Clone, Debug)]
struct Sent {
    id: u16,
    qos: QoS,
    number: u32,
    is_released: bool,
}

/// What outlives a link.
#[derive(Clone, Debug, Default)]
struct Session {
    /// QoS 2 messages from the client that were taken, and not released yet.
    taken: BTreeSet<u16>,
    sent: Vec<Sent>,
    last_id: u16,
}

#[derive(Debug, Default)]
struct Link {
    version: Version,
    input: Vec<u8>,
    is_accepted: bool,
    /// The client said goodbye.
    is_over: bool,
    keeps_session: bool,
    window: u16,
    announced: Announced,
    /// The client's messages that are not finished.
    open: BTreeSet<u16>,
    requests: BTreeSet<u16>,
    aliases: BTreeMap<u16, String>,
}

#[derive(Debug, Default)]
pub struct Server {
    /// What the next CONNACK says.
    pub announced: Announced,
    /// The next answers are held back.
    pub is_slow: bool,
    /// It did something that the standard forbids: from now on less can be expected.
    pub is_faulty: bool,
    /// A session was lost or dropped.
    pub lost_session: bool,
    /// How often each of the client's messages was passed on.
    pub onward: BTreeMap<u32, usize>,
    /// The messages to the client that are finished.
    pub finished: BTreeMap<u32, QoS>,
    /// Bytes for the client.
    pub output: Vec<u8>,
    /// Answers that wait.
    held: Vec<u8>,
    session: Option<Session>,
    link: Link,
    numbers: u32,
    last_answer: usize,
}

fn encode(packet: &Packet<'_>, version: Version, output: &mut Vec<u8>) -> usize {
    let mut buffer = [0; 512];
    let length = packet.encode(version, &mut buffer).expect("the server's packets are short");
    output.extend(&buffer[..length]);
    length
}

fn id(number: u16) -> PacketId {
    PacketId::new(number).expect("identifiers are not 0")
}

impl Server {
    /// A transport came up.
    pub fn open(&mut self, version: Version) {
        self.link = Link { version, window: u16::MAX, ..Link::default() };
        self.output.clear();
        self.held.clear();
    }

    /// The transport is gone.
    pub fn cut(&mut self) {
        if self.link.is_accepted && !self.link.keeps_session {
            self.lose_session();
        }
        self.open(self.link.version);
    }

    pub fn lose_session(&mut self) {
        self.lost_session |= self.session.take().is_some();
    }

    /// Ends the link with DISCONNECT, where it may.
    pub fn leave(&mut self) {
        if self.link.is_accepted && self.link.version == Version::V5 {
            self.answer(&Packet::Disconnect(Disconnect::new(ReasonCode::SERVER_SHUTTING_DOWN)));
        }
    }

    pub fn is_done(&self) -> bool {
        self.session.as_ref().is_none_or(|session| session.sent.is_empty())
    }

    fn answer(&mut self, packet: &Packet<'_>) {
        let held = &mut self.held;
        self.last_answer = encode(packet, self.link.version, held);
        self.flush();
    }

    /// Sends the answers that were held back.
    pub fn flush(&mut self) {
        if !self.is_slow {
            self.output.append(&mut self.held);
        }
    }

    /// Bytes from the client.
    pub fn take(&mut self, bytes: &[u8]) {
        self.link.input.extend(bytes);
        let input = std::mem::take(&mut self.link.input);
        let mut rest = &input[..];
        while let Decoded::Packet { packet, length } =
            Packet::decode(rest, Rules { version: self.link.version, strict: true })
                .expect("a client's packets are good")
        {
            assert!(!self.link.is_over, "{packet:?} after DISCONNECT");
            if let Some(most) = self.link.announced.maximum_packet_size
                && self.link.is_accepted
                && !matches!(packet, Packet::Disconnect(_))
            // it may have left before CONNACK was heard
            {
                assert!(length <= most as usize, "{packet:?} is longer than {most}");
            }
            self.packet(packet);
            rest = &rest[length..];
        }
        self.link.input = rest.to_vec();
    }

    fn packet(&mut self, packet: Packet<'_>) {
        assert_eq!(self.link.is_accepted, !matches!(packet, Packet::Connect(_)), "{packet:?}");
        match packet {
            Packet::Connect(connect) => self.connect(&connect),
            Packet::Publish(publish) => self.publish(&publish),
            Packet::PubAck(ack) => self.end(ack.id, QoS::AtLeastOnce, false),
            Packet::PubRec(ack) if ack.reason.is_error() => self.end(ack.id, QoS::ExactlyOnce, false),
            Packet::PubRec(ack) => self.release(ack.id),
            Packet::PubComp(ack) => self.end(ack.id, QoS::ExactlyOnce, true),
            Packet::PubRel(ack) => {
                self.link.open.remove(&ack.id.get());
                let session = self.session.get_or_insert_default();
                let known = session.taken.remove(&ack.id.get());
                let reason = if known || self.link.version != Version::V5 {
                    ReasonCode::SUCCESS
                } else {
                    ReasonCode::PACKET_IDENTIFIER_NOT_FOUND
                };
                self.answer(&Packet::PubComp(Acknowledgement { reason, ..Acknowledgement::new(ack.id) }));
            }
            Packet::Subscribe(request) => {
                self.request(request.id);
                let codes = vec![1; request.entries.iter().count()];
                self.answer(&Packet::SubAck(SubAck { id: request.id, properties: Properties::NONE, codes: &codes }));
            }
            Packet::Unsubscribe(request) => {
                self.request(request.id);
                let codes = vec![0; request.entries.iter().count()];
                self.answer(&Packet::UnsubAck(UnsubAck {
                    id: request.id,
                    properties: Properties::NONE,
                    codes: &codes,
                }));
            }
            Packet::PingReq => self.answer(&Packet::PingResp),
            Packet::Disconnect(_) => self.link.is_over = true,
            other => panic!("a client sends no {other:?} here"),
        }
    }

    fn request(&mut self, id: PacketId) {
        let used = self.link.open.contains(&id.get()) || !self.link.requests.insert(id.get());
        assert!(!used || self.is_faulty, "identifier {id} is in use");
        self.link.requests.remove(&id.get()); // it is answered at once
    }

    fn connect(&mut self, connect: &Connect<'_>) {
        self.link.is_accepted = true;
        let v5 = self.link.version == Version::V5;
        self.link.keeps_session =
            if v5 { connect.properties.session_expiry_interval().unwrap_or(0) > 0 } else { !connect.clean_start };
        self.link.window = if v5 { connect.properties.receive_maximum().unwrap_or(u16::MAX) } else { 2 };
        self.link.announced = if v5 { self.announced } else { Announced::default() };
        let present = self.session.is_some() && !connect.clean_start;
        if !present {
            self.lose_session();
            self.session = Some(Session::default());
        }
        let announced = self.link.announced;
        let list: Vec<_> = [
            announced.receive_maximum.map(Property::ReceiveMaximum),
            announced.maximum_qos.map(Property::MaximumQoS),
            announced.no_retain.then_some(Property::RetainAvailable(false)),
            announced.maximum_packet_size.map(Property::MaximumPacketSize),
            (announced.topic_aliases > 0).then_some(Property::TopicAliasMaximum(announced.topic_aliases)),
            announced.keep_alive.map(Property::ServerKeepAlive),
            connect.client_id.is_empty().then_some(Property::AssignedClientIdentifier("given")),
        ]
        .into_iter()
        .flatten()
        .collect();
        let session_present = present && self.link.version != Version::V31;
        self.answer(&Packet::ConnAck(ConnAck { session_present, code: 0, properties: Properties::new(&list) }));
        for sent in self.session.as_ref().map(|session| session.sent.clone()).unwrap_or_default() {
            if sent.is_released {
                self.answer(&Packet::PubRel(Acknowledgement::new(id(sent.id))));
            } else {
                self.send(&sent, true);
            }
        }
    }

    fn publish(&mut self, publish: &Publish<'_>) {
        let announced = self.link.announced;
        assert!(publish.qos.bits() <= announced.maximum_qos.unwrap_or(2), "{publish:?}");
        assert!(!(publish.retain && announced.no_retain), "{publish:?}");
        assert!(!(publish.dup && publish.qos == QoS::AtMostOnce), "{publish:?}");
        if let Some(alias) = publish.properties.topic_alias() {
            assert!((1..=announced.topic_aliases).contains(&alias), "{publish:?}");
            if !publish.topic.is_empty() {
                self.link.aliases.insert(alias, publish.topic.to_owned());
            }
            assert!(self.link.aliases.contains_key(&alias), "{publish:?}");
        }
        let number = publish.payload.get(..4).map(|bytes| u32::from_be_bytes(bytes.try_into().unwrap_or_default()));
        let number = number.expect("every message has a number");
        let Some(id) = publish.id else {
            *self.onward.entry(number).or_default() += 1;
            return;
        };
        assert!(!self.link.requests.contains(&id.get()));
        self.link.open.insert(id.get());
        let window = announced.receive_maximum.unwrap_or(u16::MAX);
        assert!(self.is_faulty || self.link.open.len() <= window.into(), "more than {window} are open");
        if publish.qos == QoS::AtLeastOnce {
            *self.onward.entry(number).or_default() += 1;
            self.link.open.remove(&id.get());
            self.answer(&Packet::PubAck(Acknowledgement::new(id)));
            return;
        }
        let is_new = self.session.get_or_insert_default().taken.insert(id.get());
        assert!(is_new || publish.dup || self.is_faulty, "identifier {id} is in use");
        if is_new {
            *self.onward.entry(number).or_default() += 1;
        }
        self.answer(&Packet::PubRec(Acknowledgement::new(id)));
    }

    /// A message to the client: what it is, and whether the client has room.
    pub fn say(&mut self, qos: QoS) {
        if !self.link.is_accepted {
            return;
        }
        self.numbers += 1;
        let number = self.numbers;
        let window = usize::from(self.link.window.min(64));
        let Some(session) = &mut self.session else { return };
        let mut sent = Sent { id: 0, qos, number, is_released: false };
        if qos != QoS::AtMostOnce {
            if session.sent.len() >= window {
                return;
            }
            session.last_id = session.last_id % 9 + 1;
            while session.sent.iter().any(|other| other.id == session.last_id) {
                session.last_id = session.last_id % 99 + 1;
            }
            sent.id = session.last_id;
            session.sent.push(sent.clone());
        }
        self.send(&sent, false);
    }

    fn send(&mut self, sent: &Sent, dup: bool) {
        let publish = Publish {
            dup,
            qos: sent.qos,
            retain: false,
            topic: "to/me",
            id: PacketId::new(sent.id),
            properties: Properties::NONE,
            payload: &sent.number.to_be_bytes(),
        };
        self.answer(&Packet::Publish(publish));
    }

    fn find(&mut self, id: PacketId, qos: QoS) -> Option<usize> {
        let sent = &self.session.as_ref()?.sent;
        let found = sent.iter().position(|sent| sent.id == id.get() && sent.qos == qos);
        assert!(found.is_some() || self.is_faulty || self.lost_session, "an acknowledgement of nothing: {id}");
        found
    }

    fn end(&mut self, id: PacketId, qos: QoS, is_complete: bool) {
        let Some(found) = self.find(id, qos) else { return };
        let Some(session) = &mut self.session else { return };
        let may_be_other = self.is_faulty || self.lost_session; // the answer to one that had this identifier in the session before
        assert!(may_be_other || session.sent[found].is_released == is_complete, "PUBCOMP without PUBREL");
        let sent = session.sent.remove(found);
        self.finished.insert(sent.number, qos);
    }

    fn release(&mut self, id: PacketId) {
        if let Some(found) = self.find(id, QoS::ExactlyOnce)
            && let Some(session) = &mut self.session
        {
            session.sent[found].is_released = true;
        }
        self.answer(&Packet::PubRel(Acknowledgement::new(id)));
    }

    /// Says something that it should not: a wrong acknowledgement, its last answer again or never, or a broken byte.
    pub fn misbehave(&mut self, kind: u8, number: u16, at: u16) {
        self.is_faulty = true;
        let some_id = id(number % 9 + 1);
        let v5 = self.link.version == Version::V5;
        let reason = ReasonCode(if v5 { [0x00, 0x10, 0x80, 0x87, 0x92, 0x97][usize::from(at) % 6] } else { 0 });
        let ack = Acknowledgement { reason, ..Acknowledgement::new(some_id) };
        match kind % 10 {
            0 => self.answer(&Packet::PubAck(ack)),
            1 => self.answer(&Packet::PubRec(ack)),
            2 => self.answer(&Packet::PubRel(ack)),
            3 => self.answer(&Packet::PubComp(ack)),
            4 => {
                let codes = [0, 1, 2, 0x80, 0x87, 3][usize::from(at) % 6];
                let codes = vec![codes; usize::from(number / 9 % 3) + 1];
                self.answer(&Packet::SubAck(SubAck { id: some_id, properties: Properties::NONE, codes: &codes }));
            }
            5 => {
                let codes = [0; 2];
                self.answer(&Packet::UnsubAck(UnsubAck { id: some_id, properties: Properties::NONE, codes: &codes }));
            }
            6 => {
                let from = self.output.len().saturating_sub(self.last_answer);
                self.output.extend_from_within(from..);
            }
            7 => {
                let length = self.output.len().saturating_sub(self.last_answer);
                self.output.truncate(length);
            }
            8 => {
                if let Some(last) = self.output.len().checked_sub(1) {
                    self.output[usize::from(at) % (last + 1)] ^= 1 << (number % 8);
                    // Of CONNACK the client may have read anything.
                    self.link.announced = Announced { topic_aliases: u16::MAX, ..Announced::default() };
                }
            }
            _ => {
                let sent = Sent {
                    id: some_id.get(),
                    qos: if at & 1 == 0 { QoS::AtLeastOnce } else { QoS::ExactlyOnce },
                    number: u32::MAX,
                    is_released: false,
                };
                self.send(&sent, at & 2 != 0);
            }
        }
    }
}
