//! What a packet from the server does: one step for each call.

use crate::connection::core::Core;
use crate::connection::link::Ping;
use crate::connection::state::{State, may_send};
use crate::connection::stats::count;
use crate::error::ConnectionError;
use crate::event::{Acknowledged, Answered, Event, Message, PendingAck, Received, Topic, TopicAlias};
use crate::reason::ReasonCode;
use crate::session::{Aliases, Arrival, Bound, Matched, Mismatch, PubRecStep, Release, Standing};
use crate::storage::{Kind, Parts, Record};
use crate::time::Deadline;
use crate::topic::TopicName;
use crate::types::{Handle, PacketId, QoS, Version};
use crate::wire::{
    Acknowledgement, Auth, ConnAck, Disconnect, Header, HeaderStep, PacketType, Properties, Publish, Reader, SubAck,
    UnsubAck, Violation, is_problem_information,
};

/// What one packet did. Made in the place where [`Received`] will be read: an event is never copied.
pub(super) type Step<'i> = Result<Received<'i>, ConnectionError>;

impl Core {
    #[inline]
    pub(super) fn handle_input<'i, const STREAMS: bool>(
        &mut self,
        parts: &mut Parts<'_>,
        input: &'i [u8],
    ) -> Result<Received<'i>, ConnectionError> {
        if matches!(self.link.state, State::Closed | State::Closing) {
            return Err(self.link.end);
        }
        if !parts.journal.has_room(0) {
            self.block();
            return Ok(Received::Blocked);
        }
        let step = self.step::<STREAMS>(parts, input);
        match &step {
            Ok(Received::Packet { consumed, .. }) => {
                if !self.link.stream.is_open() {
                    self.note_packet();
                }
                self.stats.bytes_received += *consumed as u64;
            }
            Ok(Received::Partial { .. }) => self.note_progress(input.len()),
            Ok(Received::Blocked) => self.block(),
            Err(error) => {
                crate::fmt::alert!("closing: {}", error);
                self.fail(parts, *error);
            }
        }
        step
    }

    fn step<'i, const STREAMS: bool>(&mut self, parts: &mut Parts<'_>, input: &'i [u8]) -> Step<'i> {
        if self.link.stream.is_open() {
            return if STREAMS { self.continue_stream(parts, input) } else { Err(Violation::PacketTooLarge.into()) };
        }
        let header = match Header::decode(input, self.rules())? {
            HeaderStep::Header(header) => header,
            HeaderStep::Partial(needed) => return Ok(Received::Partial { needed }),
        };
        let answers_nothing = self.link.state == State::Connecting && !self.link.control.is_empty();
        if answers_nothing || !may_send(self.link.state, header.packet_type, self.version()) {
            return Err(Violation::UnexpectedPacket.into());
        }
        let length = header.packet_length();
        if length > self.limits.inline_max() {
            if STREAMS && self.streams(&header) {
                return self.begin_stream(parts, header, input);
            }
            return Err(Violation::PacketTooLarge.into()); // [MQTT-3.1.2-24]
        }
        let mut reader = Reader::new(input, self.rules());
        reader.bytes(header.length)?;
        let Ok(body) = reader.sub(header.remaining) else {
            return Ok(Received::Partial { needed: length - input.len() });
        };
        self.packet(parts, header, body)
    }

    #[inline]
    fn packet<'i>(&mut self, parts: &mut Parts<'_>, header: Header, body: Reader<'i>) -> Step<'i> {
        let packet_type = header.packet_type;
        let consumed = header.packet_length();
        let event = match packet_type {
            PacketType::Publish => {
                let (publish, alias) = Publish::decode(header.flags, body)?;
                return self.on_publish(parts, consumed, publish, alias);
            }
            PacketType::PubAck | PacketType::PubRec | PacketType::PubRel | PacketType::PubComp => {
                let ack = Acknowledgement::decode(packet_type, body)?;
                self.check_requested(&ack.properties)?;
                return self.on_ack(parts, consumed, packet_type, ack);
            }
            PacketType::ConnAck => Some(self.on_connack(parts, ConnAck::decode(body)?)?),
            PacketType::SubAck => {
                let SubAck { id, properties, codes } = SubAck::decode(body)?;
                self.on_answer(parts, Kind::Subscribe, id, properties, codes)?.map(Event::SubAck)
            }
            PacketType::UnsubAck => {
                let UnsubAck { id, properties, codes } = UnsubAck::decode(body)?;
                self.on_answer(parts, Kind::Unsubscribe, id, properties, codes)?.map(Event::UnsubAck)
            }
            PacketType::PingResp => {
                body.finish()?;
                self.on_pingresp()
            }
            PacketType::Disconnect | PacketType::Auth if !Version::KNOWS_PROPERTIES => {
                return Err(Violation::UnexpectedPacket.into());
            }
            PacketType::Disconnect => Some(self.on_disconnect(Disconnect::decode(body)?)?),
            PacketType::Auth => {
                let auth = Auth::decode(body)?;
                self.check_requested(&auth.properties)?;
                Some(self.on_auth(auth)?)
            }
            PacketType::Connect | PacketType::Subscribe | PacketType::Unsubscribe | PacketType::PingReq => {
                return Err(Violation::UnexpectedPacket.into());
            }
        };
        Ok(Received::Packet { consumed, event })
    }

    /// Reason strings and user properties only if we didn't ask for silence `[MQTT-3.1.2-29]`.
    fn check_requested(&self, properties: &Properties<'_>) -> Result<(), Violation> {
        let is_breach = Version::KNOWS_PROPERTIES
            && self.link.no_problem_information
            && properties.iter().any(|p| is_problem_information(&p));
        if is_breach { Err(Violation::NotRequested) } else { Ok(()) }
    }

    #[inline]
    fn on_publish<'i>(
        &mut self,
        parts: &mut Parts<'_>,
        consumed: usize,
        publish: Publish<'i>,
        alias: Option<u16>,
    ) -> Step<'i> {
        let topic = self.resolve(parts, &publish, alias)?;
        let is_invalid = self.limits.check_payload_format()
            && publish.properties.payload_format_indicator() == Some(true)
            && core::str::from_utf8(publish.payload).is_err();
        let mut ack = None;
        if let Some(id) = publish.id {
            let answer = match is_invalid {
                true => Some(ReasonCode::PAYLOAD_FORMAT_INVALID),
                false => (!self.limits.manual_acks()).then_some(ReasonCode::SUCCESS),
            };
            match self.receive(parts, id, publish.qos, answer)? {
                Arrival::New { place, serial } => {
                    ack = self.limits.manual_acks().then_some(PendingAck { place, serial });
                }
                Arrival::Repeated => {
                    count(&mut self.stats.repeated_messages);
                    self.bind_alias(parts, &publish, alias);
                    return Ok(Received::Packet { consumed, event: None });
                }
                _ => return Ok(Received::Blocked),
            }
        } else if publish.dup {
            count(&mut self.stats.dup_at_qos0);
        }
        self.bind_alias(parts, &publish, alias);
        if is_invalid {
            count(&mut self.stats.invalid_payloads);
            return Ok(Received::Packet { consumed, event: None });
        }
        self.stats.messages_received += 1;
        let Publish { payload, qos, retain, dup, id, properties, .. } = publish;
        let message = Message { topic, payload, qos, retain, dup, id, properties, ack };
        Ok(Received::Packet { consumed, event: Some(Event::Message(message)) })
    }

    /// Enters a QoS 1 or 2 message into the books, whatever was subscribed to `[MQTT-4.5.0-2]`: from now on its answer is owed `[MQTT-3.3.4-1]`. It
    /// leaves when its turn comes if `answer` is there, else once the message is acknowledged.
    pub(super) fn receive(
        &mut self,
        parts: &mut Parts<'_>,
        id: PacketId,
        qos: QoS,
        answer: Option<ReasonCode>,
    ) -> Result<Arrival, ConnectionError> {
        let acknowledged = answer.is_some();
        let held = self.limits.max_received(parts.inbox.len());
        let bound = Bound { maximum: self.link.receive_maximum, held };
        let arrival = if qos == QoS::AtLeastOnce {
            self.incoming.at_least_once(parts.inbox, id.get(), bound, acknowledged)
        } else {
            self.incoming.exactly_once(parts.inbox, id.get(), bound, acknowledged)
        };
        match arrival {
            Arrival::Stale => {
                parts.journal.write(&Record::Completed(id.get()));
                Err(Violation::PacketIdInUse.into())
            }
            Arrival::InUse => Err(Violation::PacketIdInUse.into()),
            // First the server gets what is owed, and the application may acknowledge: often that makes room, and if the link must end, it has
            // made progress.
            Arrival::Full { exceeds_maximum: false, clears } if clears || self.owes_output(parts) => {
                Ok(Arrival::Blocked)
            }
            Arrival::Full { .. } => Err(Violation::ReceiveMaximumExceeded.into()),
            Arrival::New { place, .. } if answer.is_some_and(ReasonCode::is_error) => {
                if let Some(slot) = parts.inbox.get_mut(usize::from(place)) {
                    slot.reason = answer.unwrap_or_default().0;
                }
                Ok(arrival)
            }
            Arrival::New { .. } if acknowledged && qos == QoS::ExactlyOnce => {
                parts.journal.write(&Record::Received(id.get()));
                Ok(arrival)
            }
            arrival => Ok(arrival),
        }
    }

    /// Draining the output will hand acknowledgements over.
    fn owes_output(&self, parts: &mut Parts<'_>) -> bool {
        !self.link.control.is_empty() || self.incoming.due(parts.inbox).is_some()
    }

    /// The topic of a message, whose alias may stand for it `[MQTT-3.3.2-7]`, within our maximum `[MQTT-3.1.2-26]` `[MQTT-3.1.2-27]`
    /// `[MQTT-3.3.2-11]`.
    pub(super) fn resolve<'i>(
        &self,
        parts: &Parts<'_>,
        publish: &Publish<'i>,
        alias: Option<u16>,
    ) -> Result<Topic<'i>, Violation> {
        if alias.is_some_and(|alias| alias > self.link.topic_alias_maximum) {
            return Err(Violation::TopicAlias);
        }
        match alias {
            Some(alias) if publish.topic.is_empty() => match Aliases::lookup(parts.inbound_aliases(), alias) {
                (serial, Standing::Name) => Ok(Topic::Alias(TopicAlias { alias, serial })),
                (_, Standing::TooLong) => Err(Violation::ForgottenTopicAlias),
                (_, Standing::Unbound) => Err(Violation::UnknownTopicAlias),
            },
            _ => Ok(Topic::Name(TopicName::trusted(publish.topic))),
        }
    }

    /// A message with both a topic and an alias binds one to the other `[MQTT-3.3.2-10]`.
    pub(super) fn bind_alias(&mut self, parts: &mut Parts<'_>, publish: &Publish<'_>, alias: Option<u16>) {
        let named = alias.filter(|_| !publish.topic.is_empty());
        if let (Some(alias), Some(aliasing)) = (named, self.link.aliasing) {
            (aliasing.bind)(self, parts, alias, publish.topic);
        }
    }

    fn on_ack<'i>(
        &mut self,
        parts: &mut Parts<'_>,
        consumed: usize,
        packet_type: PacketType,
        ack: Acknowledgement<'i>,
    ) -> Step<'i> {
        let Acknowledgement { id, reason, properties } = ack;
        let done = |matched: Matched| Acknowledged { handle: Handle(matched.handle), id, reason, properties };
        let event = match packet_type {
            PacketType::PubRel => return self.on_pubrel(parts, consumed, id),
            PacketType::PubRec => return self.on_pubrec(parts, consumed, ack),
            PacketType::PubAck => {
                let outcome = self.outgoing.puback(parts, id.get());
                self.matched(outcome)?.map(done).map(Event::PubAck)
            }
            _ => {
                let outcome = self.outgoing.pubcomp(parts, id.get());
                self.matched(outcome)?.map(done).map(Event::PubComp)
            }
        };
        if event.is_some() {
            self.acknowledged();
        }
        Ok(Received::Packet { consumed, event })
    }

    fn on_pubrec<'i>(&mut self, parts: &mut Parts<'_>, consumed: usize, ack: Acknowledgement<'i>) -> Step<'i> {
        let Acknowledgement { id, reason, properties } = ack;
        let nothing = Received::Packet { consumed, event: None };
        let answer = |core: &mut Self, reason| core.incoming.stray(id.get(), true, reason);
        match self.outgoing.pubrec(parts, id.get(), reason) {
            Ok(PubRecStep::Released) => {
                self.acknowledged();
                Ok(nothing)
            }
            Ok(PubRecStep::Rejected(matched)) => {
                self.acknowledged();
                let event = Event::PubRec(Acknowledged { handle: Handle(matched.handle), id, reason, properties });
                Ok(Received::Packet { consumed, event: Some(event) })
            }
            Ok(PubRecStep::Repeated) if !answer(self, ReasonCode::SUCCESS) => Ok(Received::Blocked),
            Ok(PubRecStep::Repeated) => Ok(nothing),
            Err(Mismatch::Unknown) if reason.is_error() || self.limits.strict() => {
                self.matched(Err(Mismatch::Unknown)).map(|_| nothing)
            }
            Err(Mismatch::Unknown) if !answer(self, ReasonCode::PACKET_IDENTIFIER_NOT_FOUND) => Ok(Received::Blocked),
            Err(mismatch) => self.matched(Err(mismatch)).map(|_| nothing),
        }
    }

    fn on_pubrel<'i>(&mut self, parts: &mut Parts<'_>, consumed: usize, id: PacketId) -> Step<'i> {
        let nothing = Received::Packet { consumed, event: None };
        let unknown = (!self.limits.strict()).then_some(ReasonCode::PACKET_IDENTIFIER_NOT_FOUND);
        match self.incoming.release(parts.inbox, id.get(), unknown) {
            Release::Completing => {
                parts.journal.write(&Record::Completed(id.get()));
                Ok(nothing)
            }
            Release::Blocked => Ok(Received::Blocked),
            Release::Unknown => self.matched(Err(Mismatch::Unknown)).map(|_| nothing),
            Release::TooEarly => Err(Violation::UnexpectedAck.into()),
        }
    }

    /// An acknowledgement that fits nothing is counted; one that fits something else ends the link.
    fn matched(&mut self, outcome: Result<Matched, Mismatch>) -> Result<Option<Matched>, ConnectionError> {
        match outcome {
            Ok(matched) => Ok(Some(matched)),
            Err(Mismatch::Unknown) if !self.limits.strict() => {
                count(&mut self.stats.unknown_acks);
                Ok(None)
            }
            Err(Mismatch::Unknown) => Err(Violation::UnknownPacketId.into()),
            Err(Mismatch::Crossing) => Ok(None),
            Err(Mismatch::Unexpected) => Err(Violation::UnexpectedAck.into()),
            Err(Mismatch::Count) => Err(Violation::ReasonCodeCount.into()),
        }
    }

    fn on_answer<'i>(
        &mut self,
        parts: &mut Parts<'_>,
        kind: Kind,
        id: PacketId,
        properties: Properties<'i>,
        codes: &'i [u8],
    ) -> Result<Option<Answered<'i>>, ConnectionError> {
        self.check_requested(&properties)?;
        let has_codes = kind == Kind::Subscribe || self.version().has_properties();
        let outcome = self.outgoing.answered(parts, kind, id.get(), has_codes.then_some(codes.len()));
        let answered =
            self.matched(outcome)?.map(|matched| Answered { handle: Handle(matched.handle), id, properties, codes });
        if answered.is_some() {
            self.acknowledged();
        }
        Ok(answered)
    }

    /// A PINGRESP that nobody asked for means nothing.
    fn on_pingresp<'i>(&mut self) -> Option<Event<'i>> {
        if self.link.ping != Ping::Sent {
            return None;
        }
        self.link.ping = Ping::None;
        self.link.deadlines.pingresp = Deadline::NONE;
        Some(Event::PingResp)
    }

    fn on_disconnect<'i>(&mut self, disconnect: Disconnect<'i>) -> Result<Event<'i>, ConnectionError> {
        if disconnect.reason == ReasonCode::DISCONNECT_WITH_WILL {
            return Err(Violation::ReasonCode.into()); // [MQTT-3.14.2-1]
        }
        if disconnect.properties.session_expiry_interval().is_some() {
            return Err(Violation::PropertyNotAllowed.into()); // [MQTT-3.14.2-2]
        }
        self.finish_link(ConnectionError::ServerDisconnect(disconnect.reason));
        self.silence(); // [MQTT-3.1.4-3] [MQTT-4.12.0-4] [MQTT-4.12.1-2] [MQTT-4.13.2-1]
        Ok(Event::Disconnect(disconnect))
    }
}
