//! The records that the session's tables consist of. All zeros is "free".

use crate::storage::{Fact, Notes, Progress, Reach, Stands, Watcher};
use crate::types::{QoS, Version};

/// What a send slot holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    #[default]
    Free,
    /// PUBLISH at QoS 0.
    Publish0,
    /// PUBLISH at QoS 1.
    Publish1,
    /// PUBLISH at QoS 2.
    Publish2,
    Subscribe,
    Unsubscribe,
    /// A PUBACK or PUBREC that carries properties; leaves when its turn comes.
    Ack,
    /// The PUBREL of a message that was withdrawn: it frees the identifier at the server.
    Orphan,
}

impl Kind {
    pub(crate) const fn is_publish(self) -> bool {
        matches!(self, Self::Publish0 | Self::Publish1 | Self::Publish2)
    }

    /// A PUBLISH of this quality of service.
    pub(crate) const fn publish(qos: QoS) -> Self {
        match qos {
            QoS::AtMostOnce => Self::Publish0,
            QoS::AtLeastOnce => Self::Publish1,
            QoS::ExactlyOnce => Self::Publish2,
        }
    }

    /// The quality of service of a PUBLISH.
    pub(crate) const fn qos(self) -> Option<QoS> {
        match self {
            Self::Publish0 => Some(QoS::AtMostOnce),
            Self::Publish1 => Some(QoS::AtLeastOnce),
            Self::Publish2 => Some(QoS::ExactlyOnce),
            _ => None,
        }
    }

    pub(crate) const fn is_request(self) -> bool {
        matches!(self, Self::Subscribe | Self::Unsubscribe)
    }

    /// The server answers it under its identifier.
    pub(crate) const fn is_answered(self) -> bool {
        self.is_windowed() || self.is_request() || matches!(self, Self::Orphan)
    }

    /// Takes part in the window: PUBLISH at QoS 1 and 2.
    pub(crate) const fn is_windowed(self) -> bool {
        matches!(self, Self::Publish1 | Self::Publish2)
    }
}

/// Marks of a PUBLISH. Their bits and those of [`RequestMarks`] differ, so that neither can be taken for the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct MessageMarks(u8);

impl MessageMarks {
    /// The payload is kept by reference, outside the arena. Without the feature `bytes` none is, and no bit stands for it.
    pub(crate) const SHARED_PAYLOAD: Self = Self(if cfg!(feature = "bytes") { 1 } else { 0 });
    /// The application supplies the payload while the message is sent.
    pub(crate) const STREAMED: Self = Self(2);
    /// It is sent on links of 5.0 alone.
    pub(crate) const NEEDS_V5: Self = Self(4);
    /// It was withdrawn, and once its outcome was fetched a PUBREL is to free its identifier.
    pub(crate) const LEAVES_RELEASE: Self = Self(8);

    /// It has one of these marks.
    pub(crate) const fn has(self, marks: Self) -> bool {
        self.0 & marks.0 != 0
    }

    /// Some bytes of the packet are not in the arena.
    pub(crate) const fn has_bytes_outside(self) -> bool {
        self.has(Self(Self::SHARED_PAYLOAD.0 | Self::STREAMED.0))
    }
}

/// Marks of a SUBSCRIBE: what it asks for that a server may lack (§3.2.2.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct RequestMarks(u8);

impl RequestMarks {
    /// A shared filter.
    pub(crate) const SHARE: Self = Self(32);
    /// A wildcard.
    pub(crate) const WILDCARD: Self = Self(64);
    /// A subscription identifier.
    pub(crate) const IDENTIFIER: Self = Self(128);

    pub(crate) const fn set(&mut self, marks: Self) {
        self.0 |= marks.0;
    }

    /// As bits of what a server may lack.
    pub(crate) const fn bits(self) -> u8 {
        self.0
    }
}

/// The marks of a packet as its slot keeps them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Marks(u8);

impl Marks {
    pub(crate) const NONE: Self = Self(0);
    /// It has properties or options that an earlier version can't carry, and is encoded for 5.0 although the version in force is an earlier one.
    const IN_V5: u8 = 16;

    pub(crate) const fn of_request(marks: RequestMarks) -> Self {
        Self(marks.0)
    }

    pub(crate) const fn set(&mut self, marks: MessageMarks) {
        self.0 |= marks.0;
    }

    /// Whether the packet is encoded for 5.0 although the version in force is an earlier one.
    pub(crate) const fn is_in_v5(self) -> bool {
        Version::KNOWS_BOTH_KINDS && self.0 & Self::IN_V5 != 0
    }

