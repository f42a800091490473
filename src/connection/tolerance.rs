//! Deviations of servers from the standard that are tolerated: the table, and the parts of it that the engine handles,
//! not the codec.
//!
//! Deviations that can neither lose nor duplicate a message are tolerated, unless
//! [`Limits::strict`](crate::Limits::strict) is set. `docs/tolerances.md` is generated from the table.

use crate::connection::core::Core;
#[cfg(test)]
use crate::wire::Tolerance;

#[cfg(test)]
mod page;

/// The table. Each row has its counter, its versions, the error with which the link ends in strict mode, what the
/// server sends, and what the connection does. The documents and the tests use it; a row takes no flash.
macro_rules! rows {
    ($($row:ident, $tolerance:ident, [$($version:ident)+], $kind:ident::$fault:ident, $comes:literal, $by_default:literal;)+) => {
        #[cfg(test)]
        const ROWS: &[page::Row] = &[$(page::Row {
            name: stringify!($row),
            tolerance: Tolerance::$tolerance,
            versions: &[$(crate::types::Version::$version),+],
            fault: page::$kind(crate::wire::$kind::$fault),
            comes: $comes,
            by_default: $by_default,
        }),+];
    };
}

rows! {
    PubAckAtQoS2, PubAckAtQoS2, [V31 V311], Violation::UnexpectedAck,
        "PUBACK for a message at QoS 2 that was completely sent on this link",
        "The message is finished: `Event::PubAck`.";
    AckTail, ForeignAck, [V31 V311], Malformed::TrailingBytes,
        "PUBACK, PUBREC, PUBREL or PUBCOMP with a reason code, possibly with properties",
        "The code has the meaning of 5.0: 0x80 and above refuse the message, except 0x92 in PUBCOMP, which is \
         success. Properties are ignored.";
    AckFlags, ForeignAck, [V31 V311], Malformed::HeaderFlags,
        "Flags in SUBACK, or in PUBACK, PUBREC, PUBREL, PUBCOMP or UNSUBACK with nothing behind its identifier",
        "The flags are ignored.";
    UnsubAckCodes, ForeignAck, [V31 V311], Malformed::TrailingBytes,
        "UNSUBACK with bytes behind its identifier",
        "The request is finished. If there is one byte for each filter, the bytes are reported as reason codes.";
    BareUnsubAck, ForeignAck, [V5], Violation::EmptyList,
        "UNSUBACK without codes, with or without the length of its properties",
        "`Event::UnsubAck` without reason codes. Any other number than one for each filter ends the link.";
    UnlistedReason, UnlistedReason, [V31 V311 V5], Violation::ReasonCode,
        "A code of 0x80 or above that the standard does not list for PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, \
         UNSUBACK or DISCONNECT",
        "The code counts as failure, and is reported unchanged.";
    AliasAboveMaximum, IgnoredAlias, [V5], Violation::TopicAlias,
        "A topic alias above our maximum, in a message with a topic name",
        "The message is delivered; the alias is not bound.";
    EarlyRelease, EarlyRelease, [V31 V311 V5], Violation::UnexpectedAck,
        "PUBREL for a message whose PUBREC was not sent yet (in strict mode: a message of this link)",
        "PUBCOMP is sent in place of PUBREC; with `Limits::manual_acks` once the application has acknowledged.";
    KeptSession, KeptSession, [V311], Violation::SessionPresent,
        "Session Present after CONNECT with Clean Session",
        "The session counts as new.";
    UnknownAck, UnknownAck, [V31 V311 V5], Violation::UnknownPacketId,
        "An acknowledgement for an identifier that is not in use",
        "It is ignored, except that PUBREC is answered by PUBREL. PUBREL is answered by PUBCOMP, whatever the \
         settings are: a server that resumes a session may send it again.";
    BadTopic, DiscardedMessage, [V31 V311 V5], Malformed::Utf8,
        "A message whose topic is not UTF-8 (the error given here for strict mode), or contains U+0000 or a wildcard",
        "The message is acknowledged and reported as `Event::Discarded`; with `OnBadTopic::Deliver` it is delivered \
         with `Topic::Invalid`. A topic alias in the message is bound to the invalid topic.";
    DupAtQoS0, DupAtQoS0, [V31 V311 V5], Violation::DupAtQoS0,
        "DUP at QoS 0",
        "The message is delivered.";
}

impl Core {
    /// Returns whether an acknowledgement may be for an identifier that is not in use. If packets are sent again on the
    /// same link, a server that follows the standard answers twice.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(super) fn may_be_unknown(&self) -> bool {
        let (_, retry_interval) = self.limits.ack_timeouts();
        !self.limits.strict() || retry_interval > 0 && self.version().allows_timed_retry()
    }
}
