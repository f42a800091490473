//! What was accepted, what became of it, and who got it.

use pure_mqtt_agent::{End, Ticket};
use std::collections::BTreeMap;

pub type Verdict<T = ()> = Result<T, String>;

/// A message of an agent or of a server.
#[derive(Debug, Clone)]
pub struct Message {
    /// Which agent, and in which of its lives; `None` for one of the server's own.
    pub from: Option<(usize, u32)>,
    pub ticket: Option<Ticket>,
    pub topic: String,
    pub payload: Vec<u8>,
    pub qos: u8,
    pub accepted: u64,
    pub tag: u64,
    pub end: Option<End>,
    /// How often each realm took it over.
    pub taken: BTreeMap<usize, u32>,
    /// The session was lost, or never known, while it was under way.
    pub session_was_lost: bool,
    /// Its agent lost power before its record was durable, or keeps no log.
    pub is_dead: bool,
    /// The server refused it.
    pub is_refused: bool,
    /// The server has sent its last answer.
    pub is_answered: bool,
    pub has_expiry: bool,
    /// The program gave it up.
    pub is_withdrawn: bool,
    pub is_forgotten: bool,
    pub is_request: bool,
    /// It had a place in a durable log.
    pub is_durable: bool,
    /// Filters of the same agent that were subscribed to before.
    pub own_filters: Vec<String>,
    /// Copies at QoS 2 for each client.
    pub copies: BTreeMap<String, u32>,
}

#[derive(Debug, Default)]
pub struct Ledger {
    pub messages: BTreeMap<u64, Message>,
    last: u64,
}

impl Ledger {
    /// The number for the next message, and the payload that carries it.
    pub fn payload(&mut self, length: usize, note: &str) -> (u64, Vec<u8>) {
        self.last += 1;
        let mut payload = format!("<{}>{note}", self.last).into_bytes();
        payload.resize(payload.len().max(length), b'.');
        (self.last, payload)
    }

    pub fn add(
        &mut self,
        number: u64,
        from: Option<(usize, u32)>,
        topic: &str,
        payload: Vec<u8>,
        qos: u8,
    ) -> &mut Message {
        let message = Message {
            from,
            ticket: None,
            topic: topic.into(),
            payload,
            qos,
            accepted: 0,
            tag: 0,
            end: None,
            taken: BTreeMap::new(),
            session_was_lost: false,
            is_dead: false,
            is_refused: false,
            is_answered: false,
            has_expiry: false,
            is_withdrawn: false,
            is_forgotten: false,
            is_request: false,
            is_durable: false,
            own_filters: Vec::new(),
            copies: BTreeMap::new(),
        };
        self.messages.entry(number).or_insert(message)
    }

    pub fn get(&mut self, number: u64) -> Verdict<&mut Message> {
        self.messages.get_mut(&number).ok_or_else(|| format!("message {number} was never accepted"))
    }

    /// Messages of this agent without an end.
    pub fn open_of(&mut self, host: usize) -> impl Iterator<Item = (&u64, &mut Message)> {
        self.messages.iter_mut().filter(move |(_, message)| {
            message.from.is_some_and(|(from, _)| from == host) && message.end.is_none() && !message.is_dead
        })
    }
}

/// The number that a payload carries.
pub fn number_of(payload: &[u8]) -> Verdict<u64> {
    let text = payload.strip_prefix(b"<").and_then(|rest| rest.split(|byte| *byte == b'>').next());
    let number = text.and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
    number.ok_or_else(|| format!("a payload that nobody sent: {:?}", String::from_utf8_lossy(payload)))
}

/// All numbers of payloads in a part of a log.
pub fn numbers_in(log: &[u8]) -> Vec<u64> {
    let parts = log.split(|byte| *byte == b'<').skip(1);
    parts.filter_map(|part| number_of(&[b"<", part].concat()).ok()).collect()
}
