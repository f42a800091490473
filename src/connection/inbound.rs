//! What a packet from the server does: one step for each call.

use crate::connection::core::Core;
use crate::connection::link::Ping;
use crate::connection::state::{State, may_send};
use crate::connection::stats::count;
use crate::error::ConnectionError;
use crate::event::{Acknowledged, Answered, Event, Message, PendingAck, Received, Topic, TopicAlias};
use crate::reason::ReasonCode;
use crate::session::{Aliases, Arrival, Bound, Mismatch, PubRecStep, Release, Standing};
use crate::storage::{Kind, Parts, Record};
use crate::time::Deadline;
use crate::topic::TopicName;
use crate::types::{Handle, PacketId, QoS, Version};
use crate::wire::{
    Acknowledgement, Answer, Auth, ConnAck, Disconnect, Header, HeaderStep, PacketType, Properties, Publish, Reader,
    Violation, ids,
};

/// What one call did.
pub(super) type Step<'i> = Result<Received<'i>, ConnectionError>;
/// What one packet did.
pub(super) type Effect<'i> = Result<Option<Event<'i>>, Refusal>;

/// Why a packet could not be taken.
pub(super) enum Refusal {
    /// There is no room to owe a reply to it.
    Blocked,
    /// It ends the link.
    Fatal(ConnectionError),
}

impl<E: Into<ConnectionError>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Fatal(error.into())
    }
}

