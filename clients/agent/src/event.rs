//! What the agent asks of the host, and what it reports.

use alloc::string::String;

use bytes::Bytes;
use pure_mqtt::{ConnectionError, Instant, QoS, ReasonCode};

use crate::ids::{LinkId, Receiver, ServerId, Ticket};
use crate::message::Incoming;
use crate::ticket::Denied;

/// What the face is to do. To be fetched until there is none, after every call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// Ask DNS for the SRV records of this server. Answer with [`resolved`](crate::Agent::resolved) or [`not_resolved`](crate::Agent::not_resolved), by `not_after`.
    Resolve {
        /// Whose records.
        server: ServerId,
        /// The look-up is given up then.
        not_after: Instant,
    },
    /// Bring a transport up: credentials, addresses, connect, proxy, TLS, WebSocket. Answer with [`dialed`](crate::Agent::dialed) or
    /// [`dial_failed`](crate::Agent::dial_failed), by `not_after`.
    Dial {
        /// Names the attempt.
        link: LinkId,
        /// Which server, and so with which TLS and credentials.
        server: ServerId,
        /// Another host than the server's own, from SRV records or a Server Reference. With TLS its name is to be checked.
        host: Option<Host>,
        /// How many attempts there were since a link last stood, this one included.
        attempt: u32,
        /// The attempt is given up then.
        not_after: Instant,
    },
    /// Give up the attempt, or close the transport, now. No answer is needed, and a late one does no harm.
    Close {
        /// Which.
        link: LinkId,
    },
    /// Write a [`snapshot`](crate::Agent::snapshot) to a second place, make it durable, switch over, and call [`log_replaced`](crate::Agent::log_replaced); or
    /// [`store_failed`](crate::Agent::store_failed).
    Compact,
}

/// A host that the list of servers doesn't name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host {
    /// A name or an address.
    pub name: String,
    /// The port; `None` for the server's own.
    pub port: Option<u16>,
}

/// What may have changed for somebody who waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Wake {
    /// A message that was refused with [`Refusal::Full`](crate::Refusal::Full) may find room.
    Room,
    /// The ticket has its end.
    Ticket(Ticket),
    /// The receiver has a message.
    Receiver(Receiver),
    /// A link came up or went down.
    Link,
}

/// How a failed dial is classed by the code that dials, which sees TLS, DNS and the source of credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureClass {
    /// It may work the next time.
    Passing,
    /// The credentials are refused, or there are none.
    Credentials,
    /// The server's certificate is not trusted, or ours is not.
    Certificate,
    /// By itself it won't get better: a name that doesn't exist, a wrong path.
    Lasting,
}

/// An event of the client: links, subscriptions, the log.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The server has accepted a link.
    LinkUp {
        /// Which link.
        link: LinkId,
        /// To which server.
        server: ServerId,
        /// What became of the session.
        session: SessionFate,
    },
    /// A link has ended, or an attempt to bring one up has failed.
    LinkDown {
        /// Which link.
        link: LinkId,
        /// Why.
        why: LinkEnd,
        /// When the client dials next by itself; `None` if it doesn't.
        next_dial: Option<Instant>,
        /// It dials without a pause: the next server of the round, or a link that takes the place of this one.
        is_at_once: bool,
    },
    /// Links have ended the same way so many times in a row, without progress in between.
    SameEndAgain {
        /// How they ended.
        why: LinkEnd,
        /// How many times.
        times: u32,
    },
    /// A message that no subscription wants. It is acknowledged.
    Unrouted(Incoming),
    /// A message longer than `Limits::inline_max`, or with a topic that is none. It was thrown away and acknowledged.
    Discarded {
        /// The topic as it stood in the packet, as far as it is UTF-8.
        topic: String,
        /// The length of the packet in bytes.
        length: u32,
    },
    /// The server has granted a filter.
    Granted {
        /// The subscription that wanted it.
        receiver: Receiver,
        /// Which filter.
        filter: String,
        /// What it granted.
        qos: QoS,
    },
    /// A filter is not granted. The client doesn't ask again until there is a new session, or a new `subscribe`.
    Denied {
        /// The subscription that wanted it.
        receiver: Receiver,
        /// Which filter.
        filter: String,
        /// Why.
        why: Denied,
    },
    /// The oldest unacknowledged message was taken by the program for longer than [`Options::ack_alarm`](crate::Options::ack_alarm) (10 s), and is not acknowledged yet. It holds
    /// back the acknowledgements of those behind it: they leave in order `[MQTT-4.6.0-2]`. Comes once for each such message; none comes for messages that wait to be taken.
    AcksHeld {
        /// The subscription that the message was taken from.
        by: Receiver,
        /// When the program took the message, or when the one before it was acknowledged, if that was later.
        since: Instant,
        /// How many messages are not acknowledged, those that wait to be taken included.
        waiting: u32,
    },
    /// Links have died with this message out alone: it may be what the server dies of.
    Suspect {
        /// Which message.
        ticket: Ticket,
        /// On how many links it was sent.
        attempts: u8,
    },
    /// A message of before the restart, which goes on.
    Recovered {
        /// Its ticket, as it was.
        ticket: Ticket,
        /// The program's own number.
        tag: u64,
    },
    /// A step of an enhanced authentication (§4.12): answer with [`authenticate`](crate::Agent::authenticate).
    Challenge {
        /// The Authentication Method.
        method: String,
        /// The Authentication Data.
        data: Bytes,
    },
    /// The log can't be written: publishes at QoS 1 and 2 are refused until it can.
    StoreFailed,
    /// The client has shut down: no event follows.
    Done,
}

/// What became of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionFate {
    /// The first session of this client.
    Fresh,
    /// The server has resumed it: subscriptions are in place, and unfinished messages go on.
    Resumed,
    /// The server had a session that was not known here, and it was taken over with its queue.
    Adopted,
    /// The server has lost the session, or has none of this realm.
    Lost {
        /// Unfinished messages that are sent again, as new.
        republished: u32,
        /// Unfinished messages that were given up; each has its end.
        ended: u32,
    },
}

/// Why a link has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkEnd {
    /// The program has ended it, by `shutdown`, `reconnect`, `disconnect` or `dial`.
    Ours,
    /// The engine has ended it: a deadline, or bytes that break the standard.
    Protocol(ConnectionError),
    /// The server refused CONNECT, or sent DISCONNECT.
    Server {
        /// Its reason code; of 3.1 and 3.1.1 the one of 5.0 that means the same.
        reason: ReasonCode,
        /// Its Reason String, if it gave one.
        explanation: Option<String>,
    },
    /// The transport failed or was closed: the text says how.
    Transport(String),
    /// No transport came up.
    NotDialed(FailureClass, String),
}
