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

const NO_HANDSHAKE: &str = "A PUBACK ends a message at QoS 2 (tolerance PubAckAtQoS2), and nothing stops. Such a message may come twice: give it a number of its own.";
const TWICE: &str =
    "No client can tell such a PUBLISH from a new one: give a message that must not come twice a number of its own.";
const NOT_ON_DISK: &str =
    "PUBACK came before the message was on disk. A program that must not lose it has its reader reply.";
const IN_MEMORY: &str = "Subscriptions are made again at once, and what was not acknowledged is sent again. What the broker had acknowledged goes with its memory.";
const NEVER_PRESENT: &str = "CONNACK is believed: messages at QoS 1 and 2 are sent again as new, those beyond PUBREC end as `Cause::Released`, which says that they may have been delivered.";
const TAKEN_OVER: &str = "The client dials again, after pauses that grow while links end without progress. Give each client an identifier of its own.";
const RAISED: &str = "The client acknowledges each as it came. Subscribe at the QoS that is wanted: it bounds it.";
const UNANSWERED: &str = "Publish at QoS 1.";

#[rustfmt::skip]
const TABLE: &[Known] = &[
    sometimes("mosquitto", "cuts", "the broker sends PUBLISH again after PUBREL, so that messages at QoS 2 come twice", TWICE),
    sometimes("mosquitto", "sigterm", "the broker sends PUBLISH again after PUBREL, so that messages at QoS 2 come twice", TWICE),
    sometimes("mosquitto", "sigkill", "the broker sends PUBLISH again after PUBREL, so that messages at QoS 2 come twice", TWICE),
    sometimes("mosquitto", "sigkill", "the reader gets messages at QoS 2 twice", "The handshake was not on disk: give a message that must not come twice a number of its own."),
    sometimes("mosquitto", "sigkill", "the reader loses messages that were acknowledged", NOT_ON_DISK),
    sometimes("mosquitto", "sigkill", "a reader that is away loses messages that were acknowledged", NOT_ON_DISK),
    always("mosquitto", "reasons", "a session that is taken over is not told so", TAKEN_OVER),

    always("rabbitmq", "qos-2", "PUBACK answers PUBLISH at QoS 2", NO_HANDSHAKE),
    always("rabbitmq", "asterisk", "acknowledged, but does not arrive", "Nothing else stops. RabbitMQ writes `/` as `.` and `+` as `*` inside: keep `*` and `.` out of topic names."),

    always("nats", "qos-2", "the broker ends the link", "Publish at QoS 1: NATS before 2.10 has no QoS 2."),
    always("nats", "utf-8", "the broker ends the link", "Keep spaces out of topic names."),
    always("nats", "asterisk", "the broker ends the link", "Keep `.` out of topic names."),
    sometimes("nats", "sigterm", "a reader that is away loses messages that were acknowledged", "NATS 2.9 forgets what waits for a reader that is away when it ends in order; SIGKILL loses nothing. A program that must not lose a message has its reader reply."),

    always("activemq", "cuts", "CONNACK says Session Present 0", NEVER_PRESENT),
    always("activemq", "sigterm", "CONNACK says Session Present 0", NEVER_PRESENT),
    always("activemq", "sigkill", "CONNACK says Session Present 0", NEVER_PRESENT),

    always("ejabberd", "shared", "the broker ends the link at `$share`", "The client notices, and asks for this filter no more."),
    always("ejabberd", "sigterm", "sessions are lost", IN_MEMORY),
    always("ejabberd", "sigkill", "sessions are lost", IN_MEMORY),
    always("ejabberd", "size", "a message comes that is longer", "Set `OnTooLong::Discard`: the message is acknowledged, thrown away and counted."),

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
    always("iotcore", "credentials", "the link ends without CONNACK", "The client dials again, after pauses that grow. It can't know that the password is wrong."),
    always("iotcore", "expiry", "the session outlives", "Connect once with a clean start to end a session."),
    always("iotcore", "aliases", "a message arrives at another topic", "rumqttd binds one alias for a filter with wildcards. Leave `Limits::topic_alias_maximum` at 0, its default."),
    always("iotcore", "reasons", "a session that is taken over is not told so", TAKEN_OVER),
    always("iotcore", "flow", "more messages come than", "A few more are taken, as far as there is room, unless `Limits::strict` is set."),
    always("iotcore", "size", "a message comes that is longer", "Set `OnTooLong::Discard`: the message is acknowledged, thrown away and counted."),
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
