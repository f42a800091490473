//! Converts arguments to the options of the client.

use std::time::Duration;

use pure_mqtt_client::pure_mqtt::{Property, Version, Will};
use pure_mqtt_client::{CleanStart, LogLevel, Options};

use crate::args::Broker;
use crate::args::values::random_id;

/// The session expiry with `--resume`, unless `--session-expiry` is given.
const AN_HOUR: u32 = 3600;
/// The upper bound of the first delay before reconnecting.
pub const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// Returns the options of a client that uses the version `usual` unless the arguments contain one.
pub fn options(broker: &Broker, usual: Version) -> Options {
    let session = &broker.session;
    let version = broker.version_or(usual);
    let longest = broker.server.reconnect_delay;
    let expiry = session.session_expiry.or(session.resume.then_some(AN_HOUR)).filter(|_| version == Version::V5);
    let properties: Vec<_> = expiry.map(Property::SessionExpiryInterval).into_iter().collect();
    let mut options = Options::new(&client_id(broker))
        .version(version)
        .clean_start(if session.resume { CleanStart::Never } else { CleanStart::Always })
        .keep_alive(session.keep_alive)
        .max_inflight(session.max_inflight)
        .connect_timeout(broker.server.connect_timeout)
        .reconnect_delay(FIRST_PAUSE.min(longest), longest)
        .log_level(if session.debug { LogLevel::Debug } else { LogLevel::Info })
        .properties(&properties);
    if let Some(will) = will(broker) {
        let delay = will_properties(broker);
        options = options.will(&will.properties(delay.as_slice()));
    }
    options
}

fn client_id(broker: &Broker) -> String {
    let session = &broker.session;
    match (&session.id, &session.id_prefix) {
        (Some(id), _) => id.clone(),
        (_, Some(prefix)) => format!("{prefix}{}", std::process::id()),
        _ => random_id(),
    }
}

fn will(broker: &Broker) -> Option<Will<'_>> {
    let args = &broker.will;
    Some(Will::new(args.will_topic?, args.will_payload.as_bytes()).qos(args.will_qos).retain(args.will_retain))
}

fn will_properties(broker: &Broker) -> Vec<Property<'static>> {
    broker.will.will_delay.map(Property::WillDelayInterval).into_iter().collect()
}
