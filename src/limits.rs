//! The settings of a connection, and what it does when a limit is exceeded.

use crate::types::Version;

/// The settings of a connection. Start from [`Limits::DEFAULT`], as in the example: a minor version may add settings.
/// `ram::heap` computes the memory that they allow on the heap.
///
/// ```
/// use pure_mqtt::Limits;
///
/// fn main() {
///     let limits = Limits { max_inflight: 50, manual_acks: true, ..Limits::DEFAULT };
///     assert_eq!(limits.connack_timeout, 20_000);
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Limits {
    /// The version that messages are encoded for before the first link is opened. If `open` chooses another version,
    /// all stored packets are re-encoded once. Default: 3.1.1.
    pub version: Version,
    /// Maximum number of QoS 1 and 2 messages in flight; 0 for no local limit. The server's Receive Maximum also
    /// applies. Default: 20.
    pub max_inflight: u16,
    /// Maximum number of unfinished messages, in flight and queued together; 0 (the default) for as many as the storage
    /// holds.
    pub max_queued: u32,
    /// Maximum size of all unfinished packets together, in bytes; 0 (the default) for as many as the storage holds: 2
    /// GiB on `Heap`. Shared and streamed payloads do not count.
    pub max_bytes: u32,
    /// The Receive Maximum announced in 5.0: how many QoS 1 and 2 messages from the server may be unfinished at a time.
    /// At most [`max_received`](Self::max_received), less one that is kept for QoS 1, and less what earlier links left
    /// unfinished.
    ///
    /// Some servers exceed it by a few messages, which is tolerated as far as there is room, unless
    /// [`strict`](Self::strict) is set. Default: 1,024.
    pub receive_maximum: u16,
    /// Maximum number of unfinished QoS 1 and 2 messages from the server, in every version; 0 (the default) for as many
    /// as the storage holds: 32,768 on `Heap`.
    ///
    /// Further messages are [`Received::Blocked`](crate::Received::Blocked) until the application has acknowledged and
    /// the acknowledgements were sent. If that does not help, QoS 2 messages of earlier links are discarded if the
    /// server has not repeated them on this link: they belong to a session that it has lost. If there are none, the
    /// link ends with [`Violation::ReceiveMaximumExceeded`](crate::wire::Violation::ReceiveMaximumExceeded); the
    /// acknowledgements sent before remain valid, so the next link continues from there. In 3.1 and 3.1.1 the limit
    /// cannot be announced: use 32 or more if QoS 2 messages arrive in bursts.
    ///
    /// One slot is reserved for QoS 1, since a server may repeat QoS 1 messages before it finishes those at QoS 2. If
    /// there is only one slot, either kind may use it; while a QoS 2 message has it, one QoS 1 message is accepted in
    /// addition.
    pub max_received: u16,
    /// The longest packet accepted from the server, in bytes; the host's buffer must hold it. Announced as Maximum
    /// Packet Size in 5.0. [`on_too_long`](Self::on_too_long) says what happens to a longer one. Default: 1 MiB.
    pub inline_max: u32,
    /// The longest message from the server that is accepted in fragments, in bytes, if it exceeds `inline_max`: see
    /// [`handle_input_streaming`](crate::Connection::handle_input_streaming). If it is set, it is announced as Maximum
    /// Packet Size instead of `inline_max`. 0 (the default): no message is accepted in fragments.
    pub stream_max: u32,
    /// How many topic aliases the server may use; at most what the storage holds. Default: 0.
    ///
    /// The server decides which topics get an alias. If a topic is longer than the storage can keep, the first message
    /// still arrives with its topic; the next one, which has only the alias, ends the link with
    /// [`Violation::ForgottenTopicAlias`](crate::wire::Violation::ForgottenTopicAlias), and no aliases are announced
    /// from then on until the settings are [set](crate::Connection::set_limits) again. Give storages of a fixed size
    /// room for the longest topic that you subscribe to.
    pub topic_alias_maximum: u16,
    /// How many topic aliases are used for outgoing messages, within the server's maximum and what the storage holds.
    /// The search is linear, so 8 to 32 are suitable. Aliases help with few topics: with more topics than aliases each
    /// message binds an alias again, and becomes longer. Default: 0.
    pub outbound_aliases: u16,
    /// The longest topic name of an alias on `Heap` storage, in bytes. Each bound name takes its length in memory until
    /// the link ends; a lower limit bounds the memory that a server can use in this way. Default: 65,535, so any name.
    pub alias_name_max: u16,
    /// Whether the application acknowledges messages, in any order. Default: false.
    pub manual_acks: bool,
    /// What happens to unfinished messages when the server has lost the session.
    pub on_session_loss: OnSessionLoss,
    /// What happens to a session that the server resumes and this side does not know.
    pub on_unknown_session: OnUnknownSession,
    /// What happens to a message from the server that is longer than `inline_max` or `stream_max`.
    pub on_too_long: OnTooLong,
    /// What happens to a message from the server whose topic is not UTF-8, or contains U+0000 or a wildcard: some
    /// servers keep such messages and send them to every subscriber. With [`strict`](Self::strict) the link ends.
    pub on_bad_topic: OnBadTopic,
    /// Whether CONNECT of 5.0 carries Receive Maximum and Maximum Packet Size. Use `false` for servers that refuse
    /// these properties or handle them wrongly; the limits themselves stay in force. Default: true.
    pub announce_limits: bool,
    /// What happens when a message finds the queue full.
    pub overflow: Overflow,
    /// Whether QoS 0 messages are refused while the link is not up, instead of being queued: without a link, before
    /// CONNACK, and while the link closes. Default: false.
    pub refuse_offline_qos0: bool,
    /// Whether a message that is marked as UTF-8 and is not is acknowledged with 0x99 instead of being delivered
    /// (§3.3.2.3.2). Default: false.
    pub check_payload_format: bool,
    /// Whether to refuse also what the standard only recommends to refuse (control characters in strings, over-long
    /// lengths in 3.1 and 3.1.1), a server that exceeds the Receive Maximum, and every deviation that is otherwise
    /// tolerated because it can neither lose nor duplicate a message: `docs/tolerances.md` lists them, each with its
    /// counter in [`Stats`](crate::Stats). A server that follows the standard works either way. Default: false.
    pub strict: bool,
    /// Milliseconds from CONNECT to CONNACK; 0 for no limit. Also bounds a re-authentication. Default: 20,000.
    pub connack_timeout: u32,
    /// Milliseconds in which a link that has ended may still send its last bytes: the rest of a partly sent packet, and
    /// DISCONNECT. After that [`should_close`](crate::Connection::should_close) is true, whatever the transport
    /// accepted. 0: at once, without a DISCONNECT. Default: 3,000.
    pub close_timeout: u32,
    /// Milliseconds from PINGREQ, once the transport has accepted it, to PINGRESP; 0 (the default) for the keep alive.
    ///
    /// The link also ends if the transport accepts no byte of pending output for the keep alive and this time together.
    pub pingresp_timeout: u32,
    /// Milliseconds that a completely sent packet may stay unanswered; 0 (the default) for no limit. The oldest one is
    /// watched: the link ends after one to two times this value.
    pub ack_timeout: u32,
    /// Milliseconds after which unacknowledged messages are sent again on the same link, in 3.1 and 3.1.1 only; a
    /// message is sent again after one to two such intervals. 0 (the default) for never.
    pub retry_interval: u32,
}

