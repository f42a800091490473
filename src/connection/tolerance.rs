//! What is tolerated of servers that don't keep to the standard: the table, and what the engine does about each row that isn't done by the codec alone.
//!
//! Tolerated is what can neither lose nor double a message, unless [`Limits::strict`](crate::Limits::strict) is set. `docs/tolerances.md` is drawn
//! from the table.

use crate::connection::core::Core;
#[cfg(test)]
use crate::wire::Tolerance;

#[cfg(test)]
mod page;

/// The table: each row with what it counts as, its versions, the error with which the link ends in strict mode, what comes, and what is done about it.
/// It stands in the documents and is what the tests walk; a row costs firmware nothing.
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
        "PUBACK for a message at QoS 2 that has left whole on this link",
        "The message is done: `Event::PubAck`.";
    AckTail, ForeignAck, [V31 V311], Malformed::TrailingBytes,
        "A reason code, perhaps with properties, behind PUBACK, PUBREC, PUBREL or PUBCOMP",
        "The code counts as in 5.0: from 0x80 on the message is refused, but that 0x92 in PUBCOMP is success. Properties are passed over.";
    AckFlags, ForeignAck, [V31 V311], Malformed::HeaderFlags,
        "Flags in SUBACK, or in PUBACK, PUBREC, PUBREL, PUBCOMP or UNSUBACK with nothing behind its identifier",
        "They mean nothing.";
    UnsubAckCodes, ForeignAck, [V31 V311], Malformed::TrailingBytes,
        "UNSUBACK with anything behind its identifier",
        "If that has a byte for each filter, it is told as codes. The request has ended, whatever it is.";
    BareUnsubAck, ForeignAck, [V5], Violation::EmptyList,
        "UNSUBACK without codes, with or without the length of its properties",
        "`Event::UnsubAck` without reasons. Any other number but one for each filter ends the link.";
    UnlistedReason, UnlistedReason, [V31 V311 V5], Violation::ReasonCode,
        "A code from 0x80 on that the standard doesn't list for PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, UNSUBACK or DISCONNECT",
        "It means failure, and is told as it is.";
    AliasAboveMaximum, IgnoredAlias, [V5], Violation::TopicAlias,
        "A topic alias above our maximum beside a topic name",
        "The message is delivered; the alias is not bound.";
    EarlyRelease, EarlyRelease, [V31 V311 V5], Violation::UnexpectedAck,
        "PUBREL for a message whose PUBREC has not left (in strict mode: a message of this link)",
        "PUBCOMP leaves in the place of PUBREC: with `Limits::manual_acks` once the application has acknowledged.";
    KeptSession, KeptSession, [V311], Violation::SessionPresent,
        "Session Present after a clean session was asked for",
        "The session counts as new.";
    UnknownAck, UnknownAck, [V31 V311 V5], Violation::UnknownPacketId,
        "An acknowledgement for an identifier that is not in use",
        "It means nothing, but that PUBREC is answered by PUBREL. PUBREL is answered by PUBCOMP, whatever the settings are: a server that resumes a session \
         may send it again.";
    BadTopic, DiscardedMessage, [V31 V311 V5], Malformed::Utf8,
        "A message whose topic is not UTF-8 (in strict mode this fault), or holds U+0000 or a wildcard",
        "The message is acknowledged and told as `Event::Discarded`; with `OnBadTopic::Deliver` it is delivered under `Topic::Invalid`. An alias \
         beside it stands for such a topic from then on.";
    DupAtQoS0, DupAtQoS0, [V31 V311 V5], Violation::DupAtQoS0,
        "DUP at QoS 0",
        "The message is delivered.";
}

impl Core {
    /// Whether an acknowledgement may be for an identifier that is not in use. Where packets are sent again on the same link, a server that keeps to
    /// the standard answers twice.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(super) fn may_be_unknown(&self) -> bool {
        let (_, retry_interval) = self.limits.ack_timeouts();
        !self.limits.strict() || retry_interval > 0 && self.version().allows_timed_retry()
    }
}
