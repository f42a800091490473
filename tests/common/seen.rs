//! What a client tells, as owned values.

use pure_mqtt::{
    Connection, ConnectionError, Event, Fragment, FragmentHead, Handle, Message, PendingAck, Properties, QoS,
    ReasonCode, SessionState, Storage,
};

/// An event as an owned value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Seen {
    ConnAck {
        reason: ReasonCode,
        session: SessionState,
        properties: Vec<String>,
    },
    Message(Arrived),
    PubAck {
        handle: Handle,
        reason: ReasonCode,
        properties: Vec<String>,
    },
    PubRec {
        handle: Handle,
        reason: ReasonCode,
        properties: Vec<String>,
    },
    PubComp {
        handle: Handle,
        reason: ReasonCode,
    },
    SubAck {
        handle: Handle,
        reasons: Vec<ReasonCode>,
    },
    UnsubAck {
        handle: Handle,
        reasons: Vec<ReasonCode>,
    },
    PingResp,
    Auth {
        reason: ReasonCode,
        properties: Vec<String>,
    },
    Disconnect {
        reason: ReasonCode,
        properties: Vec<String>,
    },
    /// Not an event: `handle_input` or `handle_timeout` ended the link.
    Failed(ConnectionError),
    /// Not an event: the link is gone.
    Closed,
}

/// A message as an owned value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Arrived {
    pub topic: String,
    pub payload: Vec<u8>,
    pub qos: QoS,
    pub retain: bool,
    pub dup: bool,
    pub properties: Vec<String>,
}

/// The message that is arriving in pieces.
#[derive(Default)]
pub struct Pieces(Option<Arrived>);

impl Pieces {
    /// One more piece; gives the message after the last.
    pub fn add<S: Storage>(
        &mut self,
        client: &Connection<S>,
        fragment: Fragment<'_>,
        held: &mut Vec<PendingAck>,
    ) -> Option<Seen> {
        if let Some(head) = fragment.head {
            self.0 = Some(begun(client, head));
        }
        self.0.as_mut().expect("a piece has a message").payload.extend(fragment.payload);
        let message = self.0.take_if(|_| fragment.is_last)?;
        assert_eq!(message.payload.len(), fragment.total as usize);
        held.extend(fragment.ack);
        Some(Seen::Message(message))
    }
}

pub fn keep<S: Storage>(client: &Connection<S>, event: Event<'_>, held: &mut Vec<PendingAck>) -> Option<Seen> {
    Some(match event {
        Event::ConnAck(connack) => {
            Seen::ConnAck { reason: connack.reason, session: connack.session, properties: list(connack.properties) }
        }
        Event::Message(mut message) => {
            held.extend(message.ack.take());
            Seen::Message(arrived(client, &message))
        }
        Event::PubAck(ack) => Seen::PubAck { handle: ack.handle, reason: ack.reason, properties: list(ack.properties) },
        Event::PubRec(ack) => Seen::PubRec { handle: ack.handle, reason: ack.reason, properties: list(ack.properties) },
        Event::PubComp(ack) => Seen::PubComp { handle: ack.handle, reason: ack.reason },
        Event::SubAck(answer) => Seen::SubAck { handle: answer.handle, reasons: answer.reasons().collect() },
        Event::UnsubAck(answer) => Seen::UnsubAck { handle: answer.handle, reasons: answer.reasons().collect() },
        Event::PingResp => Seen::PingResp,
        Event::Auth(auth) => Seen::Auth { reason: auth.reason, properties: list(auth.properties) },
        Event::Disconnect(disconnect) => {
            Seen::Disconnect { reason: disconnect.reason, properties: list(disconnect.properties) }
        }
        other => panic!("an event that the tests don't know: {other:?}"),
    })
}

fn arrived<S: Storage>(client: &Connection<S>, message: &Message<'_>) -> Arrived {
    Arrived { payload: message.payload.to_vec(), ..begun(client, message.into()) }
}

fn begun<S: Storage>(client: &Connection<S>, head: FragmentHead<'_>) -> Arrived {
    let topic = client.topic(&head.topic).expect("the topic is known at delivery");
    Arrived {
        topic: topic.as_str().to_owned(),
        payload: Vec::new(),
        qos: head.qos,
        retain: head.retain,
        dup: head.dup,
        properties: list(head.properties),
    }
}

fn list(properties: Properties<'_>) -> Vec<String> {
    properties.iter().map(|property| format!("{property:?}")).collect()
}
