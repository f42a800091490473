//! Notifications for the program: created under the lock, delivered without it, so they own their content.

use pure_mqtt::{Auth, Event, Properties, ReasonCode, SessionState};
use pure_mqtt_agent::{Bytes, Ticket, encode_properties};

use crate::client::Client;
use crate::connack::ConnAck;
use crate::deliveries::Ended;
use crate::message::Received;
use crate::requests::Subscribed;
use crate::ticket::Mid;

/// The part of a packet that is kept for the callbacks.
pub(crate) enum Packet {
    ConnAck(Accepted),
    /// An acknowledgement with properties.
    Acknowledged(Ticket, Bytes),
    Auth(ReasonCode, Bytes),
    /// A log line.
    Discarded(String),
    Disconnect {
        reason: ReasonCode,
        explanation: Option<Box<str>>,
        server_reference: Option<Box<str>>,
    },
}

/// CONNACK.
pub(crate) struct Accepted {
    pub(crate) reason: ReasonCode,
    pub(crate) code: u8,
    pub(crate) session: SessionState,
    pub(crate) properties: Bytes,
}

impl Packet {
    pub(crate) fn of(event: &Event<'_>) -> Option<Self> {
        Some(match event {
            Event::ConnAck(connack) => Self::ConnAck(Accepted {
                reason: connack.reason,
                code: connack.code,
                session: connack.session,
                properties: encode_properties(&connack.properties),
            }),
            Event::PubAck(ack) | Event::PubRec(ack) | Event::PubComp(ack) if !ack.properties.is_empty() => {
                Self::Acknowledged(Ticket::of(ack.handle), encode_properties(&ack.properties))
            }
            Event::Auth(auth) => Self::Auth(auth.reason, encode_properties(&auth.properties)),
            Event::Discarded(discarded) => {
                let topic = String::from_utf8_lossy(discarded.topic);
                let (length, qos, why) = (discarded.length, discarded.qos, discarded.why);
                Self::Discarded(format!("a message to {topic:?} ({length} bytes, {qos}) was thrown away: {why}"))
            }
            Event::Disconnect(disconnect) => Self::Disconnect {
                reason: disconnect.reason,
                explanation: disconnect.properties.reason_string().map(Into::into),
                server_reference: disconnect.properties.server_reference().map(Into::into),
            },
            _ => return None,
        })
    }
}

impl Packet {
    /// Returns whether this is the CONNACK of a server that accepts the link.
    pub(crate) fn is_accepted(&self) -> bool {
        matches!(self, Self::ConnAck(connack) if connack.session != SessionState::Untouched)
    }
}

pub(crate) enum Notification {
    Connected(Accepted),
    Message(Received),
    Published(Ended),
    Subscribed(Subscribed),
    Unsubscribed(Mid),
    Auth(ReasonCode, Bytes),
}

impl Notification {
    /// Calls the callback.
    pub(crate) fn tell(&self, client: &Client) {
        let callbacks = &client.shared.callbacks;
        match self {
            Self::Connected(accepted) => callbacks.on_connect(client, &ConnAck::of(accepted)),
            Self::Published(ended) => callbacks.on_publish(client, &ended.published()),
            Self::Subscribed(subscribed) => callbacks.on_subscribe(client, subscribed),
            Self::Unsubscribed(mid) => callbacks.on_unsubscribe(client, *mid),
            Self::Auth(reason, properties) => {
                let mut auth = Auth::continue_with(properties_in(properties));
                auth.reason = *reason;
                callbacks.on_auth(client, &auth);
            }
            Self::Message(message) => {
                if let Some(message) = message.borrowed() {
                    callbacks.message(client, &message);
                }
            }
        }
    }
}

/// Decodes properties that were valid when they were stored.
pub(crate) fn properties_in(bytes: &Bytes) -> Properties<'_> {
    Properties::from_bytes(bytes).unwrap_or(Properties::NONE)
}
