//! PUBLISH from a client and the handshakes around it, in both directions.

use super::codec::{Ack, AckKind, FORWARDED, Prop, Publish, Wrong, find, id};
use super::session::Stage;
use super::topics::{Message, check_name};
use super::{Broker, LinkId, Received};

impl Broker {
    /// PUBLISH from a client.
    pub(super) fn on_publish(&mut self, link: LinkId, mut publish: Publish) -> Result<(), Wrong> {
        self.resolve_alias(link, &mut publish)?;
        self.check_publish(link, &publish)?;
        self.audit_publish(link, &publish)?;
        let Some(id) = publish.id else {
            self.take_message(link, publish);
            return Ok(());
        };
        if publish.qos == 1 {
            let reason = self.config.puback_reason.unwrap_or(0);
            if reason < 0x80 {
                self.take_message(link, publish);
            }
            self.acknowledge(link, Ack { kind: AckKind::Ack, id, reason });
        } else {
            self.receive_exactly_once(link, id, publish);
        }
        Ok(())
    }

    /// Takes the message of a QoS 2 PUBLISH unless its identifier is stored already.
    fn receive_exactly_once(&mut self, link: LinkId, id: u16, publish: Publish) {
        let client_id = self.client_id(link);
        let Some(session) = self.sessions.get_mut(&client_id) else { return };
        let is_known = session.received.contains(&id);
        let reason = if is_known { 0 } else { self.config.pubrec_reason.unwrap_or(0) };
        if !is_known && reason < 0x80 {
            session.received.insert(id);
            self.take_message(link, publish);
        }
        self.acknowledge(link, Ack { kind: AckKind::Rec, id, reason });
    }

    /// Fills in the topic that an alias stands for.
    fn resolve_alias(&mut self, link: LinkId, publish: &mut Publish) -> Result<(), Wrong> {
        let maximum = self.config.topic_alias_maximum;
        let Some(state) = self.links.get_mut(&link) else { return Ok(()) };
        let Some(alias) = find(&publish.props, id::TOPIC_ALIAS).and_then(Prop::number) else {
            return Ok(());
        };
        let alias = alias as u16;
        if alias == 0 {
            return Err(Wrong::new(0x94, "[MQTT-3.3.2-8] topic alias 0"));
        }
        if alias > maximum {
            return Err(Wrong::new(0x94, format!("[MQTT-3.3.2-9] topic alias {alias} is above {maximum}")));
        }
        if !publish.topic.is_empty() {
            state.aliases_in.insert(alias, publish.topic.clone());
            return Ok(());
        }
        let unbound = || Wrong::protocol(format!("[MQTT5 3.3.2.3.4] topic alias {alias} stands for nothing"));
        publish.topic.clone_from(state.aliases_in.get(&alias).ok_or_else(unbound)?);
        Ok(())
    }

    /// The rules that end the connection of a client that breaks them.
    fn check_publish(&self, link: LinkId, publish: &Publish) -> Result<(), Wrong> {
        check_name(&publish.topic)?;
        if publish.qos == 0 && publish.dup {
            return Err(Wrong::malformed("[MQTT-3.3.1-2] DUP 1 with QoS 0"));
        }
        if !self.is_v5(link) {
            return Ok(());
        }
        let response_topic = find(&publish.props, id::RESPONSE_TOPIC).and_then(Prop::text);
        if response_topic.is_some_and(|topic| topic.contains(['+', '#'])) {
            return Err(Wrong::protocol("[MQTT-3.3.2-14] wildcard in the Response Topic"));
        }
        if publish.qos > self.config.maximum_qos {
            return Err(Wrong::new(0x9B, format!("[MQTT-3.2.2-11] QoS {} is above the maximum", publish.qos)));
        }
        if publish.retain && !self.config.retain_available {
            return Err(Wrong::new(0x9A, "[MQTT-3.2.2-14] RETAIN is not available"));
        }
        Ok(())
    }

    fn audit_publish(&mut self, link: LinkId, publish: &Publish) -> Result<(), Wrong> {
        let Some(state) = self.links.get_mut(&link) else { return Ok(()) };
        let Some(session) = self.sessions.get_mut(&state.client_id) else { return Ok(()) };
        let found = session.audit.publish(&mut state.audit, publish, state.version);
        let unanswered = state.audit.unanswered.len();
        let is_over = state.version.is_v5() && unanswered > self.config.receive_limit();
        for text in found {
            self.blame(link, &text);
        }
        if is_over {
            return Err(Wrong::new(0x93, format!("[MQTT-3.3.4-7] {unanswered} PUBLISH packets are unacknowledged")));
        }
        Ok(())
    }

