//! A small MQTT broker for tests: deterministic, without clock, threads or I/O, and with a codec of its own.
//!
//! The host moves bytes. It opens a link with [`Broker::accept`], feeds what the client sent to [`Broker::input`],
//! sends what [`Broker::output`] hands out, closes when [`Broker::wants_close`] says so and reports a lost transport
//! with [`Broker::cut`]. Time passes only through [`Broker::tick`].
//!
//! ```text
//! bytes -> codec -> serve --+-> connect    CONNECT, AUTH, DISCONNECT, wills, take-over
//!                           +-> subscribe  SUBSCRIBE, UNSUBSCRIBE, retained messages
//!                           +-> receive    PUBLISH and acknowledgements of the client
//!                                  |
//!                               deliver    routing, shared subscriptions, queues -> link
//!                                  |
//!                               sending    the script -> line -> bytes
//! ```
//!
//! Two things make it an oracle. [`Broker::released`] lists every message the broker took responsibility for, and
//! [`Broker::violations`] lists what a client did against the standard. Statement ids are those of MQTT 5.0 also where
//! a 3.1 or 3.1.1 client breaks the same rule; rules without an id are cited by section, such as `[MQTT5 4.13.1]`.
//!
//! All misbehaviour is opt-in: see [`Broker::script`], [`Config`], [`Fault`] and [`Broker::inject`].

mod audit;
mod codec;
mod config;
mod connect;
mod deliver;
mod line;
mod link;
mod link_id;
mod receive;
mod script;
mod sending;
mod serve;
mod session;
mod subscribe;
#[cfg(test)]
mod tests;
mod time;
mod topics;
mod transcript;

pub use codec::{Prop, Props, Version, id as prop_id};
pub use config::{Config, Fault};
pub use link_id::LinkId;
pub use script::{Act, Oddity, Packet, When};
pub use topics::matches as topic_matches;
pub use transcript::{Direction, Entry};

use codec::{FORWARDED, Will, find};
use link::Link;
use script::Script;
use session::Session;
use std::collections::BTreeMap;
use topics::{Message, Retained};
use transcript::Transcript;

/// A message the broker accepted from a client. With QoS 2 it is listed once, however often it is sent again.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Received {
    /// The link it came on.
    pub link: LinkId,
    /// The publisher.
    pub client_id: String,
    /// Topic name, aliases resolved.
    pub topic: String,
    /// Payload.
    pub payload: Vec<u8>,
    /// QoS of the PUBLISH.
    pub qos: u8,
    /// RETAIN flag of the PUBLISH.
    pub retain: bool,
    /// DUP flag of the PUBLISH.
    pub dup: bool,
    /// All properties of the PUBLISH.
    pub props: Props,
}

impl Received {
    /// The payload as text; what is not UTF-8 in it is replaced.
    ///
    /// ```
    /// use pure_mqtt_test_broker::Received;
    ///
    /// fn print(message: &Received) {
    ///     println!("{}: {}", message.topic, message.text());
    /// }
    ///
    /// fn main() {
    ///     let _ = print;
    /// }
    /// ```
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.payload).into_owned()
    }
}

/// A will that waits for its delay to pass.
#[derive(Clone, Debug)]
struct DelayedWill {
    due_ms: u64,
    will: Will,
}

/// The broker.
#[derive(Clone, Debug)]
pub struct Broker {
    config: Config,
    now_ms: u64,
    links: BTreeMap<LinkId, Link>,
    sessions: BTreeMap<String, Session>,
    retained: Retained,
    wills: BTreeMap<String, DelayedWill>,
    /// Whose turn it is in each shared subscription.
    turns: BTreeMap<String, usize>,
    accepted: u32,
    assigned: u32,
    released: Vec<Received>,
    violations: Vec<String>,
    transcript: Transcript,
    script: Script,
}

impl Broker {
    /// A broker without links, sessions and messages.
    pub fn new(config: Config) -> Self {
        let transcript = Transcript::new(config.transcript_limit);
        Self {
            config,
            now_ms: 0,
            links: BTreeMap::new(),
            sessions: BTreeMap::new(),
            retained: Retained::default(),
            wills: BTreeMap::new(),
            turns: BTreeMap::new(),
            accepted: 0,
            assigned: 0,
            released: Vec::new(),
            violations: Vec::new(),
            transcript,
            script: Script::default(),
        }
    }

    /// A transport was opened.
    pub fn accept(&mut self) -> LinkId {
        self.accepted += 1;
        let link = LinkId::new(self.accepted);
        self.links.insert(link, Link::new(link, self.now_ms));
        if !self.script.is_empty() {
            self.open_by_script(link);
        }
        link
    }

    /// Bytes from the client, in pieces of any size.
    pub fn input(&mut self, link: LinkId, bytes: &[u8]) {
        let Some(state) = self.links.get_mut(&link).filter(|state| state.listens()) else { return };
        let heard = state.line.hear(bytes);
        state.partial.push(heard);
        while self.serve_next(link) {
            // At once, as it may be that the next packet is not to be heard.
            if !self.script.is_empty() {
                self.line_up(link);
            }
        }
        self.cut_if_due(link);
    }

    /// Whether the host is to close the transport, after sending the rest of the output.
    pub fn wants_close(&self, link: LinkId) -> bool {
        self.links.get(&link).is_none_or(|state| state.is_closing() && !state.line.has_output())
    }

    /// The transport is gone. Without a DISCONNECT before, the will is published.
    pub fn cut(&mut self, link: LinkId) {
        if self.links.contains_key(&link) {
            self.note(link, "cut");
        }
        self.detach(link);
        self.links.remove(&link);
    }

