//! Topic names, topic filters and the retained messages.

use super::codec::{Props, Wrong};
use std::collections::BTreeMap;

/// An application message on its way through the broker.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Message {
    /// Client id of the publisher; empty for [`Broker::publish`](super::Broker::publish).
    pub from: String,
    /// Topic name.
    pub topic: String,
    /// Payload.
    pub payload: Vec<u8>,
    /// Quality of service of the publication.
    pub qos: u8,
    /// RETAIN flag of the publication.
    pub retain: bool,
    /// The properties that are forwarded unchanged.
    pub props: Props,
    /// When the message expires, in milliseconds of virtual time.
    pub expires_at: Option<u64>,
}

impl Message {
    /// Whether its time is over.
    pub fn is_expired(&self, now_ms: u64) -> bool {
        self.expires_at.is_some_and(|at| at <= now_ms)
    }

    /// The Message Expiry Interval to forward, in started seconds.
    pub fn remaining_s(&self, now_ms: u64) -> Option<u32> {
        let left = self.expires_at?.saturating_sub(now_ms).div_ceil(1000);
        Some(u32::try_from(left).unwrap_or(u32::MAX))
    }
}

/// Checks a topic name.
pub fn check_name(topic: &str) -> Result<(), Wrong> {
    if topic.is_empty() {
        return Err(Wrong::protocol("[MQTT-4.7.3-1] an empty topic name"));
    }
    if topic.contains(['+', '#']) {
        return Err(Wrong::new(0x90, format!("[MQTT-3.3.2-2] wildcard in topic name {topic:?}")));
    }
    Ok(())
}

/// A topic filter, with its share name split off.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Filter<'a> {
    /// The share name of `$share/name/filter`.
    pub share: Option<&'a str>,
    /// The part that is compared with topic names.
    pub filter: &'a str,
}

impl<'a> Filter<'a> {
    /// Splits and checks a filter as it stands in SUBSCRIBE.
    pub fn parse(text: &'a str) -> Result<Self, Wrong> {
        let (share, filter) = match text.strip_prefix("$share/") {
            Some(rest) => {
                let (name, filter) = rest.split_once('/').unwrap_or((rest, ""));
                (Some(check_share(name, text)?), filter)
            }
            None => (None, text),
        };
        check_levels(filter)?;
        Ok(Self { share, filter })
    }

    /// Whether the filter has a wildcard.
    pub fn has_wildcard(&self) -> bool {
        self.filter.contains(['+', '#'])
    }
}

fn check_share<'a>(name: &'a str, text: &str) -> Result<&'a str, Wrong> {
    if name.is_empty() || name.contains(['+', '#']) {
        return Err(Wrong::new(0x8F, format!("[MQTT-4.8.2-2] bad share name in {text:?}")));
    }
    Ok(name)
}

fn check_levels(filter: &str) -> Result<(), Wrong> {
    if filter.is_empty() {
        return Err(Wrong::new(0x8F, "[MQTT-4.7.3-1] an empty topic filter"));
    }
    let mut levels = filter.split('/').peekable();
    while let Some(level) = levels.next() {
        if level.contains('#') && (level != "#" || levels.peek().is_some()) {
            return Err(Wrong::new(0x8F, format!("[MQTT-4.7.1-1] misplaced # in {filter:?}")));
        }
        if level.contains('+') && level != "+" {
            return Err(Wrong::new(0x8F, format!("[MQTT-4.7.1-2] misplaced + in {filter:?}")));
        }
    }
    Ok(())
}

/// Whether a topic filter (without share prefix) matches a topic name.
pub fn matches(filter: &str, topic: &str) -> bool {
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let mut names = topic.split('/');
    for level in filter.split('/') {
        if level == "#" {
            return true;
        }
        match names.next() {
            Some(name) if level == "+" || level == name => {}
            _ => return false,
        }
    }
    names.next().is_none()
}

/// The retained message of each topic.
#[derive(Clone, Default, Debug)]
pub struct Retained {
    messages: BTreeMap<String, Message>,
}

impl Retained {
    /// Stores a message with RETAIN set; an empty payload deletes.
    pub fn store(&mut self, message: &Message) {
        if message.payload.is_empty() {
            self.messages.remove(&message.topic);
        } else {
            self.messages.insert(message.topic.clone(), message.clone());
        }
    }

    /// The messages a new subscription gets, by topic.
    pub fn matching(&self, filter: &str, now_ms: u64) -> Vec<Message> {
        let fits = |message: &&Message| matches(filter, &message.topic) && !message.is_expired(now_ms);
        self.messages.values().filter(fits).cloned().collect()
    }

    /// The payload for a topic.
    pub fn get(&self, topic: &str) -> Option<&[u8]> {
        self.messages.get(topic).map(|message| message.payload.as_slice())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.messages.len()
    }
}
