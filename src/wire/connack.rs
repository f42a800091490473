//! CONNACK (§3.2).

use crate::types::Version;
use crate::wire::reason::ReasonCode;
use crate::wire::{Malformed, PacketType, Properties, Reader, Seen, Violation, Writer};

/// The server's answer to CONNECT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ConnAck<'a> {
    /// The server holds a session for this client; always false in 3.1, which cannot tell.
    pub session_present: bool,
    /// The code as it stands on the wire: a return code in 3.1 and 3.1.1, a reason code in 5.0.
    pub code: u8,
    /// The properties; none in 3.1 and 3.1.1.
    pub properties: Properties<'a>,
}

/// The return codes of 3.1 and 3.1.1 (§3.2.2.3 there), from 1 on, as reason codes.
const RETURN_CODES: [ReasonCode; 5] = [
    ReasonCode::UNSUPPORTED_PROTOCOL_VERSION,
    ReasonCode::CLIENT_IDENTIFIER_NOT_VALID,
    ReasonCode::SERVER_UNAVAILABLE,
    ReasonCode::BAD_USER_NAME_OR_PASSWORD,
    ReasonCode::NOT_AUTHORIZED,
];

impl<'a> ConnAck<'a> {
    /// The code in terms of 5.0, whatever the version. Return codes that 3.1.1 doesn't list become "Unspecified error". A server that refuses
    /// 5.0 in the short form of an earlier version doesn't support 5.0, whatever else it says.
    pub fn reason(&self, version: Version) -> ReasonCode {
        let listed = usize::from(self.code).checked_sub(1).and_then(|index| RETURN_CODES.get(index));
        match (version.has_properties(), listed) {
            (true, Some(_)) => ReasonCode::UNSUPPORTED_PROTOCOL_VERSION,
            (true, None) => ReasonCode(self.code),
            (false, Some(reason)) => *reason,
            (false, None) if self.code == 0 => ReasonCode::SUCCESS,
            (false, None) => ReasonCode::UNSPECIFIED_ERROR,
        }
    }

    /// The short form in which a server refuses 5.0 that only knows earlier versions.
    fn is_old_form(&self, version: Version) -> bool {
        version.has_properties() && (1..=RETURN_CODES.len()).contains(&self.code.into())
    }

    /// The packet; and which properties it has, in `seen`.
    pub(crate) fn decode(body: &mut Reader<'a>, seen: &mut Seen) -> Self {
        let version = body.rules().version;
        let flags = body.u8();
        if flags & !1 != 0 && version.has_session_present() {
            body.refuse(Malformed::ReservedBits); // [MQTT-3.2.2-1]
        }
        let session_present = flags & 1 != 0 && version.has_session_present();
        let code = body.u8();
        let short = Self { session_present, code, properties: Properties::NONE };
        if body.is_empty() && short.is_old_form(version) {
            return short;
        }
        let properties = Properties::decode_authenticated(body, PacketType::ConnAck, seen);
        if version.has_properties() && (1..0x80).contains(&code) {
            body.refuse(Violation::ReasonCode); // [MQTT-3.2.2-8]
        }
        Self { session_present, code, properties }
    }

    pub(crate) fn encode(&self, version: Version, writer: &mut Writer<'_>) {
        writer.u8(self.session_present.into());
        writer.u8(self.code);
        if !self.is_old_form(version) {
            self.properties.encode(version, writer);
        }
    }
}