/// What happens to messages that were sent or partly sent and are not finished, when the server has lost the session or
/// a clean start discarded it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum OnSessionLoss {
    /// They are republished: sent in the new session as new messages. No accepted message is lost, but one may arrive
    /// twice.
    #[default]
    Republish,
    /// Each ends with an [`Outcome`](crate::Outcome): no message arrives twice, but one may be lost.
    Abort,
}

/// What happens when the server resumes a session that this side does not know, for example one from an earlier run of
/// this program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum OnUnknownSession {
    /// The session is taken over with the server's queue of messages; CONNACK reports
    /// [`SessionState::Adopted`](crate::SessionState::Adopted).
    ///
    /// The server may hold packet identifiers of QoS 2 messages that the earlier run never finished, and would take a
    /// new message under such an identifier for a duplicate. So until all identifiers were used once, each QoS 2
    /// PUBLISH is preceded by a PUBREL that frees its identifier. A server that ends links because of such a PUBREL
    /// gets no more of them ([`Stats::fences_given_up`](crate::Stats::fences_given_up)).
    #[default]
    Adopt,
    /// The link ends with [`ConnectionError::UnknownSession`](crate::ConnectionError::UnknownSession), and the next
    /// link begins with a clean start: the server's queue of messages is lost. In 3.1.1 a session that began clean ends
    /// with its link.
    CleanStart,
    /// The link ends, as `[MQTT-3.2.2-4]` requires; so does the next, unless it begins with a clean start.
    /// [`Limits::strict`] implies it.
    Refuse,
}

