//! One JSON object in one line.

use serde_json::{Map, Value};

use crate::encoding::hex;

/// A line under construction. Its fields stay in the order in which they were added.
pub struct Line(Map<String, Value>);

impl Line {
    /// Begins with `{"type":KIND`.
    pub fn new(kind: &str) -> Self {
        Self(Map::new()).field("type", kind)
    }

    pub fn field(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// Adds text as a string; other bytes in hexadecimal, under the name with `_hex`.
    pub fn bytes(self, name: &str, bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.field(name, text),
            Err(_) => self.field(&format!("{name}_hex"), hex(bytes)),
        }
    }

    pub fn end(self) -> String {
        format!("{}\n", Value::Object(self.0))
    }

    /// Returns the object indented, over several lines. If the text in `name` is JSON, it is not quoted.
    pub fn pretty(mut self, name: &str) -> String {
        if let Some(inner) = self.0.get(name).and_then(Value::as_str).and_then(|text| serde_json::from_str(text).ok()) {
            self.0.insert(name.to_owned(), inner);
        }
        format!("{:#}\n", Value::Object(self.0))
    }
}
