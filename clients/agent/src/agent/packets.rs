//! Handling packets from the server.

use alloc::string::{String, ToString};

use bytes::Bytes;
use pure_mqtt::{
    Auth, ConnAck, Event as Packet, FinalResult, Message, Property, ReasonCode, Received, SessionState, Topic, Version,
};

use super::{Agent, Phase};
use crate::durable::Record;
use crate::event::{Event, SessionFate, Wake};
use crate::ids::Ticket;
use crate::lines::info;
use crate::message::Incoming;
use crate::properties::{of_packet, share};
use crate::receiving::Changed;
use crate::ticket::{Denied, End};

impl Agent {
    /// Processes at most one packet.
    pub(super) fn take_packet(&mut self, tap: &mut dyn FnMut(&Packet<'_>)) {
        let front = self.inbox.front();
        match self.engine.handle_input(self.clock.now, &front) {
            Ok(Received::Packet { consumed, event }) => {
                if let Some(event) = event {
                    tap(&event);
                    self.on_packet(&front, event);
                }
                self.inbox.consume(consumed);
            }
            Ok(Received::Partial { needed }) => self.inbox.needs(needed),
            Ok(Received::Blocked) => self.inbox.block(),
            Err(_) => self.inbox.clear(), // `should_close` has the error
        }
        self.tell_unread();
    }

    /// Reports unprocessed input to the engine as a sign of life, except the start of a packet, which was reported.
    pub(super) fn tell_unread(&mut self) {
        let waits = self.inbox.is_ready() || self.inbox.is_blocked();
        let unread = if waits { self.inbox.len() } else { 0 };
        self.engine.report_unread(self.clock.now, unread);
    }

    fn on_packet(&mut self, front: &Bytes, packet: Packet<'_>) {
        self.version.on_event(&packet);
        if let Some(end) = packet.final_result() {
            self.on_end(&packet, &end);
            return;
        }
        match packet {
            Packet::ConnAck(connack) => self.on_connack(&connack),
            Packet::Message(message) => self.on_message(front, message),
            Packet::Discarded(discarded) => {
                self.stats.discarded += 1;
                let topic = String::from_utf8_lossy(discarded.topic).into_owned();
                self.outbox.events.push_back(Event::Discarded { topic, length: discarded.length });
            }
            Packet::Auth(auth) => self.on_auth(&auth),
            Packet::Disconnect(disconnect) => {
                self.link.reference = disconnect.properties.server_reference().map(Into::into);
                let explanation = disconnect.properties.reason_string().map(Into::into);
                self.link.last_words = Some((disconnect.reason, explanation));
            }
            _ => {}
        }
    }

    fn on_end(&mut self, packet: &Packet<'_>, end: &FinalResult) {
        self.link.has_progress = true;
        self.outbox.has_room = true;
        match packet {
            Packet::SubAck(answer) => {
                let changed = self.asking.on_suback(&mut self.filters, answer.handle, answer.reasons());
                changed.into_iter().for_each(|changed| self.on_changed(changed));
            }
            Packet::UnsubAck(answer) => self.asking.on_unsuback(&mut self.filters, answer.handle),
            _ => {
                let result = if end.is_success { End::Acknowledged(end.reason) } else { End::Refused(end.reason) };
                self.message_ended(end.handle, |_| result);
            }
        }
    }

    fn on_auth(&mut self, auth: &Auth<'_>) {
        let method = auth.properties.authentication_method().unwrap_or_default().to_string();
        let data = Bytes::copy_from_slice(auth.properties.authentication_data().unwrap_or_default());
        self.outbox.events.push_back(Event::Challenge { method, data });
    }

    fn on_connack(&mut self, connack: &ConnAck<'_>) {
        if connack.session == SessionState::Untouched {
            self.link.reference = connack.properties.server_reference().map(Into::into);
            let explanation = connack.properties.reason_string().map(Into::into);
            self.link.last_words = Some((connack.reason, explanation));
            return;
        }
        self.link.accepted = Some(self.clock.now);
        self.adopt_identifier(connack);
        self.note_begun();
        if self.link.is_wiping {
            self.link.is_to_be_replaced = true;
            return self.say_disconnect();
        }
        let has_identifiers =
            connack.properties.iter().all(|property| property != Property::SubscriptionIdentifierAvailable(false));
        self.asking.has_identifiers = has_identifiers && self.engine.version() == Version::V5;
        let session = self.on_session(connack.session);
        self.stats.links += 1;
        let server = self.link.candidate.as_ref().map(|candidate| candidate.server).unwrap_or_default();
        info!("{}: up, the session is {session:?}", self.link.id);
        self.outbox.events.push_back(Event::LinkUp { link: self.link.id, server, session });
        self.outbox.wakes.push_back(Wake::Link);
    }

    /// Adopts the identifier that the server has assigned: it identifies the session from now on.
    fn adopt_identifier(&mut self, connack: &ConnAck<'_>) {
        if let Some(assigned) = connack.properties.assigned_client_identifier() {
            if self.client_id().is_empty() {
                self.rename(assigned);
            }
        }
    }

    /// Records that the session is one of this server's realms from now on. This record and the engine's own records of the new session become durable together, or not at all:
    /// a session is never continued in another realm.
    fn note_begun(&mut self) {
        self.session.begins_anew = false;
        let Some(realms) = self.link_realms() else { return };
        if self.session.realms.as_ref() != Some(&realms) {
            self.log.begin_session(&mut self.engine, &realms);
            self.session.realms = Some(realms);
        }
    }

    fn on_session(&mut self, session: SessionState) -> SessionFate {
        let asked = self.asking.named();
        let was_known = core::mem::replace(&mut self.session.was_told, true);
        let fate = match session {
            SessionState::Resumed if self.engine.version() == Version::V31 => {
                self.filters.session_begins(true, &asked); // this CONNACK can't report that the session is lost
                SessionFate::Resumed
            }
            SessionState::Resumed => {
                self.filters.session_resumes(&asked);
                if !self.requests.is_empty() {
                    self.hold_messages(); // no reply may arrive before the response topic is subscribed to
                }
                return SessionFate::Resumed;
            }
            SessionState::Adopted { .. } => {
                // It may be the known session: the engine knows which messages can still be acknowledged.
                self.filters.session_begins(true, &asked);
                SessionFate::Adopted
            }
            SessionState::New { republished, aborted, .. } => {
                self.filters.session_begins(false, &asked);
                self.held.session_lost(&self.queues.left());
                if was_known { SessionFate::Lost { republished, ended: aborted } } else { SessionFate::Fresh }
            }
            _ => SessionFate::Resumed,
        };
        self.log.record(&Record::FiltersUnsure);
        if self.filters.has_to_ask() {
            self.hold_messages();
        }
        fate
    }

    fn on_message(&mut self, front: &Bytes, message: Message<'_>) {
        self.link.has_progress = true;
        self.stats.received += 1;
        let topic = match (self.engine.topic(&message.topic), message.topic) {
            (Some(topic), _) => topic.as_str().to_string(),
            (None, Topic::Invalid(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
            (None, _) => String::new(),
        };
        let properties = match message.properties.is_empty() {
            true => Bytes::new(),
            false => of_packet(front),
        };
        let incoming = Incoming {
            topic,
            payload: share(front, message.payload),
            qos: message.qos,
            retain: message.retain,
            dup: message.dup,
            id: message.id,
            properties,
            ack: None,
        };
        self.deliver(incoming, &message.properties, message.ack);
    }

    /// Handles a filter that was granted or denied.
    pub(super) fn on_changed(&mut self, changed: Changed) {
        let Changed { filter, receivers, tickets, answer } = changed;
        for receiver in receivers {
            let filter = filter.clone().into_string();
            self.outbox.events.push_back(match answer {
                Ok(qos) => Event::Granted { receiver, filter, qos },
                Err(why) => Event::Denied { receiver, filter, why },
            });
        }
        let end = match answer {
            Ok(qos) => End::Acknowledged(ReasonCode(qos.bits())),
            Err(Denied::Refused(reason)) => End::Refused(reason),
            Err(Denied::HangsUp | Denied::ServerCant) => End::Refused(ReasonCode::UNSPECIFIED_ERROR),
        };
        tickets.into_iter().for_each(|ticket| self.answer_ticket(ticket, end));
    }

    pub(super) fn answer_ticket(&mut self, ticket: Ticket, end: End) {
        if self.tickets.answered(ticket, end) {
            self.outbox.wake_ticket(ticket);
        }
    }

    /// Returns whether the engine has an accepted link.
    pub(super) fn is_up(&self) -> bool {
        matches!(self.phase, Phase::Open) && self.engine.is_connected()
    }
}
