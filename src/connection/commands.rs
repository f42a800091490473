//! The commands of the application. Each command is checked completely before anything changes.

use crate::command::{Ack, Delivery, Publish, Requested, Subscribe, Unsubscribe};
use crate::connection::control::Control;
use crate::connection::core::{Core, write_disconnect};
use crate::connection::ending::Last;
use crate::connection::outbound::write_acknowledgement;
use crate::connection::state::State;
use crate::error::{ConnectionError, PublishError, RequestError};
use crate::event::PendingAck;
use crate::session::{Capacity, Dropped, Frame, Matched, Need};
use crate::storage::sealed::Bounds;
use crate::storage::{Detail, Kind, Marks, MessageMarks, Parts, Payload, ReceiveSlot, ReceiveState, RequestMarks};
use crate::time::{Epoch, Instant};
use crate::types::{Handle, PacketId, QoS, Version};
use crate::wire::reason::ReasonCode;
use crate::wire::{
    self, Acknowledgement, DUP, Disconnect, Entries, LONGEST_FIELD, MAX_REMAINING, PacketType, Properties, Property,
    PropertyError, Seen, Violation, Writer, ids, measure, varint_len,
};

/// The maximum number of slots of `Heap` in use, so that the search for a free identifier stays short.
const MOST_SLOTS: usize = 64_000;

/// What a checked message needs.
pub(super) struct Draft {
    remaining: usize,
    pub(super) need: Need,
    /// Whether it fits without dropping, moving or growing.
    pub(super) fits: bool,
}

impl Draft {
    pub(super) const fn shares_payload(&self) -> bool {
        self.need.shared > 0
    }

    /// Returns the length of the body of its record in a journal.
    pub(super) const fn record_length(&self) -> usize {
        8 + 1 + self.need.bytes + self.need.shared
    }
}

/// A checked SUBSCRIBE or UNSUBSCRIBE.
pub(super) struct RequestDraft {
    kind: Kind,
    /// The version for which it is encoded.
    form: Version,
    /// Whether it has properties or options that only 5.0 can carry.
    has_more: bool,
    marks: RequestMarks,
    filters: usize,
    pub(super) need: Need,
}

/// A checked acknowledgement.
pub(super) struct AckDraft {
    packet: PacketType,
    id: PacketId,
    /// What it needs to be stored; `None` if it has no properties.
    pub(super) need: Option<Need>,
}

impl RequestDraft {
    /// Returns whether the version in force cannot carry everything.
    pub(super) const fn is_reduced(&self, version: Version) -> bool {
        self.form.has_properties() && !version.has_properties()
    }
}

impl Core {
    /// Returns the limits of a storage with these bounds.
    pub(super) fn most(&self, bounds: &Bounds) -> Capacity {
        Capacity {
            slots: bounds.send_slots.min(MOST_SLOTS),
            arena: bounds.arena,
            bytes: self.limits.max_bytes(),
            queued: self.limits.max_queued(),
        }
    }

    pub(super) fn check_publish(
        &self,
        publish: &Publish<'_>,
        bounds: &Bounds,
        is_shared: bool,
    ) -> Result<Draft, PublishError> {
        let form = self.form_with(!is_bare(publish));
        let properties =
            if form.has_properties() { check_publish_properties(publish).map_err(PublishError::Property)? } else { 0 };
        let payload = publish.payload.len();
        let shared = if is_shared { payload } else { 0 };
        let remaining = publish_head_length(publish, form, properties).saturating_add(payload);
        if remaining > longest_remaining(form) {
            return Err(PublishError::TooLarge);
        }
        let total = 1 + varint_len(remaining) + remaining;
        if self.is_connected() {
            self.check_server_takes(publish, total)?;
        } else if self.limits.refuse_offline_qos0() && publish.qos == QoS::AtMostOnce {
            return Err(PublishError::Offline);
        }
        let outside = payload - if is_shared { 0 } else { publish.payload.as_slice().len() };
        let is_kept = publish.qos != QoS::AtMostOnce;
        let need = Need { bytes: total - outside, shared, is_publish: true, is_kept };
        let most = self.most(bounds);
        let fits = self.outgoing.fits(&need, bounds.slots_now, bounds.arena_now, &most);
        if !fits && !self.outgoing.could_ever_fit(&need, &most) {
            return Err(PublishError::TooLarge);
        }
        Ok(Draft { remaining, need, fits })
    }