    /// While a log is read: the packet is encoded for a kind of version that is not compiled in.
    #[cfg(feature = "journal")]
    pub(crate) const fn is_of_other_kind(self) -> bool {
        !Version::KNOWS_BOTH_KINDS && self.0 & Self::IN_V5 != 0
    }

    pub(crate) const fn in_v5(self, is_in_v5: bool) -> Self {
        Self(self.0 & !Self::IN_V5 | if is_in_v5 { Self::IN_V5 } else { 0 })
    }

    pub(crate) const fn message(self) -> MessageMarks {
        MessageMarks(self.0)
    }

    pub(crate) const fn request(self) -> RequestMarks {
        RequestMarks(self.0)
    }
}

/// A number whose meaning follows from what the slot holds; named by whoever writes and reads it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Detail(u32);

impl Detail {
    pub(crate) const NONE: Self = Self(0);

    /// A message: the second in which it expires; 0 for never.
    pub(crate) const fn expires(second: u32) -> Self {
        Self(second)
    }

    /// A request: its number of filters.
    pub(crate) const fn filters(count: u32) -> Self {
        Self(count)
    }

    /// What is over: why.
    pub(crate) const fn cause(cause: u32) -> Self {
        Self(cause)
    }

    pub(crate) const fn get(self) -> u32 {
        self.0
    }
}

/// One outgoing packet that is not finished.
///
/// The size of this type is what one more unfinished packet costs beside its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SendSlot {
    /// A running number, with the packet identifier in its lowest 16 bits; 0 if the slot is free.
    pub(crate) handle: u64,
    /// Where its bytes lie in the arena.
    pub(crate) position: u32,
    /// How many bytes it has in the arena; 0 once they were freed.
    pub(crate) length: u32,
    pub(crate) detail: Detail,
    pub(crate) next: u16,
    pub(crate) previous: u16,
    /// The next slot that owes the journal a record, while this one is queued.
    pub(crate) owed_next: u16,
    pub(crate) kind: Kind,
    pub(crate) progress: Progress,
    pub(crate) marks: Marks,
    /// On how many links some of what the slot stands for has left; it stops at the maximum.
    pub(crate) attempts: u8,
    /// What the journal says of it.
    pub(crate) notes: Notes,
}

/// Where an incoming QoS 1 or 2 message stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum ReceiveState {
    #[default]
    Free,
    /// QoS 1, delivered: PUBACK leaves when the application has acknowledged.
    AtLeastOnce,
    /// QoS 2, delivered: PUBREC leaves when the application has acknowledged.
    ExactlyOnce,
    /// QoS 2, PUBREC was sent: PUBREL is awaited.
    Recorded,
    /// QoS 2, PUBREL came: PUBCOMP is owed.
    Completing,
    /// Nothing is left but the record of its end, which is not durable yet.
    Ended,
}

impl ReceiveState {
    /// Of a message that was delivered.
    pub(crate) const fn of_new(qos: QoS) -> Self {
        if matches!(qos, QoS::AtLeastOnce) { Self::AtLeastOnce } else { Self::ExactlyOnce }
    }
}

/// One incoming QoS 1 or 2 message that is not finished.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ReceiveSlot {
    /// Tells handles apart that meet the same slot.
    pub(crate) serial: u32,
    pub(crate) id: u16,
    /// The next slot in its queue, plus 1; 0 at the end.
    pub(crate) next: u16,
    /// The next slot whose identifier has the same place in the index, plus 1.
    #[cfg(feature = "alloc")]
    pub(crate) chain: u16,
    /// The first slot whose identifier has this place in the index, plus 1.
    #[cfg(feature = "alloc")]
    pub(crate) bucket: u16,
    /// The send slot that holds the acknowledgement with its properties; 0 for none.
    pub(crate) extra: u16,
    pub(crate) state: ReceiveState,
    pub(crate) reason: u8,
    /// The application (or the automatic mode) has acknowledged.
    pub(crate) acknowledged: bool,
    /// It stands in the queue of owed acknowledgements.
    pub(crate) owed: bool,
    /// It came on an earlier link, and not again on this one.
    pub(crate) is_old: bool,
    /// What the journal says of it.
    pub(crate) notes: Notes,
}

/// What is known of one topic alias.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct AliasEntry {
    /// Grows with each binding; 0 is unbound.
    pub(crate) serial: u32,
    /// The length of the name.
    pub(crate) length: u16,
    /// A fingerprint of the name, to compare it seldom; if there is none, whether the topic was none.
    pub(crate) hash: u16,
}

