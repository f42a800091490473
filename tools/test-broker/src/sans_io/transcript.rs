//! A readable record of every packet.

use super::link_id::LinkId;
use std::fmt;

/// Longer lines are cut, so that the newest ones take little memory whatever clients send.
const LONGEST_LINE: usize = 500;

/// Which way a packet went.
///
/// ```
/// use pure_mqtt_test_broker::{Broker, Direction};
///
/// fn main() -> std::io::Result<()> {
///     let broker = Broker::start()?;
///     let is_from_client = |way| way == Direction::FromClient;
///     assert!(!broker.see(|seen| seen.log().iter().any(|line| is_from_client(line.direction))));
///     Ok(())
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Direction {
    /// From the client to the broker.
    FromClient,
    /// From the broker to the client.
    ToClient,
    /// Not a packet but an event, such as a lost link.
    Note,
}

/// One line of the log.
///
/// ```
/// use pure_mqtt_test_broker::{Broker, Entry};
///
/// fn main() -> std::io::Result<()> {
///     let broker = Broker::start()?;
///     let is_ping = |line: &Entry| line.text == "PINGREQ";
///     assert!(!broker.see(|seen| seen.log().iter().any(is_ping)));
///     Ok(())
/// }
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Entry {
    /// The link it happened on.
    pub link: LinkId,
    /// Which way it went.
    pub direction: Direction,
    /// The packet in words.
    pub text: String,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arrow = match self.direction {
            Direction::FromClient => "->",
            Direction::ToClient => "<-",
            Direction::Note => "--",
        };
        write!(f, "{} {arrow} {}", self.link, self.text)
    }
}

/// The newest lines, up to a limit.
#[derive(Clone, Default, Debug)]
pub struct Transcript {
    limit: usize,
    entries: Vec<Entry>,
}

impl Transcript {
    /// An empty record.
    pub fn new(limit: usize) -> Self {
        Self { limit, entries: Vec::new() }
    }

    /// The lines, oldest first.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Adds a line. At the limit, the older half goes.
    pub fn record(&mut self, link: LinkId, direction: Direction, what: &dyn fmt::Display) {
        if self.limit == 0 {
            return;
        }
        if self.entries.len() >= self.limit {
            self.entries.drain(..self.limit.div_ceil(2));
        }
        self.entries.push(Entry { link, direction, text: shortened(what.to_string()) });
    }
}

/// Not longer than a line may be.
pub fn shortened(mut text: String) -> String {
    if let Some((cut, _)) = text.char_indices().nth(LONGEST_LINE) {
        text.truncate(cut);
        text.push('…');
    }
    text
}
