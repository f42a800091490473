//! What the application does, and what becomes of a link.

use super::app::{Flow, Known, SUBSCRIBE};
use super::{Checked, State};
use crate::config::{Config, KEEP_ALIVE};
use crate::device::Memory;
use crate::packet::Packet;
use crate::rules::{Rule, hold};
use pure_mqtt::{
    Ack, Cause, Connect, Disconnect, Property, Publish, PublishError, QoS, ReasonCode, Subscribe, Subscription,
    TopicFilter, TopicName, Version,
};

impl<M: Memory> State<M> {
    fn new_flow(&mut self, kind: u8, handle: u64, id: u16) -> Checked {
        let is_taken = id != 0 && self.app.flows.iter().any(|flow| !flow.ended && flow.id == id);
        hold(!is_taken, Rule::A2IdInUse)?;
        hold(self.app.flows.iter().all(|flow| flow.handle != handle), Rule::B2OneEnd)?;
        self.app.flows.push(Flow {
            kind,
            handle,
            id,
            begun: false,
            on_link: false,
            released: false,
            release_left: false,
            owes_release: false,
            ended: false,
            outcome: None,
            refused: false,
            lost: false,
            void: false,
        });
        Ok(true)
    }

    pub(super) fn publish(&mut self, qos: u8) -> Checked {
        let message = [self.app.flows.len() as u8];
        let Ok(topic) = TopicName::new("t") else { return Err(Rule::Wire) };
        let level = QoS::from_bits(qos).unwrap_or_default();
        let before = self.client.clone();
        match self.client.publish(self.now, &Publish::new(topic, &message).qos(level)) {
            Ok(delivery) => self.new_flow(qos, delivery.handle.get(), delivery.id.map_or(0, |id| id.get())),
            Err(PublishError::Full) => {
                hold(self.client == before && self.client.pending() > 0, Rule::G5ErrorChangesNothing)?;
                Ok(false)
            }
            Err(_) => Err(Rule::NoFault),
        }
    }

    pub(super) fn subscribe(&mut self) -> Checked {
        let Ok(filter) = TopicFilter::new("t") else { return Err(Rule::Wire) };
        let filters = [Subscription::new(filter, QoS::AtLeastOnce)];
        match self.client.subscribe(self.now, &Subscribe::new(&filters)) {
            Ok(requested) => self.new_flow(SUBSCRIBE, requested.handle.get(), requested.id.get()),
            Err(_) => Ok(false),
        }
    }

    pub(super) fn open(&mut self, config: &Config, clean: bool, window: u16) -> Checked {
        let for_ever = [Property::SessionExpiryInterval(u32::MAX)];
        let connect = Connect::new(config.version, "c").clean_start(clean).keep_alive(KEEP_ALIVE).properties(&for_ever);
        hold(self.client.open(self.now, &connect).is_ok(), Rule::NoFault)?;
        self.window = window;
        (self.app.clean, self.app.connect_out, self.app.resumed) = (clean, false, false);
        if clean && config.version == Version::V31 {
            self.app.must_clean = true; // 3.1 could not tell us whether it was done
        }
        Ok(true)
    }

    pub(super) fn acknowledge(&mut self, index: u8) -> Checked {
        let held = self.app.held.remove(index.into());
        let pending = held.source.handle().ok_or(Rule::D8AckAfterDelivery)?;
        match self.client.acknowledge(self.now, pending, &Ack::SUCCESS) {
            Ok(()) => self.app.answerable.push((held.qos, held.id)),
            Err(_) => return Err(Rule::D8AckAfterDelivery),
        }
        Ok(true)
    }

    /// The application ends the link: what is half out and DISCONNECT may still leave.
    pub(super) fn disconnect(&mut self) -> Checked {
        if self.client.state() == pure_mqtt::State::Closing {
            return Ok(false);
        }
        // An application that has bytes with the transport hears of them first.
        if self.shown.is_some() {
            return Ok(false);
        }
        hold(self.client.disconnect(self.now, &Disconnect::new(ReasonCode::SUCCESS)).is_ok(), Rule::NoFault)?;
        // A fence that is half out leaves, and ends no link any more: DISCONNECT does.
        if let Some(Packet::PubRel { id, .. }) = self.half {
            self.app.fences.retain(|fence| *fence != id);
        }
        // DISCONNECT goes before a PUBREL that waits, and the client takes that for sent.
        self.app.flows.iter_mut().for_each(|flow| flow.release_left |= flow.released);
        Ok(true)
    }

    /// The link is gone, for both sides.
    pub(super) fn close(&mut self, config: &Config) -> Result<(), Rule> {
        self.confirm(config)?;
        self.client.handle_close(self.now);
        (self.stalled, self.deaf) = (false, false);
        let was_connected = std::mem::take(&mut self.app.is_answered);
        self.server.cut(config.version);
        self.up.clear();
        self.down.clear();
        match self.half.take() {
            Some(Packet::Publish { message, qos: 0, .. }) => self.flow(message)?.ended = true, // it is not sent again
            Some(Packet::PubRel { id, .. }) => self.app.fences.retain(|fence| *fence != id),   // no server saw it
            _ => {}
        }
        for flow in self.app.flows.iter_mut().filter(|flow| !flow.ended) {
            flow.on_link = false;
            flow.owes_release = flow.released;
            if flow.kind == SUBSCRIBE && flow.begun {
                flow.outcome = Some(Cause::LinkLost);
            }
        }
        let ends_session = self.app.clean && config.version != Version::V5;
        let session = &mut self.app.session;
        if was_connected && ends_session {
            *session = Known::default();
        } else if !was_connected && self.app.clean && self.app.connect_out && (!ends_session || session.is_any()) {
            session.is_doubtful = true;
        }
        if !std::mem::take(&mut self.app.fences).is_empty() {
            session.is_adopted = false;
        }
        // A QoS 1 handle is good for its link; the server delivers again.
        for held in self.app.held.iter().filter(|held| held.qos == 1) {
            let pending = held.source.handle().ok_or(Rule::D8AckAfterDelivery)?;
            let before = self.client.clone();
            let refused = self.client.acknowledge(self.now, pending, &Ack::SUCCESS).is_err();
            hold(refused && self.client == before, Rule::G5ErrorChangesNothing)?;
        }
        self.app.held.retain(|held| held.qos == 2);
        self.app.answerable.clear();
        self.fetch_outcomes()
    }
}
