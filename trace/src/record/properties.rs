//! Properties as a trace has them: in their encoding of MQTT 5.0 (§2.2.2.2).

use pure_mqtt::wire::MAX_REMAINING;
use pure_mqtt::{Properties, Property};

/// The encoding of a property in parts: its identifier, then a number, or one or two fields with two bytes of length
/// before each.
pub(super) struct Encoded<'a> {
    pub(super) id: u8,
    number: [u8; 4],
    number_length: usize,
    pub(super) fields: [Option<&'a [u8]>; 2],
    pub(super) is_authentication_data: bool,
}

/// The properties that can be encoded.
pub(super) fn expressible<'a>(properties: &Properties<'a>) -> impl Iterator<Item = Encoded<'a>> + use<'a> {
    properties.iter().filter_map(|property| Encoded::new(&property))
}

/// Whether that is all of them.
pub(super) fn are_expressible(properties: &Properties<'_>) -> bool {
    properties.iter().all(|property| Encoded::new(&property).is_some())
}

impl<'a> Encoded<'a> {
    /// The encoding; `None` if the property has none: a field is too long or a text holds U+0000, or a number is too
    /// large.
    fn new(property: &Property<'a>) -> Option<Self> {
        use Property as P;
        let encoded = match *property {
            P::PayloadFormatIndicator(flag)
            | P::RequestProblemInformation(flag)
            | P::RequestResponseInformation(flag)
            | P::RetainAvailable(flag)
            | P::WildcardSubscriptionAvailable(flag)
            | P::SubscriptionIdentifierAvailable(flag)
            | P::SharedSubscriptionAvailable(flag) => Self::number_of(&[flag.into()]),
            P::MaximumQoS(number) => Self::number_of(&[number]),
            P::ServerKeepAlive(number)
            | P::ReceiveMaximum(number)
            | P::TopicAliasMaximum(number)
            | P::TopicAlias(number) => Self::number_of(&number.to_be_bytes()),
            P::MessageExpiryInterval(number)
            | P::SessionExpiryInterval(number)
            | P::WillDelayInterval(number)
            | P::MaximumPacketSize(number) => Self::number_of(&number.to_be_bytes()),
            P::SubscriptionIdentifier(number) => Self::variable_byte_integer(number)?,
            P::ContentType(text)
            | P::ResponseTopic(text)
            | P::AssignedClientIdentifier(text)
            | P::AuthenticationMethod(text)
            | P::ResponseInformation(text)
            | P::ServerReference(text)
            | P::ReasonString(text) => Self::fields_of([Some(bytes_of(text)?), None])?,
            P::CorrelationData(data) => Self::fields_of([Some(data), None])?,
            P::AuthenticationData(data) => {
                Self { is_authentication_data: true, ..Self::fields_of([Some(data), None])? }
            }
            P::UserProperty((name, value)) => Self::fields_of([Some(bytes_of(name)?), Some(bytes_of(value)?)])?,
            _ => return None,
        };
        Some(Self { id: property.id(), ..encoded })
    }

    fn number_of(bytes: &[u8]) -> Self {
        let mut number = [0; 4];
        number.iter_mut().zip(bytes).for_each(|(place, byte)| *place = *byte);
        Self { id: 0, number, number_length: bytes.len(), fields: [None; 2], is_authentication_data: false }
    }

    /// Seven bits a byte, the lowest first (§1.5.5).
    fn variable_byte_integer(value: u32) -> Option<Self> {
        if value as usize > MAX_REMAINING {
            return None;
        }
        let length = (u32::BITS - value.leading_zeros()).div_ceil(7).max(1) as usize;
        let mut bytes = [0_u8; 4];
        for (index, byte) in bytes.iter_mut().enumerate().take(length) {
            let more = if index + 1 < length { 0x80 } else { 0 };
            *byte = (value >> (7 * index)) as u8 & 0x7F | more;
        }
        Some(Self { number_length: length, ..Self::number_of(&bytes) })
    }

    fn fields_of(fields: [Option<&'a [u8]>; 2]) -> Option<Self> {
        let fits = fields.iter().flatten().all(|field| field.len() <= u16::MAX.into());
        fits.then(|| Self { fields, ..Self::number_of(&[]) })
    }

    pub(super) fn number(&self) -> &[u8] {
        self.number.get(..self.number_length).unwrap_or_default()
    }

    pub(super) fn length(&self) -> usize {
        1 + self.number_length + self.fields.iter().flatten().map(|field| 2 + field.len()).sum::<usize>()
    }
}

/// A text that may stand in a packet `[MQTT-1.5.4-2]`.
fn bytes_of(text: &str) -> Option<&[u8]> {
    (!text.contains('\0')).then_some(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;
    use std::vec::Vec;

    /// The encoding, put together.
    fn bytes(properties: &Properties<'_>) -> Vec<u8> {
        let mut bytes = Vec::new();
        for encoded in expressible(properties) {
            let before = bytes.len();
            bytes.push(encoded.id);
            bytes.extend(encoded.number());
            for field in encoded.fields.into_iter().flatten() {
                bytes.extend((field.len() as u16).to_be_bytes());
                bytes.extend(field);
            }
            assert_eq!(bytes.len() - before, encoded.length());
        }
        bytes
    }

    /// Every property that the engine knows is written as it was read: none is left out.
    #[test]
    fn every_property_has_its_encoding() {
        let values: [&[u8]; 7] = [
            b"\x01",
            b"\x01\x02",
            b"\x01\x02\x03\x04",
            b"\x80\x01",
            b"\xFF\xFF\xFF\x7F",
            b"\0\x03a/b",
            b"\0\x04name\0\x05value",
        ];
        let mut known = 0;
        for id in 0..=u8::MAX {
            let mut is_known = false;
            for value in values {
                let given = [&[id], value].concat();
                let Ok(properties) = Properties::from_bytes(&given) else { continue };
                if properties.iter().count() == 1 {
                    is_known = true;
                    assert_eq!(bytes(&properties), given, "{properties:?}");
                }
            }
            known += u32::from(is_known);
        }
        assert_eq!(known, 27);
    }

    #[test]
    fn what_has_no_encoding_is_left_out() {
        let long = String::from_utf8([b'x'; 65_536].into()).unwrap();
        let longest = &long[1..];
        for property in [
            Property::ContentType(&long),
            Property::CorrelationData(long.as_bytes()),
            Property::AuthenticationData(long.as_bytes()),
            Property::UserProperty(("name", &long)),
            Property::UserProperty((&long, "value")),
            Property::UserProperty(("a\0", "value")),
            Property::UserProperty(("name", "\0a")),
            Property::ReasonString("a\0b"),
            Property::SubscriptionIdentifier(268_435_456),
        ] {
            let list = [property, Property::ReceiveMaximum(7)];
            assert!(!are_expressible(&Properties::new(&list)), "{:?}", property.id());
            assert_eq!(bytes(&Properties::new(&list)), b"\x21\0\x07");
        }
        let list = [
            Property::ContentType(longest),
            Property::CorrelationData(longest.as_bytes()),
            Property::UserProperty((longest, longest)),
            Property::CorrelationData(b"\0"),
            Property::SubscriptionIdentifier(268_435_455),
        ];
        assert!(are_expressible(&Properties::new(&list)));
        assert_eq!(Properties::from_bytes(&bytes(&Properties::new(&list))), Ok(Properties::new(&list)));
    }
}