    /// Writes a message down as received and forwards it.
    fn take_message(&mut self, link: LinkId, publish: Publish) {
        let client_id = self.client_id(link);
        let expiry = find(&publish.props, id::MESSAGE_EXPIRY).and_then(Prop::number);
        self.released.push(Received {
            link,
            client_id: client_id.clone(),
            topic: publish.topic.clone(),
            payload: publish.payload.clone(),
            qos: publish.qos,
            retain: publish.retain,
            dup: publish.dup,
            props: publish.props.clone(),
        });
        self.accept_message(Message {
            from: client_id,
            topic: publish.topic,
            payload: publish.payload,
            qos: publish.qos,
            retain: publish.retain,
            props: publish.props.into_iter().filter(|(id, _)| FORWARDED.contains(id)).collect(),
            expires_at: expiry.map(|seconds| self.now_ms + u64::from(seconds) * 1000),
        });
    }

    /// Answers a client's PUBLISH or PUBREL, now or when held answers are released.
    fn acknowledge(&mut self, link: LinkId, ack: Ack) {
        let Some(state) = self.links.get_mut(&link) else { return };
        if self.config.hold_acks {
            state.held.push(ack);
        } else {
            self.send_ack(link, ack);
        }
    }

    /// Sends an answer.
    pub(super) fn send_ack(&mut self, link: LinkId, ack: Ack) {
        if let Some(state) = self.links.get_mut(&link) {
            state.send_ack(ack, &mut self.transcript);
        }
    }

    /// PUBACK, PUBREC, PUBREL or PUBCOMP from a client.
    pub(super) fn on_ack(&mut self, link: LinkId, ack: Ack) {
        if ack.kind == AckKind::Rel {
            self.on_pubrel(link, ack);
            return;
        }
        let blame = self.links.get_mut(&link).and_then(|state| state.audit.answer(ack));
        if let Some(text) = blame {
            self.blame(link, &text);
        }
        match ack.kind {
            AckKind::Rec if ack.reason < 0x80 => self.on_pubrec(link, ack.id),
            _ => self.finish_delivery(link, ack),
        }
    }

    /// PUBREL: the identifier is free again.
    fn on_pubrel(&mut self, link: LinkId, ack: Ack) {
        let Some(state) = self.links.get_mut(&link) else { return };
        let Some(session) = self.sessions.get_mut(&state.client_id) else { return };
        let is_open = session.audit.is_open(ack.id);
        let found = session.audit.release(&mut state.audit, ack);
        let is_known = session.received.remove(&ack.id);
        let reason = if is_known || !state.version.is_v5() { 0 } else { 0x92 };
        for text in found {
            self.blame(link, &text);
        }
        if let Some(state) = self.links.get_mut(&link).filter(|_| !is_open) {
            state.audit.fence(ack.id);
        }
        self.acknowledge(link, Ack { kind: AckKind::Comp, id: ack.id, reason });
    }

    /// PUBREC for one of the broker's deliveries.
    fn on_pubrec(&mut self, link: LinkId, id: u16) {
        let Some(state) = self.links.get_mut(&link) else { return };
        let Some(session) = self.sessions.get_mut(&state.client_id) else { return };
        let mut reason = if state.version.is_v5() { 0x92 } else { 0 };
        if let Some(entry) = session.find(id).filter(|entry| entry.delivery.qos == 2) {
            entry.stage = Stage::Released(id);
            reason = 0;
        }
        state.send_ack(Ack { kind: AckKind::Rel, id, reason }, &mut self.transcript);
    }

    /// The last answer to one of the broker's deliveries: PUBACK, PUBCOMP, or a PUBREC that refuses.
    fn finish_delivery(&mut self, link: LinkId, ack: Ack) {
        let client_id = self.client_id(link);
        let Some(state) = self.links.get_mut(&link) else { return };
        let Some(session) = self.sessions.get_mut(&client_id) else { return };
        let fits = match (ack.kind, session.find(ack.id)) {
            (_, None) => false,
            (AckKind::Ack, Some(entry)) => entry.delivery.qos == 1 && entry.on_link,
            (AckKind::Rec, Some(entry)) => entry.delivery.qos == 2 && entry.on_link,
            (_, Some(entry)) => matches!(entry.stage, Stage::Released(_)),
        };
        if fits {
            session.finish(ack.id);
        }
        state.quota = state.quota.saturating_add(u16::from(fits)).min(state.receive_maximum);
        self.pump(&client_id);
    }
}
