//! What the servers send: each message to all who want it, and again until it is acknowledged.

use crate::broker::*;
use crate::features::Feature;
use crate::ledger::Verdict;
use crate::life::World;
use pure_mqtt::wire::{Acknowledgement, Packet, Publish};
use pure_mqtt::{PacketId, Properties, Property, QoS, ReasonCode, TopicFilter, TopicName, Version};

impl World {
    /// A message goes to all sessions of a realm that want it.
    pub fn route(&mut self, realm: usize, number: u64, topic: &str, qos: u8, correlation: Option<Vec<u8>>) {
        let name = TopicName::new(topic).expect("a topic");
        let clients: Vec<String> = self.realms[realm].sessions.keys().cloned().collect();
        let per_filter = self.servers.iter().any(|server| server.realm == realm && server.copy_per_filter);
        for client in clients {
            let Some(session) = self.realms[realm].sessions.get_mut(&client) else { continue };
            let matching =
                session.subs.iter().filter(|sub| TopicFilter::new(&sub.filter).is_ok_and(|f| f.matches(name)));
            let copies: Vec<Vec<Sub>> = match per_filter {
                true => matching.map(|sub| vec![sub.clone()]).collect(),
                false => vec![matching.cloned().collect()],
            };
            if per_filter && copies.len() > 1 {
                self.act(Feature::CopyPerFilter);
            }
            for subs in copies.into_iter().filter(|subs| !subs.is_empty()) {
                self.put(realm, &client, number, qos, subs, correlation.clone());
            }
        }
    }

    pub fn put(
        &mut self,
        realm: usize,
        client: &str,
        number: u64,
        qos: u8,
        subs: Vec<Sub>,
        correlation: Option<Vec<u8>>,
    ) {
        let granted = subs.iter().map(|sub| sub.qos).max().unwrap_or_default();
        let out = Out {
            number,
            qos: qos.min(granted),
            filters: subs.iter().map(|sub| sub.filter.clone()).collect(),
            identifiers: subs.iter().filter_map(|sub| sub.identifier).collect(),
            correlation,
            id: 0,
            is_released: false,
            first_sent: None,
            last_sent: 0,
        };
        if out.qos == 2 {
            if let Ok(message) = self.ledger.get(number) {
                *message.copies.entry(client.into()).or_default() += 1;
            }
        }
        let Some(session) = self.realms[realm].sessions.get_mut(client) else { return };
        let link = session.link;
        match (out.qos, link) {
            (0, Some(link)) => self.send_out(link, &out, false),
            (0, None) => {}
            _ => {
                session.queue.push_back(out);
                if let Some(link) = link {
                    self.pump(link);
                }
            }
        }
    }

    /// Sends what the client has room for.
    pub fn pump(&mut self, link: usize) {
        let now = self.now;
        while let Some(session) = self.session(link) {
            if session.flight.len() >= session.window {
                return;
            }
            let Some(mut out) = session.queue.pop_front() else { return };
            loop {
                session.next_id = session.next_id % 60_000 + 1;
                if session.flight.iter().all(|other| other.id != session.next_id) {
                    break;
                }
            }
            out.id = session.next_id;
            (out.first_sent, out.last_sent) = (Some(now), now);
            session.flight.push(out.clone());
            self.send_out(link, &out, false);
        }
    }

    pub fn resend(&mut self, link: usize) {
        let now = self.now;
        let Some(session) = self.session(link) else { return };
        session.flight.iter_mut().for_each(|out| out.last_sent = now);
        for out in session.flight.clone() {
            match (out.is_released, PacketId::new(out.id)) {
                (true, Some(id)) => self.answer(link, &Packet::PubRel(Acknowledgement::new(id))),
                _ => self.send_out(link, &out, true),
            }
        }
        self.pump(link);
    }

    pub fn send_out(&mut self, link: usize, out: &Out, dup: bool) {
        let Ok(message) = self.ledger.get(out.number).cloned() else { return };
        let mut properties: Vec<_> = out.identifiers.iter().map(|id| Property::SubscriptionIdentifier(*id)).collect();
        if let Some(data) = &out.correlation {
            properties.push(Property::CorrelationData(data));
        }
        let is_v5 = self.ends[link].version == Some(Version::V5);
        let properties = if is_v5 { Properties::new(&properties) } else { Properties::NONE };
        let qos = QoS::from_bits(out.qos).unwrap_or_default();
        let (topic, payload, id) = (&message.topic, &message.payload, PacketId::new(out.id));
        self.answer(link, &Packet::Publish(Publish { dup, qos, retain: false, topic, id, properties, payload }));
    }

    pub fn on_acknowledged(&mut self, link: usize, id: PacketId, qos: u8, reason: ReasonCode) -> Verdict {
        let host = self.links[link].host;
        let Some(session) = self.session(link) else { return Ok(()) };
        let Some(out) = session.flight.iter_mut().find(|out| out.id == id.get()) else {
            return match self.is_id_shared(host) {
                true => Ok(()),
                false => Err(format!("an acknowledgement of {id}, which was not sent")),
            };
        };
        if out.qos != qos {
            return Err(format!("message {} at QoS {} was acknowledged as one at QoS {qos}", out.number, out.qos));
        }
        let (copy, is_over) = (out.clone(), qos == 1 || reason.is_error());
        let was_released = std::mem::replace(&mut out.is_released, true);
        if is_over {
            session.flight.retain(|out| out.id != id.get());
        } else {
            self.answer(link, &Packet::PubRel(Acknowledgement::new(id)));
        }
        self.pump(link);
        if was_released { Ok(()) } else { self.judge_acknowledged(host, &copy) }
    }
}
