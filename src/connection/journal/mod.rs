//! The journal: a log in durable memory, with which a session survives a power failure at any byte.
//!
//! With a storage that keeps a journal, the connection makes a record of every change of its session that must survive:
//! a message was accepted, the server took it over, a message from the server was received. The host appends these
//! records to flash or to a file, and reports that. Until then, only packets that depend on a record wait for it.
//!
//! | storage | the buffer for records |
//! |---|---|
//! | [`Journaled`](crate::storage::Journaled) around any other storage | has a fixed size; a message must fit into it |
//! | [`Heap::with_journal`](crate::Heap::with_journal) (feature `alloc`) | grows; a program decides at run time whether there is a journal |
//!
//! ```
//! use pure_mqtt::storage::Journaled;
//! use pure_mqtt::{Connection, Fixed, Instant, Limits, Publish, QoS, TopicName};
//!
//! type Mqtt = Connection<Journaled<Fixed<256, 4, 4>, 512>>;
//!
//! /// Call it after every call of the connection.
//! fn save(mqtt: &mut Mqtt, file: &mut Vec<u8>) {
//!     while !mqtt.journal().is_empty() {
//!         file.extend(mqtt.journal()); // and make it durable: fsync, or read it back
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
//!     assert_eq!(mqtt.pending(), 1); // it still has the handle that `publish` returned
//!     Ok(())
//! }
//! ```
//!
//! # Guarantees
//!
//! * **Outgoing messages**: a message at QoS 1 or 2 whose record is durable is sent until it is acknowledged, over any
//!   number of power failures. At QoS 2 the server takes it over exactly once. Recovered messages have DUP set, since
//!   they may have been sent before, and do not expire any more.
//! * **Messages from the server**, at QoS 2: the record of a received message follows the delivery of the message (with
//!   manual acknowledgements: [`acknowledge`](Connection::acknowledge)) and precedes its PUBREC. If the power fails
//!   between the application's handling of the message and [`journal_written`](Connection::journal_written), the
//!   message may be delivered again; none is lost. For exactly-once handling, the host must store the application's
//!   result and these records in one transaction. Messages may also be delivered again after a clean start was sent and
//!   never answered, if the next link ends before it has shown which session the server holds: CONNACK then reports
//!   [`Adopted`](crate::SessionState::Adopted).
//! * **Completeness**: every change of the session is recorded, at once or when there is room. Once
//!   [`journal`](Connection::journal) is empty, recovery from the log restores the session as it is: every unfinished
//!   message with its handle, its identifier and its place in the order, the received messages, the version, and what
//!   the server holds.
//! * **Atomic replacement**: if a message replaces others, by [`replace`](Connection::replace) or by the [overflow
//!   policy](crate::Limits::overflow), the others are removed only in a log that also contains the new message.
//! * QoS 0 messages, SUBSCRIBE, UNSUBSCRIBE and outcomes are not recorded.
//!
//! A message survives a power failure once its record is durable ([`is_durable`](Connection::is_durable));
//! [`publish`](Connection::publish) itself accepts it only into memory.
//!
//! # What waits for a record
//!
//! | packet | waits until this is durable |
//! |---|---|
//! | PUBLISH at QoS 1 and 2 | the message was accepted, and the session in which it is sent |
//! | PUBREL | PUBREC arrived; or the message is finished, if it was [withdrawn](Connection::withdraw) |
//! | PUBREC | the message was delivered to the application |
//! | PUBCOMP | PUBREL arrived: otherwise the next message with this identifier would be taken for a duplicate |
//! | CONNECT with a clean start, if the server may hold a session | the session is in doubt, or was discarded |
//! | SUBSCRIBE and PUBLISH at QoS 0 | the session was discarded; or was lost, if it had received messages that were not completed |
//! | all of these, on a link that was accepted in doubt | the link was accepted in doubt |
//!
//! No other packet waits: not any other CONNECT, PINGREQ, PUBACK, DISCONNECT or AUTH. So no link ends because durable
//! memory is slow for a minute.
//!
//! # When the buffer is full
//!
//! A record that does not fit is made later, when there is room. No command and no input is refused because of it, with
//! two exceptions: a message that is too long even for an empty buffer of fixed size is
//! [`TooLarge`](crate::PublishError::TooLarge), and [`discard_session`](Connection::discard_session) is refused unless
//! its record fits at once, for which some bytes are reserved.
//!
//! A finished message keeps its slot until the record of that is in the buffer. So if the host writes nothing,
//! `publish` in the end returns [`Full`](crate::PublishError::Full).
//!
//! # Snapshots
//!
//! [`snapshot`](Connection::snapshot) writes a short log of the present state, to replace a log that has become long.
//! Write it to a second place, then switch over: for example to two areas of flash in turn, or to a new file that is
//! renamed over the old one.
//!
//! Two hosts in the repository can be copied: `tests/nor_flash/host.rs` for two areas of NOR flash behind the traits of
//! `embedded-storage`, and `examples/journal.rs` for files. `pure-mqtt-embassy` keeps its session in flash itself.
//!
//! # Torn and damaged logs
//!
//! A log may end anywhere: [`recover`](Connection::recover) uses it up to the last complete record, and returns that
//! length in [`Recovered::used`]. Truncate the log to this length before more is appended, or begin a new log with a
//! snapshot. Bytes 0xFF and 0x00 behind the last record count as erased memory. Anything else is damage, and gives a
//! [`RecoverError`] with the offset, never a wrong session.
//!
//! The source of `storage/record.rs` documents the format of the records, which has a version number. A log contains
//! the version of MQTT for which its messages are encoded, so it may be recovered with any
//! [`Limits::version`](crate::Limits::version). But a program with only one of the features `v3` and `v5` cannot read
//! messages that are encoded for the other ([`RecoverError::Version`]).

