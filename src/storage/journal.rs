//! The journal's place in a storage: records on their way to durable memory. Without the feature `journal` all of it is nothing.

#[cfg(feature = "journal")]
pub(crate) use self::kept::{JournalPart, Log};
#[cfg(not(feature = "journal"))]
pub(crate) use self::none::JournalPart;

#[cfg(not(feature = "journal"))]
mod none {
    use core::marker::PhantomData;

    use crate::storage::Record;

    /// No journal.
    pub(crate) struct JournalPart<'j>(PhantomData<&'j ()>);

    impl JournalPart<'_> {
        pub(crate) const NONE: Self = Self(PhantomData);

        pub(crate) const fn is_none(&self) -> bool {
            true
        }

        pub(crate) const fn is_waiting(&self) -> bool {
            false
        }

        pub(crate) const fn has_room(&self, _bytes: usize) -> bool {
            true
        }

        pub(crate) const fn could_hold(&self, _bytes: usize) -> bool {
            true
        }

        pub(crate) const fn has_room_for_ends(&self, _count: usize) -> bool {
            true
        }

        pub(crate) const fn reserve(&mut self, _bytes: usize) {}

        pub(crate) const fn write(&mut self, _record: &Record<'_>) {}
    }
}

#[cfg(feature = "journal")]
mod kept {
    use crate::storage::Record;
    use crate::storage::record::{MOST_FRAMING, START, checksum};

    /// Room that is kept for the records that packets cause, so that a long message can't shut them out.
    const RESERVE: usize = 64;
    /// With the start of the log, which comes before the first record.
    const BESIDE: usize = RESERVE + MOST_FRAMING + START.len();

    /// Records that were not written to durable memory yet, in a buffer of fixed size.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub(crate) struct Log {
        pub(crate) end: u32,
        /// The checksum of the last record; 0 at the start.
        pub(crate) chain: u32,
        /// The start of the log was written.
        pub(crate) is_begun: bool,
        /// Room that is kept for a message that is being accepted.
        pub(crate) reserved: u32,
    }

    impl Log {
        pub(crate) const EMPTY: Self = Self { end: 0, chain: 0, is_begun: false, reserved: 0 };
    }

    /// The journal of a connection, if it has one.
    pub(crate) struct JournalPart<'j>(Option<(&'j mut Log, &'j mut [u8])>);

    impl<'j> JournalPart<'j> {
        pub(crate) const NONE: Self = Self(None);

        pub(crate) fn new(log: &'j mut Log, bytes: &'j mut [u8]) -> Self {
            Self(Some((log, bytes)))
        }

        /// Nothing is noted.
        pub(crate) const fn is_none(&self) -> bool {
            self.0.is_none()
        }

        /// Records wait to be written: nothing that depends on them may leave.
        pub(crate) fn is_waiting(&self) -> bool {
            self.0.as_ref().is_some_and(|(log, _)| log.end > 0)
        }

        /// Whether `bytes` more fit, with room for what packets cause beside.
        pub(crate) fn has_room(&self, bytes: usize) -> bool {
            let needed = bytes.saturating_add(BESIDE);
            self.0.as_ref().is_none_or(|(log, buffer)| {
                buffer.len() - log.end as usize >= needed.saturating_add(log.reserved as usize)
            })
        }

        /// Whether the ends of so many messages can be noted.
        pub(crate) fn has_room_for_ends(&self, count: usize) -> bool {
            self.has_room(count.saturating_mul(2 + MOST_FRAMING))
        }

        /// The same if nothing waited.
        pub(crate) fn could_hold(&self, bytes: usize) -> bool {
            self.0.as_ref().is_none_or(|(_, buffer)| buffer.len() >= bytes.saturating_add(BESIDE))
        }

        /// Keeps `bytes` free for a message that is being accepted, whatever is noted before it.
        pub(crate) fn reserve(&mut self, bytes: usize) {
            if let Some((log, _)) = &mut self.0 {
                log.reserved = if bytes == 0 { 0 } else { (bytes + BESIDE - RESERVE) as u32 };
            }
        }

        /// Notes a record. Where there is no room it is left out: whoever needs it asks for room first.
        pub(crate) fn write(&mut self, record: &Record<'_>) {
            let Some((log, buffer)) = &mut self.0 else { return };
            if matches!(record, Record::Accepted { .. }) {
                log.reserved = 0;
            }
            let most = buffer.len().saturating_sub(log.reserved as usize);
            let rest = buffer.get_mut(log.end as usize..most).unwrap_or_default();
            if let Some((length, chain)) = append(rest, log, record) {
                **log = Log { end: log.end + length as u32, chain, is_begun: true, reserved: log.reserved };
            }
        }
    }

    /// Puts a record, with the start of the log before the first one, into `buffer`: its length and its checksum.
    fn append(buffer: &mut [u8], log: &Log, record: &Record<'_>) -> Option<(usize, u32)> {
        let mut position = 0;
        let mut put = |bytes: &[u8]| {
            buffer.get_mut(position..position + bytes.len())?.copy_from_slice(bytes);
            position += bytes.len();
            Some(())
        };
        if !log.is_begun {
            put(&START)?;
        }
        let mut chain = 0;
        record.parts(&mut |head, body| {
            chain = checksum(log.chain, head, body);
            put(head)?;
            body.iter().try_for_each(|part| put(part))?;
            put(&chain.to_le_bytes())
        })?;
        Some((position, chain))
    }
}