impl Core {
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    #[cfg_attr(not(target_pointer_width = "32"), inline)]
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
        let Some(body) = header.body(input) else {
            return Ok(Received::Partial { needed: length - input.len() });
        };
        let body = Reader::new(body, self.rules());
        match self.packet(parts, &header, body) {
            Ok(event) => Ok(Received::Packet { consumed: length, event }),
            Err(Refusal::Blocked) => Ok(Received::Blocked),
            Err(Refusal::Fatal(error)) => Err(error),
        }
    }

    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn packet<'i>(&mut self, parts: &mut Parts<'_>, header: &Header, body: Reader<'i>) -> Effect<'i> {
        match header.packet_type {
            PacketType::Publish => self.on_publish(parts, header.flags, body),
            packet_type => self.on_other(parts, packet_type, body),
        }
    }

    fn on_other<'i>(&mut self, parts: &mut Parts<'_>, packet_type: PacketType, mut body: Reader<'i>) -> Effect<'i> {
        match packet_type {
            PacketType::PubAck | PacketType::PubRec | PacketType::PubRel | PacketType::PubComp => {
                let ack = Acknowledgement::decode(packet_type, &mut body);
                body.finish()?;
                self.on_ack(parts, packet_type, ack)
            }
            PacketType::ConnAck => {
                let connack = ConnAck::decode(&mut body);
                body.finish()?;
                self.on_connack(parts, connack)
            }
            PacketType::SubAck | PacketType::UnsubAck => {
                let answer = Answer::decode(packet_type, &mut body);
                body.finish()?;
                self.on_answer(parts, packet_type, answer)
            }
            PacketType::PingResp => {
                body.finish()?;
                Ok(self.on_pingresp())
            }
            PacketType::Disconnect if Version::KNOWS_PROPERTIES => {
                let disconnect = Disconnect::decode(&mut body);
                body.finish()?;
                self.on_disconnect(disconnect)
            }
            PacketType::Auth if Version::KNOWS_PROPERTIES => {
                let auth = Auth::decode(&mut body);
                body.finish()?;
                self.on_auth(auth)
            }
            _ => Err(Violation::UnexpectedPacket.into()), // a client's
        }
    }

    /// Reason strings and user properties only if we didn't ask for silence `[MQTT-3.1.2-29]`.
    pub(super) fn check_requested(&self, properties: &Properties<'_>) -> Result<(), Violation> {
        let is_breach = Version::KNOWS_PROPERTIES
            && self.link.no_problem_information
            && properties.first_of(&[ids::ReasonString, ids::UserProperty]).is_some();
        if is_breach { Err(Violation::NotRequested) } else { Ok(()) }
    }

    #[inline(never)]
    fn on_publish<'i>(&mut self, parts: &mut Parts<'_>, flags: u8, mut body: Reader<'i>) -> Effect<'i> {
        let (publish, alias) = Publish::decode(flags, &mut body);
        body.finish()?;
        let topic = self.resolve(parts, publish.topic, alias)?;
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
                    self.bind_alias(parts, &topic, alias);
                    return Ok(None);
                }
                _ => return Err(Refusal::Blocked),
            }
        } else if publish.dup {
            count(&mut self.stats.dup_at_qos0);
        }
        self.bind_alias(parts, &topic, alias);
        if is_invalid {
            count(&mut self.stats.invalid_payloads);
            return Ok(None);
        }
        self.stats.messages_received += 1;
        let Publish { payload, qos, retain, dup, id, properties, .. } = publish;
        Ok(Some(Event::Message(Message { topic, payload, qos, retain, dup, id, properties, ack })))
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
        name: &'i str,
        alias: Option<u16>,
    ) -> Result<Topic<'i>, Violation> {
        if alias.is_some_and(|alias| alias > self.link.topic_alias_maximum) {
            return Err(Violation::TopicAlias);
        }
        match alias {
            Some(alias) if name.is_empty() => match Aliases::lookup(parts.inbound_aliases(), alias) {
                (serial, Standing::Name) => Ok(Topic::Alias(TopicAlias { alias, serial })),
                (_, Standing::TooLong) => Err(Violation::ForgottenTopicAlias),
                (_, Standing::Unbound) => Err(Violation::UnknownTopicAlias),
            },
            _ => Ok(Topic::Name(TopicName::trusted(name))),
        }
    }

    /// A message with both a topic and an alias binds one to the other `[MQTT-3.3.2-10]`.
    pub(super) fn bind_alias(&mut self, parts: &mut Parts<'_>, topic: &Topic<'_>, alias: Option<u16>) {
        if let (Some(alias), Topic::Name(name), Some(aliasing)) = (alias, topic, self.link.aliasing) {
            (aliasing.bind)(self, parts, alias, name.as_str());
        }
    }

    fn on_ack<'i>(&mut self, parts: &mut Parts<'_>, packet_type: PacketType, ack: Acknowledgement<'i>) -> Effect<'i> {
        let Acknowledgement { id, reason, properties } = ack;
        self.check_requested(&properties)?;
        let outcome = match packet_type {
            PacketType::PubRel => return self.on_pubrel(parts, id),
            PacketType::PubRec => return self.on_pubrec(parts, ack),
            PacketType::PubAck => self.outgoing.puback(parts, id.get()),
            _ => self.outgoing.pubcomp(parts, id.get()),
        };
        match outcome {
            Err(mismatch) => self.mismatched(mismatch),
            Ok(matched) => {
                self.acknowledged();
                let done = Acknowledged { handle: Handle(matched.handle), id, reason, properties };
                Ok(Some(if packet_type == PacketType::PubAck { Event::PubAck(done) } else { Event::PubComp(done) }))
            }
        }
    }

    fn on_pubrec<'i>(&mut self, parts: &mut Parts<'_>, ack: Acknowledgement<'i>) -> Effect<'i> {
        let Acknowledgement { id, reason, properties } = ack;
        let answer = match self.outgoing.pubrec(parts, id.get(), reason) {
            Ok(PubRecStep::Released) => {
                self.acknowledged();
                return Ok(None);
            }
            Ok(PubRecStep::Rejected(matched)) => {
                self.acknowledged();
                let done = Acknowledged { handle: Handle(matched.handle), id, reason, properties };
                return Ok(Some(Event::PubRec(done)));
            }
            Ok(PubRecStep::Repeated) => ReasonCode::SUCCESS,
            Err(Mismatch::Unknown) if !reason.is_error() && !self.limits.strict() => {
                ReasonCode::PACKET_IDENTIFIER_NOT_FOUND
            }
            Err(mismatch) => return self.mismatched(mismatch),
        };
        if !self.incoming.stray(id.get(), true, answer) {
            return Err(Refusal::Blocked);
        }
        if answer.is_error() { self.mismatched(Mismatch::Unknown) } else { Ok(None) }
    }

    fn on_pubrel<'i>(&mut self, parts: &mut Parts<'_>, id: PacketId) -> Effect<'i> {
        let unknown = (!self.limits.strict()).then_some(ReasonCode::PACKET_IDENTIFIER_NOT_FOUND);
        match self.incoming.release(parts.inbox, id.get(), unknown) {
            Release::Completing => {
                parts.journal.write(&Record::Completed(id.get()));
                Ok(None)
            }
            Release::Blocked => Err(Refusal::Blocked),
            Release::Unknown => self.mismatched(Mismatch::Unknown),
            Release::TooEarly => self.mismatched(Mismatch::Unexpected),
        }
    }

    /// An acknowledgement that fits nothing is counted; one that fits something else ends the link.
    fn mismatched<'i>(&mut self, mismatch: Mismatch) -> Effect<'i> {
        match mismatch {
            Mismatch::Unknown if !self.limits.strict() => {
                count(&mut self.stats.unknown_acks);
                Ok(None)
            }
            Mismatch::Unknown => Err(Violation::UnknownPacketId.into()),
            Mismatch::Crossing => Ok(None),
            Mismatch::Unexpected => Err(Violation::UnexpectedAck.into()),
            Mismatch::Count => Err(Violation::ReasonCodeCount.into()),
        }
    }

    fn on_answer<'i>(&mut self, parts: &mut Parts<'_>, packet_type: PacketType, answer: Answer<'i>) -> Effect<'i> {
        let Answer { id, properties, codes } = answer;
        self.check_requested(&properties)?;
        let is_subscribe = packet_type == PacketType::SubAck;
        let kind = if is_subscribe { Kind::Subscribe } else { Kind::Unsubscribe };
        let has_codes = is_subscribe || self.version().has_properties();
        match self.outgoing.answered(parts, kind, id.get(), has_codes.then_some(codes.len())) {
            Err(mismatch) => self.mismatched(mismatch),
            Ok(matched) => {
                self.acknowledged();
                let answered = Answered { handle: Handle(matched.handle), id, properties, codes };
                Ok(Some(if is_subscribe { Event::SubAck(answered) } else { Event::UnsubAck(answered) }))
            }
        }
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

    fn on_disconnect<'i>(&mut self, disconnect: Disconnect<'i>) -> Effect<'i> {
        if disconnect.reason == ReasonCode::DISCONNECT_WITH_WILL {
            return Err(Violation::ReasonCode.into()); // [MQTT-3.14.2-1]
        }
        if disconnect.properties.has(ids::SessionExpiryInterval) {
            return Err(Violation::PropertyNotAllowed.into()); // [MQTT-3.14.2-2]
        }
        self.finish_link(ConnectionError::ServerDisconnect(disconnect.reason));
        self.silence(); // [MQTT-3.1.4-3] [MQTT-4.12.0-4] [MQTT-4.12.1-2] [MQTT-4.13.2-1]
        Ok(Some(Event::Disconnect(disconnect)))
    }
}
