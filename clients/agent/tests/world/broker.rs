//! The servers: realms with sessions, and what they do with each packet.

use crate::features::Feature;
use crate::ledger::{Verdict, number_of};
use crate::life::World;
use pure_mqtt::wire::{
    Acknowledgement, ConnAck, Connect, Decoded, Disconnect, Packet, Publish, Rules, SubAck, Subscribe, UnsubAck,
};
use pure_mqtt::{PacketId, Properties, Property, QoS, ReasonCode, Version};
use std::collections::{BTreeMap, VecDeque};

/// One address that agents dial.
#[derive(Debug, Default, Clone)]
pub struct Server {
    pub realm: usize,
    pub refuses_v5: bool,
    pub no_identifiers: bool,
    pub copy_per_filter: bool,
    pub receive_maximum: u16,
    /// The next CONNECTs are refused with this code.
    pub refusals: (u32, u8),
    /// The next links are accepted and never answered.
    pub mutes: u32,
    /// Until then, links are accepted and never answered.
    pub frozen_until: u64,
}

#[derive(Debug, Default)]
pub struct Realm {
    pub sessions: BTreeMap<String, Session>,
}

#[derive(Debug, Default)]
pub struct Session {
    pub subs: Vec<Sub>,
    pub queue: VecDeque<Out>,
    pub flight: Vec<Out>,
    /// QoS 2 messages whose PUBREL has not come.
    pub held: BTreeMap<u16, u64>,
    pub next_id: u16,
    pub expiry: u64,
    pub dies_at: Option<u64>,
    pub link: Option<usize>,
    pub window: usize,
}

#[derive(Debug, Clone)]
pub struct Sub {
    pub filter: String,
    pub qos: u8,
    pub identifier: Option<u32>,
}

/// A message for a client.
#[derive(Debug, Clone)]
pub struct Out {
    pub number: u64,
    pub qos: u8,
    /// The filters that it is sent for, and their identifiers.
    pub filters: Vec<String>,
    pub identifiers: Vec<u32>,
    pub correlation: Option<Vec<u8>>,
    pub id: u16,
    pub is_released: bool,
    /// When it was sent first, and last.
    pub first_sent: Option<u64>,
    pub last_sent: u64,
}

/// The server's end of a link.
#[derive(Debug, Default)]
pub struct End {
    pub version: Option<Version>,
    pub client: Option<String>,
    pub input: Vec<u8>,
    pub is_mute: bool,
}

/// Never for ever.
const NEVER: u64 = u64::MAX / 2;

impl World {
    /// Bytes have arrived at the server.
    pub fn serve(&mut self, link: usize, bytes: &[u8]) -> Verdict {
        let mut input = std::mem::take(&mut self.ends[link].input);
        input.extend_from_slice(bytes);
        let mut at = 0;
        while self.links[link].closed_there.is_none() && !self.ends[link].is_mute {
            let version = self.ends[link].version.or_else(|| level(&input[at..])).unwrap_or(Version::V311);
            match Packet::decode(&input[at..], Rules::new(version)) {
                Ok(Decoded::Packet { packet, length }) => {
                    self.say(|| format!("  server {} < {packet:?}", link));
                    self.on_packet(link, version, &packet)?;
                    at += length;
                }
                Ok(Decoded::Partial { .. }) => break,
                Err(error) => return Err(format!("the agent sent nonsense: {error:?} {:x?}", &input[at..])),
            }
        }
        input.drain(..at);
        self.ends[link].input = input;
        Ok(())
    }

