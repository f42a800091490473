//! One JSON object in one line.

use serde_json::Value;

/// A line that grows. Its fields stay in the order in which they came.
pub struct Line(String);

impl Line {
    /// `{"type":KIND`, and whatever follows.
    pub fn new(kind: &str) -> Self {
        Self(format!("{{\"type\":{}", Value::from(kind)))
    }

    pub fn field(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0 += &format!(",{}:{}", Value::from(name), value.into());
        self
    }

    /// Text as a string; anything else in hexadecimal, under a name that says so.
    pub fn bytes(self, name: &str, bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.field(name, text),
            Err(_) => self.field(&format!("{name}_hex"), hex(bytes)),
        }
    }

    pub fn end(self) -> String {
        self.0 + "}\n"
    }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
