//! From a log to what it says.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use pure_mqtt::journal;

use super::record::Record;
use crate::ids::Ticket;
use crate::realms::Realms;
use crate::receiving::Known;

/// A log can't be used. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecoverError {
    /// The record at this offset is of an unknown kind: the log was written by a later version, or is damaged.
    Unknown {
        /// Bytes from the start of the log.
        offset: usize,
    },
    /// The log belongs to another client identifier.
    OtherClient {
        /// The identifier in the log.
        client_id: String,
    },
    /// The part of the log that holds the session is damaged.
    Session(journal::RecoverError),
}

impl fmt::Display for RecoverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { offset } => {
                write!(f, "the log has no valid record at byte {offset}: it is damaged, or a later version wrote it")
            }
            Self::OtherClient { client_id } => {
                write!(f, "the log belongs to the client {client_id:?}; use that identifier, or another folder")
            }
            Self::Session(error) => write!(f, "the session in the log: {error}"),
        }
    }
}

impl core::error::Error for RecoverError {}

/// What a log says.
#[derive(Debug, Default)]
pub(crate) struct History<'l> {
    /// So many bytes count.
    pub(crate) used: usize,
    pub(crate) client_id: String,
    pub(crate) engine: Vec<u8>,
    /// Tags, and seconds of the wall clock in which messages expire.
    pub(crate) messages: BTreeMap<Ticket, (u64, u64)>,
    /// The latest ticket with a record of its own; the engine's record of that message may be torn off.
    pub(crate) last_message: Option<Ticket>,
    pub(crate) realms: Option<Realms>,
    /// The program's number of the latest message that has one, finished or not.
    pub(crate) latest_tag: u64,
    /// Filters that the server may have.
    pub(crate) filters: BTreeMap<u32, Known<'l>>,
}

pub(crate) fn read(log: &[u8]) -> Result<History<'_>, RecoverError> {
    let mut history = History::default();
    let mut noted_tag = 0; // it counts with the engine's record of its message, which may be torn off
    while let Some((record, length)) = log.get(history.used..).and_then(Record::read) {
        let is_first = history.used == 0;
        match record {
            Some(Record::Start { client_id, .. }) if is_first => history.client_id = client_id.into(),
            Some(Record::ClientId(client_id)) if !is_first => history.client_id = client_id.into(),
            Some(Record::Engine(records)) if !is_first => {
                history.engine.extend_from_slice(records);
                history.latest_tag = noted_tag;
            }
            Some(Record::Message { ticket, tag, expires }) if !is_first => {
                history.messages.insert(ticket, (tag, expires));
                history.last_message = Some(ticket);
                noted_tag = if tag == 0 { noted_tag } else { tag };
            }
            Some(Record::LatestTag(tag)) if !is_first => noted_tag = tag,
            Some(Record::Session { realms, records }) if !is_first => {
                history.realms = Some(Realms::from_bytes(realms));
                history.engine.extend_from_slice(records);
                history.latest_tag = noted_tag;
            }
            Some(Record::Filter { id, known }) if !is_first => drop(history.filters.insert(id, known)),
            Some(Record::FilterGone { id }) if !is_first => drop(history.filters.remove(&id)),
            Some(Record::FiltersUnsure) if !is_first => {
                history.filters.values_mut().for_each(|known| known.granted = None);
            }
            Some(Record::Discarded) if !is_first => {
                history.realms = None;
                history.filters.clear();
            }
            _ => return Err(RecoverError::Unknown { offset: history.used }),
        }
        history.used += length;
    }
    Ok(history)
}
