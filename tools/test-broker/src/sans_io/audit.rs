//! Checks on what a client does over time, as far as the broker can be sure.
//!
//! A packet may be lost with a link, in either direction, so the broker knows less than the client. The audit only
//! speaks up where no loss could explain what it sees: an exchange stays open until the broker's last answer left its
//! output buffer, and is forgotten from then on, since the client may or may not have got that answer.

use super::codec::{Ack, AckKind, Publish, Version};
use std::collections::{BTreeSet, VecDeque};

/// The part that belongs to the session: what the client began to send and the broker has not finished answering.
#[derive(Clone, Default, Debug)]
pub struct SenderAudit {
    exchanges: Vec<Exchange>,
    arrivals: u64,
}

/// A PUBLISH with QoS 1 or 2 from the client.
#[derive(Clone, Debug)]
struct Exchange {
    id: u16,
    /// Its place in the order of first arrival, unless the broker has not seen the first attempt.
    arrival: Option<u64>,
    qos: u8,
    topic: String,
    payload: Vec<u8>,
    released: bool,
    on_link: bool,
}

/// A broker packet in the output buffer that ends something for the client when it is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mark {
    /// The last answer to a PUBLISH.
    Exchange(u16),
    /// SUBACK or UNSUBACK.
    Request(u16),
}

/// The part that belongs to one link.
#[derive(Clone, Default, Debug)]
pub struct LinkAudit {
    /// Whether the client may believe that its session goes on.
    pub resumed: bool,
    /// Set once raw bytes were injected: answers to those are nobody's fault.
    pub tampered: bool,
    /// PUBLISH packets with QoS 1 and 2 that have no last answer yet.
    pub unanswered: BTreeSet<u16>,
    marks: Vec<Mark>,
    fences: Vec<u16>,
    finished: BTreeSet<u16>,
    requests: BTreeSet<u16>,
    last_resent: Option<u64>,
    recs: VecDeque<u16>,
    published: [VecDeque<u16>; 2],
    rels: BTreeSet<u16>,
}

impl SenderAudit {
    /// A new link starts: nothing was seen on it.
    pub fn new_link(&mut self) {
        self.exchanges.iter_mut().for_each(|exchange| exchange.on_link = false);
    }

    /// Packet identifiers the client has to send again and has not on this link.
    pub fn awaiting_resend(&self) -> Vec<u16> {
        self.exchanges.iter().filter(|exchange| !exchange.on_link).map(|exchange| exchange.id).collect()
    }

    /// Whether a message with this identifier was begun and not finished.
    pub fn is_open(&self, id: u16) -> bool {
        self.exchanges.iter().any(|exchange| exchange.id == id)
    }

    /// A PUBLISH with QoS 1 or 2, its topic alias resolved.
    pub fn publish(&mut self, link: &mut LinkAudit, publish: &Publish, version: Version) -> Vec<String> {
        let Some(id) = publish.id else {
            return Vec::new();
        };
        link.unanswered.insert(id);
        if let Some(exchange) = self.exchanges.iter_mut().find(|exchange| exchange.id == id) {
            return exchange.again(link, publish, version);
        }
        self.arrivals += 1;
        let arrival = (!publish.dup).then_some(self.arrivals);
        self.exchanges.push(Exchange::new(id, arrival, publish));
        link.first_time(id, publish.dup, version)
    }

    /// A PUBREL.
    pub fn release(&mut self, link: &mut LinkAudit, ack: Ack) -> Vec<String> {
        let mut found = Vec::new();
        let known = self.exchanges.iter_mut().find(|exchange| exchange.id == ack.id);
        match known {
            Some(exchange) if exchange.qos == 2 => {
                exchange.released = true;
                exchange.on_link = true;
            }
            Some(_) => found.push(format!("[MQTT-4.3.3-4] PUBREL for the QoS 1 identifier {}", ack.id)),
            None if ack.reason == 0x92 || link.tampered => {}
            None if !link.resumed || link.finished.contains(&ack.id) => {
                found.push(format!("[MQTT-4.3.3-4] PUBREL for identifier {}, which is not in use", ack.id));
            }
            None => {}
        }
        if !take_in_order(&mut link.recs, ack.id).unwrap_or(true) && !link.tampered {
            found.push(format!("[MQTT-4.6.0-4] PUBREL {} is not in the order of the PUBRECs", ack.id));
        }
        found
    }

    /// SUBSCRIBE or UNSUBSCRIBE.
    pub fn request(&self, link: &mut LinkAudit, id: u16) -> Vec<String> {
        let in_use = self.exchanges.iter().any(|exchange| exchange.id == id) || link.requests.contains(&id);
        link.requests.insert(id);
        if in_use { vec![format!("[MQTT-2.2.1-3] identifier {id} is in use")] } else { Vec::new() }
    }

    /// The host took the output, so everything marked in it may now be known to the client.
    pub fn taken(&mut self, link: &mut LinkAudit) {
        for mark in std::mem::take(&mut link.marks) {
            match mark {
                Mark::Request(id) => {
                    link.requests.remove(&id);
                }
                Mark::Exchange(id) => {
                    self.exchanges.retain(|exchange| exchange.id != id);
                    link.unanswered.remove(&id);
                    link.finished.insert(id);
                }
            }
        }
    }
}

