//! Actions for the client, wakes and events.

use alloc::string::String;

use bytes::Bytes;
use pure_mqtt::{ConnectionError, Instant, QoS, ReasonCode};

use crate::ids::{LinkId, Receiver, ServerId, Ticket};
use crate::message::Incoming;
use crate::ticket::Denied;

/// An action that the client must carry out. Fetch actions after every call, until there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// Look up the SRV records of this server. Answer with [`resolved`](crate::Agent::resolved) or [`not_resolved`](crate::Agent::not_resolved), by `not_after`.
    Resolve {
        /// The server.
        server: ServerId,
        /// The deadline; the look-up then counts as failed.
        not_after: Instant,
    },
    /// Establish a transport: credentials, addresses, connect, proxy, TLS, WebSocket. Answer with [`dialed`](crate::Agent::dialed) or
    /// [`dial_failed`](crate::Agent::dial_failed), by `not_after`.
    Dial {
        /// Identifies the attempt and its link.
        link: LinkId,
        /// The server, and so its TLS settings and credentials.
        server: ServerId,
        /// A host to dial instead of the server's, from SRV records or a Server Reference. With TLS, check the certificate against its name.
        host: Option<Host>,
        /// The number of attempts since the last stable link, including this one.
        attempt: u32,
        /// The deadline; the attempt then counts as failed.
        not_after: Instant,
    },
    /// Give up the attempt, or close the transport, now. No answer is needed, and a late one is ignored.
    Close {
        /// The link.
        link: LinkId,
    },
    /// Write a [`snapshot`](crate::Agent::snapshot) to a second place, make it durable, switch over, and call [`log_replaced`](crate::Agent::log_replaced) or
    /// [`store_failed`](crate::Agent::store_failed).
    Compact,
}

/// A host that is not in the list of servers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host {
    /// A name or an address.
    pub name: String,
    /// The port; `None`: the server's port.
    pub port: Option<u16>,
}

/// Something that a waiting caller should check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Wake {
    /// There may be room for a message that was refused with [`Refusal::Full`](crate::Refusal::Full).
    Room,
    /// The ticket has its end.
    Ticket(Ticket),
    /// The receiver has a message.
    Receiver(Receiver),
    /// A link was established or lost.
    Link,
}

/// The class of a failed dial. The client decides: only it sees TLS, DNS and the source of credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureClass {
    /// A retry may succeed.
    Passing,
    /// The credentials were refused, or could not be obtained.
    Credentials,
    /// The server's certificate is not trusted, or the client's is not.
    Certificate,
    /// Permanent until something changes: a name that does not exist, a wrong path.
    Lasting,
}

/// An event for the program.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The server has accepted a link.
    LinkUp {
        /// The link.
        link: LinkId,
        /// The server.
        server: ServerId,
        /// Whether the session is new, resumed or lost.
        session: SessionFate,
    },
    /// A link has ended, or an attempt to establish one has failed.
    LinkDown {
        /// The link.
        link: LinkId,
        /// The reason.
        why: LinkEnd,
        /// When the agent dials next; `None` if it does not.
        next_dial: Option<Instant>,
        /// The agent dials without a delay: the next server of the round, or the replacement of this link.
        is_at_once: bool,
    },
    /// Several links in a row ended the same way, without progress in between.
    SameEndAgain {
        /// How they ended.
        why: LinkEnd,
        /// The number of links.
        times: u32,
    },
    /// A message that matches no filter of a receiver. It is acknowledged.
    Unrouted(Incoming),
    /// A message longer than `Limits::inline_max`, or with an invalid topic. It was discarded and acknowledged.
    Discarded {
        /// The topic in the packet, as far as it is UTF-8.
        topic: String,
        /// The length of the packet in bytes.
        length: u32,
    },
    /// The server has granted a filter.
    Granted {
        /// The receiver that subscribed.
        receiver: Receiver,
        /// The filter.
        filter: String,
        /// The granted QoS.
        qos: QoS,
    },
    /// A filter was not granted. The agent does not request it again until there is a new session or a new `subscribe`.
    Denied {
        /// The receiver that subscribed.
        receiver: Receiver,
        /// The filter.
        filter: String,
        /// The reason.
        why: Denied,
    },
    /// The program took the oldest unacknowledged message more than [`Options::ack_alarm`](crate::Options::ack_alarm) (10 s) ago. The message holds back later
    /// acknowledgements: they are sent in order `[MQTT-4.6.0-2]`. Reported once for each such message, and never for messages in a queue.
    AcksHeld {
        /// The receiver that the message was taken from.
        by: Receiver,
        /// When the program took the message, or when the one before it was acknowledged, if that was later.
        since: Instant,
        /// The number of unacknowledged messages, including those in queues.
        waiting: u32,
    },
    /// Links ended while only this message was in flight: the server may close them because of it.
    Suspect {
        /// The message.
        ticket: Ticket,
        /// The number of links it was sent on.
        attempts: u8,
    },
    /// An unfinished message from before the restart.
    Recovered {
        /// Its ticket, unchanged.
        ticket: Ticket,
        /// Its [`Outgoing::tag`](crate::Outgoing::tag).
        tag: u64,
    },
    /// A step of an enhanced authentication (§4.12): answer with [`authenticate`](crate::Agent::authenticate).
    Challenge {
        /// The Authentication Method.
        method: String,
        /// The Authentication Data.
        data: Bytes,
    },
    /// The log can't be written: publishes at QoS 1 and 2 are refused until it can. Free space, or repair the medium.
    StoreFailed,
    /// The agent has shut down; this is the last event.
    Done,
}

/// What happened to the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionFate {
    /// The first session of this client.
    Fresh,
    /// The server resumed it: subscriptions are in place, and unfinished messages are retransmitted.
    Resumed,
    /// The server had a session that this client did not know. The client took it over, with its queue.
    Adopted,
    /// The server has lost the session, or has none of this realm.
    Lost {
        /// Unfinished messages that are sent as new ones.
        republished: u32,
        /// Unfinished messages that were given up; each has its end.
        ended: u32,
    },
}

/// Why a link ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkEnd {
    /// The agent ended it: [`disconnect`](crate::Agent::disconnect), `shutdown`, `reconnect` or `dial`.
    Ours,
    /// The engine ended it: a deadline, or bytes that break the standard.
    Protocol(ConnectionError),
    /// The server refused CONNECT, or sent DISCONNECT.
    Server {
        /// The reason code; for 3.1 and 3.1.1 the one of 5.0 with the same meaning.
        reason: ReasonCode,
        /// The Reason String, if there is one.
        explanation: Option<String>,
    },
    /// The transport failed or was closed; the text is the client's.
    Transport(String),
    /// No transport was established.
    NotDialed(FailureClass, String),
}
