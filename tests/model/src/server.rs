//! A server that follows the standard, as small as it can be: one client, no clock, no storage limits.

use crate::packet::Packet;
use crate::rules::Rule;
use pure_mqtt::Version;

/// At most so many messages in each direction.
pub const MESSAGES: usize = 8;

#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Server {
    /// CONNECT has come on this link.
    pub connected: bool,
    /// The link began with a clean start.
    clean: bool,
    /// How many sessions there were: the number of the latest.
    pub sessions: u8,
    pub session: Option<Session>,
    /// The Receive Maximum that the client announced.
    client_maximum: u16,
    /// The messages sent on this link that wait for PUBACK or PUBREC, in order.
    unanswered: Vec<(u8, u16)>,
    /// The PUBRECs sent on this link that wait for PUBREL, in order.
    unreleased: Vec<u16>,
    /// How often each message was taken over, all sessions together.
    pub taken: [u8; MESSAGES],
    /// How often each QoS 2 message was released.
    pub released: [u8; MESSAGES],
    /// Messages that were sent to the client so far.
    pub sent: u8,
    /// Messages to the client that went with a session, as a bit set.
    pub gone: u16,
    /// The quality of service of each.
    pub qos: [u8; MESSAGES],
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Session {
    /// QoS 2 messages between PUBLISH and PUBREL.
    pub held: Vec<(u16, u8)>,
    /// QoS 2 messages that were taken over in this session, as a bit set.
    taken: u16,
    pub outbound: Vec<Outbound>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Outbound {
    id: u16,
    message: u8,
    qos: u8,
    stage: Stage,
    /// Something was sent for it on this link.
    on_link: bool,
    /// It holds a unit of the client's Receive Maximum.
    counts: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Stage {
    Waiting,
    Sent,
    Released,
}

impl Server {
    /// The link is gone.
    pub fn cut(&mut self, version: Version) {
        if self.connected && self.clean && version != Version::V5 {
            self.lose();
        }
        self.connected = false;
        self.unanswered.clear();
        self.unreleased.clear();
        for outbound in self.session.iter_mut().flat_map(|session| &mut session.outbound) {
            (outbound.on_link, outbound.counts) = (false, false);
        }
    }

    /// The session is gone.
    pub fn lose(&mut self) {
        for outbound in self.session.take().unwrap_or_default().outbound {
            self.gone |= 1 << outbound.message;
        }
    }

    /// A message for the client has come; false if it isn't kept.
    pub fn publish(&mut self, qos: u8, down: &mut Vec<Packet>) -> bool {
        let Some(session) = self.session.as_mut().filter(|_| qos > 0 || self.connected) else { return false };
        let message = self.sent;
        self.sent += 1;
        self.qos[usize::from(message)] = qos;
        if qos == 0 {
            down.push(Packet::Publish { message, qos, dup: false, id: 0 });
            return true;
        }
        let is_free = |id: &u16| session.outbound.iter().all(|outbound| outbound.id != *id);
        let id = (1..).find(is_free).unwrap_or(1); // used again as soon as possible, which is the hardest for the client
        session.outbound.push(Outbound { id, message, qos, stage: Stage::Waiting, on_link: false, counts: false });
        self.pump(down);
        true
    }

    /// The message to the client that has this identifier.
    pub fn message(&self, id: u16) -> Option<usize> {
        let outbound = &self.session.as_ref()?.outbound;
        outbound.iter().find(|outbound| outbound.id == id).map(|outbound| outbound.message.into())
    }

    /// Sends what may be sent: in order, within the client's Receive Maximum.
    fn pump(&mut self, down: &mut Vec<Packet>) {
        let Some(session) = self.session.as_mut().filter(|_| self.connected) else { return };
        let mut counted = session.outbound.iter().filter(|outbound| outbound.counts).count();
        for outbound in session.outbound.iter_mut().filter(|outbound| !outbound.on_link) {
            let Outbound { id, message, qos, stage, .. } = *outbound;
            if stage == Stage::Released {
                down.push(Packet::PubRel { id, code: 0 });
            } else if counted < usize::from(self.client_maximum) {
                down.push(Packet::Publish { message, qos, dup: stage == Stage::Sent, id });
                self.unanswered.push((qos, id));
                outbound.stage = Stage::Sent;
                outbound.counts = true;
                counted += 1;
            } else {
                return;
            }
            outbound.on_link = true;
        }
    }

    /// Whether this is a message that the server may answer with an error: not one that it has taken over.
    pub fn may_refuse(&self, packet: Option<&Packet>) -> bool {
        let Some(Packet::Publish { qos: 1 | 2, id, .. }) = packet else { return false };
        let is_held = |session: &Session| session.held.iter().any(|held| held.0 == *id);
        !self.session.as_ref().is_some_and(is_held)
    }

    /// A packet of the client's arrives; what the server answers goes to `down`. With `refuse` it answers a message with an error.
    pub fn take(&mut self, packet: Packet, window: u16, refuse: bool, down: &mut Vec<Packet>) -> Result<(), Rule> {
        if let Packet::Connect { clean, receive_maximum } = packet {
            return self.connect(clean, receive_maximum, window, down);
        }
        let Some(session) = self.session.as_mut().filter(|_| self.connected) else { return Err(Rule::G1ConnectFirst) };
        match packet {
            Packet::Publish { message, qos, id, .. } => {
                let count = &mut self.taken[usize::from(message)];
                let is_held = session.held.iter().any(|(held, _)| *held == id);
                if is_held && qos != 1 && session.held.iter().any(|held| held.0 == id && held.1 != message) {
                    return Err(Rule::A2IdInUse);
                }
                if is_held && qos == 1 {
                    return Err(Rule::A2IdInUse);
                }
                if !is_held && !refuse {
                    *count = count.saturating_add(1).min(3);
                }
                if qos == 2 && !is_held && !refuse {
                    if session.taken >> message & 1 != 0 {
                        return Err(Rule::C1ExactlyOnce);
                    }
                    session.taken |= 1 << message;
                    session.held.push((id, message));
                }
                let code = if refuse { 0x97 } else { 0 };
                match qos {
                    0 => {}
                    1 => down.push(Packet::PubAck { id, code }),
                    _ => {
                        if !refuse {
                            self.unreleased.push(id);
                        }
                        down.push(Packet::PubRec { id, code });
                    }
                }
            }
            Packet::PubRel { id, .. } => {
                match self.unreleased.iter().position(|other| *other == id) {
                    Some(0) => drop(self.unreleased.remove(0)),
                    Some(_) => return Err(Rule::D6AckOrder),
                    None => {} // it belongs to a PUBREC of an earlier link
                }
                let held = session.held.iter().position(|(held, _)| *held == id);
                if let Some(index) = held {
                    let (_, message) = session.held.remove(index);
                    let count = &mut self.released[usize::from(message)];
                    *count = count.saturating_add(1).min(3);
                }
                down.push(Packet::PubComp { id, code: if held.is_some() { 0 } else { 0x92 } });
            }
            Packet::PubAck { id, .. } => {
                self.answered(1, id)?;
                self.session.get_or_insert_default().outbound.retain(|outbound| outbound.id != id);
            }
            Packet::PubRec { id, code } => {
                self.answered(2, id)?;
                let outbound = &mut self.session.get_or_insert_default().outbound;
                if code >= 0x80 {
                    outbound.retain(|outbound| outbound.id != id);
                } else {
                    outbound.iter_mut().filter(|outbound| outbound.id == id).for_each(|o| o.stage = Stage::Released);
                    down.push(Packet::PubRel { id, code: 0 });
                }
            }
            Packet::PubComp { id, .. } => {
                let is_released = |outbound: &Outbound| outbound.id == id && outbound.stage == Stage::Released;
                let index = session.outbound.iter().position(is_released).ok_or(Rule::D1OneAnswer)?;
                if !session.outbound.remove(index).on_link {
                    return Err(Rule::D1OneAnswer);
                }
            }
            Packet::PingReq => down.push(Packet::PingResp),
            Packet::Subscribe { id } => down.push(Packet::SubAck { id }),
            _ => return Err(Rule::Wire),
        }
        self.pump(down);
        Ok(())
    }

    fn connect(&mut self, clean: bool, maximum: u16, window: u16, down: &mut Vec<Packet>) -> Result<(), Rule> {
        if self.connected {
            return Err(Rule::G1ConnectFirst);
        }
        if clean {
            self.lose();
        }
        let present = self.session.is_some();
        if !present {
            self.sessions += 1;
            self.session = Some(Session::default());
        }
        (self.connected, self.clean, self.client_maximum) = (true, clean, maximum);
        down.push(Packet::ConnAck { present, window, session: self.sessions });
        self.pump(down);
        Ok(())
    }

    /// PUBACK or PUBREC: each message has one on each link, in the order of the messages.
    fn answered(&mut self, qos: u8, id: u16) -> Result<(), Rule> {
        let is_expected = |entry: &(u8, u16)| entry.0 == qos && entry.1 == id;
        let index = self.unanswered.iter().position(is_expected).ok_or(Rule::D1OneAnswer)?;
        if self.unanswered[..index].iter().any(|entry| entry.0 == qos) {
            return Err(Rule::D6AckOrder);
        }
        self.unanswered.remove(index);
        Ok(())
    }
}
