//! CONNACK (§3.2).

use crate::types::Version;
use crate::wire::reason::ReasonCode;
use crate::wire::{Malformed, PacketType, Properties, Reader, Seen, Violation, Writer};

/// The server's answer to CONNECT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ConnAck<'a> {
    /// Whether the server holds a session for this client; always false in 3.1, whose CONNACK has no such flag.
    pub session_present: bool,
    /// The code on the wire: a return code in 3.1 and 3.1.1, a reason code in 5.0.
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
    /// Returns the code as a reason code of 5.0, in every version. Return codes that 3.1.1 does not list become
    /// "Unspecified error". If the server answers 5.0 with a return code of an earlier version (1 to 5), returns
    /// "Unsupported Protocol Version", whichever code it is.
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

    /// Returns whether the server refuses 5.0 with a return code of an earlier version, in a two-byte CONNACK.
    fn is_old_form(&self, version: Version) -> bool {
        version.has_properties() && (1..=RETURN_CODES.len()).contains(&self.code.into())
    }

    /// Decodes the packet; `seen` receives which properties it has.
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
