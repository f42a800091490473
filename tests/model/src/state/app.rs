//! What the application knows, and what it may expect.

use crate::device::{Client, Memory, NOW};
use crate::server::MESSAGES;
use pure_mqtt::{Cause, Event, PendingAck, Received};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// What the application knows, and what it may expect.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct App<M: Memory> {
    /// Everything that was accepted, in order. A message's number is its place here.
    pub flows: Vec<Flow>,
    /// The messages after PUBREC, in its order.
    pub releases: Vec<u8>,
    /// Messages from the server that the application has not acknowledged.
    pub held: Vec<Held<M>>,
    /// Identifiers of the QoS 1 and 2 messages that PUBACK or PUBREC may leave for.
    pub answerable: Vec<(u8, u16)>,
    /// How often each message was delivered; stops at 2.
    pub delivered: [u8; MESSAGES],
    /// The latest message of each quality of service.
    pub latest: [Option<u8>; 3],
    /// The QoS 2 messages of the server's for which PUBREL has come.
    pub completed: [bool; MESSAGES],
    /// What the client must take the session for.
    pub session: Known,
    /// The identifiers of fences that left on this link and are not answered.
    pub fences: Vec<u16>,
    /// The link began with a clean start.
    pub clean: bool,
    /// CONNECT is out whole.
    pub connect_out: bool,
    /// CONNACK has come.
    pub is_answered: bool,
    /// CONNACK has come, for a session that goes on.
    pub resumed: bool,
    /// The standard leaves no other way out of not knowing what the server holds.
    pub must_clean: bool,
    /// Messages that an outage made the client forget after it had delivered them, as a bit set.
    pub again: u16,
    pub durable: Durable,
}

/// What must survive an outage: all that was known when the journal was stored.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Durable {
    /// Everything that was accepted, as it was then.
    pub flows: Vec<Flow>,
    pub releases: Vec<u8>,
    /// Whether each QoS 2 message was received, and acknowledged by the application where that is asked for.
    pub received: [bool; MESSAGES],
    /// Whether PUBREL has come for it.
    pub completed: [bool; MESSAGES],
    pub session: Known,
}

/// What a client can know of the session.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Known {
    /// The session that the client must take for its own.
    pub belief: Option<u8>,
    /// A clean start was not answered: it is this one, or a new one.
    pub is_doubtful: bool,
    /// The server had it before the client knew of it.
    pub is_adopted: bool,
}

impl Known {
    /// There may be a session of ours.
    pub fn is_any(self) -> bool {
        self.belief.is_some() || self.is_doubtful
    }
}

impl<M: Memory> App<M> {
    pub fn new() -> Self {
        Self {
            flows: Vec::new(),
            releases: Vec::new(),
            held: Vec::new(),
            answerable: Vec::new(),
            delivered: [0; MESSAGES],
            latest: [None; 3],
            completed: [false; MESSAGES],
            session: Known::default(),
            fences: Vec::new(),
            clean: false,
            connect_out: false,
            is_answered: false,
            resumed: false,
            must_clean: false,
            again: 0,
            durable: Durable::default(),
        }
    }
}

/// Something that the client accepted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Flow {
    /// 0, 1 or 2; 3 for a SUBSCRIBE.
    pub kind: u8,
    pub handle: u64,
    pub id: u16,
    /// The transport took a byte of it, in this session.
    pub begun: bool,
    /// It was sent on this link.
    pub on_link: bool,
    /// PUBREC has come.
    pub released: bool,
    /// PUBREL has left, on this link or an earlier one.
    pub release_left: bool,
    /// PUBREL is to leave on this link.
    pub owes_release: bool,
    pub ended: bool,
    /// This outcome must be told next.
    pub outcome: Option<Cause>,
    /// The server refused it, when it came last.
    pub refused: bool,
    /// Its session was lost on the way.
    pub lost: bool,
    /// It was accepted, and an outage came before that was durable: as if it had never been.
    pub void: bool,
}

/// The kind of a SUBSCRIBE.
pub const SUBSCRIBE: u8 = 3;

/// A message that the application has yet to acknowledge.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Held<M: Memory> {
    pub message: u8,
    pub qos: u8,
    pub id: u16,
    /// Counts them.
    pub number: u8,
    pub source: Source<M>,
}

/// How to get the handle of a message again: handles can't be copied, but the same input on a copy of the same client gives the same one.
#[derive(Clone, Debug)]
pub struct Source<M: Memory>(pub Arc<(Client<M>, Vec<u8>)>);

impl<M: Memory> PartialEq for Source<M> {
    fn eq(&self, _: &Self) -> bool {
        true // `number` tells them apart
    }
}

impl<M: Memory> Eq for Source<M> {}

impl<M: Memory> Hash for Source<M> {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl<M: Memory> Source<M> {
    pub fn handle(&self) -> Option<PendingAck> {
        let (client, bytes) = &*self.0;
        match client.clone().handle_input(NOW, bytes) {
            Ok(Received::Packet { event: Some(Event::Message(message)), .. }) => message.ack,
            _ => None,
        }
    }
}
