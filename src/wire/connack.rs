//! CONNACK (§3.2).

use crate::reason::ReasonCode;
use crate::types::Version;
use crate::wire::{DecodeError, Malformed, PacketType, Properties, Reader, Violation, Writer};

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
    /// The code in terms of 5.0, whatever the version. Return codes that 3.1.1 doesn't list become "Unspecified error".
    pub fn reason(&self, version: Version) -> ReasonCode {
        if version.has_properties() || self.code == 0 {
            return ReasonCode(self.code);
        }
        RETURN_CODES.get(usize::from(self.code) - 1).copied().unwrap_or(ReasonCode::UNSPECIFIED_ERROR)
    }

    pub(crate) fn decode(mut body: Reader<'a>) -> Result<Self, DecodeError> {
        let version = body.rules().version;
        let flags = body.u8()?;
        if flags & !1 != 0 && version.has_session_present() {
            return Err(Malformed::ReservedBits.into()); // [MQTT-3.2.2-1]
        }
        let session_present = flags & 1 != 0 && version.has_session_present();
        let code = body.u8()?;
        if version.has_properties() && body.is_empty() && code != 0 {
            return Ok(Self::from_older_server());
        }
        let properties = Properties::decode(&mut body, PacketType::ConnAck.bit())?;
        body.finish()?;
        if version.has_properties() && (1..0x80).contains(&code) {
            return Err(Violation::ReasonCode.into()); // [MQTT-3.2.2-8]
        }
        Ok(Self { session_present, code, properties })
    }

    /// A server that doesn't know 5.0 refuses in the short form of its own version.
    const fn from_older_server() -> Self {
        Self { session_present: false, code: ReasonCode::UNSUPPORTED_PROTOCOL_VERSION.0, properties: Properties::NONE }
    }

    pub(crate) fn encode(&self, version: Version, writer: &mut Writer<'_>) {
        writer.u8(self.session_present.into());
        writer.u8(self.code);
        self.properties.encode(version, writer);
    }
}
