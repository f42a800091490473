//! The 27 properties of MQTT 5.0 (§2.2.2.2) in one table, with the ranges of their values.

mod list;

pub use self::list::{Properties, PropertiesIter, PropertyError};
pub(crate) use self::list::{Seen, properties_setter, value_position};

use core::fmt;

use crate::shown::Secret;
use crate::text::has_wildcard;
use crate::wire::header::WILL_BIT;
use crate::wire::reader::{Reader, check_text};
use crate::wire::writer::{Writer, varint_len};
use crate::wire::{DecodeError, MAX_REMAINING, Malformed, PacketType, Violation};

/// The layout of a property's value.
#[derive(Clone, Copy)]
enum Kind {
    Byte,
    TwoByte,
    FourByte,
    Varint,
    Text,
    Binary,
    Pair,
}

/// The range of a property's value.
#[derive(Clone, Copy)]
enum Range {
    Any,
    /// 0 or 1.
    Flag,
    NonZero,
    /// A topic name: not empty, no wildcard.
    Topic,
}

#[derive(Clone, Copy)]
struct Spec {
    kind: Kind,
    range: Range,
    /// The packets that may carry the property: bits of packet types, and the bit for the will.
    packets: u16,
}

/// A property's value as decoded. The table has its kind; fields that this kind does not use may hold old values.
#[derive(Clone, Copy, Default)]
pub(crate) struct Value<'a> {
    pub(crate) number: u32,
    /// A text, binary data, or the first of two texts.
    field: &'a [u8],
    second: &'a [u8],
}

impl<'a> Value<'a> {
    const fn of_number(number: u32) -> Self {
        Self { number, field: &[], second: &[] }
    }

    const fn of_field(field: &'a [u8]) -> Self {
        Self { number: 0, field, second: &[] }
    }
}

/// Returns a text that was checked before.
fn text(bytes: &[u8]) -> &str {
    core::str::from_utf8(bytes).unwrap_or_default()
}

/// The Rust type of a property's value.
pub(crate) trait Field<'a> {
    fn from_value(value: Value<'a>) -> Self;
    fn to_value(self) -> Value<'a>;
}

macro_rules! number_field {
    ($($number:ty)+) => {$(
        impl<'a> Field<'a> for $number {
            fn from_value(value: Value<'a>) -> Self {
                value.number as $number
            }

            fn to_value(self) -> Value<'a> {
                Value::of_number(self.into())
            }
        }
    )+};
}

number_field! { u8 u16 u32 }

impl<'a> Field<'a> for bool {
    fn from_value(value: Value<'a>) -> Self {
        value.number != 0
    }

    fn to_value(self) -> Value<'a> {
        Value::of_number(self.into())
    }
}

impl<'a> Field<'a> for &'a str {
    fn from_value(value: Value<'a>) -> Self {
        text(value.field)
    }

    fn to_value(self) -> Value<'a> {
        Value::of_field(self.as_bytes())
    }
}

impl<'a> Field<'a> for &'a [u8] {
    fn from_value(value: Value<'a>) -> Self {
        value.field
    }

    fn to_value(self) -> Value<'a> {
        Value::of_field(self)
    }
}

impl<'a> Field<'a> for (&'a str, &'a str) {
    fn from_value(value: Value<'a>) -> Self {
        (text(value.field), text(value.second))
    }

    fn to_value(self) -> Value<'a> {
        Value { number: 0, field: self.0.as_bytes(), second: self.1.as_bytes() }
    }
}

macro_rules! properties {
    ($($id:literal $variant:ident($type:ty) $name:literal: $kind:ident $range:ident [$($packet:ident)+], $doc:literal;)+) => {
        /// A property of MQTT 5.0 (§2.2.2.2) with its value.
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        #[non_exhaustive]
        pub enum Property<'a> {
            $(
                #[doc = concat!("`", stringify!($id), "` ", $name, ": ", $doc)]
                $variant($type),
            )+
        }

        impl fmt::Debug for Property<'_> {
            /// Hides Authentication Data, which are as secret as a password.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                if let Self::AuthenticationData(_) = self {
                    return f.debug_tuple("AuthenticationData").field(&Secret).finish();
                }
                match self { $(Self::$variant(value) => f.debug_tuple(stringify!($variant)).field(value).finish(),)+ }
            }
        }

        const SPECS: [(u8, Spec); 27] = [$(($id, Spec {
            kind: Kind::$kind,
            range: Range::$range,
            packets: $(properties!(@bit $packet))|+,
        })),+];

        /// The standard's names, in a table of their own, which is linked only if a program shows them.
        const NAMES: &[(u8, &str)] = &[$(($id, $name)),+];

        /// The property identifiers, by the names of the variants.
        #[allow(non_upper_case_globals)]
        pub(crate) mod ids {
            $(pub(crate) const $variant: u8 = $id;)+
        }

        impl<'a> Property<'a> {
            /// Returns the property identifier.
            pub const fn id(&self) -> u8 {
                match self { $(Self::$variant(_) => ids::$variant,)+ }
            }

            #[cfg_attr(target_pointer_width = "32", inline(never))]
            fn value(self) -> Value<'a> {
                match self { $(Self::$variant(value) => value.to_value(),)+ }
            }

            fn from_value(id: u8, value: Value<'a>) -> Option<Self> {
                match id {
                    $($id => Some(Self::$variant(Field::from_value(value))),)+
                    _ => None,
                }
            }
        }
    };
    (@bit Will) => { WILL_BIT };
    (@bit $packet:ident) => { PacketType::$packet.bit() };
}

