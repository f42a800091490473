//! What can go wrong, in sentences for people. What a command answers is `Copy`; what ends a link may hold the system's own error.

use std::io;
use std::sync::Arc;

use pure_mqtt::{Cause, ConnectionError, OpenError, ReasonCode, RequestError, TopicError};

/// Writes the sentences of an error: a row for each variant.
macro_rules! sentences {
    ($type:ident { $($pattern:pat => ($($text:tt)+)),+ $(,)? }) => {
        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self { $($pattern => write!(f, $($text)+),)+ }
            }
        }
        impl std::error::Error for $type {}
    };
}

/// Why no link could be made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// Nobody has said which server.
    NoServer,
    /// CONNECT can't be sent as the [`Options`](crate::Options) want it.
    Options(OpenError),
    /// The server can't be reached, or TLS or WebSocket could not be agreed on with it.
    Transport(Arc<io::Error>),
    /// It took longer than [`Options::connect_timeout`](crate::Options::connect_timeout).
    TimedOut,
    /// Another thread said `disconnect` or `connect` meanwhile, or the client is gone.
    GivenUp,
}

sentences! { ConnectError {
    Self::NoServer => ("no server was named"),
    Self::Options(error) => ("{error}"),
    Self::Transport(error) => ("the server cannot be reached: {error}"),
    Self::TimedOut => ("the server could not be reached in time"),
    Self::GivenUp => ("the attempt to connect was given up"),
} }

impl From<io::Error> for ConnectError {
    fn from(error: io::Error) -> Self {
        Self::Transport(Arc::new(error))
    }
}

/// How a link ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum LinkEnd {
    /// [`Client::disconnect`](crate::Client::disconnect) was called.
    Disconnected,
    /// The client was told to connect anew.
    Replaced,
    /// The server said DISCONNECT (5.0).
    ServerDisconnect {
        /// Why.
        reason: ReasonCode,
        /// Reason String: more, for people.
        explanation: Option<Box<str>>,
        /// Server Reference: another server to use.
        server_reference: Option<Box<str>>,
    },
    /// MQTT says why: a refusal, a time-out, or bytes that the standard forbids.
    Mqtt(ConnectionError),
    /// The transport broke.
    Transport(Arc<io::Error>),
    /// The server closed the transport without a word.
    ClosedByServer,
}

sentences! { LinkEnd {
    Self::Disconnected => ("the connection was ended by disconnect"),
    Self::Replaced => ("the connection was replaced by another one"),
    Self::ServerDisconnect { reason, .. } => ("the server ended the connection: {reason}"),
    Self::Mqtt(error) => ("{error}"),
    Self::Transport(error) => ("the connection broke: {error}"),
    Self::ClosedByServer => ("the server closed the connection"),
} }

impl From<io::Error> for LinkEnd {
    fn from(error: io::Error) -> Self {
        Self::Transport(Arc::new(error))
    }
}

/// Why a loop has stopped.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum LoopError {
    /// The client's loop runs already: in another thread, or this is one of its callbacks.
    Busy,
    /// There is no link, and none is to be made.
    NotConnected,
    /// No link could be made.
    Connect(ConnectError),
    /// The link is over.
    Ended(LinkEnd),
    /// The system has no means left to wait, or no thread.
    System(Arc<io::Error>),
}

sentences! { LoopError {
    Self::Busy => ("the client's loop runs already"),
    Self::NotConnected => ("there is no connection"),
    Self::Connect(error) => ("{error}"),
    Self::Ended(end) => ("{end}"),
    Self::System(error) => ("the loop cannot run: {error}"),
} }

impl From<io::Error> for LoopError {
    fn from(error: io::Error) -> Self {
        Self::System(Arc::new(error))
    }
}

/// Why a message was not accepted. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PublishError {
    /// The topic is not the name of one.
    Topic(TopicError),
    /// The engine can't take it: the queue is full, say.
    Rejected(pure_mqtt::PublishError),
    /// [`Payload::Streamed`](pure_mqtt::Payload::Streamed) is for hosts that have the transport in their own hands.
    Streamed,
}

sentences! { PublishError {
    Self::Topic(error) => ("{error}"),
    Self::Rejected(error) => ("{error}"),
    Self::Streamed => ("a payload cannot be supplied piece by piece here"),
} }

impl From<TopicError> for PublishError {
    fn from(error: TopicError) -> Self {
        Self::Topic(error)
    }
}

impl From<pure_mqtt::PublishError> for PublishError {
    fn from(error: pure_mqtt::PublishError) -> Self {
        Self::Rejected(error)
    }
}

