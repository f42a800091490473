//! One transport: its buffers, what its CONNECT said, and how packets are put into its output.

use super::audit::{LinkAudit, Mark};
use super::codec::{Ack, AckKind, Connect, Inbox, Prop, Publish, ServerPacket, Version, Will, encode, find, id};
use super::line::Line;
use super::link_id::LinkId;
use super::session::Delivery;
use super::transcript::{Direction, Transcript};
use std::collections::{BTreeMap, VecDeque};

/// A part of the output.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Chunk {
    /// One packet of the broker's.
    Packet(Vec<u8>),
    /// Bytes that the script leaves alone.
    Raw(Vec<u8>),
}

/// Where a link stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Opened, no CONNECT yet.
    Fresh,
    /// CONNECT was accepted so far; the AUTH exchange is under way.
    Authenticating {
        /// The CONNECT to go on with.
        connect: Box<Connect>,
        /// Challenges still to be sent.
        rounds: u32,
    },
    /// CONNACK was sent.
    Connected,
    /// The client sent DISCONNECT.
    SaidGoodbye,
    /// The broker gave it up; it closes when its output was taken.
    GivenUp,
}

/// The state of one transport.
#[derive(Clone, Debug)]
pub struct Link {
    /// Its number.
    pub id: LinkId,
    /// Where it stands.
    pub phase: Phase,
    /// Bytes of a packet that is not complete yet.
    pub partial: Inbox,
    /// What is to be sent to the client.
    pub out: VecDeque<Chunk>,
    /// What is on its way to the client.
    pub line: Line,
    /// Protocol version of CONNECT.
    pub version: Version,
    /// Client id, assigned ones included.
    pub client_id: String,
    /// Whether the bridge bit was set.
    pub bridge: bool,
    /// The will, until it is published or dropped.
    pub will: Option<Will>,
    /// Authentication Method of CONNECT.
    pub auth_method: Option<String>,
    /// Challenges left in a running re-authentication.
    pub reauth_rounds: u32,
    /// Session Expiry Interval of CONNECT was zero, so DISCONNECT may not raise it.
    pub expiry_was_zero: bool,
    /// The longest silence allowed, in milliseconds.
    pub patience_ms: Option<u64>,
    /// When the last packet came.
    pub last_heard_ms: u64,
    /// How many PUBLISH packets with QoS 1 and 2 may still be sent.
    pub quota: u16,
    /// The client's Receive Maximum.
    pub receive_maximum: u16,
    /// The client's Maximum Packet Size.
    pub packet_size: Option<u32>,
    /// Whether CONNECT asked for a clean session.
    pub clean: bool,
    /// The client's Topic Alias Maximum.
    pub aliases_allowed: u16,
    /// The client's Topic Alias Maximum, as far as it is used.
    pub alias_maximum: u16,
    /// Topic aliases set by the client.
    pub aliases_in: BTreeMap<u16, String>,
    /// Acknowledgements held back.
    pub held: Vec<Ack>,
    /// Checks on the client.
    pub audit: LinkAudit,
    aliases_out: BTreeMap<String, u16>,
}

impl Link {
    /// A link that was just opened.
    pub fn new(id: LinkId, now_ms: u64) -> Self {
        Self {
            id,
            phase: Phase::Fresh,
            partial: Inbox::default(),
            out: VecDeque::new(),
            line: Line::default(),
            version: Version::V311,
            client_id: String::new(),
            bridge: false,
            will: None,
            auth_method: None,
            reauth_rounds: 0,
            expiry_was_zero: true,
            patience_ms: None,
            last_heard_ms: now_ms,
            quota: u16::MAX,
            receive_maximum: u16::MAX,
            packet_size: None,
            clean: false,
            aliases_allowed: 0,
            alias_maximum: 0,
            aliases_in: BTreeMap::new(),
            held: Vec::new(),
            audit: LinkAudit::default(),
            aliases_out: BTreeMap::new(),
        }
    }

    /// Takes over what CONNECT says about the link itself.
    pub fn apply(&mut self, connect: &Connect) {
        let number = |wanted| find(&connect.props, wanted).and_then(Prop::number);
        self.version = connect.version;
        self.bridge = connect.bridge;
        self.will = connect.will.clone();
        self.auth_method = find(&connect.props, id::AUTH_METHOD).and_then(Prop::text).map(str::to_owned);
        self.receive_maximum = number(id::RECEIVE_MAXIMUM).map_or(u16::MAX, |value| value as u16);
        self.quota = self.receive_maximum;
        self.packet_size = number(id::MAXIMUM_PACKET_SIZE);
        self.clean = connect.clean;
        self.aliases_allowed = number(id::TOPIC_ALIAS_MAXIMUM).map_or(0, |value| value as u16);
        self.alias_maximum = self.aliases_allowed;
        self.expiry_was_zero = number(id::SESSION_EXPIRY).unwrap_or(0) == 0;
    }

