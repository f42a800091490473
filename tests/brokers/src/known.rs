//! What is known of the brokers: each finding of the page, with what is done about it. Anything else is a surprise.

use pure_mqtt_client::pure_mqtt::Version;

use crate::brokers::Broker;
use crate::plays::Play;
use crate::season::name_of;

/// A play that doesn't work with a broker.
pub struct Known {
    broker: &'static str,
    play: &'static str,
    /// `None` for all.
    version: Option<&'static str>,
    /// It depends on timing, so that it also works at times.
    pub is_sometimes: bool,
    /// What we do about it, or a program can.
    pub remedy: &'static str,
}

#[rustfmt::skip]
const TABLE: &[Known] = &[
];

pub fn find(broker: &Broker, play: &Play, version: Version) -> Option<&'static Known> {
    TABLE.iter().find(|known| {
        let is_version = known.version.is_none_or(|name| name == name_of(version));
        known.broker == broker.name && known.play == play.name && is_version
    })
}

const fn always(broker: &'static str, play: &'static str, remedy: &'static str) -> Known {
    Known { broker, play, version: None, is_sometimes: false, remedy }
}

const fn in_version(version: &'static str, known: Known) -> Known {
    Known { version: Some(version), ..known }
}

const fn sometimes(known: Known) -> Known {
    Known { is_sometimes: true, ..known }
}
