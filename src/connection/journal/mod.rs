//! The journal: a third stream of bytes, for durable memory, so that a session survives a loss of power at any byte.
//!
//! A connection whose storage keeps a journal has records of every change of its session that must not be forgotten: a message was accepted, the server has
//! taken it over, a message of the server's was received. The host appends these records to flash or to a file, and says so. Until then only what depends
//! on a record waits for it.
//!
//! | storage | the buffer for records |
//! |---|---|
//! | [`Journaled`](crate::storage::Journaled) around any other | of fixed size; a message must fit into it |
//! | [`Heap::with_journal`](crate::Heap::with_journal) (feature `alloc`) | grows; whether there is a journal is decided while the program runs |
//!
//! ```
//! use pure_mqtt::storage::Journaled;
//! use pure_mqtt::{Connection, Fixed, Instant, Limits, Publish, QoS, TopicName};
//!
//! type Mqtt = Connection<Journaled<Fixed<256, 4, 4>, 512>>;
//!
//! /// After every call.
//! fn save(mqtt: &mut Mqtt, file: &mut Vec<u8>) {
//!     while !mqtt.journal().is_empty() {
//!         file.extend(mqtt.journal()); // and make sure that it is there: fsync, or read it back
//!         mqtt.journal_written(mqtt.journal().len());
//!     }
//! }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let now = Instant::from_millis(0);
//!     let mut file = Vec::new();
//!     let mut mqtt = Mqtt::new(Journaled::new(Fixed::new()), Limits::DEFAULT);
//!     let topic = TopicName::new("meter/reading")?;
//!     mqtt.publish(now, &Publish::new(topic, b"4711").qos(QoS::ExactlyOnce))?;
//!     save(&mut mqtt, &mut file);
//!     drop(mqtt); // the power fails
//!
//!     let storage = Journaled::new(Fixed::new());
//!     let (mqtt, recovered) = Mqtt::recover(storage, Limits::DEFAULT, now, &file)?;
//!     assert_eq!(recovered.used, file.len());
//!     assert_eq!(mqtt.pending(), 1); // and it still has the handle that `publish` gave
//!     Ok(())
//! }
//! ```
//!
//! # What it promises
//!
//! * **Outward**: a message at QoS 1 or 2 whose record is durable is sent until it is acknowledged, over any number of losses of power; at QoS 2 the server
//!   takes it over exactly once. Messages that come back have DUP set, since they may have been sent before, and don't expire any more.
//! * **Inward**, at QoS 2: the record that a message was received follows its delivery and precedes its PUBREC. A loss of power between what the
//!   application did with the message and [`journal_written`](Connection::journal_written) may deliver it again, and nothing is lost. Exactly
//!   once needs a host that stores what the application did and these records in one transaction. With manual acknowledgements the record
//!   follows [`acknowledge`](Connection::acknowledge). Where a clean start was sent and never answered, and the next link ends before it has shown
//!   which session there is, messages may be delivered again: that is told as [`Adopted`](crate::SessionState::Adopted).
//! * **All of it**: what changed the session is recorded, or owed until there is room. Once [`journal`](Connection::journal) is empty the log leads to the
//!   session as it is: to every unfinished message with its handle, its identifier and its place in the order, to what was received, to the version, and
//!   to what the server holds.
//! * **One or the other**: where a message takes the place of others, by [`replace`](Connection::replace) or by the
//!   [overflow policy](crate::Limits::overflow), those are gone only in a log in which the new one was accepted.
//! * QoS 0 messages, SUBSCRIBE and UNSUBSCRIBE are not kept, and no outcomes.
//!
//! A message counts as accepted for good once its record is durable; [`publish`](Connection::publish) itself only accepts it into the connection.
//!
//! # What waits for a record
//!
//! | waits | until this is durable |
//! |---|---|
//! | PUBLISH at QoS 1 and 2 | that it was accepted, and in which session it is sent |
//! | PUBREL | that PUBREC came; or that the message is over, if it was [withdrawn](Connection::withdraw) |
//! | PUBREC | that the application has the message |
//! | PUBCOMP | that PUBREL came: or the next message with this identifier would be taken for a repetition |
//! | CONNECT with a clean start, if the server may hold a session | that the session is in doubt, or forgotten |
//! | SUBSCRIBE and PUBLISH at QoS 0 | that the session was discarded; or lost, if messages of the old one were received and not completed |
//! | all of these, on a link that is accepted in doubt | that it was |
//!
//! Nothing else does: not CONNECT otherwise, PINGREQ, PUBACK, DISCONNECT or AUTH. So a medium that is slow for a minute ends no link.
//!
//! # When the buffer is full
//!
//! What doesn't fit stays owed, and follows when there is room: no command is refused for it, and no input. The bound is elsewhere: a message that is finished
//! keeps its slot until the record of its end is in the buffer, so that a host which writes nothing finds [`Full`](crate::PublishError::Full) in the end.
//! There are two exceptions. A message that is too long even for an empty buffer of fixed size is [`TooLarge`](crate::PublishError::TooLarge).
//! [`discard_session`](Connection::discard_session) is refused unless its record fits at once, for which some bytes are kept free.
//!
//! # Keeping it short
//!
//! [`snapshot`](Connection::snapshot) writes a log that leads to the present state. Write it to a second place, then switch over: for example two areas of
//! flash in turn, or a new file that is renamed over the old one.
//!
//! In the repository, `tests/nor_flash/host.rs` is such a host for two areas of NOR flash behind the traits of `embedded-storage`, made to be
//! copied; `examples/journal.rs` does it with files. `pure-mqtt-embassy` keeps its session in flash by itself.
//!
//! # When bytes are missing or wrong
//!
//! A log may end anywhere: [`recover`](Connection::recover) takes it up to the last whole record, and says in
//! [`Recovered::used`] how long that is. What comes behind must be cut off before more is appended (or a snapshot begins a new log). Bytes 0xFF and 0x00
//! behind the last record are taken for erased memory. Anything else that is wrong is damage: a [`RecoverError`] with the offset, never a wrong
//! session.
//!
//! The form of the records is told in the source of `storage/record.rs`; it has a version number. A log says which version of MQTT its messages are encoded
//! for, so it may be read with any [`Limits::version`](crate::Limits::version); but a program that speaks one kind of version alone can't read the messages of the other
//! ([`RecoverError::Version`]).