    /// Whether packets of the client still count.
    pub fn listens(&self) -> bool {
        self.phase != Phase::GivenUp && !self.line.is_deaf
    }

    /// How many bytes wait to be taken.
    pub fn unsent(&self) -> usize {
        let packets = self.out.iter().map(|chunk| match chunk {
            Chunk::Packet(bytes) | Chunk::Raw(bytes) => bytes.len(),
        });
        packets.sum::<usize>() + self.line.waiting()
    }

    /// Whether the broker is done with the link.
    pub fn is_closing(&self) -> bool {
        matches!(self.phase, Phase::SaidGoodbye | Phase::GivenUp)
    }

    /// Puts a packet into the output. Returns false if it is above the client's Maximum Packet Size.
    pub fn send(&mut self, packet: &ServerPacket, transcript: &mut Transcript) -> bool {
        let bytes = encode(packet, self.version);
        if self.packet_size.is_some_and(|limit| bytes.len() > limit as usize) {
            transcript.record(self.id, Direction::Note, &format!("too large for the client: {packet}"));
            return false;
        }
        transcript.record(self.id, Direction::ToClient, packet);
        self.out.push_back(Chunk::Packet(bytes));
        true
    }

    /// Puts a packet into the output that the script leaves alone.
    pub fn send_raw(&mut self, packet: &ServerPacket, transcript: &mut Transcript) {
        transcript.record(self.id, Direction::ToClient, packet);
        self.out.push_back(Chunk::Raw(encode(packet, self.version)));
    }

    /// Sends PUBACK, PUBREC, PUBREL or PUBCOMP.
    pub fn send_ack(&mut self, ack: Ack, transcript: &mut Transcript) {
        match ack.kind {
            AckKind::Rel => self.audit.sent_rel(ack.id),
            AckKind::Rec if ack.reason < 0x80 => self.audit.sent_rec(ack.id),
            _ => self.audit.mark(Mark::Exchange(ack.id)),
        }
        self.send(&ServerPacket::Ack(ack), transcript);
    }

    /// Sends a delivery as PUBLISH. Returns false if it is too large for the client.
    pub fn send_publish(
        &mut self,
        delivery: &Delivery,
        packet_id: Option<u16>,
        dup: bool,
        now_ms: u64,
        transcript: &mut Transcript,
    ) -> bool {
        let mut publish = Publish {
            dup,
            qos: delivery.qos,
            retain: delivery.retain,
            topic: delivery.message.topic.clone(),
            id: packet_id,
            props: Vec::new(),
            payload: delivery.message.payload.clone(),
        };
        let mut new_alias = None;
        if self.version.is_v5() {
            publish.props = delivery_props(delivery, now_ms);
            new_alias = self.alias(&mut publish);
        }
        if !self.send(&ServerPacket::Publish(publish), transcript) {
            return false;
        }
        if let Some(alias) = new_alias {
            self.aliases_out.insert(delivery.message.topic.clone(), alias);
        }
        if let Some(packet_id) = packet_id {
            self.audit.sent_publish(delivery.qos, packet_id);
        }
        true
    }

    /// Replaces the topic by its alias, or adds a free alias to it, which is then returned.
    fn alias(&self, publish: &mut Publish) -> Option<u16> {
        if let Some(alias) = self.aliases_out.get(&publish.topic) {
            publish.topic.clear();
            publish.props.push((id::TOPIC_ALIAS, Prop::Two(*alias)));
            return None;
        }
        let next = self.aliases_out.len() as u16 + 1;
        if next > self.alias_maximum {
            return None;
        }
        publish.props.push((id::TOPIC_ALIAS, Prop::Two(next)));
        Some(next)
    }
}

/// The properties a message is forwarded with.
fn delivery_props(delivery: &Delivery, now_ms: u64) -> Vec<(u8, Prop)> {
    let mut props = Vec::new();
    if let Some(left) = delivery.message.remaining_s(now_ms) {
        props.push((id::MESSAGE_EXPIRY, Prop::Four(left)));
    }
    props.extend(delivery.message.props.iter().cloned());
    props.extend(delivery.subscription_ids.iter().map(|sub| (id::SUBSCRIPTION_ID, Prop::Var(*sub))));
    props
}
