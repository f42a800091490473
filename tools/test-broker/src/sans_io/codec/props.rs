//! MQTT 5.0 properties: an ordered list of identifier and value.

use super::Wrong;
use super::reader::Reader;
use std::fmt;

/// The identifiers of properties.
///
/// ```
/// use pure_mqtt_test_broker::prop_id;
///
/// fn main() {
///     assert_eq!(prop_id::USER, 0x26);
/// }
/// ```
pub mod id {
    /// Payload Format Indicator.
    pub const PAYLOAD_FORMAT: u8 = 0x01;
    /// Message Expiry Interval.
    pub const MESSAGE_EXPIRY: u8 = 0x02;
    /// Content Type.
    pub const CONTENT_TYPE: u8 = 0x03;
    /// Response Topic.
    pub const RESPONSE_TOPIC: u8 = 0x08;
    /// Correlation Data.
    pub const CORRELATION_DATA: u8 = 0x09;
    /// Subscription Identifier.
    pub const SUBSCRIPTION_ID: u8 = 0x0B;
    /// Session Expiry Interval.
    pub const SESSION_EXPIRY: u8 = 0x11;
    /// Assigned Client Identifier.
    pub const ASSIGNED_CLIENT_ID: u8 = 0x12;
    /// Server Keep Alive.
    pub const SERVER_KEEP_ALIVE: u8 = 0x13;
    /// Authentication Method.
    pub const AUTH_METHOD: u8 = 0x15;
    /// Authentication Data.
    pub const AUTH_DATA: u8 = 0x16;
    /// Request Problem Information.
    pub const REQUEST_PROBLEM_INFO: u8 = 0x17;
    /// Will Delay Interval.
    pub const WILL_DELAY: u8 = 0x18;
    /// Request Response Information.
    pub const REQUEST_RESPONSE_INFO: u8 = 0x19;
    /// Response Information.
    pub const RESPONSE_INFO: u8 = 0x1A;
    /// Server Reference.
    pub const SERVER_REFERENCE: u8 = 0x1C;
    /// Reason String.
    pub const REASON_STRING: u8 = 0x1F;
    /// Receive Maximum.
    pub const RECEIVE_MAXIMUM: u8 = 0x21;
    /// Topic Alias Maximum.
    pub const TOPIC_ALIAS_MAXIMUM: u8 = 0x22;
    /// Topic Alias.
    pub const TOPIC_ALIAS: u8 = 0x23;
    /// Maximum QoS.
    pub const MAXIMUM_QOS: u8 = 0x24;
    /// Retain Available.
    pub const RETAIN_AVAILABLE: u8 = 0x25;
    /// User Property.
    pub const USER: u8 = 0x26;
    /// Maximum Packet Size.
    pub const MAXIMUM_PACKET_SIZE: u8 = 0x27;
    /// Wildcard Subscription Available.
    pub const WILDCARD_AVAILABLE: u8 = 0x28;
    /// Subscription Identifiers Available.
    pub const SUBSCRIPTION_ID_AVAILABLE: u8 = 0x29;
    /// Shared Subscription Available.
    pub const SHARED_AVAILABLE: u8 = 0x2A;
}

/// The properties of a message that travel with it unchanged.
pub const FORWARDED: [u8; 5] =
    [id::PAYLOAD_FORMAT, id::CONTENT_TYPE, id::RESPONSE_TOPIC, id::CORRELATION_DATA, id::USER];

/// The value of a property.
///
/// ```
/// use pure_mqtt_test_broker::{Message, Prop, prop_id};
///
/// fn main() {
///     let kind = Prop::Pair("kind".into(), "alarm".into());
///     let _message = Message::new("plant/alarm", "!").property(prop_id::USER, kind);
/// }
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Prop {
    /// One byte.
    Byte(u8),
    /// Two bytes.
    Two(u16),
    /// Four bytes.
    Four(u32),
    /// Variable byte integer.
    Var(u32),
    /// UTF-8 string.
    Text(String),
    /// Binary data.
    Bytes(Vec<u8>),
    /// UTF-8 string pair.
    Pair(String, String),
}

impl Prop {
    /// The value of any of the integer kinds.
    ///
    /// ```
    /// use pure_mqtt_test_broker::Prop;
    ///
    /// fn main() {
    ///     assert_eq!(Prop::Two(7).number(), Some(7));
    /// }
    /// ```
    pub fn number(&self) -> Option<u32> {
        match self {
            Self::Byte(value) => Some(u32::from(*value)),
            Self::Two(value) => Some(u32::from(*value)),
            Self::Four(value) | Self::Var(value) => Some(*value),
            _ => None,
        }
    }