mod recover;
mod snapshot;
#[cfg(test)]
mod tests;

use core::fmt;

use crate::connection::Connection;
use crate::session::{Outgoing, note_written};
use crate::storage::{Parts, Storage, longest_snapshot};
use crate::types::Handle;

/// What [`Connection::recover`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Recovered {
    /// So many bytes of the log count; what is behind was not written to its end.
    pub used: usize,
    /// How many records there are in it.
    pub records: usize,
}

/// Why a log can't be recovered from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RecoverError {
    /// It doesn't begin as a log does, or as one of a later form.
    NoJournal,
    /// What stands at this offset was never written as it is.
    Corrupt {
        /// In bytes from the start of the log.
        offset: usize,
    },
    /// The storage has no room for the message at this offset: it was larger when the log was written.
    TooSmall {
        /// In bytes from the start of the log.
        offset: usize,
    },
    /// A message in it is encoded for a version of MQTT that is not compiled in: the log was written by a program with other features.
    Version,
    /// The connection was used before: see [`Connection::restore`].
    NotNew,
}

impl fmt::Display for RecoverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoJournal => f.write_str("this is no journal, or one of another form"),
            Self::Corrupt { offset } => write!(f, "the journal is damaged at byte {offset}"),
            Self::TooSmall { offset } => {
                write!(f, "the storage has no room for the message at byte {offset} of the journal")
            }
            Self::Version => f.write_str("a message in the journal is encoded for a version that is not compiled in"),
            Self::NotNew => f.write_str("the connection was used before its journal was read"),
        }
    }
}

impl core::error::Error for RecoverError {}

impl<S: Storage> Connection<S> {
    /// Records that wait to be written to durable memory, in order. To be looked at after every call. Once it is empty, all that happened is durable. Always
    /// empty if the storage keeps no journal.
    pub fn journal(&self) -> &[u8] {
        self.storage.records()
    }

    /// The first `count` bytes of [`journal`](Self::journal) are in durable memory, behind those before. What there was no room for may follow:
    /// look again.
    pub fn journal_written(&mut self, count: usize) {
        let Parts { slots, inbox, mut journal, .. } = self.storage.parts();
        let incoming = &mut self.core.incoming;
        journal.written(count, &mut |written| note_written(slots, incoming, inbox, written));
        self.gather();
    }

    /// Whether the log says of this message what is true of it, so that no loss of power loses it. Always true for one that is not kept or is gone.
    pub fn is_durable(&self, handle: Handle) -> bool {
        Outgoing::is_durable(self.storage.view().slots, handle)
    }

    /// How long a [`snapshot`](Self::snapshot) may become at most; `None` for a storage that grows. [`ram::snapshot`](crate::ram::snapshot) says it before there is a connection.
    pub fn longest_snapshot(&self) -> Option<usize> {
        let lengths = self.storage.lengths()?;
        Some(longest_snapshot(lengths.arena, lengths.send, lengths.receive))
    }
}
