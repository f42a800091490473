//! Error types. Errors of commands are `Copy`; errors of links may contain an `io::Error`.

/// Implements `Display` for an error: a row for each variant.
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

mod command;
mod link;

pub use self::command::{NotPublished, PublishError, ReceiveError, SubscribeError, WaitError};
pub use self::link::{ConnectError, LinkEnd, LoopError};

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use pure_mqtt::wire::Violation;
    use pure_mqtt::{Cause, ConnectionError, OpenError, Property, PropertyError, ReasonCode, RequestError, TopicError};

    use super::*;

    #[test]
    fn a_property_of_the_limits_is_named_with_the_remedy() {
        let sentence = |property: Property<'_>| {
            let violation = Violation::PropertyNotAllowed;
            ConnectError::Options(OpenError::Property(PropertyError { id: property.id(), violation })).to_string()
        };
        let receive_maximum = "CONNECT: Receive Maximum is announced from `Limits::receive_maximum`: set it there, \
            with `Options::limits`";
        assert_eq!(sentence(Property::ReceiveMaximum(20)), receive_maximum);
        assert!(sentence(Property::MaximumPacketSize(99)).contains("`Limits::inline_max`"));
        assert!(sentence(Property::TopicAliasMaximum(9)).contains("`Limits::topic_alias_maximum`"));
        let other = "CONNECT: Server Keep Alive: a property is not allowed in this packet";
        assert_eq!(sentence(Property::ServerKeepAlive(9)), other);
    }

    #[test]
    fn an_end_has_a_reason_code_unless_only_the_transport_ended() {
        assert_eq!(LinkEnd::Disconnected.reason(), Some(ReasonCode::NORMAL_DISCONNECTION));
        let refused = ConnectionError::Refused(ReasonCode::NOT_AUTHORIZED);
        assert_eq!(LinkEnd::Mqtt(refused).reason(), Some(ReasonCode::NOT_AUTHORIZED));
        assert_eq!(LinkEnd::ClosedByServer.reason(), None);
    }

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
            Box::new(LoopError::AlreadyRunning),
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