    /// From now on, something goes wrong at these moments.
    pub fn script(&mut self, when: When, act: Act) {
        self.script.add(when, act);
    }

    /// Drops all rules of the script; what they did to links that are up stays.
    pub fn clear_script(&mut self) {
        self.script.clear();
    }

    /// Publishes as if another client did.
    pub fn publish(&mut self, topic: &str, payload: &[u8], qos: u8, retain: bool) {
        self.publish_with(topic, payload, qos, retain, &[]);
    }

    /// Publishes as if another 5.0 client did, with properties of PUBLISH. Returns to how many sessions the message goes.
    pub fn publish_with(
        &mut self,
        topic: &str,
        payload: &[u8],
        qos: u8,
        retain: bool,
        properties: &[(u8, Prop)],
    ) -> usize {
        let expiry = find(properties, prop_id::MESSAGE_EXPIRY).and_then(Prop::number);
        self.accept_message(Message {
            from: String::new(),
            topic: topic.to_owned(),
            payload: payload.to_vec(),
            qos,
            retain,
            props: properties.iter().filter(|(id, _)| FORWARDED.contains(id)).cloned().collect(),
            expires_at: expiry.map(|seconds| self.now_ms + u64::from(seconds) * 1000),
        })
    }

    /// Every message the broker accepted from clients, in order.
    pub fn released(&self) -> &[Received] {
        &self.released
    }

    /// What clients did against the standard, each line starting with the statement.
    pub fn violations(&self) -> &[String] {
        &self.violations
    }

    /// The newest packets and events in words.
    pub fn transcript(&self) -> &[Entry] {
        self.transcript.entries()
    }

    /// Forgets the session of a client without telling anyone. A live connection of it is closed first, without will.
    pub fn lose_session(&mut self, client_id: &str) {
        self.wills.remove(client_id);
        let Some(session) = self.sessions.remove(client_id) else { return };
        if let Some(link) = session.link {
            self.note(link, "session lost");
            self.give_up(link);
        }
    }

    /// The broker stops and starts again: all links are gone, without wills; sessions that outlive their link stay.
    pub fn restart(&mut self) {
        for link in std::mem::take(&mut self.links).into_keys() {
            self.note(link, "restart");
        }
        let now_ms = self.now_ms;
        self.sessions.retain(|_, session| session.link.is_none() || session.detach(now_ms));
    }

    /// Forgets all sessions of clients that are not connected, and all retained messages, without telling anyone.
    pub fn forget(&mut self) {
        self.wills.clear();
        self.sessions.retain(|_, session| session.link.is_some());
        self.retained = Retained::default();
    }

    /// Sends the acknowledgements that [`Config::hold_acks`] kept back.
    pub fn release_acks(&mut self) {
        for link in self.links.keys().copied().collect::<Vec<_>>() {
            let Some(state) = self.links.get_mut(&link) else { continue };
            let mut held = std::mem::take(&mut state.held);
            if self.config.reverse_held_acks {
                held.reverse();
            }
            for ack in held {
                self.send_ack(link, ack);
            }
        }
    }

    /// How many acknowledgements are held back.
    pub fn held_acks(&self) -> usize {
        self.links.values().map(|state| state.held.len()).sum()
    }

    /// Whether no connected client has anything unfinished, in either direction.
    pub fn idle(&self) -> bool {
        let mut connected = self.sessions.values().filter(|session| session.link.is_some());
        connected.all(Session::is_idle) && self.held_acks() == 0
    }

    /// Deliveries to a client that were started and not finished.
    pub fn in_flight(&self, client_id: &str) -> usize {
        self.sessions.get(client_id).map_or(0, Session::in_flight)
    }

    /// Deliveries to a client that were not finished, the waiting ones included.
    pub fn queued(&self, client_id: &str) -> usize {
        self.sessions.get(client_id).map_or(0, |session| session.outgoing.len())
    }

    /// Packet identifiers that a resumed client has to send again and has not on this link.
    pub fn awaiting_resend(&self, client_id: &str) -> Vec<u16> {
        self.sessions.get(client_id).map_or_else(Vec::new, |session| session.audit.awaiting_resend())
    }

    /// Whether the transport is to be closed at once: the broker knows nothing of it any more.
    pub fn is_gone(&self, link: LinkId) -> bool {
        !self.links.contains_key(&link)
    }

    /// How many transports were opened.
    pub fn accepted(&self) -> u32 {
        self.accepted
    }

    /// How many transports are open.
    pub fn links_open(&self) -> usize {
        self.links.len()
    }

    /// Whether the broker has a session for a client.
    pub fn has_session(&self, client_id: &str) -> bool {
        self.sessions.contains_key(client_id)
    }

    /// The link that serves a client.
    pub fn link_of(&self, client_id: &str) -> Option<LinkId> {
        self.sessions.get(client_id).and_then(|session| session.link)
    }

    /// The subscriptions of a client with the granted QoS.
    pub fn subscriptions(&self, client_id: &str) -> Vec<(String, u8)> {
        let Some(session) = self.sessions.get(client_id) else { return Vec::new() };
        session.subscriptions.iter().map(|(filter, subscription)| (filter.clone(), subscription.qos)).collect()
    }

    /// The payload that is retained under a topic.
    pub fn retained(&self, topic: &str) -> Option<&[u8]> {
        self.retained.get(topic)
    }

    /// How many retained messages are stored.
    pub fn retained_count(&self) -> usize {
        self.retained.len()
    }

    /// The knobs.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The knobs, to be turned.
    pub fn config_mut(&mut self) -> &mut Config {
        &mut self.config
    }
}
