//! Messages that tell which one they are, and whether they are whole.

use crate::server::codec::{Prop, field};
use pure_mqtt::{Property, QoS};

/// The payload of the message with this number: every byte tells where it belongs.
pub fn payload_of(number: u32, length: usize) -> Vec<u8> {
    let rest = (4..length).map(|place| (number as usize * 7 + place) as u8);
    number.to_be_bytes().into_iter().chain(rest).collect()
}

/// A message as the application meant it.
#[derive(Clone, Debug)]
pub struct Spec {
    pub qos: QoS,
    pub retain: bool,
    pub topic: String,
    pub length: usize,
    /// Which of [`SOME`].
    pub some: usize,
    /// All but Message Expiry, as they stand on the wire.
    pub props: Vec<Prop>,
    pub expiry: Option<u32>,
    pub correlation: Option<Vec<u8>>,
}

/// Some properties for a message.
pub const SOME: [&[Property<'static>]; 5] = [
    &[],
    &[Property::PayloadFormatIndicator(false)],
    &[Property::ContentType("a/b"), Property::ResponseTopic("r")],
    &[Property::UserProperty(("k", "v")), Property::UserProperty(("k", "w"))],
    &[Property::ResponseTopic("answers/here"), Property::UserProperty(("", ""))],
];

/// The same as they stand on the wire.
pub fn on_wire(index: usize) -> Vec<Prop> {
    let pair = |key: &str, value: &str| [field(key.as_bytes()), field(value.as_bytes())].concat();
    match index {
        1 => vec![(0x01, vec![0])],
        2 => vec![(0x03, field(b"a/b")), (0x08, field(b"r"))],
        3 => vec![(0x26, pair("k", "v")), (0x26, pair("k", "w"))],
        4 => vec![(0x08, field(b"answers/here")), (0x26, pair("", ""))],
        _ => Vec::new(),
    }
}