properties! {
    0x01 PayloadFormatIndicator(bool) "Payload Format Indicator": Byte Flag [Publish Will], "the payload is UTF-8 text.";
    0x02 MessageExpiryInterval(u32) "Message Expiry Interval": FourByte Any [Publish Will], "the message's time to live in seconds.";
    0x03 ContentType(&'a str) "Content Type": Text Any [Publish Will], "what the payload is, for instance a MIME type.";
    0x08 ResponseTopic(&'a str) "Response Topic": Text Topic [Publish Will], "where a response is to be published.";
    0x09 CorrelationData(&'a [u8]) "Correlation Data": Binary Any [Publish Will], "tells which request a response belongs to.";
    0x0B SubscriptionIdentifier(u32) "Subscription Identifier": Varint NonZero [Publish Subscribe], "1 to 268,435,455, given with SUBSCRIBE and returned with each message that matched.";
    0x11 SessionExpiryInterval(u32) "Session Expiry Interval": FourByte Any [Connect ConnAck Disconnect], "seconds that the session outlives its link; `u32::MAX` for ever.";
    0x12 AssignedClientIdentifier(&'a str) "Assigned Client Identifier": Text Any [ConnAck], "the server's choice for an empty client identifier.";
    0x13 ServerKeepAlive(u16) "Server Keep Alive": TwoByte Any [ConnAck], "seconds; replaces the keep alive of CONNECT.";
    0x15 AuthenticationMethod(&'a str) "Authentication Method": Text Any [Connect ConnAck Auth], "the name of an enhanced authentication.";
    0x16 AuthenticationData(&'a [u8]) "Authentication Data": Binary Any [Connect ConnAck Auth], "what the authentication method defines.";
    0x17 RequestProblemInformation(bool) "Request Problem Information": Byte Flag [Connect], "false: no reason strings and user properties except where they are always allowed.";
    0x18 WillDelayInterval(u32) "Will Delay Interval": FourByte Any [Will], "seconds from the end of the link to the will.";
    0x19 RequestResponseInformation(bool) "Request Response Information": Byte Flag [Connect], "true: the server may send Response Information.";
    0x1A ResponseInformation(&'a str) "Response Information": Text Any [ConnAck], "the basis of response topics.";
    0x1C ServerReference(&'a str) "Server Reference": Text Any [ConnAck Disconnect], "another server to use.";
    0x1F ReasonString(&'a str) "Reason String": Text Any [ConnAck PubAck PubRec PubRel PubComp SubAck UnsubAck Disconnect Auth], "for people, not to be parsed.";
    0x21 ReceiveMaximum(u16) "Receive Maximum": TwoByte NonZero [Connect ConnAck], "unacknowledged QoS 1 and 2 messages that the sender of this property takes at a time.";
    0x22 TopicAliasMaximum(u16) "Topic Alias Maximum": TwoByte Any [Connect ConnAck], "the highest topic alias that the sender of this property takes.";
    0x23 TopicAlias(u16) "Topic Alias": TwoByte Any [Publish], "stands for a topic name on this link.";
    0x24 MaximumQoS(u8) "Maximum QoS": Byte Flag [ConnAck], "0 or 1; absent where the server takes QoS 2.";
    0x25 RetainAvailable(bool) "Retain Available": Byte Flag [ConnAck], "the server keeps retained messages.";
    0x26 UserProperty((&'a str, &'a str)) "User Property": Pair Any [Connect ConnAck Publish Will PubAck PubRec PubRel PubComp Subscribe SubAck Unsubscribe UnsubAck Disconnect Auth], "a name and a value; may stand any number of times.";
    0x27 MaximumPacketSize(u32) "Maximum Packet Size": FourByte NonZero [Connect ConnAck], "the longest packet, in bytes, that the sender of this property takes.";
    0x28 WildcardSubscriptionAvailable(bool) "Wildcard Subscription Available": Byte Flag [ConnAck], "the server takes wildcards in filters.";
    0x29 SubscriptionIdentifierAvailable(bool) "Subscription Identifier Available": Byte Flag [ConnAck], "the server takes subscription identifiers.";
    0x2A SharedSubscriptionAvailable(bool) "Shared Subscription Available": Byte Flag [ConnAck], "the server takes shared subscriptions.";
}

/// The table by property identifier. Numbers that are not a property have a row without packets.
#[allow(clippy::indexing_slicing)] // a constant with a wrong index doesn't compile
static TABLE: [Spec; 0x2B] = {
    let mut table = [Spec { kind: Kind::Byte, range: Range::Any, packets: 0 }; 0x2B];
    let mut rows = SPECS.as_slice();
    while let [rest @ .., (id, spec)] = rows {
        table[*id as usize] = *spec;
        rows = rest;
    }
    table
};

/// Checks that no packet may carry two properties that share a bit in [`Seen`].
#[allow(clippy::indexing_slicing)] // as above
const _: () = {
    let mut seen = [0; u16::BITS as usize];
    let mut rows = SPECS.as_slice();
    while let [rest @ .., (id, spec)] = rows {
        let bit = Seen::bit(*id as u32);
        let mut packet = 0;
        while packet < seen.len() {
            if spec.packets & 1 << packet != 0 {
                assert!(seen[packet] & bit == 0);
                seen[packet] |= bit;
            }
            packet += 1;
        }
        rows = rest;
    }
};

fn spec(id: u32) -> Option<&'static Spec> {
    TABLE.get(id as usize).filter(|spec| spec.packets != 0)
}

fn read_value<'a>(kind: Kind, reader: &mut Reader<'a>, value: &mut Value<'a>) {
    match kind {
        Kind::Byte => value.number = reader.u8().into(),
        Kind::TwoByte => value.number = reader.u16().into(),
        Kind::FourByte => value.number = reader.u32(),
        Kind::Varint => value.number = reader.varint(),
        Kind::Text | Kind::Binary => value.field = reader.binary(),
        Kind::Pair => {
            value.field = reader.binary();
            value.second = reader.binary();
        }
    }
}

/// Checks a value from a peer or from the application.
#[cfg_attr(not(target_pointer_width = "32"), inline(always))]
fn check_value(spec: &Spec, value: &Value<'_>, strict: bool) -> Result<(), DecodeError> {
    check_texts(spec.kind, value, strict)?;
    Ok(check_range(spec, value)?)
}

/// `[MQTT-3.3.2-13]` `[MQTT-3.3.2-19]` `[MQTT-1.5.7-1]`.
fn check_texts(kind: Kind, value: &Value<'_>, strict: bool) -> Result<(), Malformed> {
    if matches!(kind, Kind::Text | Kind::Pair) {
        check_text(value.field, strict)?;
    }
    if matches!(kind, Kind::Pair) {
        check_text(value.second, strict)?;
    }
    Ok(())
}

fn check_range(spec: &Spec, value: &Value<'_>) -> Result<(), Violation> {
    let is_illegal = match spec.range {
        Range::Any => false,
        Range::Flag => value.number > 1,
        Range::NonZero => value.number == 0,
        Range::Topic if value.field.is_empty() || has_wildcard(value.field) => return Err(Violation::ResponseTopic),
        Range::Topic => false,
    };
    let is_too_large = matches!(spec.kind, Kind::Varint) && value.number as usize > MAX_REMAINING;
    if is_illegal || is_too_large { Err(Violation::PropertyValue) } else { Ok(()) }
}

/// Returns whether every field of a property to be sent is short enough for its length field.
const fn has_room(value: &Value<'_>) -> bool {
    value.field.len() <= LONGEST_FIELD && value.second.len() <= LONGEST_FIELD
}

/// The longest string or binary field, in bytes.
pub(crate) const LONGEST_FIELD: usize = u16::MAX as usize;

/// Returns the standard's name of a property; empty if there is none.
fn name_of(id: u8) -> &'static str {
    NAMES.iter().find(|(known, _)| *known == id).map_or("", |(_, name)| name)
}

impl<'a> Property<'a> {
    /// Returns the standard's name of the property.
    pub fn name(&self) -> &'static str {
        name_of(self.id())
    }

    fn kind(&self) -> Kind {
        spec(self.id().into()).map_or(Kind::Byte, |spec| spec.kind)
    }

    fn encode(&self, writer: &mut Writer<'_>) {
        writer.u8(self.id());
        write_value(self.kind(), &self.value(), writer);
    }
}

impl Value<'_> {
    /// Returns how many bytes [`write_value`] writes.
    fn length(&self, kind: Kind) -> usize {
        match kind {
            Kind::Byte => 1,
            Kind::TwoByte => 2,
            Kind::FourByte => 4,
            Kind::Varint => varint_len(self.number as usize),
            Kind::Text | Kind::Binary => 2 + self.field.len(),
            Kind::Pair => 4 + self.field.len() + self.second.len(),
        }
    }
}

fn write_value(kind: Kind, value: &Value<'_>, writer: &mut Writer<'_>) {
    match kind {
        Kind::Byte => writer.u8(value.number as u8),
        Kind::TwoByte => writer.u16(value.number as u16),
        Kind::FourByte => writer.u32(value.number),
        Kind::Varint => writer.varint(value.number),
        Kind::Text | Kind::Binary => writer.binary(value.field),
        Kind::Pair => {
            writer.binary(value.field);
            writer.binary(value.second);
        }
    }
}
