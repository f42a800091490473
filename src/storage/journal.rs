//! The journal's part of a storage: the buffer of records that are not yet durable. Without the feature `journal` all
//! of it is empty.

use crate::storage::SessionFact;
use crate::types::Version;

#[cfg(feature = "journal")]
pub(crate) use self::kept::{Buffer, JournalPart, LEAST, Log};
#[cfg(not(feature = "journal"))]
pub(crate) use self::none::JournalPart;

/// What the log contains about the session as a whole, and which slots have records that are not yet encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Books {
    /// The version for which the log's messages are encoded; none if the log has no version yet.
    pub(crate) version: Maybe<Version>,
    /// The version for which messages are encoded now.
    pub(crate) current: Version,
    /// What the server holds, according to the log.
    pub(crate) session: SessionFact,
    /// Set if the session was lost and that is not recorded yet. No other record is made before.
    pub(crate) loss: Maybe<LostSession>,
    /// Set if there was no room for the record of the session's present state.
    pub(crate) is_behind: bool,
    /// The first and the last send slot whose record is still to be encoded, in the order of the changes; 0 for none.
    pub(crate) queue: (u16, u16),
}

/// Like `Option`, but `None` is all zeros: an empty log in a `static` takes no flash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum Maybe<T> {
    None,
    #[cfg_attr(not(feature = "journal"), allow(dead_code, reason = "there is no log then"))]
    Some(T),
}

impl<T: Copy> Maybe<T> {
    pub(crate) fn get(self) -> Option<T> {
        match self {
            Self::None => None,
            Self::Some(value) => Some(value),
        }
    }
}

impl<T> From<Option<T>> for Maybe<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::None, Self::Some)
    }
}

/// The contents of the record of a lost session, in addition to what the server holds now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct LostSession {
    /// Messages up to this handle were aborted.
    pub(crate) aborted: u64,
    /// Set if the log contains received messages of the old session: in the new session their identifiers may belong to
    /// other messages.
    pub(crate) had_received: bool,
}

#[cfg_attr(not(feature = "journal"), allow(dead_code, reason = "there is no log then"))]
impl Books {
    pub(crate) const NEW: Self = Self {
        version: Maybe::None,
        current: Version::V311,
        session: SessionFact::None,
        loss: Maybe::None,
        is_behind: false,
        queue: (0, 0),
    };
}

#[cfg(not(feature = "journal"))]
mod none {
    use core::marker::PhantomData;

    use crate::storage::Record;
    use crate::storage::journal::Books;

    /// No journal.
    pub(crate) struct JournalPart<'j>(PhantomData<&'j ()>);

    impl JournalPart<'_> {
        pub(crate) const NONE: Self = Self(PhantomData);

        pub(crate) const fn is_none(&self) -> bool {
            true
        }

        pub(crate) const fn books(&mut self) -> Option<&mut Books> {
            None
        }

        pub(crate) const fn put(&mut self, _record: &Record<'_>) -> bool {
            true
        }

        pub(crate) const fn room_for_ends(&self) -> usize {
            usize::MAX
        }

        pub(crate) const fn could_hold(&self, _bytes: usize) -> bool {
            true
        }

        pub(crate) const fn doubts_session(&self) -> bool {
            true
        }

        pub(crate) const fn is_session_lost(&self) -> bool {
            false
        }

        pub(crate) const fn is_session_pending(&self) -> bool {
            false
        }

        pub(crate) const fn is_doubt_pending(&self) -> bool {
            false
        }
    }
}

#[cfg(feature = "journal")]
mod kept {
    #[cfg(feature = "alloc")]
    use alloc::vec::Vec;

    use crate::copying::{copy, shift};
    use crate::storage::journal::{Books, Maybe};
    use crate::storage::record::{MOST_FRAMING, START, Written, checksum, whole_record};
    use crate::storage::{Record, SessionFact};

    /// Bytes of a buffer of fixed size that are reserved for records about the whole session, so that these rarely
    /// wait.
    const RESERVE: usize = 32;
    /// Bytes needed in addition to the body of the longest record: the reserve, the start of the log, and the growth of
    /// a message that is re-encoded.
    const BESIDE: usize = 64 + MOST_FRAMING + START.len();
    /// The minimum length of a buffer of fixed size.
    pub(crate) const LEAST: usize = 80;
    /// The length of the record of a message that another one replaced.
    const END: usize = 1 + 1 + 1 + 8 + 4 + 4;
    /// A growing buffer exceeds this only for a single record.
    #[cfg(feature = "alloc")]
    const SOFT_LIMIT: usize = 64 * 1024;