impl Exchange {
    fn new(id: u16, arrival: Option<u64>, publish: &Publish) -> Self {
        let (topic, payload) = (publish.topic.clone(), publish.payload.clone());
        Self { id, arrival, qos: publish.qos, topic, payload, released: false, on_link: true }
    }

    /// The same identifier arrives again while the exchange is open for sure.
    fn again(&mut self, link: &mut LinkAudit, publish: &Publish, version: Version) -> Vec<String> {
        let id = self.id;
        let mut found = Vec::new();
        if self.on_link {
            if !publish.dup {
                found.push(format!("[MQTT-2.2.1-3] identifier {id} is in use"));
            } else if version.is_v5() {
                found.push(format!("[MQTT-4.4.0-1] PUBLISH {id} was sent again without a new connection"));
            }
        } else {
            if !publish.dup {
                found.push(format!("[MQTT-3.3.1-1] PUBLISH {id} was sent again with DUP 0"));
            }
            if self.arrival.is_some() && link.last_resent > self.arrival {
                found.push(format!("[MQTT-4.6.0-1] PUBLISH {id} was sent again out of order"));
            }
            link.last_resent = self.arrival.or(link.last_resent);
        }
        if self.released {
            found.push(format!("[MQTT-4.3.3-6] PUBLISH {id} was sent again after its PUBREL"));
        }
        if (publish.qos, &publish.topic, &publish.payload) != (self.qos, &self.topic, &self.payload) {
            found.push(format!("[MQTT-4.4.0-1] PUBLISH {id} was sent again as another message"));
        }
        self.on_link = true;
        if link.tampered { Vec::new() } else { found }
    }
}

impl LinkAudit {
    /// Whether the client waits for an answer under this identifier.
    pub fn is_used(&self, id: u16) -> bool {
        self.unanswered.contains(&id) || self.requests.contains(&id)
    }

    /// The broker put a packet into its output that ends something for the client.
    pub fn mark(&mut self, mark: Mark) {
        if let Some(place) = self.fences.iter().position(|id| mark == Mark::Exchange(*id)) {
            self.fences.remove(place);
        } else {
            self.marks.push(mark);
        }
    }

    /// A PUBREL frees the identifier before the message that is to use it: the answer to it ends nothing.
    pub fn fence(&mut self, id: u16) {
        self.fences.push(id);
    }

    /// The client has a newer connection, so it will never see what is left in this output buffer.
    pub fn forget_marks(&mut self) {
        self.marks.clear();
    }

    /// The broker sent a PUBREC that asks for a PUBREL.
    pub fn sent_rec(&mut self, id: u16) {
        if !self.recs.contains(&id) {
            self.recs.push_back(id);
        }
    }

    /// The broker sent a PUBLISH.
    pub fn sent_publish(&mut self, qos: u8, id: u16) {
        self.published_queue(qos).push_back(id);
    }

    /// The broker sent a PUBREL.
    pub fn sent_rel(&mut self, id: u16) {
        self.rels.insert(id);
    }

    /// The client answers the broker's PUBLISH or PUBREL.
    pub fn answer(&mut self, ack: Ack) -> Option<String> {
        let id = ack.id;
        let (rule, in_order) = match ack.kind {
            AckKind::Ack => ("4.6.0-2", take_in_order(self.published_queue(1), id)),
            AckKind::Rec => ("4.6.0-3", take_in_order(self.published_queue(2), id)),
            _ => ("4.3.3-11", self.rels.remove(&id).then_some(true)),
        };
        match in_order {
            _ if self.tampered => None,
            Some(true) => None,
            Some(false) => Some(format!("[MQTT-{rule}] {ack} is not in the order of the PUBLISH packets")),
            None => Some(format!("[MQTT5 4.3] {ack} answers nothing that was sent on this connection")),
        }
    }

    fn published_queue(&mut self, qos: u8) -> &mut VecDeque<u16> {
        let [first, second] = &mut self.published;
        if qos == 1 { first } else { second }
    }

    /// An identifier with no open exchange.
    fn first_time(&self, id: u16, dup: bool, version: Version) -> Vec<String> {
        let mut found = Vec::new();
        let surely_new = !self.resumed || version.is_v5() && self.finished.contains(&id);
        if dup && surely_new {
            found.push(format!("[MQTT-3.3.1-1] PUBLISH {id} is sent for the first time with DUP 1"));
        }
        if self.requests.contains(&id) {
            found.push(format!("[MQTT-2.2.1-3] identifier {id} is in use"));
        }
        found
    }
}

/// Takes `id` out of `queue` and tells whether it was at the front; `None` if it was not in there.
fn take_in_order(queue: &mut VecDeque<u16>, id: u16) -> Option<bool> {
    let index = queue.iter().position(|queued| *queued == id)?;
    queue.remove(index);
    Some(index == 0)
}
