//! What servers do that the standard forbids, and that can neither lose nor double a message.
//!
//! The codec refuses all of it: [`Packet::decode`](crate::wire::Packet::decode) keeps to the letter. The engine reads with a lenient
//! [`Reader`](crate::wire::Reader), which notes a deviation and goes on. What belongs to each, in which versions, and what comes of it stands in
//! `connection::tolerance`.

/// A kind of deviation from the standard that is tolerated. Each is counted: the numbers are those of the counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tolerance {
    /// An acknowledgement for an identifier that is not in use.
    UnknownAck,
    /// DUP at QoS 0.
    DupAtQoS0,
    /// PUBACK for a message at QoS 2.
    PubAckAtQoS2,
    /// An acknowledgement in a form that its version doesn't have.
    ForeignAck,
    /// A failure code that the packet may not carry.
    UnlistedReason,
    /// PUBREL for a message whose PUBREC has not left.
    EarlyRelease,
    /// A topic alias above our maximum beside a topic name.
    IgnoredAlias,
    /// A session that the server kept after a clean start.
    KeptSession,
    /// A message whose topic is not UTF-8, or holds U+0000 or a wildcard.
    DiscardedMessage,
}
