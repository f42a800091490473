//! What a server accepts.

use crate::event::Cause;
use crate::storage::{RequestMarks, SendSlot};
use crate::types::{QoS, Version};
use crate::wire::ids;

/// What the server accepts on this link (§3.2.2.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Peer {
    /// The maximum number of QoS 1 and 2 messages in flight: the lower one of the server's Receive Maximum and our own
    /// limit.
    pub(crate) window: u16,
    pub(crate) topic_aliases: u16,
    /// The longest packet in bytes; 0 for no limit.
    pub(crate) max_packet: u32,
    pub(super) lacks: u8,
}

impl Peer {
    /// Before CONNACK: nothing may be sent, and nothing is known to be unsupported.
    pub(crate) const UNKNOWN: Self = Self { window: 0, topic_aliases: 0, max_packet: 0, lacks: 0 };

    // What a server may not support. Features of a SUBSCRIBE have the same bits as its marks.
    const QOS1: u8 = QoS::AtLeastOnce.bits();
    const QOS2: u8 = QoS::ExactlyOnce.bits();
    const RETAIN: u8 = 4;
    const SHARES: u8 = RequestMarks::SHARE.bits();
    const WILDCARDS: u8 = RequestMarks::WILDCARD.bits();
    const IDENTIFIERS: u8 = RequestMarks::IDENTIFIER.bits();

    /// Records what the server does not support, from a property of CONNACK.
    pub(crate) const fn note(&mut self, id: u8, value: u32) {
        let what = match id {
            ids::MaximumQoS if value > 0 => Self::QOS2, // 1, or it was refused [MQTT-3.2.2-9]
            ids::MaximumQoS => Self::QOS1 | Self::QOS2,
            _ if value > 0 => return,
            ids::RetainAvailable => Self::RETAIN,
            ids::WildcardSubscriptionAvailable => Self::WILDCARDS,
            ids::SubscriptionIdentifierAvailable => Self::IDENTIFIERS,
            ids::SharedSubscriptionAvailable => Self::SHARES,
            _ => return,
        };
        self.lacks |= what;
    }

    const fn lacks_any(&self, what: u8) -> bool {
        Version::KNOWS_PROPERTIES && self.lacks & what != 0
    }

    /// Returns whether topic aliases may be used.
    pub(crate) const fn has_aliases(&self) -> bool {
        Version::KNOWS_PROPERTIES && self.topic_aliases > 0
    }

    pub(crate) const fn takes_length(&self, length: usize) -> bool {
        !Version::KNOWS_PROPERTIES || self.max_packet == 0 || length <= self.max_packet as usize
    }

    #[cfg_attr(target_pointer_width = "32", inline(always))]
    pub(crate) const fn takes_qos(&self, qos: QoS) -> bool {
        !self.lacks_any(qos.bits())
    }

    pub(crate) const fn takes_retained(&self) -> bool {
        !self.lacks_any(Self::RETAIN)
    }

    /// Returns whether the server accepts every QoS and retained messages.
    pub(crate) const fn takes_any_message(&self) -> bool {
        !self.lacks_any(Self::QOS1 | Self::QOS2 | Self::RETAIN)
    }

    /// Returns whether a SUBSCRIBE with these marks uses something that the server does not support (§3.2.2.3).
    pub(crate) const fn lacks(&self, marks: RequestMarks) -> bool {
        self.lacks & marks.bits() != 0 && Version::KNOWS_PROPERTIES
    }

    /// Returns whether there are packets that the server does not accept, or only in another form.
    pub(super) const fn has_rules(&self) -> bool {
        Version::KNOWS_PROPERTIES && (self.max_packet != 0 || self.topic_aliases != 0 || self.lacks != 0)
    }

    /// Returns why the server does not accept this packet, if it does not.
    pub(super) fn refuses(&self, slot: &SendSlot, arena: &[u8], length: usize) -> Option<Cause> {
        let is_retained = || arena.get(slot.position as usize).is_some_and(|first_byte| first_byte & 1 != 0);
        if !self.takes_length(length) {
            return Some(Cause::TooLarge); // [MQTT-3.2.2-15]
        }
        match slot.kind.qos() {
            Some(qos) if !self.takes_qos(qos) => Some(Cause::QoSNotSupported), // [MQTT-3.2.2-11]
            Some(_) => (!self.takes_retained() && is_retained()).then_some(Cause::RetainNotSupported), // [MQTT-3.2.2-14]
            None => self.lacks(slot.marks.request()).then_some(Cause::SubscriptionNotSupported),
        }
    }
}