    /// Returns the version for which a packet is encoded. One with properties or options is encoded for 5.0 and stays
    /// so, since only 5.0 can carry them.
    const fn form_with(&self, has_more: bool) -> Version {
        if has_more && Version::KNOWS_PROPERTIES { Version::V5 } else { self.version() }
    }

    /// Returns the mark for a packet that is not encoded for the version in force.
    const fn marks_of(&self, form: Version) -> Marks {
        Marks::NONE.in_v5(form.has_properties() && !self.version().has_properties())
    }

    fn check_server_takes(&self, publish: &Publish<'_>, length: usize) -> Result<(), PublishError> {
        let peer = &self.link.peer;
        if !peer.takes_length(length) {
            Err(PublishError::ServerMaximum)
        } else if !peer.takes_qos(publish.qos) {
            Err(PublishError::QoSNotSupported)
        } else if publish.retain && !peer.takes_retained() {
            Err(PublishError::RetainNotSupported)
        } else {
            Ok(())
        }
    }

    /// Stores a checked message, for which there is room.
    pub(super) fn publish(&mut self, parts: &mut Parts<'_>, publish: &Publish<'_>, draft: &Draft) -> Option<Matched> {
        let form = self.form_with(!is_bare(publish));
        if Version::KNOWS_BOTH_KINDS && !is_bare(publish) {
            self.begin_to_reduce();
        }
        let is_shared = draft.shares_payload();
        let expiry = publish.properties.message_expiry_interval();
        let mut second = 0;
        if let Some(seconds) = expiry {
            if self.begin_to_count_time() {
                self.epoch = Epoch::at(self.now);
            }
            second = self.time().next.saturating_add(seconds).max(1); // 0 means never
        }
        let kind = Kind::publish(publish.qos);
        let shared = is_shared.then_some(publish.payload);
        let mut marks = self.marks_of(form);
        if publish.needs_v5 {
            marks.set(MessageMarks::NEEDS_V5);
        }
        if matches!(publish.payload, Payload::Streamed(1..)) {
            marks.set(MessageMarks::STREAMED);
        }
        let frame = Frame { kind, marks, detail: Detail::expires(second), length: draft.need.bytes, shared };
        let mut writer = Writer::new(self.outgoing.push(parts, &frame)?);
        let matched = self.outgoing.latest();
        if expiry.is_some() {
            self.outgoing.note_expiry(second);
        }
        let payload = if is_shared { &[] } else { publish.payload.as_slice() };
        write_publish(publish, draft.remaining, (matched.id, form), payload, &mut writer);
        debug_assert_eq!(writer.finish(), Ok(frame.length));
        Some(matched)
    }

    pub(super) fn check_subscribe(
        &self,
        subscribe: &Subscribe<'_>,
        bounds: &Bounds,
    ) -> Result<RequestDraft, RequestError> {
        let mut marks = RequestMarks::default();
        let has_more = !subscribe.properties.is_empty() || subscribe.filters.has_options();
        for subscription in subscribe.filters.iter() {
            let is_shared = subscription.filter.is_shared();
            if is_shared && subscription.no_local && Version::KNOWS_PROPERTIES {
                return Err(RequestError::SharedNoLocal); // [MQTT-3.8.3-4]
            }
            if is_shared {
                marks.set(RequestMarks::SHARE);
            }
            if subscription.filter.has_wildcard() {
                marks.set(RequestMarks::WILDCARD);
            }
        }
        if subscribe.properties.has(ids::SubscriptionIdentifier) {
            marks.set(RequestMarks::IDENTIFIER);
        }
        if self.is_connected() && self.link.peer.lacks(marks) {
            return Err(RequestError::NotSupported);
        }
        let request = (PacketType::Subscribe, &subscribe.properties, has_more);
        self.check_request(request, subscribe.filters, marks, bounds)
    }

    pub(super) fn check_unsubscribe(
        &self,
        unsubscribe: &Unsubscribe<'_>,
        bounds: &Bounds,
    ) -> Result<RequestDraft, RequestError> {
        let request = (PacketType::Unsubscribe, &unsubscribe.properties, !unsubscribe.properties.is_empty());
        self.check_request(request, unsubscribe.filters, RequestMarks::default(), bounds)
    }

