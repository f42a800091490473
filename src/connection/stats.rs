//! Counters for people and monitors. They influence nothing, and two connections that differ only here are equal.

/// What a connection has counted since it was made. Counters stop at their maximum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Stats {
    /// Bytes of whole packets taken from `handle_input`.
    pub bytes_received: u64,
    /// Bytes taken out of `transmit`.
    pub bytes_sent: u64,
    /// Messages delivered to the application.
    pub messages_received: u64,
    /// Links that the server accepted.
    pub links: u32,
    /// Acknowledgements for identifiers that were not in use.
    pub unknown_acks: u32,
    /// QoS 2 messages that came again and were not delivered again.
    pub repeated_messages: u32,
    /// Messages that were marked as UTF-8, weren't, and were not delivered.
    pub invalid_payloads: u32,
    /// QoS 0 messages with DUP set.
    pub dup_at_qos0: u32,
    /// Client identifiers that the server assigned though we had sent one.
    pub ignored_client_ids: u32,
    /// Links that ended while a PUBREL was unanswered which was to free an identifier of an adopted session: from there on the session goes without
    /// ([`OnUnknownSession::Adopt`](crate::OnUnknownSession::Adopt)).
    pub fences_given_up: u32,
}

impl Stats {
    pub(super) const ZERO: Self = Self {
        bytes_received: 0,
        bytes_sent: 0,
        messages_received: 0,
        links: 0,
        unknown_acks: 0,
        repeated_messages: 0,
        invalid_payloads: 0,
        dup_at_qos0: 0,
        ignored_client_ids: 0,
        fences_given_up: 0,
    };
}

#[cfg_attr(target_pointer_width = "32", inline(never))]
pub(super) fn count(counter: &mut u32) {
    *counter = counter.saturating_add(1);
}