    fn on_packet(&mut self, link: usize, version: Version, packet: &Packet<'_>) -> Verdict {
        if let Packet::Connect(connect) = packet {
            return self.on_connect(link, version, connect);
        }
        if self.ends[link].client.is_none() {
            return Err(format!("{packet:?} before CONNECT was accepted"));
        }
        match packet {
            Packet::Publish(publish) => self.on_publish(link, publish)?,
            Packet::PubRel(release) if self.is_poisoned(link, release.id)? => {}
            Packet::PubRel(release) => {
                let was_held = self.session(link).and_then(|session| session.held.remove(&release.id.get()));
                if let Some(number) = was_held {
                    self.ledger.get(number)?.is_answered = true;
                }
                let reason = if was_held.is_some() { ReasonCode::SUCCESS } else { ReasonCode(0x92) };
                self.answer(link, &Packet::PubComp(Acknowledgement { reason, ..Acknowledgement::new(release.id) }));
            }
            Packet::PubAck(ack) => self.on_acknowledged(link, ack.id, 1, ack.reason)?,
            Packet::PubRec(ack) => self.on_acknowledged(link, ack.id, 2, ack.reason)?,
            Packet::PubComp(ack) => {
                if let Some(session) = self.session(link) {
                    session.flight.retain(|out| out.id != ack.id.get());
                }
                self.pump(link);
            }
            Packet::Subscribe(subscribe) => self.on_subscribe(link, version, subscribe)?,
            Packet::Unsubscribe(unsubscribe) => {
                let mut codes = Vec::new();
                for filter in unsubscribe.entries.iter() {
                    let Some(session) = self.session(link) else { continue };
                    let before = session.subs.len();
                    session.subs.retain(|sub| sub.filter != filter.as_str());
                    codes.push(if session.subs.len() < before { 0 } else { 0x11 });
                }
                self.act(Feature::Unsubscribes);
                let codes = if version == Version::V5 { &codes[..] } else { &[] };
                self.answer(
                    link,
                    &Packet::UnsubAck(UnsubAck { id: unsubscribe.id, properties: Properties::NONE, codes }),
                );
            }
            Packet::PingReq => self.answer(link, &Packet::PingResp),
            Packet::Disconnect(_) => self.hang_up(link),
            _ => {}
        }
        Ok(())
    }

    fn on_connect(&mut self, link: usize, version: Version, connect: &Connect<'_>) -> Verdict {
        let (server, host) = (self.links[link].server, self.links[link].host);
        self.ends[link].version = Some(version);
        if self.servers[server].mutes > 0 {
            self.servers[server].mutes -= 1;
            self.act(Feature::Mute);
            self.ends[link].is_mute = true;
            return Ok(());
        }
        if self.servers[server].frozen_until > self.now {
            self.act(Feature::Freezes);
            self.ends[link].is_mute = true;
            return Ok(());
        }
        if version == Version::V5 && self.servers[server].refuses_v5 {
            self.act(Feature::Fallback);
            self.send_raw(link, &[0x20, 2, 0, 1]);
            self.hang_up(link);
            return Ok(());
        }
        if self.servers[server].refusals.0 > 0 {
            self.servers[server].refusals.0 -= 1;
            self.refuse(link, version, self.servers[server].refusals.1);
            return Ok(());
        }
        let realm = self.servers[server].realm;
        if self.hosts[host].link == Some(link) {
            self.judge_connect(host, realm, connect.clean_start)?; // of a link given up long ago, it is late
        }
        self.accept(link, version, connect, realm);
        Ok(())
    }

    fn refuse(&mut self, link: usize, version: Version, code: u8) {
        let is_redirect = matches!(code, 0x9C | 0x9D);
        self.act(if is_redirect { Feature::Redirects } else { Feature::Refuses });
        let reference = [Property::ServerReference("other.example:1883")];
        let properties = if is_redirect { Properties::new(&reference) } else { Properties::NONE };
        let (code, properties) = match (version, code) {
            (Version::V5, _) => (code, properties),
            (_, 0x86) => (4, Properties::NONE),
            (_, 0x87) => (5, Properties::NONE),
            _ => (3, Properties::NONE),
        };
        self.answer(link, &Packet::ConnAck(ConnAck { session_present: false, code, properties }));
        self.hang_up(link);
    }

    fn accept(&mut self, link: usize, version: Version, connect: &Connect<'_>, realm: usize) {
        let (server, host) = (self.links[link].server, self.links[link].host);
        let client = connect.client_id.to_string();
        if let Some(before) = self.realms[realm].sessions.get(&client).and_then(|session| session.link) {
            self.take_over(before, host);
        }
        let is_gone = |session: &Session, now| session.dies_at.is_some_and(|at| at <= now);
        let now = self.now;
        if connect.clean_start || self.realms[realm].sessions.get(&client).is_some_and(|session| is_gone(session, now))
        {
            let gone = self.realms[realm].sessions.remove(&client);
            if gone.is_some_and(|session| is_gone(&session, now)) {
                self.act(Feature::Expires);
            }
        }
        let is_resumed = self.realms[realm].sessions.contains_key(&client);
        self.note_accepted(host, realm, server, version, is_resumed);
        let has_expiry = self.has.has(Feature::Expires);
        let session = self.realms[realm].sessions.entry(client.clone()).or_default();
        session.link = Some(link);
        session.dies_at = None;
        session.expiry = match (version, connect.properties.session_expiry_interval()) {
            (Version::V5, None | Some(0)) => 0,
            (Version::V5, Some(u32::MAX)) => NEVER,
            (Version::V5, Some(seconds)) => u64::from(seconds) * 1_000,
            _ if connect.clean_start => 0,
            _ if has_expiry => 200_000,
            _ => NEVER,
        };
        let maximum = connect.properties.receive_maximum();
        session.window = if version == Version::V5 { maximum.map_or(65_535, usize::from) } else { 20 };
        self.ends[link].client = Some(client);
        self.send_connack(link, version, is_resumed);
        self.resend(link);
    }

