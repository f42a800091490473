//! DISCONNECT (§3.14) and AUTH (§3.15): a reason code and properties.

use crate::types::Version;
use crate::wire::reason::ReasonCode;
use crate::wire::reply::{Reply, encode_tail};
use crate::wire::{Properties, Writer, properties_setter};

/// A DISCONNECT: ends the link, in 5.0 with a reason (§3.14).
///
/// ```
/// use pure_mqtt::{Disconnect, ReasonCode};
///
/// fn main() {
///     let leave_the_will = Disconnect::new(ReasonCode::DISCONNECT_WITH_WILL);
///     assert_eq!(Disconnect::default().reason, ReasonCode::NORMAL_DISCONNECTION);
///     assert_ne!(leave_the_will, Disconnect::default());
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Disconnect<'a> {
    /// The reason code; not sent in 3.1 and 3.1.1.
    pub reason: ReasonCode,
    /// The properties; not sent in 3.1 and 3.1.1.
    pub properties: Properties<'a>,
}

impl<'a> Disconnect<'a> {
    /// Creates a DISCONNECT with this reason.
    pub const fn new(reason: ReasonCode) -> Self {
        Self { reason, properties: Properties::NONE }
    }

    properties_setter!();

    pub(crate) fn encode(&self, version: Version, writer: &mut Writer<'_>) {
        encode_tail(self.reason, &self.properties, version, writer);
    }
}

/// An AUTH: one step of an enhanced authentication (§4.12).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Auth<'a> {
    /// The reason code: success (only from a server), continue, or re-authenticate `[MQTT-3.15.2-1]`.
    pub reason: ReasonCode,
    /// The properties: the authentication method of CONNECT `[MQTT-4.12.0-5]`, and the data that the method defines.
    pub properties: Properties<'a>,
}

impl<'a> Auth<'a> {
    /// Creates the answer to a server's AUTH `[MQTT-4.12.0-3]`.
    pub fn continue_with(properties: impl Into<Properties<'a>>) -> Self {
        Self { reason: ReasonCode::CONTINUE_AUTHENTICATION, properties: properties.into() }
    }

    /// Creates the AUTH that starts a re-authentication `[MQTT-4.12.1-1]`.
    pub fn re_authenticate(properties: impl Into<Properties<'a>>) -> Self {
        Self { reason: ReasonCode::RE_AUTHENTICATE, properties: properties.into() }
    }

    pub(crate) fn encode(&self, version: Version, writer: &mut Writer<'_>) {
        if self.reason == ReasonCode::SUCCESS && self.properties.is_empty() {
            return;
        }
        writer.u8(self.reason.0);
        self.properties.encode(version, writer);
    }
}

impl<'a> From<Reply<'a>> for Disconnect<'a> {
    fn from(Reply { reason, properties, .. }: Reply<'a>) -> Self {
        Self { reason, properties }
    }
}

impl<'a> From<Reply<'a>> for Auth<'a> {
    fn from(Reply { reason, properties, .. }: Reply<'a>) -> Self {
        Self { reason, properties }
    }
}