mod recover;
mod snapshot;
#[cfg(test)]
mod tests;

use core::fmt;

use crate::connection::Connection;
use crate::session::{Outgoing, note_written};
use crate::storage::{Parts, Storage, longest_snapshot};
use crate::types::Handle;

/// What [`Connection::recover`] read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Recovered {
    /// The bytes of the log that are complete records. Truncate the log to this length.
    pub used: usize,
    /// The number of these records.
    pub records: usize,
}

/// Why recovery from a log is not possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RecoverError {
    /// The bytes are not a log, or a log in the format of another version of this crate.
    NoJournal,
    /// The log is damaged at this offset.
    Corrupt {
        /// In bytes from the start of the log.
        offset: usize,
    },
    /// The storage has no room for the message at this offset. Use a storage at least as large as the one that wrote
    /// the log.
    TooSmall {
        /// In bytes from the start of the log.
        offset: usize,
    },
    /// A message in the log is encoded for a version of MQTT that is not compiled in: enable the features `v3` and `v5`
    /// as in the program that wrote the log.
    Version,
    /// The connection was used before: see [`Connection::restore`].
    NotNew,
}

impl fmt::Display for RecoverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoJournal => f.write_str("this is not a journal, or one in another format"),
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
    /// Returns the records that are to be written to durable memory, in order. Look at it after every call. Once it is
    /// empty, every change of the session is durable. Always empty if the storage keeps no journal.
    pub fn journal(&self) -> &[u8] {
        self.storage.records()
    }

    /// Reports that the first `count` bytes of [`journal`](Self::journal) were appended to the log in durable memory.
    /// Call `journal` again: records for which there was no room may follow.
    pub fn journal_written(&mut self, count: usize) {
        let Parts { slots, inbox, mut journal, .. } = self.storage.parts();
        let incoming = &mut self.core.incoming;
        journal.written(count, &mut |written| note_written(slots, incoming, inbox, written));
        self.gather();
    }

    /// Returns whether the state of this message is durable, so that it survives a power failure. Always true for a
    /// message that the journal does not record or that is finished and recorded.
    pub fn is_durable(&self, handle: Handle) -> bool {
        Outgoing::is_durable(self.storage.view().slots, handle)
    }

    /// Returns the maximum length of a [`snapshot`](Self::snapshot) in bytes; `None` for a storage that grows.
    /// [`ram::snapshot`](crate::ram::snapshot) computes it at compile time.
    pub fn longest_snapshot(&self) -> Option<usize> {
        let lengths = self.storage.lengths()?;
        Some(longest_snapshot(lengths.arena, lengths.send, lengths.receive))
    }
}
