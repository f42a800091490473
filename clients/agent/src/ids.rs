//! Names of links, servers, messages and receivers. Each is a number, so that a host can keep it without borrowing the agent.

use core::fmt;

use pure_mqtt::Handle;

/// One attempt to bring a link up, and the link that comes of it. An input under an older `LinkId` is ignored, so a late result does no harm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub(crate) u64);

/// A place in [`Options::servers`](crate::Options::servers), from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerId(pub u16);

/// A group of servers that share sessions: a cluster, every address behind one name, and what one of them redirects to. A session never meets another realm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Realm(pub u64);

/// One publish, request, subscribe or flush: the name under which its [`End`](crate::End) is fetched. With a log, the ticket of a message is the same after a restart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub(crate) u64);

/// The queue of one subscription: it gets the messages that match the subscription's filters. Queues are numbered from 1, in the order in which they were made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Receiver(pub(crate) u32);

/// The right to acknowledge one message once. It outlives its link: [`acknowledge`](crate::Agent::acknowledge) says then whether it still counts.
#[derive(Debug, PartialEq, Eq)]
pub struct AckToken {
    /// The number of the message, in the order of arrival.
    pub(crate) message: u64,
    pub(crate) receiver: Receiver,
}

/// Tickets of what is no message have this bit, and numbers of their own.
const IS_LOCAL: u64 = 1 << 63;

impl Ticket {
    pub(crate) const fn local(number: u64) -> Self {
        Self(number | IS_LOCAL)
    }

    /// The ticket of the message with this handle of the engine's.
    pub const fn of(handle: Handle) -> Self {
        Self(handle.get()) // handles of one session grow and never repeat, over restarts too
    }

    /// The ticket's number, which fits in 63 bits for messages.
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl LinkId {
    /// The link's running number: the first has 1.
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// Writes the number alone, for log lines.
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