    fn send_connack(&mut self, link: usize, version: Version, is_resumed: bool) {
        let server = self.servers[self.links[link].server].clone();
        let mut properties = Vec::new();
        if server.receive_maximum > 0 {
            properties.push(Property::ReceiveMaximum(server.receive_maximum));
        }
        if server.no_identifiers {
            self.act(Feature::NoIdentifiers);
            properties.push(Property::SubscriptionIdentifierAvailable(false));
        }
        let properties = if version == Version::V5 { Properties::new(&properties) } else { Properties::NONE };
        let session_present = is_resumed && version != Version::V31;
        self.answer(link, &Packet::ConnAck(ConnAck { session_present, code: 0, properties }));
    }

    /// Another link has come for the same session.
    fn take_over(&mut self, before: usize, by: usize) {
        if self.links[before].host != by {
            self.act(Feature::SameId);
        }
        self.end_link(before, 0x8E);
    }

    /// DISCONNECT, in 5.0 with this code, and the end.
    pub fn end_link(&mut self, link: usize, code: u8) {
        if self.ends[link].version == Some(Version::V5) && self.ends[link].client.is_some() {
            let mut disconnect = Disconnect::default();
            disconnect.reason = ReasonCode(code);
            self.answer(link, &Packet::Disconnect(disconnect));
        }
        self.hang_up(link);
    }

    /// The server closes its end.
    pub fn hang_up(&mut self, link: usize) {
        if self.links[link].closed_there.is_none() {
            self.links[link].closed_there = Some(self.now + self.links[link].latency);
        }
        self.leave_session(link);
    }

    /// The session has no link any more.
    pub fn leave_session(&mut self, link: usize) {
        let now = self.now;
        let realm = self.servers[self.links[link].server].realm;
        let Some(client) = self.ends[link].client.take() else { return };
        let sessions = &mut self.realms[realm].sessions;
        let Some(session) = sessions.get_mut(&client).filter(|session| session.link == Some(link)) else { return };
        session.link = None;
        session.dies_at = Some(now.saturating_add(session.expiry));
    }

    pub fn session(&mut self, link: usize) -> Option<&mut Session> {
        let realm = self.servers[self.links[link].server].realm;
        let client = self.ends[link].client.as_ref()?;
        self.realms[realm].sessions.get_mut(client).filter(|session| session.link == Some(link))
    }

    /// The server doesn't answer this PUBREL; it may hang up as well.
    fn is_poisoned(&mut self, link: usize, id: PacketId) -> Result<bool, String> {
        let held = self.session(link).and_then(|session| session.held.get(&id.get()).copied());
        let Some(number) = held else { return Ok(false) };
        let topic = self.ledger.get(number)?.topic.clone();
        if self.is_poison(&topic, Feature::PoisonRelease) {
            self.act(Feature::PoisonRelease);
            self.hang_up(link);
            return Ok(true);
        }
        let is_mute = self.is_poison(&topic, Feature::MuteRelease);
        if is_mute {
            self.act(Feature::MuteRelease);
        }
        Ok(is_mute)
    }

    fn on_publish(&mut self, link: usize, publish: &Publish<'_>) -> Verdict {
        let number = number_of(publish.payload)?;
        let (host, realm) = (self.links[link].host, self.servers[self.links[link].server].realm);
        self.judge_publish(host, number, publish)?;
        if self.is_poison(publish.topic, Feature::Poison) {
            self.act(Feature::Poison);
            self.hang_up(link);
            return Ok(());
        }
        let id = publish.id.map_or(0, PacketId::get);
        if publish.qos == QoS::ExactlyOnce {
            let held = self.session(link).and_then(|session| session.held.get(&id).copied());
            if let Some(held) = held {
                if held != number && !self.is_id_shared(host) && !self.may_adopt(host) {
                    return Err(format!(
                        "message {number} came under identifier {id}, which {held} holds in realm {realm}"
                    ));
                }
                self.answer_publish(link, publish, ReasonCode::SUCCESS);
                return Ok(());
            }
        }
        if publish.topic.starts_with("no/") && self.ends[link].version == Some(Version::V5) && !publish.dup {
            self.act(Feature::RefusesMessages);
            self.ledger.get(number)?.is_refused = true;
            self.ledger.get(number)?.is_answered = true;
            self.answer_publish(link, publish, ReasonCode(0x87));
            return Ok(());
        }
        if publish.qos == QoS::ExactlyOnce {
            if let Some(session) = self.session(link) {
                session.held.insert(id, number);
            }
        }
        self.take(link, realm, number, publish)
    }

