//! Identifiers of links, servers, messages and receivers. Each is a number, so a client can keep it without borrowing the agent.

use core::fmt;

use pure_mqtt::Handle;

/// An attempt to establish a link, and the resulting link. Inputs with an older `LinkId` are ignored, so late results are harmless.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub(crate) u64);

/// An index into [`Options::servers`](crate::Options::servers).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerId(pub u16);

/// A group of servers that share sessions: a cluster, all addresses of one name, and the servers that they redirect to. A session is never continued in another realm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Realm(pub u64);

/// Identifies a publish, request, subscribe or flush, to fetch its [`End`](crate::End). With a log, the ticket of a message is the same after a restart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub(crate) u64);

/// A queue of the messages that match its filters: in `pure-mqtt-tokio`, the queue of one `Subscription`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Receiver(pub(crate) u32);

/// Permits one acknowledgement of one message. It may outlive its link: [`acknowledge`](crate::Agent::acknowledge) returns whether it was still valid.
#[derive(Debug, PartialEq, Eq)]
pub struct AckToken {
    /// The number of the message, in the order of arrival.
    pub(crate) message: u64,
    pub(crate) receiver: Receiver,
}

/// Tickets of other things than messages have this bit, and their own numbers.
const IS_LOCAL: u64 = 1 << 63;

impl Ticket {
    pub(crate) const fn local(number: u64) -> Self {
        Self(number | IS_LOCAL)
    }

    /// Returns the ticket of the message with this handle of the engine.
    pub const fn of(handle: Handle) -> Self {
        Self(handle.get()) // handles grow and are never reused, also over restarts
    }

    /// Returns the ticket's number, which has at most 63 bits for messages.
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl LinkId {
    /// Returns the link's number; the first is 1.
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// Displays the number alone, for log lines.
macro_rules! display_number {
    ($($name:ident),*) => {
        $(impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        })*
    };
}

display_number!(LinkId, ServerId, Realm, Ticket, Receiver);
