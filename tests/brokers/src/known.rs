//! What is known of the brokers: each finding of the page, with what is done about it. Anything else is a surprise.

use crate::brokers::Broker;
use crate::outcome::Finding;
use crate::plays::Play;

/// A play that doesn't work with a broker.
pub struct Known {
    broker: &'static str,
    play: &'static str,
    /// How the finding begins.
    pub what: &'static str,
    /// It depends on timing, so that the play also works at times, or ends with another finding of this table.
    is_sometimes: bool,
    /// What we do about it, or a program can.
    pub remedy: &'static str,
}

const NO_HANDSHAKE: &str = "A PUBACK completes a QoS 2 message (tolerance PubAckAtQoS2). Such a message may arrive twice: give it a unique number.";
const TWICE: &str = "A client cannot distinguish such a PUBLISH from a new one: give a message that must not arrive twice a unique number.";
const NOT_ON_DISK: &str =
    "PUBACK was sent before the message was on disk. If it must not be lost, have the reader reply.";
const IN_MEMORY: &str = "The client subscribes again at once, and sends unacknowledged messages again. Messages that the broker had acknowledged are lost with its memory.";
const NEVER_PRESENT: &str = "The client trusts CONNACK: messages at QoS 1 and 2 are sent as new ones. Those after PUBREC end with `Cause::Released`: they may have been delivered.";
const TAKEN_OVER: &str = "The client reconnects, after delays that grow while links end without progress. Give each client its own identifier.";
const RAISED: &str =
    "The client acknowledges each message as received. Subscribe at the QoS that you need: it is the maximum.";
const UNANSWERED: &str = "Publish at QoS 1.";

#[rustfmt::skip]
const TABLE: &[Known] = &[
    sometimes("mosquitto", "cuts", "the broker sends PUBLISH again after PUBREL, so that messages at QoS 2 arrive twice", TWICE),
    sometimes("mosquitto", "sigterm", "the broker sends PUBLISH again after PUBREL, so that messages at QoS 2 arrive twice", TWICE),
    sometimes("mosquitto", "sigkill", "the broker sends PUBLISH again after PUBREL, so that messages at QoS 2 arrive twice", TWICE),
    sometimes("mosquitto", "sigkill", "the reader gets messages at QoS 2 twice", "The handshake was not on disk: give a message that must not arrive twice a unique number."),
    sometimes("mosquitto", "sigkill", "the reader loses messages that were acknowledged", NOT_ON_DISK),
    sometimes("mosquitto", "sigkill", "a reader that is away loses messages that were acknowledged", NOT_ON_DISK),
    always("mosquitto", "reasons", "the client is not told that its session was taken over", TAKEN_OVER),

    always("rabbitmq", "qos-2", "PUBACK answers PUBLISH at QoS 2", NO_HANDSHAKE),
    always("rabbitmq", "asterisk", "acknowledged, but does not arrive", "Other messages are not affected. RabbitMQ stores `/` as `.` and `+` as `*`: avoid `*` and `.` in topic names."),

    always("nats", "qos-2", "the broker ends the link", "Publish at QoS 1: NATS before 2.10 has no QoS 2."),
    always("nats", "utf-8", "the broker ends the link", "Avoid spaces in topic names."),
    always("nats", "asterisk", "the broker ends the link", "Avoid `.` in topic names."),
    sometimes("nats", "sigterm", "a reader that is away loses messages that were acknowledged", "NATS 2.9 loses queued messages of a disconnected reader when it shuts down in order; SIGKILL loses nothing. If a message must not be lost, have the reader reply."),

    always("activemq", "cuts", "CONNACK says Session Present 0", NEVER_PRESENT),
    always("activemq", "sigterm", "CONNACK says Session Present 0", NEVER_PRESENT),
    always("activemq", "sigkill", "CONNACK says Session Present 0", NEVER_PRESENT),

    always("ejabberd", "shared", "the broker ends the link at `$share`", "The client detects that, and stops requesting this filter."),
    always("ejabberd", "sigterm", "sessions are lost", IN_MEMORY),
    always("ejabberd", "sigkill", "sessions are lost", IN_MEMORY),
    always("ejabberd", "size", "a message comes that is longer", "Set `OnTooLong::Discard`: the message is acknowledged, discarded and counted."),

    always("aedes-0", "cuts", "CONNACK says Session Present 0", NEVER_PRESENT),
    always("aedes-0", "sigterm", "sessions are lost", IN_MEMORY),
    always("aedes-0", "sigkill", "sessions are lost", IN_MEMORY),
    always("aedes-1", "cuts", "CONNACK says Session Present 0", NEVER_PRESENT),
    always("aedes-1", "sigterm", "sessions are lost", IN_MEMORY),
    always("aedes-1", "sigkill", "sessions are lost", IN_MEMORY),

    always("amqtt", "qos-0", "messages arrive at QoS", RAISED),
    always("amqtt", "qos-1", "messages arrive at QoS", RAISED),
    always("amqtt", "cuts", "PUBREL that is sent again is not answered", UNANSWERED),
    always("amqtt", "sigterm", "sessions are lost", IN_MEMORY),
    always("amqtt", "sigkill", "sessions are lost", IN_MEMORY),

    always("iotcore", "qos-0", "messages arrive at QoS", RAISED),
    always("iotcore", "qos-1", "messages arrive at QoS", RAISED),
    always("iotcore", "cuts", "PUBREL that is sent again is not answered", UNANSWERED),
    always("iotcore", "credentials", "the link ends without CONNACK", "The client reconnects, after growing delays. It can't know that the password is wrong."),
    always("iotcore", "expiry", "the session outlives", "Connect once with a clean start to end a session."),
    always("iotcore", "aliases", "a message arrives at another topic", "rumqttd binds one alias for a filter with wildcards. Leave `Limits::topic_alias_maximum` at 0, its default."),
    always("iotcore", "reasons", "the client is not told that its session was taken over", TAKEN_OVER),
    always("iotcore", "flow", "more messages come than", "The client accepts a few more, as far as it has room, unless `Limits::strict` is set."),
    always("iotcore", "size", "a message comes that is longer", "Set `OnTooLong::Discard`: the message is acknowledged, discarded and counted."),
    always("iotcore", "sigterm", "sessions are lost", IN_MEMORY),
    always("iotcore", "sigkill", "sessions are lost", IN_MEMORY),
];

/// What is known of such a finding.
pub fn find(broker: &Broker, play: &Play, finding: &Finding) -> Option<&'static Known> {
    of(broker, play).find(|known| finding.what.starts_with(known.what))
}

/// Findings of other runs.
pub fn at_times(broker: &Broker, play: &Play) -> impl Iterator<Item = &'static Known> {
    of(broker, play).filter(|known| known.is_sometimes)
}

/// A finding that should have been made, if the play works.
pub fn expected(broker: &Broker, play: &Play) -> Option<&'static Known> {
    of(broker, play).find(|known| !known.is_sometimes)
}

fn of(broker: &Broker, play: &Play) -> impl Iterator<Item = &'static Known> {
    let (broker, play) = (broker.name, play.subject());
    TABLE.iter().filter(move |known| known.broker == broker && known.play == play)
}

const fn always(broker: &'static str, play: &'static str, what: &'static str, remedy: &'static str) -> Known {
    Known { broker, play, what, is_sometimes: false, remedy }
}

const fn sometimes(broker: &'static str, play: &'static str, what: &'static str, remedy: &'static str) -> Known {
    Known { is_sometimes: true, ..always(broker, play, what, remedy) }
}
