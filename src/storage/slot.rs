//! The entries of the session's tables. All zeros means "free".

use crate::storage::{Fact, Notes, Progress, Reach, Stands, Watcher};
use crate::types::{QoS, Version};

/// The kind of packet in a send slot.
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
    /// A PUBACK or PUBREC with properties, which is sent when its turn comes.
    Ack,
    /// The PUBREL of a message that was withdrawn, which frees the identifier at the server.
    Orphan,
}

impl Kind {
    pub(crate) const fn is_publish(self) -> bool {
        matches!(self, Self::Publish0 | Self::Publish1 | Self::Publish2)
    }

    /// Returns the kind of a PUBLISH at this QoS.
    pub(crate) const fn publish(qos: QoS) -> Self {
        match qos {
            QoS::AtMostOnce => Self::Publish0,
            QoS::AtLeastOnce => Self::Publish1,
            QoS::ExactlyOnce => Self::Publish2,
        }
    }

    /// Returns the QoS of a PUBLISH; `None` for other kinds.
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

    /// Returns whether the server answers the packet under its identifier.
    pub(crate) const fn is_answered(self) -> bool {
        self.is_windowed() || self.is_request() || matches!(self, Self::Orphan)
    }

    /// Returns whether the packet counts against the send quota: PUBLISH at QoS 1 and 2.
    pub(crate) const fn is_windowed(self) -> bool {
        matches!(self, Self::Publish1 | Self::Publish2)
    }
}

/// Marks of a PUBLISH. Their bits differ from those of [`RequestMarks`], so that neither can be taken for the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct MessageMarks(u8);

impl MessageMarks {
    /// The payload is kept by reference, outside the arena. Without the feature `bytes` there is none, and no bit.
    pub(crate) const SHARED_PAYLOAD: Self = Self(if cfg!(feature = "bytes") { 1 } else { 0 });
    /// The application supplies the payload while the message is sent.
    pub(crate) const STREAMED: Self = Self(2);
    /// The message is sent only on links of 5.0.
    pub(crate) const NEEDS_V5: Self = Self(4);
    /// The message was withdrawn. Once its outcome was fetched, a PUBREL frees its identifier.
    pub(crate) const LEAVES_RELEASE: Self = Self(8);

    /// Returns whether it has one of these marks.
    pub(crate) const fn has(self, marks: Self) -> bool {
        self.0 & marks.0 != 0
    }

    /// Returns whether some bytes of the packet are not in the arena.
    pub(crate) const fn has_bytes_outside(self) -> bool {
        self.has(Self(Self::SHARED_PAYLOAD.0 | Self::STREAMED.0))
    }
}

/// Marks of a SUBSCRIBE: what it uses that a server may not support (§3.2.2.3).
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

    /// Returns the marks as bits of what a server may not support.
    pub(crate) const fn bits(self) -> u8 {
        self.0
    }
}

/// The marks of a packet, as its slot stores them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Marks(u8);

impl Marks {
    pub(crate) const NONE: Self = Self(0);
    /// The packet has properties or options that an earlier version cannot carry, and is encoded for 5.0 although the
    /// version in force is an earlier one.
    const IN_V5: u8 = 16;

    pub(crate) const fn of_request(marks: RequestMarks) -> Self {
        Self(marks.0)
    }

    pub(crate) const fn set(&mut self, marks: MessageMarks) {
        self.0 |= marks.0;
    }

    /// Returns whether the packet is encoded for 5.0 although the version in force is an earlier one.
    pub(crate) const fn is_in_v5(self) -> bool {
        Version::KNOWS_BOTH_KINDS && self.0 & Self::IN_V5 != 0
    }

    /// Returns whether the packet of a log is encoded for a version that is not compiled in.
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

/// A number whose meaning depends on the kind and state of the packet in the slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Detail(u32);

impl Detail {
    pub(crate) const NONE: Self = Self(0);

    /// For a message: the second in which it expires; 0 for never.
    pub(crate) const fn expires(second: u32) -> Self {
        Self(second)
    }

    /// For a request: its number of filters.
    pub(crate) const fn filters(count: u32) -> Self {
        Self(count)
    }

    /// For a finished packet: the cause.
    pub(crate) const fn cause(cause: u32) -> Self {
        Self(cause)
    }

    pub(crate) const fn get(self) -> u32 {
        self.0
    }
}

/// An unfinished outgoing packet.
///
/// Each unfinished packet takes the size of this type in addition to its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SendSlot {
    /// A running number, with the packet identifier in its lowest 16 bits; 0 if the slot is free.
    pub(crate) handle: u64,
    /// The position of its bytes in the arena.
    pub(crate) position: u32,
    /// The number of its bytes in the arena; 0 once they were freed.
    pub(crate) length: u32,
    pub(crate) detail: Detail,
    pub(crate) next: u16,
    pub(crate) previous: u16,
    /// The next slot in the queue of slots with a record to be encoded, while this one is queued.
    pub(crate) owed_next: u16,
    pub(crate) kind: Kind,
    pub(crate) progress: Progress,
    pub(crate) marks: Marks,
    /// The number of links on which some of the packet was sent; saturates at the maximum.
    pub(crate) attempts: u8,
    /// What the journal contains about it.
    pub(crate) notes: Notes,
}

