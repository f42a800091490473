//! Common decoding of the packets that answer another one or end the link: PUBACK, PUBREC, PUBREL and PUBCOMP (§3.4 to
//! §3.7), SUBACK (§3.9), UNSUBACK (§3.11), DISCONNECT (§3.14) and AUTH (§3.15). One function decodes them all.

use crate::types::{PacketId, Version};
use crate::wire::reason::ReasonCode;
use crate::wire::{PacketType, Properties, Reader, Seen, Tolerance, Violation, Writer, ids};

/// A packet that answers another one or ends the link. Fields that its type does not have are empty.
pub(crate) struct Reply<'a> {
    /// The identifier of the packet that is answered `[MQTT-2.2.1-5]`.
    pub(crate) id: PacketId,
    pub(crate) reason: ReasonCode,
    pub(crate) properties: Properties<'a>,
    /// Which properties the packet has.
    pub(crate) seen: Seen,
    /// One code for each filter.
    pub(crate) codes: &'a [u8],
}

impl<'a> Reply<'a> {
    /// Returns an empty reply. Not a constant, which would be copied.
    #[inline(always)]
    pub(crate) fn empty() -> Self {
        let (id, reason, properties) = (PacketId::FIRST, ReasonCode::SUCCESS, Properties::NONE);
        Self { id, reason, properties, seen: Seen::default(), codes: &[] }
    }

    /// Decodes all these packets, and PINGRESP, which has no fields.
    pub(crate) fn decode(packet_type: PacketType, body: &mut Reader<'a>) -> Self {
        let mut reply = Self::empty();
        reply.read(packet_type, body);
        reply
    }

    /// Decodes into `self`, so that nothing is copied.
    pub(crate) fn read(&mut self, packet_type: PacketType, body: &mut Reader<'a>) {
        match packet_type {
            PacketType::PingResp => return,
            PacketType::Disconnect | PacketType::Auth if Version::KNOWS_PROPERTIES => {}
            _ => self.id = body.packet_id(),
        }
        let answers_filters = matches!(packet_type, PacketType::SubAck | PacketType::UnsubAck);
        if body.rules().version.has_properties() {
            self.read_v5(packet_type, answers_filters, body);
        } else if packet_type == PacketType::SubAck {
            self.codes = read_codes(packet_type, body);
        } else if !body.is_empty() && body.tolerates(Tolerance::ForeignAck) {
            match body.rest() {
                [code, ..] if !answers_filters => self.reason = ReasonCode(*code), // properties behind it are ignored
                tail => self.codes = tail,
            }
        }
    }

    /// Reads reason code and properties. Both may be left out at the end of a packet (§3.4.2.1, §3.14.2.1); only AUTH
    /// always has properties if it has a code.
    fn read_v5(&mut self, packet_type: PacketType, answers_filters: bool, body: &mut Reader<'a>) {
        let is_auth = packet_type == PacketType::Auth;
        let has_properties = if answers_filters {
            let is_bare = packet_type == PacketType::UnsubAck && body.is_empty();
            !(is_bare && body.tolerates(Tolerance::ForeignAck))
        } else if !body.is_empty() {
            self.reason = read_reason(packet_type, body);
            is_auth || !body.is_empty()
        } else {
            false
        };
        if has_properties {
            self.properties = Properties::decode_seen(body, packet_type.bit(), &mut self.seen);
        }
        if answers_filters {
            self.codes = read_codes(packet_type, body);
        }
        let needs_method = self.reason != ReasonCode::SUCCESS || self.seen.has(ids::AuthenticationData);
        if is_auth && needs_method && !self.seen.has(ids::AuthenticationMethod) {
            body.refuse(Violation::AuthenticationMethod);
        }
    }
}

/// `[MQTT-3.4.2-1]` `[MQTT-3.5.2-1]` `[MQTT-3.6.2-1]` `[MQTT-3.7.2-1]` `[MQTT-3.14.2-1]` `[MQTT-3.15.2-1]`
fn read_reason(packet_type: PacketType, body: &mut Reader<'_>) -> ReasonCode {
    let reason = ReasonCode(body.u8());
    if reason != ReasonCode::SUCCESS {
        check_reason(reason, packet_type, body);
    }
    reason
}

fn read_codes<'a>(packet_type: PacketType, body: &mut Reader<'a>) -> &'a [u8] {
    let codes = body.rest();
    if codes.is_empty() && !(packet_type == PacketType::UnsubAck && body.tolerates(Tolerance::ForeignAck)) {
        body.refuse(Violation::EmptyList);
    }
    for code in codes {
        check_reason(ReasonCode(*code), packet_type, body);
    }
    codes
}

/// `[MQTT-3.8.4-7]` `[MQTT-3.9.3-2]` `[MQTT-3.11.3-2]`: 3.1 and 3.1.1 have the three granted QoS levels and one
/// failure. An unlisted code of 0x80 or above is tolerated as a failure, except in AUTH, which has no failures.
#[cfg_attr(target_pointer_width = "32", inline(never))]
fn check_reason(reason: ReasonCode, packet_type: PacketType, body: &mut Reader<'_>) {
    let is_legal = match body.rules().version.has_properties() {
        true => reason.is_legal_in(packet_type),
        false => matches!(reason.0, 0..=2 | 0x80),
    };
    let is_failure = reason.is_error() && packet_type != PacketType::Auth;
    if !(is_legal || is_failure && body.tolerates(Tolerance::UnlistedReason)) {
        body.refuse(Violation::ReasonCode);
    }
}

/// Writes a reason code and properties; leaves them out where the standard allows that.
pub(super) fn encode_tail(reason: ReasonCode, properties: &Properties<'_>, version: Version, writer: &mut Writer<'_>) {
    if !version.has_properties() || reason == ReasonCode::SUCCESS && properties.is_empty() {
        return;
    }
    writer.u8(reason.0);
    if !properties.is_empty() {
        properties.encode(version, writer);
    }
}
