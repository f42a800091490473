//! The fields of a message that can be shown: one table for templates, JSON and `--help`.

use std::time::{SystemTime, UNIX_EPOCH};

use pure_mqtt_client::Received;
use pure_mqtt_client::pure_mqtt::Properties;

use crate::encoding::{base64, hex};
use crate::json::Line;

/// One field of a message.
#[derive(Debug)]
pub struct Field {
    /// The field's letter in a template.
    pub letter: char,
    /// The field's name in JSON; empty if JSON does not contain the field.
    pub name: &'static str,
    pub about: &'static str,
    value: for<'m> fn(&Shown<'m>) -> Value<'m>,
}

/// A message, with its properties decoded.
pub struct Shown<'m> {
    pub message: &'m Received,
    properties: Properties<'m>,
}

impl<'m> Shown<'m> {
    pub fn new(message: &'m Received) -> Self {
        Self { message, properties: message.properties() }
    }
}

enum Value<'m> {
    /// The message has no such field.
    None,
    Text(&'m str),
    Bytes(&'m [u8]),
    /// Only in templates.
    Hidden(String),
    Owned(String),
    Number(u64),
    Flag(bool),
    Pairs(Vec<(&'m str, &'m str)>),
}

pub const FIELDS: [Field; 20] = [
    field('t', "topic", "topic", |shown| Value::Text(&shown.message.topic)),
    field('p', "payload", "payload", |shown| Value::Bytes(&shown.message.payload)),
    field('x', "", "payload in hexadecimal", |shown| Value::Hidden(hex(&shown.message.payload))),
    field('X', "", "payload in hexadecimal with capital letters", |shown| {
        Value::Hidden(hex(&shown.message.payload).to_uppercase())
    }),
    field('b', "", "payload in base64", |shown| Value::Hidden(base64(&shown.message.payload))),
    field('j', "", "all fields as a JSON object", |shown| Value::Hidden(json(shown).trim_end().to_owned())),
    field('l', "length", "length of the payload in bytes", |shown| Value::Number(shown.message.payload.len() as u64)),
    field('q', "qos", "QoS", |shown| Value::Number(shown.message.qos.bits().into())),
    field('r', "retain", "1 if it is a retained message, else 0", |shown| Value::Flag(shown.message.retain)),
    field('d', "dup", "1 if it may be a duplicate (DUP), else 0", |shown| Value::Flag(shown.message.dup)),
    field('m', "", "packet identifier", |shown| {
        shown.message.id.map_or(Value::None, |id| Value::Hidden(id.get().to_string()))
    }),
    field('T', "time_ms", "time of arrival in milliseconds since 1970", |shown| {
        Value::Number(milliseconds(shown.message.timestamp))
    }),
    field('I', "time", "time of arrival, such as 2026-11-30T08:15:00.250Z", |shown| {
        Value::Owned(humantime::format_rfc3339_millis(shown.message.timestamp).to_string())
    }),
    field('U', "", "time of arrival in seconds since 1970, with a fraction", |shown| {
        Value::Hidden(format!("{:.3}", milliseconds(shown.message.timestamp) as f64 / 1000.0))
    }),
    field('F', "", "1 if the payload is marked as UTF-8 text, else 0 (5)", |shown| {
        Value::Hidden(u8::from(shown.properties.payload_format_indicator() == Some(true)).to_string())
    }),
    field('C', "content_type", "content type (5)", |shown| text(shown.properties.content_type())),
    field('E', "expiry", "seconds until the message expires (5)", |shown| {
        shown.properties.message_expiry_interval().map_or(Value::None, |seconds| Value::Number(seconds.into()))
    }),
    field('R', "response_topic", "response topic (5)", |shown| text(shown.properties.response_topic())),
    field('D', "correlation", "correlation data (5)", |shown| {
        shown.properties.correlation_data().map_or(Value::None, Value::Bytes)
    }),
    field('P', "user_properties", "user properties, as name=value (5)", |shown| {
        Value::Pairs(shown.properties.user_properties().collect())
    }),
];

const fn field(
    letter: char,
    name: &'static str,
    about: &'static str,
    value: for<'m> fn(&Shown<'m>) -> Value<'m>,
) -> Field {
    Field { letter, name, about, value }
}

impl Field {
    /// Appends the field's value as text.
    pub fn print(&self, shown: &Shown<'_>, out: &mut Vec<u8>) {
        match (self.value)(shown) {
            Value::None => {}
            Value::Text(text) => out.extend(text.as_bytes()),
            Value::Bytes(bytes) => out.extend(bytes),
            Value::Hidden(text) | Value::Owned(text) => out.extend(text.as_bytes()),
            Value::Number(number) => out.extend(number.to_string().as_bytes()),
            Value::Flag(is_set) => out.push(if is_set { b'1' } else { b'0' }),
            Value::Pairs(pairs) => {
                let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
                out.extend(pairs.join(" ").as_bytes());
            }
        }
    }

    fn add(&self, shown: &Shown<'_>, line: Line) -> Line {
        match (self.value)(shown) {
            Value::None | Value::Hidden(_) => line,
            Value::Owned(text) => line.field(self.name, text),
            Value::Text(text) => line.field(self.name, text),
            Value::Bytes(bytes) => line.bytes(self.name, bytes),
            Value::Number(number) => line.field(self.name, number),
            Value::Flag(is_set) => line.field(self.name, is_set),
            Value::Pairs(pairs) if pairs.is_empty() => line,
            Value::Pairs(pairs) => {
                let pairs = pairs.iter().map(|(name, value)| vec![*name, *value]);
                line.field(self.name, pairs.collect::<Vec<_>>())
            }
        }
    }
}

/// Returns all fields of the message as a JSON object in one line.
pub fn json(shown: &Shown<'_>) -> String {
    object(shown).end()
}

/// Returns all fields of the message as indented JSON.
pub fn pretty(shown: &Shown<'_>) -> String {
    object(shown).pretty("payload")
}

fn object(shown: &Shown<'_>) -> Line {
    FIELDS
        .iter()
        .filter(|field| !field.name.is_empty())
        .fold(Line::new("message"), |line, field| field.add(shown, line))
}

fn text(text: Option<&str>) -> Value<'_> {
    text.map_or(Value::None, Value::Text)
}

fn milliseconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_millis() as u64)
}