    fn check_request<'a, T: wire::Entry<'a>>(
        &self,
        (packet, properties, has_more): (PacketType, &Properties<'a>, bool),
        entries: Entries<'a, T>,
        marks: RequestMarks,
        bounds: &Bounds,
    ) -> Result<RequestDraft, RequestError> {
        if entries.is_empty() {
            return Err(RequestError::EmptyList);
        }
        let form = self.form_with(has_more);
        if form.has_properties() {
            properties.check(packet.bit())?;
        }
        let mut filters = 0;
        let length = measure(|writer| filters = write_request(packet, 1, properties, &entries, form, writer));
        if length > MAX_REMAINING {
            return Err(RequestError::TooLarge);
        }
        if self.is_connected() && !self.link.peer.takes_length(length) {
            return Err(RequestError::ServerMaximum);
        }
        let need = Need { bytes: length, shared: 0, is_publish: false, is_kept: false };
        if !self.outgoing.could_ever_fit(&need, &self.most(bounds)) {
            return Err(RequestError::TooLarge);
        }
        let kind = if packet == PacketType::Subscribe { Kind::Subscribe } else { Kind::Unsubscribe };
        Ok(RequestDraft { kind, form, has_more, marks, filters, need })
    }

    /// Stores a checked request, for which there is room.
    pub(super) fn request<'a, T: wire::Entry<'a>>(
        &mut self,
        parts: &mut Parts<'_>,
        properties: Properties<'a>,
        entries: Entries<'a, T>,
        draft: &RequestDraft,
    ) -> Option<Matched> {
        let packet = if draft.kind == Kind::Subscribe { PacketType::Subscribe } else { PacketType::Unsubscribe };
        let &RequestDraft { kind, form, has_more, marks, filters, ref need } = draft;
        if Version::KNOWS_BOTH_KINDS && has_more {
            self.begin_to_reduce();
        }
        let is_foreign = draft.is_reduced(self.version());
        let (marks, detail) = (Marks::of_request(marks).in_v5(is_foreign), Detail::filters(filters as u32));
        let frame = Frame { kind, marks, detail, length: need.bytes, shared: None };
        let mut writer = Writer::new(self.outgoing.push(parts, &frame)?);
        let matched = self.outgoing.latest();
        write_request(packet, matched.id, &properties, &entries, form, &mut writer);
        Some(matched)
    }

    /// Checks an acknowledgement, and returns what it needs to be stored if it has properties. Properties that exceed
    /// the server's maximum are left out `[MQTT-3.4.2-2]` `[MQTT-3.4.2-3]` `[MQTT-3.5.2-2]` `[MQTT-3.5.2-3]`.
    pub(super) fn check_ack(
        &self,
        inbox: &mut [ReceiveSlot],
        pending: &PendingAck,
        with: &Ack<'_>,
    ) -> Result<AckDraft, RequestError> {
        let slot = self.incoming.held(inbox, pending.place(), pending.serial).ok_or(RequestError::Stale)?;
        if !with.reason.is_legal_in(PacketType::PubAck) {
            return Err(RequestError::ReasonCode); // [MQTT-3.4.2-1] [MQTT-3.5.2-1]
        }
        with.properties.check(PacketType::PubAck.bit())?;
        let packet = match slot.state {
            ReceiveState::AtLeastOnce => PacketType::PubAck,
            ReceiveState::Completing => PacketType::PubComp, // in the place of its PUBREC
            _ => PacketType::PubRec,
        };
        let id = PacketId::new(slot.id).ok_or(RequestError::Stale)?;
        let is_stored = slot.owed
            && packet != PacketType::PubComp
            && self.is_connected()
            && self.version().has_properties()
            && !with.properties.is_empty();
        let ack = Acknowledgement { id, reason: with.reason, properties: with.properties };
        let length = || measure(|writer| write_acknowledgement(packet, &ack, self.version(), writer));
        let takes = |length: &usize| *length <= MAX_REMAINING && self.link.peer.takes_length(*length);
        let length = is_stored.then(length).filter(takes);
        let need = length.map(|bytes| Need { bytes, shared: 0, is_publish: false, is_kept: false });
        Ok(AckDraft { packet, id, need })
    }

    /// Accepts a checked acknowledgement; one with properties is stored as a packet of its own until its turn comes.
    pub(super) fn acknowledge(
        &mut self,
        parts: &mut Parts<'_>,
        pending: &PendingAck,
        with: &Ack<'_>,
        draft: &AckDraft,
    ) {
        let &AckDraft { packet, id, ref need } = draft;
        let version = self.version();
        let ack = Acknowledgement { id, reason: with.reason, properties: with.properties };
        let stored = need.and_then(|need| {
            let frame =
                Frame { kind: Kind::Ack, marks: Marks::NONE, detail: Detail::NONE, length: need.bytes, shared: None };
            write_acknowledgement(packet, &ack, version, &mut Writer::new(self.outgoing.push(parts, &frame)?));
            Some(self.outgoing.latest())
        });
        // In versions without reasons PUBREC means success.
        let reason = if version.has_properties() { with.reason } else { ReasonCode::SUCCESS };
        if let Some(slot) = self.incoming.held(parts.inbox, pending.place(), pending.serial) {
            slot.acknowledged = true;
            slot.reason = reason.0;
            slot.extra = stored.map_or(0, |stored| stored.id);
        }
        self.incoming.note_change(parts.inbox, pending.place() + 1);
    }

    pub(super) fn disconnect(
        &mut self,
        parts: &mut Parts<'_>,
        now: Instant,
        disconnect: &Disconnect<'_>,
    ) -> Result<(), RequestError> {
        if !matches!(self.link.state, State::Connecting | State::Connected) {
            return Ok(());
        }
        let version = self.version();
        if version.has_properties() {
            self.check_disconnect(disconnect)?;
        }
        let length = measure(|writer| write_disconnect(disconnect, version, writer));
        if length > parts.control.len() {
            return Err(RequestError::TooLarge);
        }
        if !self.link.peer.takes_length(length) {
            return Err(RequestError::ServerMaximum); // [MQTT-3.14.2-3] [MQTT-3.14.2-4]
        }
        self.see(now);
        let is_connect_pending = !self.is_connected() && !self.link.control.is_empty();
        let append = |control: &mut Control, bytes: &mut [u8]| {
            let mut writer = control.writer(bytes);
            write_disconnect(disconnect, version, &mut writer);
            let written = writer.finish();
            if let Ok(length) = written {
                control.append(length, true);
            }
            written.is_ok()
        };
        let last = Last { reason: disconnect.reason, full: Some(&append) };
        self.end(parts, ConnectionError::Disconnected, Some(&last).filter(|_| !is_connect_pending));
        Ok(())
    }

    fn check_disconnect(&self, disconnect: &Disconnect<'_>) -> Result<(), RequestError> {
        let reason = disconnect.reason;
        if reason != ReasonCode::SUCCESS && !CLIENT_REASONS.contains(&reason) {
            return Err(RequestError::ReasonCode); // [MQTT-3.14.2-1]
        }
        let properties = &disconnect.properties;
        properties.check(PacketType::Disconnect.bit())?;
        if properties.has(ids::ServerReference) {
            return Err(PropertyError { id: ids::ServerReference, violation: Violation::PropertyNotAllowed }.into());
        }
        let raises = properties.session_expiry_interval().is_some_and(|seconds| seconds > 0);
        if raises && self.link.ends_session {
            return Err(RequestError::SessionExpiry); // §3.14.2.2.2
        }
        Ok(())
    }
}

/// The reason codes of a client's DISCONNECT (§3.14.2.1), except success.
const CLIENT_REASONS: [ReasonCode; 13] = [
    ReasonCode::DISCONNECT_WITH_WILL,
    ReasonCode::UNSPECIFIED_ERROR,
    ReasonCode::MALFORMED_PACKET,
    ReasonCode::PROTOCOL_ERROR,
    ReasonCode::IMPLEMENTATION_SPECIFIC_ERROR,
    ReasonCode::TOPIC_NAME_INVALID,
    ReasonCode::RECEIVE_MAXIMUM_EXCEEDED,
    ReasonCode::TOPIC_ALIAS_INVALID,
    ReasonCode::PACKET_TOO_LARGE,
    ReasonCode::MESSAGE_RATE_TOO_HIGH,
    ReasonCode::QUOTA_EXCEEDED,
    ReasonCode::ADMINISTRATIVE_ACTION,
    ReasonCode::PAYLOAD_FORMAT_INVALID,
];

/// Checks the properties of a message and returns their length. The connection assigns topic aliases, and a client
/// never sends a Subscription Identifier `[MQTT-3.3.4-6]`.
fn check_publish_properties(publish: &Publish<'_>) -> Result<usize, PropertyError> {
    let properties = &publish.properties;
    let (seen, length) = properties.check(PacketType::Publish.bit())?;
    let correlation = publish.correlation_data.and(Some(ids::CorrelationData));
    if publish.correlation_data.is_some_and(|data| data.len() > LONGEST_FIELD) {
        return Err(PropertyError { id: ids::CorrelationData, violation: Violation::PropertyValue });
    }
    let ours = [ids::TopicAlias, ids::SubscriptionIdentifier, correlation.unwrap_or(ids::TopicAlias)];
    if !seen.has_any(Seen::of(&ours)) {
        return Ok(length.saturating_add(publish.correlation_data.map_or(0, |data| 1 + 2 + data.len())));
    }
    let id = properties.first_of(&ours).unwrap_or_default();
    Err(PropertyError { id, violation: Violation::PropertyNotAllowed })
}

pub(super) fn first_byte(publish: &Publish<'_>) -> u8 {
    let packet = wire::Publish {
        dup: false, // [MQTT-4.3.2-2] [MQTT-4.3.3-2]
        qos: publish.qos,
        retain: publish.retain,
        topic: "",
        id: None,
        properties: Properties::NONE,
        payload: &[],
    };
    debug_assert_eq!(packet.first_byte() & DUP, 0);
    packet.first_byte()
}

/// Writes a PUBLISH, with the part of its payload that is stored in the arena.
#[inline(always)]
pub(super) fn write_publish(
    publish: &Publish<'_>,
    remaining: usize,
    (id, version): (u16, Version),
    payload: &[u8],
    writer: &mut Writer<'_>,
) {
    writer.start(first_byte(publish), remaining, publish.topic.text().as_bytes());
    if publish.qos != QoS::AtMostOnce {
        writer.u16(id);
    }
    if version.has_properties() {
        match is_bare(publish) {
            true => writer.u8(0), // the length of no properties
            false => write_publish_properties(publish, writer),
        }
    }
    writer.bytes(payload);
}

/// Returns whether the message has no properties.
pub(super) fn is_bare(publish: &Publish<'_>) -> bool {
    publish.properties.is_empty() && publish.correlation_data.is_none()
}

fn write_publish_properties(publish: &Publish<'_>, writer: &mut Writer<'_>) {
    publish.properties.encode_with(publish.correlation_data.map(Property::CorrelationData), writer);
}

/// Returns the maximum remaining length of a message. In earlier versions one byte is reserved, which re-encoding for
/// 5.0 may need.
const fn longest_remaining(version: Version) -> usize {
    if version.has_properties() || !Version::KNOWS_BOTH_KINDS { MAX_REMAINING } else { MAX_REMAINING - 1 }
}

/// Returns the length of everything between the fixed header and the payload, with this many bytes of properties.
#[inline(always)]
pub(super) fn publish_head_length(publish: &Publish<'_>, version: Version, properties: usize) -> usize {
    let id = if publish.qos == QoS::AtMostOnce { 0 } else { 2 };
    let block = if version.has_properties() { properties.saturating_add(varint_len(properties)) } else { 0 };
    block.saturating_add(2 + publish.topic.text().len() + id)
}

/// Writes a request. Always inlined, so that the compiler sees when a program's requests have no properties.
#[inline(always)]
fn write_request<'a, T: wire::Entry<'a>>(
    packet: PacketType,
    id: u16,
    properties: &Properties<'a>,
    entries: &Entries<'a, T>,
    version: Version,
    writer: &mut Writer<'_>,
) -> usize {
    let block = writer.begin_packet(packet);
    writer.u16(id);
    properties.encode(version, writer);
    let count = entries.encode(version, writer);
    writer.end(block);
    count
}

/// Returns what the application gets for an accepted message.
pub(super) fn delivery(Matched { handle, id }: Matched, qos: QoS, dropped: Option<Dropped>, reduced: bool) -> Delivery {
    Delivery { handle: Handle(handle), id: PacketId::new(id).filter(|_| qos != QoS::AtMostOnce), dropped, reduced }
}

/// Returns what the application gets for a request; an error if it found no room.
pub(super) fn requested(accepted: Option<Matched>, reduced: bool) -> Result<Requested, RequestError> {
    let Matched { handle, id } = accepted.ok_or(RequestError::Full)?;
    let id = PacketId::new(id).ok_or(RequestError::Full)?;
    Ok(Requested { handle: Handle(handle), id, reduced })
}
