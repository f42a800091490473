//! What can be shown of a message: one table, for templates, JSON and `--help`.

use std::time::{SystemTime, UNIX_EPOCH};

use pure_mqtt::Message;

use crate::json::{Line, hex};

/// One field of a message.
pub struct Field {
    /// Its letter in a template.
    pub letter: char,
    /// Its name in JSON; where it is empty the field doesn't show there.
    pub name: &'static str,
    pub about: &'static str,
    value: for<'m> fn(&Shown<'m>) -> Value<'m>,
}

/// A message and where it was published.
pub struct Shown<'m> {
    pub topic: &'m str,
    pub message: &'m Message<'m>,
}

enum Value<'m> {
    /// The message hasn't got it.
    None,
    Text(&'m str),
    Bytes(&'m [u8]),
    Hex(&'m [u8]),
    Number(u64),
    Flag(bool),
    Pairs(Vec<(&'m str, &'m str)>),
}

pub const FIELDS: [Field; 13] = [
    field('t', "topic", "topic", |shown| Value::Text(shown.topic)),
    field('p', "payload", "payload", |shown| Value::Bytes(shown.message.payload)),
    field('x', "", "payload in hexadecimal", |shown| Value::Hex(shown.message.payload)),
    field('l', "length", "length of the payload in bytes", |shown| Value::Number(shown.message.payload.len() as u64)),
    field('q', "qos", "quality of service", |shown| Value::Number(shown.message.qos.bits().into())),
    field('r', "retain", "1 if it was retained, or else 0", |shown| Value::Flag(shown.message.retain)),
    field('d', "dup", "1 if it may have come before, or else 0", |shown| Value::Flag(shown.message.dup)),
    field('T', "time_ms", "milliseconds since 1970 when it came", |_| Value::Number(milliseconds_since_1970())),
    field('C', "content_type", "content type (5)", |shown| text(shown.message.properties.content_type())),
    field('E', "expiry", "seconds that it is still of use (5)", |shown| {
        shown.message.properties.message_expiry_interval().map_or(Value::None, |seconds| Value::Number(seconds.into()))
    }),
    field('R', "response_topic", "response topic (5)", |shown| text(shown.message.properties.response_topic())),
    field('D', "correlation", "correlation data (5)", |shown| {
        shown.message.properties.correlation_data().map_or(Value::None, Value::Bytes)
    }),
    field('P', "user_properties", "user properties, as name=value (5)", |shown| {
        Value::Pairs(shown.message.properties.user_properties().collect())
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
    /// Appends it as it is.
    pub fn print(&self, shown: &Shown<'_>, out: &mut Vec<u8>) {
        match (self.value)(shown) {
            Value::None => {}
            Value::Text(text) => out.extend(text.as_bytes()),
            Value::Bytes(bytes) => out.extend(bytes),
            Value::Hex(bytes) => out.extend(hex(bytes).as_bytes()),
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
            Value::None | Value::Hex(_) => line,
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

/// All fields that the message has.
pub fn json(shown: &Shown<'_>) -> String {
    FIELDS.iter().fold(Line::new("message"), |line, field| field.add(shown, line)).end()
}

fn text(text: Option<&str>) -> Value<'_> {
    text.map_or(Value::None, Value::Text)
}

fn milliseconds_since_1970() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_millis() as u64)
}