/// What happens when the server sends a message that is longer than the limits allow. In 3.1 and 3.1.1 the limits
/// cannot be announced to the server; in 5.0 some servers ignore them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum OnTooLong {
    /// The link ends with [`ConnectionError::TooLong`](crate::ConnectionError::TooLong). A server that keeps the
    /// message for the session sends it again on the next link, so the messages behind it never arrive.
    #[default]
    EndLink,
    /// The message is read in fragments, discarded and acknowledged; [`Event::Discarded`](crate::Event::Discarded)
    /// reports its topic and length. If the server may use topic aliases
    /// ([`Limits::topic_alias_maximum`] above 0), topic, identifier and properties must lie within the first
    /// [`Limits::inline_max`] bytes. In 5.0 no Maximum Packet Size is announced then: the server would discard such
    /// messages itself, without a report.
    ///
    /// Packets of other types that are too long still end the link.
    Discard,
}

/// What happens when the server sends a message whose topic is invalid: not UTF-8, or with U+0000 or a wildcard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum OnBadTopic {
    /// The message is discarded and acknowledged; [`Event::Discarded`](crate::Event::Discarded) reports its topic, as
    /// bytes.
    #[default]
    Discard,
    /// The message is delivered with [`Topic::Invalid`](crate::Topic::Invalid).
    Deliver,
}

/// What happens when a message finds the queue full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Overflow {
    /// The new message is refused.
    #[default]
    Reject,
    /// The oldest unsent messages are dropped, as many as needed; [`Delivery::dropped`](crate::Delivery::dropped) names
    /// them.
    DropOldest,
    /// The oldest unsent message to the same topic is dropped; [`Delivery::dropped`](crate::Delivery::dropped) names
    /// it. If there is none, the new message is refused.
    ///
    /// `Heap` storage finds that message by an index, which takes 16 bytes for each slot of its table of outgoing
    /// packets. Other storages compare the topic with that of every queued message.
    LatestPerTopic,
}

impl Limits {
    /// The defaults, as documented at each field.
    pub const DEFAULT: Self = Self {
        version: Version::V311,
        max_inflight: 20,
        max_queued: 0,
        max_bytes: 0,
        receive_maximum: 1024,
        max_received: 0,
        inline_max: 1 << 20,
        stream_max: 0,
        topic_alias_maximum: 0,
        outbound_aliases: 0,
        alias_name_max: u16::MAX,
        manual_acks: false,
        on_session_loss: OnSessionLoss::Republish,
        on_unknown_session: OnUnknownSession::Adopt,
        on_too_long: OnTooLong::EndLink,
        on_bad_topic: OnBadTopic::Discard,
        announce_limits: true,
        overflow: Overflow::Reject,
        refuse_offline_qos0: false,
        check_payload_format: false,
        strict: false,
        connack_timeout: 20_000,
        close_timeout: 3_000,
        pingresp_timeout: 0,
        ack_timeout: 0,
        retry_interval: 0,
    };