/// The state of a QoS 1 or 2 message from the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum ReceiveState {
    #[default]
    Free,
    /// QoS 1, delivered: PUBACK is sent when the application has acknowledged.
    AtLeastOnce,
    /// QoS 2, delivered: PUBREC is sent when the application has acknowledged.
    ExactlyOnce,
    /// QoS 2, PUBREC was sent: PUBREL is awaited.
    Recorded,
    /// QoS 2, PUBREL arrived: PUBCOMP is pending.
    Completing,
    /// Finished; only the record of that is not durable yet.
    Ended,
}

impl ReceiveState {
    /// Returns the state of a message that was just delivered.
    pub(crate) const fn of_new(qos: QoS) -> Self {
        if matches!(qos, QoS::AtLeastOnce) { Self::AtLeastOnce } else { Self::ExactlyOnce }
    }
}

/// An unfinished QoS 1 or 2 message from the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ReceiveSlot {
    /// Distinguishes the `PendingAck`s that used the same slot.
    pub(crate) serial: u32,
    pub(crate) id: u16,
    /// The index of the next slot in its queue, plus 1; 0 at the end.
    pub(crate) next: u16,
    /// The index of the next slot in the same chain of the index by identifier, plus 1.
    #[cfg(feature = "alloc")]
    pub(crate) chain: u16,
    /// The index of the first slot of the chain that starts at this place, plus 1.
    #[cfg(feature = "alloc")]
    pub(crate) bucket: u16,
    /// The send slot that holds the acknowledgement with its properties; 0 for none.
    pub(crate) extra: u16,
    pub(crate) state: ReceiveState,
    pub(crate) reason: u8,
    /// Whether the message was acknowledged, by the application or automatically.
    pub(crate) acknowledged: bool,
    /// Whether the slot is in the queue of pending acknowledgements.
    pub(crate) owed: bool,
    /// Whether the message arrived on an earlier link and not again on this one.
    pub(crate) is_old: bool,
    /// What the journal contains about it.
    pub(crate) notes: Notes,
}

/// The entry of a topic alias.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct AliasEntry {
    /// Increases with each binding; 0 for unbound.
    pub(crate) serial: u32,
    /// The length of the name.
    pub(crate) length: u16,
    /// A fingerprint of the name, which saves most comparisons. Without a name: whether the topic was invalid.
    pub(crate) hash: u16,
}

impl SendSlot {
    /// Returns the packet identifier; 0 if the slot is free.
    pub(crate) const fn id(&self) -> u16 {
        self.handle as u16
    }

    /// Returns the number of links on which some of the packet was sent. A packet that is to be sent again on the same
    /// link counts that link too.
    pub(crate) const fn attempts(&self) -> u8 {
        let waits = matches!(self.progress.reach(), Reach::Waiting | Reach::Staged);
        let is_sent_again = waits && self.progress.was_seen_by(Watcher::Retry);
        self.attempts.saturating_add(is_sent_again as u8)
    }

    /// Counts one more link on which some of the packet is sent.
    pub(crate) const fn count_attempt(&mut self) {
        self.attempts += (self.attempts < u8::MAX) as u8;
    }

    /// Prepares a packet in flight for being sent again on the same link, which is counted already. A saturated count
    /// stays.
    pub(crate) const fn leave_again(&mut self) {
        self.attempts -= (0 < self.attempts && self.attempts < u8::MAX) as u8;
        self.progress = self.progress.seen_by(Watcher::Retry);
    }

    /// Returns whether the packet needs a check before it is sent: it may expire, or some of its bytes are not in the
    /// arena.
    pub(crate) const fn is_special(&self) -> bool {
        self.detail.0 != 0 || self.marks.0 != 0
    }

    /// Returns whether the packet is a message that was not staged yet and is not special.
    pub(crate) const fn is_bare(&self) -> bool {
        self.kind.is_publish() && matches!(self.progress, Progress::NEW) && !self.is_special()
    }

    /// Returns whether the packet holds a unit of the send quota.
    pub(crate) const fn holds_unit(&self) -> bool {
        self.kind.is_windowed() && self.progress.holds_unit()
    }

    /// Returns the fact that must be durable.
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

    /// Returns whether the packet must wait because the record that it depends on is not durable.
    pub(crate) fn waits_for_record(&self) -> bool {
        self.notes.is_kept() && (self.notes.is_pending() || self.notes.noted() as u8 != self.fact() as u8)
    }

    /// Returns the second in which a message expires; 0 for never. A sent or partly sent message does not expire
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

    /// Returns whether this QoS 2 message was delivered to the application and PUBREL has not arrived.
    pub(crate) const fn is_received(&self) -> bool {
        match self.state {
            ReceiveState::Recorded => true,
            ReceiveState::ExactlyOnce => self.acknowledged && self.reason < FIRST_ERROR,
            _ => false,
        }
    }

    /// Returns the fact that must be durable.
    pub(crate) const fn fact(&self) -> Fact {
        if self.notes.is_kept() && self.is_received() { Fact::Received } else { Fact::Nothing }
    }

    /// Returns whether its acknowledgement must wait because the record that it depends on is not durable.
    pub(crate) fn waits_for_record(&self) -> bool {
        self.notes.is_kept() && (self.notes.is_pending() || self.notes.noted() != self.fact())
    }
}

/// Reason codes from this one on refuse a message.
const FIRST_ERROR: u8 = 0x80;

impl AliasEntry {
    pub(crate) const UNBOUND: Self = Self { serial: 0, length: 0, hash: 0 };
}