    fn answer_publish(&mut self, link: usize, publish: &Publish<'_>, reason: ReasonCode) {
        let Some(id) = publish.id else { return };
        let ack = Acknowledgement { reason, ..Acknowledgement::new(id) };
        let is_once = publish.qos == QoS::ExactlyOnce;
        self.answer(link, &if is_once { Packet::PubRec(ack) } else { Packet::PubAck(ack) });
    }

    fn take(&mut self, link: usize, realm: usize, number: u64, publish: &Publish<'_>) -> Verdict {
        self.judge_own_filters(link, number)?;
        let message = self.ledger.get(number)?;
        *message.taken.entry(realm).or_default() += 1;
        message.is_answered |= publish.qos == QoS::AtLeastOnce;
        self.judge_taken(number, realm)?;
        if publish.payload.len() > 1_024 {
            self.act(Feature::Large);
        }
        self.answer_publish(link, publish, ReasonCode::SUCCESS);
        let reply = match publish.properties.response_topic() {
            Some(topic) => Some(topic.to_string()),
            None => publish.topic.starts_with("svc/").then(|| format!("r/{number}")),
        };
        let correlation = publish.properties.correlation_data().map(Vec::from);
        self.route(realm, number, publish.topic, publish.qos.bits(), correlation.clone());
        if let Some(topic) = reply.filter(|_| self.heals || self.rng.u8(0..4) > 0) {
            let (answer, payload) = self.ledger.payload(0, &format!("re {number}"));
            self.ledger.add(answer, None, &topic, payload, 1);
            self.route(realm, answer, &topic, 1, correlation);
        }
        Ok(())
    }

    fn on_subscribe(&mut self, link: usize, version: Version, subscribe: &Subscribe<'_>) -> Verdict {
        let identifier = subscribe.properties.subscription_identifiers().next();
        let mut codes = Vec::new();
        for entry in subscribe.entries.iter() {
            let filter = entry.filter.as_str().to_string();
            if filter.starts_with("poison") && self.has.has(Feature::PoisonFilter) && !self.heals {
                self.act(Feature::PoisonFilter);
                self.hang_up(link);
                return Ok(());
            }
            if filter.starts_with("no/") && version != Version::V31 && self.has.has(Feature::RefusesFilters) {
                self.act(Feature::RefusesFilters);
                codes.push(if version == Version::V5 { 0x87 } else { 0x80 });
                continue;
            }
            let Some(session) = self.session(link) else { return Ok(()) };
            session.subs.retain(|sub| sub.filter != filter);
            session.subs.push(Sub { filter, qos: entry.qos.bits(), identifier });
            codes.push(entry.qos.bits());
        }
        self.answer(link, &Packet::SubAck(SubAck { id: subscribe.id, properties: Properties::NONE, codes: &codes }));
        Ok(())
    }

    pub fn answer(&mut self, link: usize, packet: &Packet<'_>) {
        let version = self.ends[link].version.unwrap_or(Version::V311);
        let mut room = vec![0; 8_192];
        let length = packet.encode(version, &mut room).expect("room for a packet");
        self.say(|| format!("  server {link} > {packet:?}"));
        self.send_raw(link, &room[..length]);
    }

    /// Bytes for the agent, in pieces if this world has them.
    fn send_raw(&mut self, link: usize, bytes: &[u8]) {
        if self.links[link].closed_there.is_some() || self.links[link].is_dead {
            return;
        }
        let at = self.now + self.links[link].latency;
        for piece in self.pieces(bytes) {
            self.links[link].down.push(at, piece);
        }
    }
}

/// The version that CONNECT names (§3.1.2.2).
fn level(input: &[u8]) -> Option<Version> {
    let start = 1 + input.iter().skip(1).position(|byte| byte & 0x80 == 0)? + 1;
    let length = usize::from(*input.get(start + 1)?);
    let level = *input.get(start + 2 + length)?;
    Version::ALL.into_iter().find(|version| version.level() == level & 0x7F)
}