    /// The value of a string.
    ///
    /// ```
    /// use pure_mqtt_test_broker::Prop;
    ///
    /// fn main() {
    ///     assert_eq!(Prop::Text("°C".into()).text(), Some("°C"));
    /// }
    /// ```
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Properties in the order of the wire.
///
/// ```
/// use pure_mqtt_test_broker::{Prop, Props, prop_id};
///
/// fn main() {
///     let _properties: Props = vec![(prop_id::CONTENT_TYPE, Prop::Text("text/plain".into()))];
/// }
/// ```
pub type Props = Vec<(u8, Prop)>;

/// The first property with this identifier.
pub fn find(props: &[(u8, Prop)], wanted: u8) -> Option<&Prop> {
    props.iter().find(|(id, _)| *id == wanted).map(|(_, value)| value)
}

/// Properties as a transcript shows them.
pub struct Shown<'a>(pub &'a [(u8, Prop)]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(id, value)| write!(f, " {id:#04x}={value:?}"))
    }
}

/// Where a client can put properties.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// CONNECT.
    Connect,
    /// The will inside CONNECT.
    Will,
    /// PUBLISH.
    Publish,
    /// PUBACK, PUBREC, PUBREL and PUBCOMP.
    Ack,
    /// SUBSCRIBE.
    Subscribe,
    /// UNSUBSCRIBE.
    Unsubscribe,
    /// DISCONNECT.
    Disconnect,
    /// AUTH.
    Auth,
}

impl Place {
    /// Whether a client may put this property here.
    fn allows(self, id: u8) -> bool {
        let own: &[u8] = match self {
            Self::Connect => &[0x11, 0x15, 0x16, 0x17, 0x19, 0x21, 0x22, 0x27],
            Self::Will => &[0x01, 0x02, 0x03, 0x08, 0x09, 0x18],
            Self::Publish => &[0x01, 0x02, 0x03, 0x08, 0x09, 0x23],
            Self::Ack => &[0x1F],
            Self::Subscribe => &[0x0B],
            Self::Unsubscribe => &[],
            Self::Disconnect => &[0x11, 0x1F],
            Self::Auth => &[0x15, 0x16, 0x1F],
        };
        id == id::USER || own.contains(&id)
    }
}

/// Reads a property length and the properties behind it, and checks each of them.
pub fn read(reader: &mut Reader<'_>, place: Place) -> Result<Props, Wrong> {
    let length = reader.varint()?;
    let mut inner = Reader::new(reader.bytes(length as usize)?);
    let mut props = Props::new();
    while !inner.is_empty() {
        let id = inner.varint()?;
        let id = u8::try_from(id).map_err(|_| unknown(id))?;
        let value = read_value(&mut inner, id)?;
        check(&props, place, id, &value)?;
        props.push((id, value));
    }
    Ok(props)
}

fn read_value(reader: &mut Reader<'_>, id: u8) -> Result<Prop, Wrong> {
    Ok(match id {
        0x01 | 0x17 | 0x19 | 0x24 | 0x25 | 0x28..=0x2A => Prop::Byte(reader.u8()?),
        0x13 | 0x21..=0x23 => Prop::Two(reader.u16()?),
        0x02 | 0x11 | 0x18 | 0x27 => Prop::Four(reader.u32()?),
        0x0B => Prop::Var(reader.varint()?),
        0x03 | 0x08 | 0x12 | 0x15 | 0x1A | 0x1C | 0x1F => Prop::Text(reader.text()?),
        0x09 | 0x16 => Prop::Bytes(reader.binary()?),
        0x26 => Prop::Pair(reader.text()?, reader.text()?),
        _ => return Err(unknown(u32::from(id))),
    })
}

fn unknown(id: u32) -> Wrong {
    Wrong::malformed(format!("[MQTT5 2.2.2.2] property {id:#04x} does not exist"))
}

fn check(before: &[(u8, Prop)], place: Place, id: u8, value: &Prop) -> Result<(), Wrong> {
    if place == Place::Publish && id == id::SUBSCRIPTION_ID {
        return Err(Wrong::protocol("[MQTT-3.3.4-6] a client's PUBLISH has a Subscription Identifier"));
    }
    if !place.allows(id) {
        return Err(Wrong::malformed(format!("[MQTT5 2.2.2.2] property {id:#04x} is not allowed in {place:?}")));
    }
    if id != id::USER && find(before, id).is_some() {
        return Err(Wrong::protocol(format!("[MQTT5 2.2.2.2] property {id:#04x} is there twice in {place:?}")));
    }
    let number = value.number();
    let flag = matches!(id, id::PAYLOAD_FORMAT | id::REQUEST_PROBLEM_INFO | id::REQUEST_RESPONSE_INFO);
    if flag && number > Some(1) {
        return Err(Wrong::protocol(format!("[MQTT5 2.2.2.2] property {id:#04x} is neither 0 nor 1")));
    }
    let positive = matches!(id, id::SUBSCRIPTION_ID | id::RECEIVE_MAXIMUM | id::MAXIMUM_PACKET_SIZE);
    if positive && number == Some(0) {
        return Err(Wrong::protocol(format!("[MQTT5 2.2.2.2] property {id:#04x} is zero")));
    }
    Ok(())
}
