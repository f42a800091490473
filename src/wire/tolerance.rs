//! Deviations from the standard that can neither lose nor duplicate a message, and are tolerated.
//!
//! [`Packet::decode`](crate::wire::Packet::decode) refuses all of them. The engine reads with a lenient
//! [`Reader`](crate::wire::Reader), which notes a deviation and continues. `connection::tolerance` lists the cases of
//! each, their versions and effects.

/// A deviation from the standard that is tolerated. The numbers are the indices of the counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tolerance {
    /// An acknowledgement for an identifier that is not in use.
    UnknownAck,
    /// DUP at QoS 0.
    DupAtQoS0,
    /// PUBACK for a message at QoS 2.
    PubAckAtQoS2,
    /// An acknowledgement in a form that its version does not have.
    ForeignAck,
    /// A failure code that is not allowed in the packet.
    UnlistedReason,
    /// PUBREL for a message whose PUBREC was not sent yet.
    EarlyRelease,
    /// A topic alias above our maximum beside a topic name.
    IgnoredAlias,
    /// A session that the server kept after a clean start.
    KeptSession,
    /// A message whose topic is not UTF-8, or contains U+0000 or a wildcard.
    DiscardedMessage,
}
