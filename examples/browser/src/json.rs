//! The subset of JSON that a report needs.

use std::fmt::Write;

/// Text that grows.
#[derive(Default)]
pub struct Json(String);

impl Json {
    pub fn object(&mut self, members: impl FnOnce(&mut Self)) {
        self.open('{');
        members(self);
        self.0.push('}');
    }

    pub fn list<T>(&mut self, name: &str, items: impl Iterator<Item = T>, write: impl Fn(&mut Self, T)) {
        self.name(name);
        self.open('[');
        for item in items {
            self.object(|json| write(json, item));
        }
        self.0.push(']');
    }

    pub fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        self.string(value);
    }

    pub fn number(&mut self, name: &str, value: u64) {
        self.name(name);
        let _ = write!(self.0, "{value}"); // a `String` takes everything
    }

    pub fn into_text(self) -> String {
        self.0
    }

    fn name(&mut self, name: &str) {
        self.separate();
        self.string(name);
        self.0.push(':');
    }

    fn open(&mut self, bracket: char) {
        self.separate();
        self.0.push(bracket);
    }

    /// A comma, unless it is the first, or the value of a name.
    fn separate(&mut self) {
        if !self.0.is_empty() && !self.0.ends_with(['{', '[', ':']) {
            self.0.push(',');
        }
    }

    fn string(&mut self, value: &str) {
        self.0.push('"');
        for letter in value.chars() {
            match letter {
                '"' | '\\' => self.0.extend(['\\', letter]),
                letter if letter < ' ' => drop(write!(self.0, "\\u{:04x}", letter as u32)),
                letter => self.0.push(letter),
            }
        }
        self.0.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_can_read_it() {
        let mut json = Json::default();
        json.object(|json| {
            json.text("a", "\"\\\n\u{1F600}:");
            json.number("b", 7);
            json.list("c", [1, 2].into_iter(), |json, item| json.number("d", item));
            json.list("e", [].into_iter(), |json, item: u64| json.number("d", item));
        });
        let read: serde_json::Value = serde_json::from_str(&json.into_text()).expect("JSON");
        assert_eq!(read, serde_json::json!({"a": "\"\\\n\u{1F600}:", "b": 7, "c": [{"d": 1}, {"d": 2}], "e": []}));
    }
}
