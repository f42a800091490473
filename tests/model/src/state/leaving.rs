//! What leaves the client, and whether it may.

use super::app::{Flow, SUBSCRIBE};
use super::{Checked, Shown, State};
use crate::config::Config;
use crate::device::{Client, Memory};
use crate::packet::{self, Packet};
use crate::rules::{Rule, hold};
use pure_mqtt::{Instant, State as Link};

impl<M: Memory> State<M> {
    pub(super) fn send(&mut self, config: &Config) -> Checked {
        if self.stalled || self.shown.is_some() {
            return Ok(false);
        }
        let packet = match self.half.take() {
            Some(packet) => {
                let first = Self::first_byte(packet);
                let whole = Self::next_packet(&mut self.client, config, self.now, &[first])?;
                hold(whole == Some(packet), Rule::Wire)?;
                packet
            }
            None => {
                let Some(packet) = Self::next_packet(&mut self.client, config, self.now, &[])? else {
                    return Ok(false);
                };
                self.leaves(config, packet)?;
                packet
            }
        };
        self.has_left(packet)?;
        self.up.push_back(packet);
        if self.client.should_close() && packet != Packet::Disconnect {
            self.close(config)?; // nothing is left to send on a link that is over
        }
        Ok(true)
    }

    /// The client knows that the transport took all of a packet.
    fn has_left(&mut self, packet: Packet) -> Result<(), Rule> {
        match packet {
            Packet::Connect { .. } => self.app.connect_out = true,
            Packet::Publish { message, qos: 0, .. } => self.flow(message)?.ended = true,
            _ => {}
        }
        Ok(())
    }

    /// The transport takes the next packet, and doesn't say so yet.
    pub(super) fn send_late(&mut self, config: &Config) -> Checked {
        if self.stalled || self.shown.is_some() || self.half.is_some() {
            return Ok(false);
        }
        let transmit = self.client.transmit(self.now);
        let shown = transmit.chunk();
        let Some(bytes) = packet::length(shown).and_then(|length| shown.get(..length)).map(<[u8]>::to_vec) else {
            return Ok(false);
        };
        let packet = packet::read(&bytes, config.version).ok_or(Rule::Wire)?;
        if packet == Packet::Disconnect {
            return Ok(false);
        }
        let is_meant = |id: u16| move |flow: &&Flow| flow.id == id && flow.released && !flow.ended;
        let is_first = match packet {
            Packet::PubRel { id, .. } => {
                self.app.flows.iter().find(is_meant(id)).is_some_and(|flow| !flow.release_left)
            }
            _ => false,
        };
        self.leaves(config, packet)?;
        self.shown = Some(Shown { packet, bytes, is_first });
        self.up.push_back(packet);
        Ok(true)
    }

    /// The transport says now what it took before.
    pub(super) fn confirm(&mut self, config: &Config) -> Checked {
        let Some(Shown { packet, bytes, .. }) = self.shown.take() else { return Ok(false) };
        let is_over = self.client.state() == Link::Closing; // then the rest is dropped
        let mut transmit = self.client.transmit(self.now);
        hold(is_over || transmit.chunk().starts_with(&bytes), Rule::G8Confirmed)?;
        transmit.advance(bytes.len());
        hold(packet::read(&bytes, config.version) == Some(packet), Rule::Wire)?;
        self.has_left(packet)?;
        Ok(true)
    }

    pub(super) fn send_first_byte(&mut self, config: &Config) -> Checked {
        if self.stalled || self.shown.is_some() {
            return Ok(false);
        }
        let Some(packet) = Self::next_packet(&mut self.client.clone(), config, self.now, &[])? else {
            return Ok(false);
        };
        self.leaves(config, packet)?;
        self.client.transmit(self.now).advance(1);
        self.half = Some(packet);
        Ok(true)
    }

    /// What depends on a record leaves once that is durable; all else needn't wait.
    fn check_durable(&self, config: &Config, packet: Packet) -> Result<(), Rule> {
        if !M::HAS_JOURNAL {
            return Ok(());
        }
        let durable = &self.app.durable;
        let message = |id| self.server.message(id);
        let is_durable = match packet {
            Packet::Connect { clean, .. } => !clean || durable.session.is_doubtful || !self.app.session.is_any(),
            Packet::Publish { message, qos: 1 | 2, .. } => {
                // As long as it doesn't show which session it is the log leaves it in doubt.
                let in_doubt = durable.session.is_doubtful && self.app.session.is_adopted;
                let is_known = in_doubt || durable.session == self.session_after_a_cut(config);
                durable.flows.len() > usize::from(message) && is_known
            }
            Packet::PubRec { id, .. } => message(id).is_none_or(|message| durable.received[message]),
            Packet::PubComp { id, .. } => {
                message(id).is_none_or(|message| durable.completed[message] || !durable.received[message])
            }
            Packet::PubRel { id, .. } => {
                let is_meant = |flow: &Flow| flow.id == id && flow.released && !flow.ended;
                let place = self.app.flows.iter().position(is_meant);
                place.is_none_or(|place| durable.flows.get(place).is_some_and(|flow| flow.released))
            }
            _ => true,
        };
        hold(is_durable, Rule::J1DurableFirst)
    }

    /// The next whole packet that the client would send, its bytes taken from `client`.
    fn next_packet(
        client: &mut Client<M>,
        config: &Config,
        now: Instant,
        begun: &[u8],
    ) -> Result<Option<Packet>, Rule> {
        let mut bytes = begun.to_vec();
        loop {
            let length = if bytes.len() < 2 { 2 } else { packet::length(&bytes).ok_or(Rule::Wire)? };
            let wanted = length - bytes.len();
            if wanted == 0 {
                break;
            }
            let mut transmit = client.transmit(now);
            let chunk = transmit.chunk();
            let count = chunk.len().min(wanted);
            if count == 0 {
                return if bytes.is_empty() { Ok(None) } else { Err(Rule::Wire) };
            }
            bytes.extend_from_slice(&chunk[..count]);
            transmit.advance(count);
        }
        packet::read(&bytes, config.version).map(Some).ok_or(Rule::Wire)
    }

