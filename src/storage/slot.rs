//! The records that the session's tables consist of. All zeros is "free".

use crate::types::QoS;

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

    /// Takes part in the window: PUBLISH at QoS 1 and 2.
    pub(crate) const fn is_windowed(self) -> bool {
        matches!(self, Self::Publish1 | Self::Publish2)
    }
}

/// Where the packet of a send slot stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum State {
    /// To be sent (again).
    #[default]
    Queued,
    /// Sent on this link; its acknowledgement is awaited.
    Sent,
    /// QoS 2 after PUBREC: PUBREL is to be sent.
    Released,
    /// QoS 2: PUBREL was sent on this link, PUBCOMP is awaited.
    Completing,
    /// Over; its outcome waits to be fetched.
    Ended,
}

/// Marks of a send slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Flags(u8);

impl Flags {
    /// At least one byte of it was taken by a transport before.
    pub(crate) const DUP: u8 = 1;
    /// Part of the run that is being sent.
    pub(crate) const STAGED: u8 = 2;
    /// Holds one unit of the window.
    pub(crate) const COUNTED: u8 = 4;
    /// On the wire of this link since the last retry tick at least.
    pub(crate) const AGED: u8 = 8;
    /// The payload is kept by reference, outside the arena. Without the feature `bytes` none is, and no bit stands for it.
    pub(crate) const SHARED_PAYLOAD: u8 = if cfg!(feature = "bytes") { 16 } else { 0 };
    /// SUBSCRIBE with a shared filter.
    pub(crate) const SHARE: u8 = 32;
    /// PUBLISH whose payload the application supplies while it is sent.
    pub(crate) const STREAMED: u8 = 32;
    /// SUBSCRIBE with a wildcard.
    pub(crate) const WILDCARD: u8 = 64;
    /// PUBLISH that was sent whole in this session, on this link or an earlier one.
    pub(crate) const SENT_ONCE: u8 = 64;
    /// SUBSCRIBE with a subscription identifier.
    pub(crate) const IDENTIFIER: u8 = 128;

    pub(crate) const fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }

    pub(crate) const fn set(&mut self, flag: u8) {
        self.0 |= flag;
    }

    pub(crate) const fn clear(&mut self, flag: u8) {
        self.0 &= !flag;
    }
}

/// One outgoing packet that is not finished.
///
/// The size of this type is what one more unfinished packet costs beside its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SendSlot {
    pub(crate) handle: u64,
    /// Where its bytes lie in the arena.
    pub(crate) position: u32,
    /// How many bytes it has in the arena; 0 once they were freed.
    pub(crate) length: u32,
    /// PUBLISH: the second in which it expires, 0 for never. Requests: the number of filters. Ended: the cause.
    pub(crate) detail: u32,
    pub(crate) id: u16,
    pub(crate) next: u16,
    pub(crate) previous: u16,
    pub(crate) kind: Kind,
    pub(crate) state: State,
    pub(crate) flags: Flags,
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
    pub(crate) chain: u16,
    /// The first slot whose identifier has this place in the index, plus 1.
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
}

/// What is known of one topic alias.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct AliasEntry {
    /// Grows with each binding; 0 is unbound.
    pub(crate) serial: u32,
    /// The length of the name.
    pub(crate) length: u16,
    /// A fingerprint of the name, to compare it seldom.
    pub(crate) hash: u16,
}

impl SendSlot {
    /// Something has to be looked at before it is sent: it may expire, or some of its bytes are not in the arena.
    pub(crate) const fn is_special(&self) -> bool {
        self.detail != 0 || self.flags.has(Flags::SHARED_PAYLOAD | Flags::STREAMED)
    }

    /// A message of which nothing has happened yet, and that isn't special.
    pub(crate) const fn is_bare(&self) -> bool {
        self.kind.is_publish() && self.flags.0 == 0 && self.detail == 0
    }

    /// The second in which a message expires; 0 for never. One that was sent, if only in part, is finished whatever the time
    /// `[MQTT-4.3.3-7]`.
    pub(crate) const fn expiry(&self) -> u32 {
        if self.kind.is_publish() && !self.flags.has(Flags::DUP) { self.detail } else { 0 }
    }

    pub(crate) const FREE: Self = Self {
        handle: 0,
        position: 0,
        length: 0,
        detail: 0,
        id: 0,
        next: 0,
        previous: 0,
        kind: Kind::Free,
        state: State::Queued,
        flags: Flags(0),
    };
}

impl ReceiveSlot {
    pub(crate) const FREE: Self = Self {
        serial: 0,
        id: 0,
        next: 0,
        chain: 0,
        bucket: 0,
        extra: 0,
        state: ReceiveState::Free,
        reason: 0,
        acknowledged: false,
        owed: false,
        is_old: false,
    };
}

impl AliasEntry {
    pub(crate) const UNBOUND: Self = Self { serial: 0, length: 0, hash: 0 };
}