    /// The state of the buffer of records that are not durable yet.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub(crate) struct Log {
        pub(crate) end: u32,
        /// Bytes at the start that are durable, of a record that is not completely durable.
        pub(crate) taken: u32,
        /// The checksum of the last record; 0 at the start.
        pub(crate) chain: u32,
        /// Where the latest record about the server's session ends in the buffer; 0 if that record is durable.
        pub(crate) session_end: u32,
        /// Where the latest record of a lost or discarded session ends in the buffer, if identifiers of that session
        /// must not be taken for those of the new one; 0 if that record is durable.
        pub(crate) loss_end: u32,
        /// Whether the start of the log was put into the buffer.
        pub(crate) is_begun: bool,
        pub(crate) books: Books,
    }

    impl Log {
        pub(crate) const EMPTY: Self =
            Self { end: 0, taken: 0, chain: 0, session_end: 0, loss_end: 0, is_begun: false, books: Books::NEW };

        /// Returns the bytes of `buffer` that are to be written next.
        pub(crate) fn waiting<'b>(&self, buffer: &'b [u8]) -> &'b [u8] {
            buffer.get(self.taken as usize..self.end as usize).unwrap_or_default()
        }
    }

    /// The buffer for records.
    pub(crate) enum Buffer<'j> {
        Fixed(&'j mut [u8]),
        /// A vector, as long as its contents.
        #[cfg(feature = "alloc")]
        Growing(&'j mut Vec<u8>),
    }

    impl Buffer<'_> {
        /// Returns how many more bytes fit.
        fn room(&self, end: usize) -> usize {
            match self {
                Self::Fixed(bytes) => bytes.len().saturating_sub(end),
                #[cfg(feature = "alloc")]
                Self::Growing(_) if end == 0 => usize::MAX,
                #[cfg(feature = "alloc")]
                Self::Growing(_) => (SOFT_LIMIT + RESERVE).saturating_sub(end),
            }
        }

        /// Makes room for `length` bytes behind the first `end`.
        fn place(&mut self, end: usize, length: usize) -> &mut [u8] {
            match self {
                Self::Fixed(bytes) => bytes.get_mut(end..end + length).unwrap_or_default(),
                #[cfg(feature = "alloc")]
                Self::Growing(bytes) => {
                    bytes.resize(end + length, 0);
                    bytes.get_mut(end..).unwrap_or_default()
                }
            }
        }

        fn start(&self, length: usize) -> &[u8] {
            let bytes = match self {
                Self::Fixed(bytes) => &**bytes,
                #[cfg(feature = "alloc")]
                Self::Growing(bytes) => bytes,
            };
            bytes.get(..length).unwrap_or_default()
        }

        /// Drops the first `count` of `end` bytes.
        fn drop_start(&mut self, count: usize, end: usize) {
            match self {
                Self::Fixed(bytes) => shift(bytes, count, end.saturating_sub(count), 0),
                #[cfg(feature = "alloc")]
                Self::Growing(bytes) => drop(bytes.drain(..count)),
            }
        }
    }

    /// The journal of a connection, if there is one.
    pub(crate) struct JournalPart<'j>(Option<(&'j mut Log, Buffer<'j>)>);

    impl<'j> JournalPart<'j> {
        pub(crate) const NONE: Self = Self(None);

        pub(crate) fn new(log: &'j mut Log, buffer: Buffer<'j>) -> Self {
            Self(Some((log, buffer)))
        }

        /// Returns whether there is no journal.
        pub(crate) const fn is_none(&self) -> bool {
            self.0.is_none()
        }

        pub(crate) fn books(&mut self) -> Option<&mut Books> {
            self.0.as_mut().map(|(log, _)| &mut log.books)
        }

        /// Returns whether the record of a message with a body of `bytes` bytes fits into an empty buffer.
        pub(crate) fn could_hold(&self, bytes: usize) -> bool {
            match &self.0 {
                Some((_, Buffer::Fixed(buffer))) => buffer.len() >= bytes.saturating_add(BESIDE),
                _ => true,
            }
        }

        /// Returns how many records of finished messages fit now; 0 if other records come first.
        pub(crate) fn room_for_ends(&self) -> usize {
            let Some((log, buffer)) = &self.0 else { return usize::MAX };
            let is_behind = log.books.queue.0 != 0 || log.books.loss.get().is_some();
            if is_behind { 0 } else { buffer.room(log.end as usize).saturating_sub(RESERVE) / END }
        }

        /// Returns whether the durable part of the log says that a clean start may have been processed, and that no
        /// link was accepted since then.
        pub(crate) fn doubts_session(&self) -> bool {
            let is_doubted = |log: &Log| log.books.session == SessionFact::Doubtful && log.session_end == 0;
            self.0.as_ref().is_none_or(|(log, _)| is_doubted(log))
        }

        /// Returns whether the record of a lost or discarded session is not durable, so that after a power failure
        /// messages of the new session might be taken for those of the old one.
        pub(crate) fn is_session_lost(&self) -> bool {
            self.0
                .as_ref()
                .is_some_and(|(log, _)| log.loss_end > 0 || log.books.loss.get().is_some_and(|loss| loss.had_received))
        }

        /// Returns whether the record of a link that was accepted in doubt is not durable. With a subscription, the
        /// session might have messages that after a power failure would be taken for those of the old session.
        pub(crate) fn is_doubt_pending(&self) -> bool {
            self.is_session_pending() && self.0.as_ref().is_some_and(|(log, _)| log.books.session.is_in_doubt())
        }

        /// Returns whether the record of the session's state is not durable. After a power failure it would be unknown
        /// in which session a message was sent.
        pub(crate) fn is_session_pending(&self) -> bool {
            self.0.as_ref().is_some_and(|(log, _)| log.session_end > 0 || log.books.is_behind)
        }

        /// Appends a record to the buffer. Returns false, and changes nothing, if there is no room. Before the first
        /// record, the start of the log and the version are written.
        pub(crate) fn put(&mut self, record: &Record<'_>) -> bool {
            let Some((log, _)) = &self.0 else { return true };
            let (version, current) = (log.books.version.get(), log.books.current);
            if version.is_none() && !matches!(record, Record::Version(_)) && !self.put(&Record::Version(current)) {
                return false;
            }
            let Some((log, buffer)) = &mut self.0 else { return true };
            let start = if log.is_begun { 0 } else { START.len() };
            let length = start
                + record.parts(&mut |head, body| {
                    head.len() + body.iter().map(|part| part.len()).sum::<usize>() + size_of::<u32>()
                });
            let is_of_session = matches!(record, Record::NewSession { .. } | Record::Discarded);
            let kept = if is_of_session { 0 } else { RESERVE };
            let end = log.end as usize;
            if buffer.room(end) < length.saturating_add(kept) {
                return false;
            }
            let Some(chain) = encode(buffer.place(end, length), log, record) else { return false };
            (log.chain, log.is_begun, log.end) = (chain, true, (end + length) as u32);
            log.account_for(record);
            true
        }

        /// Reports that the first `count` pending bytes are durable; calls `tell` for each record that is now
        /// completely durable.
        pub(crate) fn written(&mut self, count: usize, tell: &mut dyn FnMut(Written)) {
            let Some((log, buffer)) = &mut self.0 else { return };
            let taken = (log.taken as usize).saturating_add(count).min(log.end as usize);
            let (mut rest, mut whole) = (buffer.start(taken), 0);
            while let Some((written, length)) = whole_record(rest) {
                tell(written);
                rest = rest.get(length..).unwrap_or_default();
                whole += length;
            }
            buffer.drop_start(whole, log.end as usize);
            let whole = whole as u32;
            log.taken = taken as u32 - whole;
            log.end -= whole;
            log.session_end = log.session_end.saturating_sub(whole);
            log.loss_end = log.loss_end.saturating_sub(whole);
        }

        /// Continues behind a log that ends with this checksum and this state.
        pub(crate) fn resume(&mut self, chain: u32, books: Books) {
            if let Some((log, _)) = &mut self.0 {
                **log = Log { chain, is_begun: true, books, ..Log::EMPTY };
            }
        }
    }

    impl Log {
        /// Updates the state for a record that was put at the end of the buffer.
        fn account_for(&mut self, record: &Record<'_>) {
            match *record {
                Record::Version(version) => self.books.version = Maybe::Some(version),
                Record::Session(session) => (self.books.session, self.session_end) = (session, self.end),
                Record::NewSession { session, .. } => {
                    (self.books.session, self.session_end) = (session, self.end);
                    let loss = core::mem::replace(&mut self.books.loss, Maybe::None).get();
                    if loss.is_some_and(|loss| loss.had_received) {
                        self.loss_end = self.end;
                    }
                }
                Record::Discarded => {
                    (self.books.session, self.session_end) = (SessionFact::None, self.end);
                    self.loss_end = self.end;
                    self.books.loss = Maybe::None;
                }
                _ => {}
            }
        }
    }

    /// Encodes a record (the first one with the start of the log) into `buffer`, which has its length. Returns the
    /// checksum.
    fn encode(buffer: &mut [u8], log: &Log, record: &Record<'_>) -> Option<u32> {
        let mut position = 0;
        let mut put = |bytes: &[u8]| {
            copy(bytes, buffer.get_mut(position..position + bytes.len())?);
            position += bytes.len();
            Some(())
        };
        if !log.is_begun {
            put(&START)?;
        }
        record.parts(&mut |head, body| {
            let chain = checksum(log.chain, head, body);
            put(head)?;
            body.iter().try_for_each(|part| put(part))?;
            put(&chain.to_le_bytes())?;
            Some(chain)
        })
    }
}