    fn first_byte(packet: Packet) -> u8 {
        match packet {
            Packet::Connect { .. } => 0x10,
            Packet::Publish { qos, dup, .. } => 0x30 | u8::from(dup) << 3 | qos << 1,
            Packet::PubAck { .. } => 0x40,
            Packet::PubRec { .. } => 0x50,
            Packet::PubRel { .. } => 0x62,
            Packet::PubComp { .. } => 0x70,
            Packet::PingReq => 0xC0,
            Packet::Disconnect => 0xE0,
            _ => 0x82,
        }
    }

    /// The first byte of a packet leaves the client.
    fn leaves(&mut self, config: &Config, packet: Packet) -> Result<(), Rule> {
        if packet == Packet::Disconnect {
            return hold(self.client.state() == Link::Closing, Rule::NoFault);
        }
        let is_connect = matches!(packet, Packet::Connect { .. });
        let is_first = !self.app.connect_out;
        hold(is_connect == is_first && is_connect != self.client.is_connected(), Rule::G1ConnectFirst)?;
        self.check_durable(config, packet)?;
        match packet {
            Packet::Connect { clean, .. } => hold(clean == self.app.clean, Rule::Wire),
            Packet::Publish { message, qos, dup, id } => self.publish_leaves(config, message, qos, dup, id),
            Packet::PubRel { id, code } => {
                let flows = &self.app.flows;
                let due = self.app.releases.iter().find(|m| flows[usize::from(**m)].owes_release).copied();
                let is_owed = |flow: &&mut Flow| flow.id == id && flow.owes_release && !flow.ended;
                let (mut place, mut found) = (0, false);
                for (index, flow) in self.app.flows.iter_mut().enumerate() {
                    if is_owed(&flow) {
                        (place, found) = (index as u8, true);
                        (flow.owes_release, flow.release_left) = (false, true);
                    }
                }
                if !found {
                    return self.fence_leaves(id, code);
                }
                hold(code == 0, Rule::C3OnePubRel)?;
                hold(due == Some(place), Rule::D6AckOrder)
            }
            Packet::PubAck { id, .. } => self.answer_leaves(1, id),
            Packet::PubRec { id, .. } => self.answer_leaves(2, id),
            Packet::Subscribe { id } => {
                let flow =
                    self.app.flows.iter_mut().find(|flow| flow.kind == SUBSCRIBE && flow.id == id && !flow.ended);
                let flow = flow.ok_or(Rule::E8Requests)?;
                hold(!flow.begun, Rule::E8Requests)?;
                (flow.begun, flow.on_link) = (true, true);
                Ok(())
            }
            _ => Ok(()), // the server judges PUBCOMP
        }
    }

    /// A PUBREL that belongs to no PUBREC frees the identifier of a message that is about to leave, in a session that was adopted.
    fn fence_leaves(&mut self, id: u16, code: u8) -> Result<(), Rule> {
        let is_new = |flow: &Flow| flow.kind == 2 && flow.id == id && !flow.ended && !flow.released && !flow.on_link;
        let is_due = self.app.session.is_adopted && code == 0 && self.app.flows.iter().any(is_new);
        hold(is_due && !self.app.fences.contains(&id), Rule::C3OnePubRel)?;
        self.app.fences.push(id);
        Ok(())
    }

    fn answer_leaves(&mut self, qos: u8, id: u16) -> Result<(), Rule> {
        let index = self.app.answerable.iter().position(|entry| *entry == (qos, id)).ok_or(Rule::D8AckAfterDelivery)?;
        self.app.answerable.remove(index);
        Ok(())
    }

    fn publish_leaves(&mut self, config: &Config, message: u8, qos: u8, dup: bool, id: u16) -> Result<(), Rule> {
        let flow = *self.flow(message)?;
        hold(flow.kind == qos, Rule::Wire)?;
        hold(!flow.ended && flow.outcome.is_none(), Rule::B2OneEnd)?;
        hold(flow.id == id || qos == 0, Rule::A5SameId)?;
        hold(!flow.released, Rule::C2NoPublishAfterPubRec)?;
        hold(!flow.on_link, Rule::B5OncePerLink)?;
        hold(dup == flow.begun, Rule::B3Dup)?;
        if qos > 0 {
            let waits = |earlier: &Flow| {
                matches!(earlier.kind, 1 | 2) && !earlier.ended && !earlier.on_link && !earlier.released
            };
            hold(!self.app.flows[..usize::from(message)].iter().any(waits), Rule::E2Order)?;
            // Those released on this link are younger than its start, so an old PUBREL that is still owed is what must go first.
            // One whose record is not durable yet holds up nothing else.
            let durable = &self.app.durable.flows;
            let may_leave = |place: usize| !M::HAS_JOURNAL || durable.get(place).is_some_and(|flow| flow.released);
            let old_release = |flow: &Flow| flow.owes_release && !flow.on_link && !flow.ended;
            let mut flows = self.app.flows.iter().enumerate();
            hold(!flows.any(|(place, flow)| old_release(flow) && may_leave(place)), Rule::E2Order)?;
            hold(self.in_flight() < self.window(config), Rule::F1Window)?;
        }
        let flow = self.flow(message)?;
        (flow.begun, flow.on_link) = (true, true);
        Ok(())
    }
}