/// Why a wish to subscribe or unsubscribe was not accepted. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SubscribeError {
    /// A filter is none.
    Filter(TopicError),
    /// The request can't be made like this: it names no filter, say.
    Rejected(RequestError),
}

sentences! { SubscribeError {
    Self::Filter(error) => ("{error}"),
    Self::Rejected(error) => ("{error}"),
} }

impl From<TopicError> for SubscribeError {
    fn from(error: TopicError) -> Self {
        Self::Filter(error)
    }
}

impl From<RequestError> for SubscribeError {
    fn from(error: RequestError) -> Self {
        Self::Rejected(error)
    }
}

/// How an accepted message ended without being delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NotPublished {
    /// The server refused it.
    Refused(ReasonCode),
    /// The queue was full, and a later message took its place: see [`Overflow`](pure_mqtt::Overflow).
    Dropped,
    /// It ended here, for this reason: its time was over, say.
    Ended(Cause),
    /// The last handle of the client was dropped before.
    ClientGone,
}

sentences! { NotPublished {
    Self::Refused(reason) => ("the server refused the message: {reason}"),
    Self::Dropped => ("the message was dropped from a full queue"),
    Self::Ended(cause) => ("the message was given up: {}", sentence(*cause)),
    Self::ClientGone => ("the client is gone"),
} }

fn sentence(cause: Cause) -> &'static str {
    match cause {
        Cause::SessionLost => "the server has lost the session",
        Cause::Expired => "its time was over",
        Cause::TooLarge => "it is longer than the server takes",
        Cause::QoSNotSupported => "the server does not support this QoS",
        Cause::RetainNotSupported => "the server does not keep retained messages",
        Cause::Forgotten => "the session was forgotten",
        Cause::Abandoned => "its payload cannot be supplied",
        _ => "the connection ended",
    }
}

/// Why waiting for a message has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WaitError {
    /// It took too long; the message is still under way.
    TimedOut,
    /// The client was disconnected on purpose meanwhile; the message waits for the next link.
    Disconnected,
    /// A callback can't wait: the loop that would deliver the message waits for the callback.
    InCallback,
    /// The message has ended without being delivered.
    NotPublished(NotPublished),
}

sentences! { WaitError {
    Self::TimedOut => ("the message was not delivered in time"),
    Self::Disconnected => ("the client was disconnected before the message was delivered"),
    Self::InCallback => ("a callback cannot wait for a message of its own client"),
    Self::NotPublished(error) => ("{error}"),
} }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_is_a_sentence_of_its_own() {
        let io = || Arc::new(io::Error::from(io::ErrorKind::ConnectionRefused));
        let errors: Vec<Box<dyn std::error::Error>> = vec![
            Box::new(ConnectError::NoServer),
            Box::new(ConnectError::Options(OpenError::ClientId)),
            Box::new(ConnectError::Transport(io())),
            Box::new(ConnectError::TimedOut),
            Box::new(ConnectError::GivenUp),
            Box::new(LinkEnd::Disconnected),
            Box::new(LinkEnd::Replaced),
            Box::new(LinkEnd::Mqtt(ConnectionError::KeepAliveTimeout)),
            Box::new(LinkEnd::Transport(io())),
            Box::new(LinkEnd::ClosedByServer),
            Box::new(LoopError::Busy),
            Box::new(LoopError::NotConnected),
            Box::new(LoopError::System(io())),
            Box::new(PublishError::Topic(TopicError::Empty)),
            Box::new(PublishError::Rejected(pure_mqtt::PublishError::Full)),
            Box::new(PublishError::Streamed),
            Box::new(SubscribeError::Filter(TopicError::Wildcard)),
            Box::new(SubscribeError::Rejected(RequestError::EmptyList)),
            Box::new(NotPublished::Refused(ReasonCode::NOT_AUTHORIZED)),
            Box::new(NotPublished::Dropped),
            Box::new(NotPublished::Ended(Cause::Expired)),
            Box::new(NotPublished::Ended(Cause::SessionLost)),
            Box::new(NotPublished::ClientGone),
            Box::new(WaitError::TimedOut),
            Box::new(WaitError::Disconnected),
            Box::new(WaitError::InCallback),
        ];
        let mut sentences: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert!(sentences.iter().all(|text| text.len() > 10 && !text.ends_with('.') && text.is_ascii()));
        sentences.sort();
        sentences.dedup();
        assert_eq!(sentences.len(), errors.len());
    }
}
