//! What a client has to do to be measured.

use bytes::Bytes;

use crate::rows::Press;

/// The topic of every message: 16 bytes.
pub const TOPIC: &str = "plant/boiler/t01";
/// How many bytes of a read are offered at a time, unless a row says otherwise.
pub const READ: usize = 4_096;

/// The two versions that are measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Version {
    V311,
    V5,
}

/// What a row asks of a client.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    pub version: Version,
    /// QoS 1 and 2 messages that are out at a time.
    pub window: usize,
    /// The highest quality of service that is used.
    pub qos: u8,
    /// Messages carry three properties.
    pub properties: bool,
    /// Topics are replaced by aliases.
    pub alias: bool,
    /// The longest payload.
    pub payload: usize,
    /// Payloads are handed over, and taken, as `Bytes`.
    pub shared: bool,
}

/// A message to be published.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    pub qos: u8,
    pub payload: &'a [u8],
    /// The same payload, if it is to be shared.
    pub shared: Option<&'a Bytes>,
    pub properties: bool,
}

/// The server's end of the transport: looks at bytes and forgets them, as a socket would take them.
#[derive(Default)]
pub struct Sink {
    pub bytes: u64,
}

impl Sink {
    pub fn take(&mut self, bytes: &[u8]) {
        self.bytes += std::hint::black_box(bytes).len() as u64;
    }
}

/// One connected client.
pub trait Client {
    /// Accepts a message as an application gives it: a topic that is a `&str`, a payload that is a slice. Returns the packet identifier; 0 at QoS 0.
    fn publish(&mut self, message: &Message<'_>) -> u16;

    /// Asks for messages. Returns the packet identifier.
    fn subscribe(&mut self, filter: &str) -> u16;

    /// Hands everything that waits for the server to `sink`.
    fn send(&mut self, sink: &mut Sink);

    /// Takes bytes that were read from the server, and copies them into the client's receive buffer as a socket would. Returns how many
    /// messages and ends of messages and requests the application was told of.
    fn receive(&mut self, bytes: &[u8]) -> usize;

    /// The link is lost, and a new one resumes the session. False if the client knows no sessions.
    fn resume(&mut self) -> bool {
        false
    }

    /// Fills a queue with so many messages while no link is up, each to a topic of its own; false if the client has no queue that can be pressed so.
    fn fill(&mut self, _press: Press, _messages: usize) -> bool {
        false
    }

    /// One more command for the full queue, the `turn`th.
    fn press(&mut self, _press: Press, _turn: usize) {}

    /// When the client next wants to be woken, in milliseconds; `None` if it can't say.
    fn deadline(&self) -> Option<u64> {
        None
    }
}

/// Makes a connected client; `None` if it can't do what the row asks for.
pub type Open = fn(&Setup) -> Option<Box<dyn Client>>;

/// One client by name.
#[derive(Clone, Copy)]
pub struct Contestant {
    pub name: &'static str,
    pub open: Open,
}
