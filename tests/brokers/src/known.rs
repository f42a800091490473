//! What is known of the brokers: each finding of the page, with what is done about it. Anything else is a surprise.

use pure_mqtt_client::pure_mqtt::Version;

use crate::brokers::Broker;
use crate::outcome::Finding;
use crate::plays::Play;
use crate::season::name_of;

/// A play that doesn't work with a broker.
pub struct Known {
    broker: &'static str,
    play: &'static str,
    /// `None` for all.
    version: Option<&'static str>,
    /// How the finding begins.
    what: &'static str,
    /// It depends on timing, so that the play also works at times.
    is_sometimes: bool,
    /// What we do about it, or a program can.
    pub remedy: &'static str,
}

const NO_HANDSHAKE: &str = "By default a PUBACK ends a message at QoS 2 (tolerance PubAckAtQoS2). It may come twice: give it a number of its own.";
const TWICE: &str = "No client can tell such a PUBLISH from a new one: give a message that must not come twice a number of its own.";
const NOT_ON_DISK: &str = "PUBACK came before the message was on disk. A program that must not lose it asks for a reply from its reader.";

#[rustfmt::skip]
const TABLE: &[Known] = &[
    sometimes(known("mosquitto", "cuts", "the broker sends PUBLISH again after PUBREL", TWICE)),
    sometimes(known("mosquitto", "sigterm", "the broker sends PUBLISH again after PUBREL", TWICE)),
    sometimes(known("mosquitto", "sigkill", "the broker sends PUBLISH again after PUBREL", TWICE)),
    sometimes(known("mosquitto", "sigkill", "the reader loses messages", NOT_ON_DISK)),
    sometimes(known("mosquitto", "sigkill", "a reader that is away loses messages", NOT_ON_DISK)),
    known("mosquitto", "reasons", "a session that is taken over is not told so", "The client dials again, after pauses that grow, as each link ends without progress."),
];

/// What is known of such a finding.
pub fn find(broker: &Broker, play: &Play, version: Version, finding: &Finding) -> Option<&'static Known> {
    of(broker, play, version).find(|known| finding.what.starts_with(known.what))
}

/// A finding that should have been made, if the play works.
pub fn expected(broker: &Broker, play: &Play, version: Version) -> Option<&'static Known> {
    of(broker, play, version).find(|known| !known.is_sometimes)
}

fn of(broker: &Broker, play: &Play, version: Version) -> impl Iterator<Item = &'static Known> {
    let (broker, play, version) = (broker.name, play.name, name_of(version));
    let is_it = move |known: &&Known| known.version.is_none_or(|name| name == version);
    TABLE.iter().filter(move |known| known.broker == broker && known.play == play).filter(is_it)
}

const fn known(broker: &'static str, play: &'static str, what: &'static str, remedy: &'static str) -> Known {
    Known { broker, play, version: None, what, is_sometimes: false, remedy }
}

const fn in_version(version: &'static str, known: Known) -> Known {
    Known { version: Some(version), ..known }
}

const fn sometimes(known: Known) -> Known {
    Known { is_sometimes: true, ..known }
}