    /// Maps the defaults to all zeros and back, so that a new connection in a `static` lies in `.bss`.
    const fn coded(mut self) -> Self {
        self.max_inflight ^= Self::DEFAULT.max_inflight;
        self.receive_maximum ^= Self::DEFAULT.receive_maximum;
        self.inline_max ^= Self::DEFAULT.inline_max;
        self.alias_name_max ^= Self::DEFAULT.alias_name_max;
        self.connack_timeout ^= Self::DEFAULT.connack_timeout;
        self.announce_limits ^= Self::DEFAULT.announce_limits;
        self.close_timeout ^= Self::DEFAULT.close_timeout;
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The length of the shortest CONNACK of 5.0, the lowest usable value of `inline_max`.
const SHORTEST: u32 = 5;

/// [`Limits`] as a connection stores them: see [`Limits::coded`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct StoredLimits(Limits);

impl StoredLimits {
    pub(crate) const fn new(limits: Limits) -> Self {
        Self(limits.coded())
    }

    pub(crate) const fn get(&self) -> Limits {
        self.0.coded()
    }

    pub(crate) const fn inline_max(&self) -> usize {
        let inline_max = self.0.inline_max ^ Limits::DEFAULT.inline_max;
        if inline_max < SHORTEST { SHORTEST as usize } else { inline_max as usize }
    }

    /// Returns whether messages that are too long are discarded.
    pub(crate) const fn discards(&self) -> bool {
        matches!(self.0.on_too_long, OnTooLong::Discard)
    }

    /// Returns whether messages with an invalid topic are discarded.
    pub(crate) const fn discards_bad_topics(&self) -> bool {
        matches!(self.0.on_bad_topic, OnBadTopic::Discard)
    }

    pub(crate) const fn announces(&self) -> bool {
        self.0.announce_limits ^ Limits::DEFAULT.announce_limits
    }

    pub(crate) const fn stream_max(&self) -> usize {
        self.0.stream_max as usize
    }

    pub(crate) const fn connack_timeout(&self) -> u32 {
        self.0.connack_timeout ^ Limits::DEFAULT.connack_timeout
    }

    pub(crate) const fn close_timeout(&self) -> u32 {
        self.0.close_timeout ^ Limits::DEFAULT.close_timeout
    }

    pub(crate) const fn pingresp_timeout(&self) -> u32 {
        self.0.pingresp_timeout
    }

    /// Returns the time-out of acknowledgements and the retransmission interval.
    pub(crate) const fn ack_timeouts(&self) -> (u32, u32) {
        (self.0.ack_timeout, self.0.retry_interval)
    }

    /// `strict` includes `[MQTT-3.2.2-4]`.
    pub(crate) const fn on_unknown_session(&self) -> OnUnknownSession {
        if self.0.strict { OnUnknownSession::Refuse } else { self.0.on_unknown_session }
    }

    pub(crate) const fn on_session_loss(&self) -> OnSessionLoss {
        self.0.on_session_loss
    }

    /// Returns the topic alias maximum for the server's messages and for ours; 0 if no version that is compiled in has
    /// aliases.
    pub(crate) const fn topic_aliases(&self) -> (u16, u16) {
        if Version::KNOWS_PROPERTIES { (self.0.topic_alias_maximum, self.0.outbound_aliases) } else { (0, 0) }
    }

    pub(crate) const fn overflow(&self) -> Overflow {
        self.0.overflow
    }

    pub(crate) const fn alias_name_max(&self) -> u16 {
        self.0.alias_name_max ^ Limits::DEFAULT.alias_name_max
    }

    pub(crate) const fn manual_acks(&self) -> bool {
        self.0.manual_acks
    }

    pub(crate) const fn max_queued(&self) -> usize {
        self.0.max_queued as usize
    }

    pub(crate) const fn refuse_offline_qos0(&self) -> bool {
        self.0.refuse_offline_qos0
    }

    pub(crate) const fn strict(&self) -> bool {
        self.0.strict
    }

    pub(crate) const fn check_payload_format(&self) -> bool {
        self.0.check_payload_format
    }

    /// Returns the limit as a bound: the maximum number if there is none (0).
    pub(crate) const fn max_inflight(&self) -> u16 {
        match self.0.max_inflight ^ Limits::DEFAULT.max_inflight {
            0 => u16::MAX,
            limit => limit,
        }
    }

    pub(crate) const fn receive_maximum(&self) -> u16 {
        match self.0.receive_maximum ^ Limits::DEFAULT.receive_maximum {
            0 => 1,
            limit => limit,
        }
    }

    /// Returns how many receive slots may be used, of the `slots` that the storage can have.
    pub(crate) fn max_received(&self, slots: usize) -> usize {
        match self.0.max_received {
            0 => slots,
            limit => slots.min(limit.into()),
        }
    }

    /// Returns the limit as a bound: the maximum number if there is none (0).
    pub(crate) const fn max_bytes(&self) -> usize {
        match self.0.max_bytes {
            0 => usize::MAX,
            limit => limit as usize,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_survive_being_stored() {
        let limits = Limits { max_inflight: 0, receive_maximum: 9, inline_max: 77, ..Limits::DEFAULT };
        assert_eq!(StoredLimits::new(limits).get(), limits);
        assert_eq!(StoredLimits::new(limits).inline_max(), 77);
        assert_eq!(StoredLimits::new(limits).max_inflight(), u16::MAX);
        assert_eq!(StoredLimits::new(Limits::DEFAULT).max_inflight(), 20);
    }
}
