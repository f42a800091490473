//! What a codec says of bytes, in a form that all codecs share.

use std::fmt;

use pure_mqtt::wire::DecodeError;

/// What became of the front of an input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// A packet that took so many bytes.
    Packet(Box<Told>, usize),
    /// More bytes are needed.
    Partial,
    /// Not a packet.
    Refused(Refusal),
    /// The codec did not come back.
    Panicked,
}

/// Why it is none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    Ours(DecodeError),
    Theirs(mqttbytes::Error),
}

/// A packet, field by field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    pub packet: &'static str,
    pub fields: Vec<(&'static str, Value)>,
    /// In the order of their identifiers: not every codec keeps the order of the wire.
    pub properties: Vec<(u8, Value)>,
    pub will_properties: Vec<(u8, Value)>,
}

/// The value of a field or a property.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    Number(u32),
    Text(String),
    Bytes(Vec<u8>),
    Pair(String, String),
}

impl Told {
    pub fn new(packet: &'static str) -> Self {
        Self { packet, fields: Vec::new(), properties: Vec::new(), will_properties: Vec::new() }
    }

    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    pub fn properties(mut self, properties: Vec<(u8, Value)>) -> Self {
        self.properties = sorted(properties);
        self
    }

    pub fn will_properties(mut self, properties: Vec<(u8, Value)>) -> Self {
        self.will_properties = sorted(properties);
        self
    }
}

fn sorted(mut properties: Vec<(u8, Value)>) -> Vec<(u8, Value)> {
    properties.sort_by_key(|(id, _)| *id);
    properties
}

impl From<bool> for Value {
    fn from(on: bool) -> Self {
        Self::Number(on.into())
    }
}

impl From<u8> for Value {
    fn from(number: u8) -> Self {
        Self::Number(number.into())
    }
}

impl From<u16> for Value {
    fn from(number: u16) -> Self {
        Self::Number(number.into())
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(number)
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::Number(u32::try_from(number).expect("MQTT has no larger numbers"))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl From<bytes::Bytes> for Value {
    fn from(bytes: bytes::Bytes) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl From<(&str, &str)> for Value {
    fn from((name, text): (&str, &str)) -> Self {
        Self::Pair(name.to_owned(), text.to_owned())
    }
}

impl From<(String, String)> for Value {
    fn from((name, text): (String, String)) -> Self {
        Self::Pair(name, text)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number:#X}"),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Bytes(bytes) => write!(f, "{bytes:02X?}"),
            Self::Pair(name, text) => write!(f, "{name:?}: {text:?}"),
        }
    }
}