impl SendSlot {
    /// The packet identifier; 0 if the slot is free.
    pub(crate) const fn id(&self) -> u16 {
        self.handle as u16
    }

    /// On how many links some of it has left. What waits to be sent again on the same link has left on it, and is counted once it has once more.
    pub(crate) const fn attempts(&self) -> u8 {
        let waits = matches!(self.progress.reach(), Reach::Waiting | Reach::Staged);
        let is_sent_again = waits && self.progress.was_seen_by(Watcher::Retry);
        self.attempts.saturating_add(is_sent_again as u8)
    }

    /// Some of it leaves on one more link.
    pub(crate) const fn count_attempt(&mut self) {
        self.attempts += (self.attempts < u8::MAX) as u8;
    }

    /// What was out leaves once more on the same link, which is counted already. A count that has reached its end stays there.
    pub(crate) const fn leave_again(&mut self) {
        self.attempts -= (0 < self.attempts && self.attempts < u8::MAX) as u8;
        self.progress = self.progress.seen_by(Watcher::Retry);
    }

    /// Something has to be looked at before it is sent: it may expire, or some of its bytes are not in the arena.
    pub(crate) const fn is_special(&self) -> bool {
        self.detail.0 != 0 || self.marks.0 != 0
    }

    /// A message of which nothing has happened yet, and that isn't special.
    pub(crate) const fn is_bare(&self) -> bool {
        self.kind.is_publish() && matches!(self.progress, Progress::NEW) && !self.is_special()
    }

    /// It holds a unit of the window.
    pub(crate) const fn holds_unit(&self) -> bool {
        self.kind.is_windowed() && self.progress.holds_unit()
    }

    /// What must be durable of it.
    pub(crate) const fn fact(&self) -> Fact {
        if !self.notes.is_kept() || matches!(self.kind, Kind::Orphan) {
            return Fact::Nothing;
        }
        match self.progress.stands() {
            Stands::First => Fact::Accepted,
            Stands::Release => Fact::Released,
            Stands::Over => Fact::Nothing,
        }
    }

    /// It can't be sent: the record that it depends on is not durable.
    pub(crate) fn waits_for_record(&self) -> bool {
        self.notes.is_kept() && (self.notes.is_pending() || self.notes.noted() as u8 != self.fact() as u8)
    }

    /// The second in which a message expires; 0 for never. One that was sent, if only in part, is finished whatever the time
    /// `[MQTT-4.3.3-7]`.
    pub(crate) const fn expiry(&self) -> u32 {
        if self.kind.is_publish() && self.progress.is_first() && !self.progress.is_known() { self.detail.0 } else { 0 }
    }

    pub(crate) const FREE: Self = Self {
        handle: 0,
        position: 0,
        length: 0,
        detail: Detail::NONE,
        next: 0,
        previous: 0,
        owed_next: 0,
        kind: Kind::Free,
        progress: Progress::NEW,
        marks: Marks::NONE,
        attempts: 0,
        notes: Notes::NONE,
    };
}

impl ReceiveSlot {
    pub(crate) const FREE: Self = Self {
        serial: 0,
        id: 0,
        next: 0,
        #[cfg(feature = "alloc")]
        chain: 0,
        #[cfg(feature = "alloc")]
        bucket: 0,
        extra: 0,
        state: ReceiveState::Free,
        reason: 0,
        acknowledged: false,
        owed: false,
        is_old: false,
        notes: Notes::NONE,
    };

    /// The application has this QoS 2 message, and PUBREL has not come.
    pub(crate) const fn is_received(&self) -> bool {
        match self.state {
            ReceiveState::Recorded => true,
            ReceiveState::ExactlyOnce => self.acknowledged && self.reason < FIRST_ERROR,
            _ => false,
        }
    }

    /// What must be durable of it.
    pub(crate) const fn fact(&self) -> Fact {
        if self.notes.is_kept() && self.is_received() { Fact::Received } else { Fact::Nothing }
    }

    /// Its acknowledgement can't leave: the record that it depends on is not durable.
    pub(crate) fn waits_for_record(&self) -> bool {
        self.notes.is_kept() && (self.notes.is_pending() || self.notes.noted() != self.fact())
    }
}

/// Reason codes from here on refuse a message.
const FIRST_ERROR: u8 = 0x80;

impl AliasEntry {
    pub(crate) const UNBOUND: Self = Self { serial: 0, length: 0, hash: 0 };
}
