//! Handles packets from the server: one step for each call.

use crate::connection::core::Core;
use crate::connection::effect::{Effect, Place, Refusal};
use crate::connection::link::{AuthState, Ping};
use crate::connection::state::{State, may_send};
use crate::connection::stats::Count;
use crate::connection::timers::Countdown;
use crate::error::ConnectionError;
use crate::event::{Discard, Discarded, Event, Message, PendingAck, PublishAck, Received, RequestAck, Topic};
use crate::session::{Arrival, Bound, Mismatch, OrphanReplyKind, PubRecStep, Release};
use crate::storage::{Kind, Parts};
use crate::text::{self, Text};
use crate::topic::TopicName;
use crate::types::{PacketId, QoS, Version};
use crate::wire::reason::ReasonCode;
use crate::wire::{
    Disconnect, Fields, Header, HeaderStep, PacketType, Publish, Reader, Reply, Seen, Tolerance, Violation,
    WRONG_FLAGS, ids, varint_len,
};

impl Core {
    /// Takes one step, and stores what it did in `result`, which the caller sets to [`Received::Blocked`].
    /// An out parameter, so that the result is on firmware's stack once.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    #[cfg_attr(not(target_pointer_width = "32"), inline)]
    pub(super) fn handle_input<'i, const STREAMS: bool>(
        &mut self,
        parts: &mut Parts<'_>,
        input: &'i [u8],
        result: &mut Result<Received<'i>, ConnectionError>,
    ) {
        if matches!(self.link.state, State::Closed | State::Closing) {
            *result = Err(self.link.end);
            return;
        }
        let Ok(received) = result else { return };
        if let Err(refusal) = self.step::<STREAMS>(parts, input, received) {
            *received = Received::Blocked;
            let error = match refusal {
                Refusal::Blocked => None,
                Refusal::Wrong(fault) => Some(fault.into()),
                Refusal::TooLong(packet) => Some(self.too_long(packet)),
                Refusal::UnknownSession => Some(ConnectionError::UnknownSession),
            };
            if let Some(error) = error {
                crate::fmt::alert!("closing: {}", error);
                self.fail(parts, error);
                *result = Err(error);
                return;
            }
        }
        match received {
            Received::Packet { consumed, .. } => {
                if !self.link.stream.is_open() {
                    self.note_packet();
                }
                self.stats.bytes_received += *consumed as u64;
            }
            Received::Partial { .. } => self.note_progress(input.len()),
            Received::Blocked => self.block(),
        }
    }

    fn step<'i, const STREAMS: bool>(
        &mut self,
        parts: &mut Parts<'_>,
        input: &'i [u8],
        received: &mut Received<'i>,
    ) -> Effect {
        if self.link.stream.is_open() {
            return match STREAMS {
                true => self.continue_stream(parts, input, received),
                false => self.continue_discard(parts, input, received),
            };
        }
        let header = match Header::decode_with(input, self.rules(), !self.limits.strict())? {
            HeaderStep::Header(header) => header,
            HeaderStep::Partial(needed) => {
                *received = Received::Partial { needed };
                return Ok(());
            }
        };
        if !may_send(self.link.state, header.packet_type, self.version()) {
            return Err(Violation::UnexpectedPacket.into());
        }
        if !self.link.is_connect_out && header.packet_type != PacketType::Disconnect {
            return Err(Refusal::Blocked); // it answers a packet that the transport has not confirmed
        }
        let length = header.packet_length();
        if length > self.limits.inline_max() {
            if STREAMS && self.streams(&header) {
                return self.begin_stream(parts, header, input, received);
            }
            return self.on_too_long(parts, header, input, received);
        }
        let Some(body) = header.body(input) else {
            *received = Received::Partial { needed: length - input.len() };
            return Ok(());
        };
        *received = Received::Packet { consumed: length, event: None };
        let mut body = Reader::lenient(body, self.rules());
        let Received::Packet { event, .. } = received else { return Ok(()) };
        match header.packet_type {
            PacketType::Publish => self.on_publish(parts, header.flags, &mut body, event),
            PacketType::ConnAck => self.on_connack(parts, &mut body, event),
            packet_type => {
                if header.flags & WRONG_FLAGS != 0 {
                    body.tolerates(Tolerance::ForeignAck);
                }
                self.on_other(parts, packet_type, &mut body, event)
            }
        }
    }

    /// Handles a packet that exceeds the limit `[MQTT-3.1.2-24]`.
    #[cold]
    fn on_too_long<'i>(
        &mut self,
        parts: &mut Parts<'_>,
        header: Header,
        input: &'i [u8],
        received: &mut Received<'i>,
    ) -> Effect {
        match self.discarding().filter(|_| header.packet_type == PacketType::Publish) {
            Some(discarding) => (discarding.begin)(self, parts, header, input, received),
            None => Err(self.refuse_length(header.packet_type, header.packet_length())),
        }
    }

    /// Handles more bytes of a streamed message in `handle_input`: one that is discarded, or that began in `handle_input_streaming`.
    #[cold]
    fn continue_discard<'i>(&mut self, parts: &mut Parts<'_>, input: &'i [u8], received: &mut Received<'i>) -> Effect {
        match self.discarding().filter(|_| self.link.stream.is_discarded()) {
            Some(discarding) => (discarding.go_on)(self, parts, input, received),
            None => Err(self.refuse_length(PacketType::Publish, self.link.stream.length())),
        }
    }

    /// Ends the link for a packet of this length, which is stored in place of the packet's progress.
    #[cold]
    pub(super) const fn refuse_length(&mut self, packet: PacketType, length: usize) -> Refusal {
        self.link.partial = length as u32;
        Refusal::TooLong(packet)
    }

    /// Returns the public error for it.
    #[cold]
    fn too_long(&self, packet: PacketType) -> ConnectionError {
        let (length, inline_max, stream_max) =
            (self.link.partial, self.limits.inline_max() as u32, self.limits.stream_max() as u32);
        let limit = if length > stream_max { stream_max.max(inline_max) } else { inline_max };
        ConnectionError::TooLong { packet, length, limit }
    }

    /// A function of its own to save stack.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn on_other<'i>(
        &mut self,
        parts: &mut Parts<'_>,
        packet_type: PacketType,
        body: &mut Reader<'i>,
        event: Place<'_, 'i>,
    ) -> Effect {
        let mut reply = Reply::empty();
        reply.read(packet_type, body);
        body.finish()?;
        self.check_requested(packet_type, reply.seen)?;
        if let Some(deviation) = body.noted() {
            self.stats.count(deviation as u8);
        }
        self.on_reply(parts, packet_type, &reply, event)
    }

    /// Not in the function that reads the packet, to save stack.
    #[cfg_attr(all(target_pointer_width = "32", feature = "v5"), inline(never))]
    fn on_reply<'i>(
        &mut self,
        parts: &mut Parts<'_>,
        packet_type: PacketType,
        reply: &Reply<'i>,
        event: Place<'_, 'i>,
    ) -> Effect {
        match packet_type {
            PacketType::PubRel => self.on_pubrel(parts, reply.id),
            PacketType::PubRec if !reply.reason.is_error() => self.on_pubrec(parts, reply.id),
            PacketType::PubAck
            | PacketType::PubRec
            | PacketType::PubComp
            | PacketType::SubAck
            | PacketType::UnsubAck => self.on_answer(parts, packet_type, reply, event),
            PacketType::PingResp => {
                self.on_pingresp(event);
                Ok(())
            }
            PacketType::Disconnect if Version::KNOWS_PROPERTIES => self.on_disconnect(parts, reply, event),
            PacketType::Auth if Version::KNOWS_PROPERTIES => match self.authenticating() {
                Some(authenticating) if self.link.auth != AuthState::None => {
                    (authenticating.on_auth)(self, reply, event)
                }
                _ => Err(Violation::UnexpectedPacket.into()), // [MQTT-4.12.0-6]
            },
            _ => Err(Violation::UnexpectedPacket.into()), // a client's
        }
    }

    /// Checks that Reason String and User Properties were requested, or are always allowed here `[MQTT-3.1.2-29]`.
    fn check_requested(&self, packet_type: PacketType, seen: Seen) -> Result<(), Violation> {
        let is_breach = Version::KNOWS_PROPERTIES
            && self.link.no_problem_information
            && packet_type != PacketType::Disconnect
            && seen.has_any(const { Seen::of(&[ids::ReasonString, ids::UserProperty]) });
        if is_breach { Err(Violation::NotRequested) } else { Ok(()) }
    }

    #[inline(never)]
    fn on_publish<'i>(
        &mut self,
        parts: &mut Parts<'_>,
        flags: u8,
        body: &mut Reader<'i>,
        event: Place<'_, 'i>,
    ) -> Effect {
        let bytes = body.unread();
        let Fields { topic, alias, payload, qos, retain, dup, id, properties } = Publish::decode(flags, body);
        body.finish()?;
        let topic = told_topic(topic, bytes, body.noted().is_some());
        *event = Some(Event::Message(Message { topic, payload, qos, retain, dup, id, properties, ack: None }));
        let Some(Event::Message(message)) = event else { return Ok(()) };
        self.resolve(parts, &mut message.topic, alias)?;
        let is_invalid = self.payload_check().is_some_and(|is_invalid| is_invalid(message));
        let is_discarded = matches!(message.topic, Topic::Invalid(_)) && self.limits.discards_bad_topics();
        let is_new = match id {
            Some(id) => {
                let answer = match is_invalid {
                    true => Some(ReasonCode::PAYLOAD_FORMAT_INVALID),
                    false => (is_discarded || !self.limits.manual_acks()).then_some(ReasonCode::SUCCESS),
                };
                self.receive(parts, (id, dup), qos, answer, &mut message.ack)?
            }
            None => {
                if dup {
                    self.stats.count(Tolerance::DupAtQoS0 as u8);
                }
                true
            }
        };
        self.bind_alias(parts, &message.topic, alias);
        if is_new && !is_invalid && !is_discarded {
            self.stats.messages_received += 1;
            return Ok(());
        }
        *event = None;
        if !is_new {
            self.stats.count(Count::RepeatedMessage as u8);
        } else if is_invalid {
            self.stats.count(Count::InvalidPayload as u8);
        } else {
            self.stats.count(Count::DiscardedMessage as u8);
            let (topic, length) = (Publish::topic_bytes(bytes), packet_length(bytes.len()) as u32);
            *event = Some(Event::Discarded(Discarded { topic, length, qos, retain, id, why: Discard::BadTopic }));
        }
        Ok(())
    }

    /// Enters a QoS 1 or 2 message into the session, whatever was subscribed to `[MQTT-4.5.0-2]`; its answer becomes pending
    /// `[MQTT-3.3.4-1]`. With `answer` it is sent when its turn comes; otherwise once the message is acknowledged, for which
    /// `ack` is set. Returns false for a duplicate.
    #[cfg_attr(not(target_pointer_width = "32"), inline(always))]
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(super) fn receive(
        &mut self,
        parts: &mut Parts<'_>,
        (id, dup): (PacketId, bool),
        qos: QoS,
        answer: Option<ReasonCode>,
        ack: &mut Option<PendingAck>,
    ) -> Result<bool, Refusal> {
        let held = self.limits.max_received(parts.inbox.len());
        let bound = Bound { maximum: self.link.receive_maximum, held, is_kept: !parts.journal.is_none() };
        match self.incoming.arrive(parts.inbox, id.get(), qos, bound, answer, dup) {
            Arrival::New { place, serial } => {
                if answer.is_none() {
                    *ack = Some(PendingAck::new(place, serial));
                }
                Ok(true)
            }
            Arrival::Repeated => Ok(false),
            Arrival::Blocked => Err(Refusal::Blocked),
            Arrival::Stale | Arrival::InUse => Err(Violation::PacketIdInUse.into()),
            // It needs no slot, and messages in the table may wait for packets behind it.
            Arrival::Full { exceeds_maximum: false, clears: false } if qos == QoS::AtLeastOnce && answer.is_some() => {
                let is_noted = self.incoming.stray(id.get(), OrphanReplyKind::Receipt, answer.unwrap_or_default());
                if is_noted { Ok(true) } else { Err(Refusal::Blocked) }
            }
            // First send pending answers and let the application acknowledge: often that makes room, and if the link
            // must end, it has made progress.
            Arrival::Full { exceeds_maximum: false, clears } if clears || self.owes_output() => Err(Refusal::Blocked),
            Arrival::Full { .. } => Err(Violation::ReceiveMaximumExceeded.into()),
        }
    }

    /// Returns whether acknowledgements are pending: for the transport, or for the application.
    fn owes_output(&self) -> bool {
        !self.link.control.is_empty() || !self.incoming.owes_nothing()
    }

    /// Resolves the topic of a message that has only an alias `[MQTT-3.3.2-7]`, within our maximum `[MQTT-3.1.2-26]`
    /// `[MQTT-3.1.2-27]` `[MQTT-3.3.2-11]`.
    #[cfg_attr(not(target_pointer_width = "32"), inline(always))]
    pub(super) fn resolve(
        &mut self,
        parts: &mut Parts<'_>,
        topic: &mut Topic<'_>,
        alias: Option<u16>,
    ) -> Result<(), Violation> {
        let Some(alias) = alias.filter(|_| Version::KNOWS_PROPERTIES) else { return Ok(()) };
        let is_named = !matches!(topic, Topic::Name(name) if name.text().is_empty());
        if alias > self.link.topic_alias_maximum && (!is_named || self.limits.strict()) {
            return Err(Violation::TopicAlias);
        }
        match self.aliasing().filter(|_| !is_named) {
            Some(aliasing) => (aliasing.resolve)(self, parts, topic, alias),
            None => Ok(()), // it has a topic name; without aliasing the maximum is 0
        }
    }

    /// Binds the alias of an accepted message, unless it is above our maximum, in a message with a topic name.
    pub(super) fn bind_alias(&mut self, parts: &mut Parts<'_>, topic: &Topic<'_>, alias: Option<u16>) {
        if !Version::KNOWS_PROPERTIES {
            return;
        }
        if alias > Some(self.link.topic_alias_maximum) {
            self.stats.count(Tolerance::IgnoredAlias as u8);
        } else if let Some((alias, aliasing)) = alias.zip(self.aliasing()) {
            (aliasing.bind)(self, parts, topic, alias);
        }
    }

    /// Handles a PUBREC that does not end its message.
    fn on_pubrec(&mut self, parts: &mut Parts<'_>, id: PacketId) -> Effect {
        let answer = match self.outgoing.pubrec(parts, id.get()) {
            Ok(PubRecStep::Repeated) => ReasonCode::SUCCESS,
            Ok(PubRecStep::Released) => {
                self.watch_acks(parts.slots);
                return Ok(());
            }
            Err(Mismatch::Unknown) if self.may_be_unknown() => ReasonCode::PACKET_IDENTIFIER_NOT_FOUND,
            Err(mismatch) => return self.mismatched(mismatch),
        };
        if !self.incoming.stray(id.get(), OrphanReplyKind::Release, answer) {
            return Err(Refusal::Blocked);
        }
        if answer.is_error() { self.mismatched(Mismatch::Unknown) } else { Ok(()) }
    }

    pub(super) fn on_pubrel(&mut self, parts: &mut Parts<'_>, id: PacketId) -> Effect {
        match self.incoming.release(parts.inbox, id.get(), !self.limits.strict()) {
            Release::Completing => {}
            Release::Early { extra } => {
                self.outgoing.drop_ack(parts, extra);
                self.stats.count(Tolerance::EarlyRelease as u8);
            }
            Release::Blocked => return Err(Refusal::Blocked),
            // A server that did not receive PUBCOMP sends PUBREL again, as the standard requires.
            Release::Unknown => {
                self.stats.count(Tolerance::UnknownAck as u8);
                return Ok(());
            }
            Release::TooEarly => return self.mismatched(Mismatch::Unexpected),
        }
        Ok(())
    }

    /// Counts an acknowledgement for an unknown identifier; one that does not fit its packet ends the link.
    fn mismatched(&mut self, mismatch: Mismatch) -> Effect {
        match mismatch {
            Mismatch::Unknown if self.may_be_unknown() => {
                self.stats.count(Tolerance::UnknownAck as u8);
                Ok(())
            }
            Mismatch::Unknown => Err(Violation::UnknownPacketId.into()),
            Mismatch::Early => Err(Refusal::Blocked),
            Mismatch::Internal => Ok(()),
            Mismatch::Unexpected => Err(Violation::UnexpectedAck.into()),
            Mismatch::Count => Err(Violation::ReasonCodeCount.into()),
        }
    }

    /// Handles the final result of a message or a request.
    fn on_answer<'i>(
        &mut self,
        parts: &mut Parts<'_>,
        packet_type: PacketType,
        &Reply { id, reason, properties, codes, .. }: &Reply<'i>,
        event: Place<'_, 'i>,
    ) -> Effect {
        let is_lenient = !self.limits.strict() && !self.version().has_properties();
        let answer = (packet_type, id.get());
        let (handle, kind, filters) = match self.outgoing.answered(parts, answer, codes.len(), is_lenient) {
            Err(mismatch) => return self.mismatched(mismatch),
            Ok(done) => done,
        };
        let codes = if codes.len() == filters { codes } else { &[] };
        if packet_type == PacketType::PubAck && kind == Kind::Publish2 {
            self.stats.count(Tolerance::PubAckAtQoS2 as u8);
        }
        self.watch_acks(parts.slots);
        let done = PublishAck { handle, id, reason, properties };
        let answered = RequestAck { handle, id, properties, codes };
        *event = Some(match packet_type {
            PacketType::PubAck => Event::PubAck(done),
            PacketType::PubRec => Event::PubRec(done),
            PacketType::PubComp => Event::PubComp(done),
            PacketType::SubAck => Event::SubAck(answered),
            _ => Event::UnsubAck(answered),
        });
        Ok(())
    }

    /// Handles PINGRESP; one without a PINGREQ is ignored.
    fn on_pingresp(&mut self, event: Place<'_, '_>) {
        let is_awaited = matches!(self.link.ping, Ping::Staged | Ping::Sent);
        if is_awaited || self.link.timers.pingresp.is_running() {
            self.link.ping = Ping::None;
            self.link.timers.pingresp = Countdown::NONE;
            *event = Some(Event::PingResp);
        }
    }

    fn on_disconnect<'i>(&mut self, parts: &mut Parts<'_>, reply: &Reply<'i>, event: Place<'_, 'i>) -> Effect {
        if reply.reason == ReasonCode::DISCONNECT_WITH_WILL {
            return Err(Violation::ReasonCode.into()); // [MQTT-3.14.2-1]
        }
        if reply.seen.has(ids::SessionExpiryInterval) {
            return Err(Violation::PropertyNotAllowed.into()); // [MQTT-3.14.2-2]
        }
        // [MQTT-3.1.4-3] [MQTT-4.12.0-4] [MQTT-4.12.1-2] [MQTT-4.13.2-1]
        self.end(parts, ConnectionError::ServerDisconnect(reply.reason), None);
        *event = Some(Event::Disconnect(Disconnect { reason: reply.reason, properties: reply.properties }));
        Ok(())
    }
}

/// Returns whether the message is marked as UTF-8 but is not.
pub(super) fn has_invalid_payload(message: &Message<'_>) -> bool {
    message.properties.number(ids::PayloadFormatIndicator) == Some(1) && !text::is_utf8(message.payload)
}

/// Returns the topic for the event of a message whose body begins with `bytes`.
pub(super) fn told_topic<'i>(topic: Text<'i>, bytes: &'i [u8], is_bad: bool) -> Topic<'i> {
    if is_bad { Topic::Invalid(Publish::topic_bytes(bytes)) } else { Topic::Name(TopicName::trusted(topic)) }
}

/// Returns the length of a packet with this remaining length.
const fn packet_length(remaining: usize) -> usize {
    1 + varint_len(remaining) + remaining
}
