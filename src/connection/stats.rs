//! Counters for monitoring. They do not affect behaviour or equality.

use crate::wire::Tolerance;

macro_rules! counts {
    ($($(#[doc = $doc:literal])+ $field:ident = $count:ident;)+) => {
        /// What a connection has counted since it was created. Counters saturate; those of rare events at 65,535.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        #[non_exhaustive]
        pub struct Stats {
            /// Bytes consumed from the input.
            pub bytes_received: u64,
            /// Bytes that the transport took from `transmit`.
            pub bytes_sent: u64,
            /// Messages delivered to the application.
            pub messages_received: u64,
            /// Links that the server accepted.
            pub links: u32,
            $($(#[doc = $doc])+ pub $field: u32,)+
        }

        /// A rare event that is counted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Count {
            $($count,)+
        }

        impl Count {
            pub(super) const ALL: &[Self] = &[$(Self::$count),+];

            /// The field of [`Stats`].
            #[cfg(test)]
            pub(super) const fn name(self) -> &'static str {
                match self { $(Self::$count => stringify!($field),)+ }
            }
        }

        impl Counters {
            pub(super) fn stats(&self) -> Stats {
                let &Self { bytes_received, bytes_sent, messages_received, links, rare } = self;
                let [$($field),+] = rare;
                Stats { bytes_received, bytes_sent, messages_received, links, $($field: $field.into(),)+ }
            }
        }
    };
}

counts! {
    /// Acknowledgements for identifiers that were not in use. A few after a resumed session are normal.
    unknown_acks = UnknownAck;
    /// QoS 0 messages with DUP set.
    dup_at_qos0 = DupAtQoS0;
    /// PUBACKs that ended messages at QoS 2, in 3.1 and 3.1.1.
    pubacks_at_qos2 = PubAckAtQoS2;
    /// Acknowledgements in a form that their version does not have: in 3.1 and 3.1.1 with reason codes or flags, in 5.0
    /// without codes.
    foreign_acks = ForeignAck;
    /// Packets with a failure code that is not allowed in them.
    unlisted_reasons = UnlistedReason;
    /// PUBRELs that arrived before PUBREC was sent.
    early_releases = EarlyRelease;
    /// Topic aliases above the announced maximum in messages with a topic name; they were not bound.
    ignored_aliases = IgnoredAlias;
    /// Sessions that a server of 3.1.1 kept after a clean start.
    kept_sessions = KeptSession;
    /// Messages that were discarded: see [`Event::Discarded`](crate::Event::Discarded).
    discarded_messages = DiscardedMessage;
    /// QoS 2 duplicates, which were not delivered again.
    repeated_messages = RepeatedMessage;
    /// Messages that were marked as UTF-8 but were not, and so were not delivered.
    invalid_payloads = InvalidPayload;
    /// Client identifiers that the server assigned although CONNECT had one.
    ignored_client_ids = IgnoredClientId;
    /// Links that ended while a PUBREL was unanswered that was to free an identifier of an adopted session. From then
    /// on the session sends no more of them ([`OnUnknownSession::Adopt`](crate::OnUnknownSession::Adopt)).
    fences_given_up = FenceGivenUp;
}

/// Checks that the tolerated deviations come first, with the same numbers.
const _: () = assert!(Count::DiscardedMessage as u8 == Tolerance::DiscardedMessage as u8);

/// [`Stats`] as a connection stores them.
#[derive(Clone, Copy)]
pub(super) struct Counters {
    pub(super) bytes_received: u64,
    pub(super) bytes_sent: u64,
    pub(super) messages_received: u64,
    pub(super) links: u32,
    rare: [u16; Count::ALL.len()],
}

impl Counters {
    pub(super) const ZERO: Self =
        Self { bytes_received: 0, bytes_sent: 0, messages_received: 0, links: 0, rare: [0; Count::ALL.len()] };

    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(super) fn count(&mut self, what: u8) {
        if let Some(counter) = self.rare.get_mut(usize::from(what)) {
            *counter = counter.saturating_add(1);
        }
    }
}
