//! Values of arguments: a value of the client's type, or an error that says what is expected.
//!
//! Arguments live until the program ends, so values that borrow from them are `'static`.

use std::time::Duration;

use pure_mqtt_client::pure_mqtt::{ClientId, QoS, RetainHandling, TopicError, TopicFilter, TopicName, Version};

/// Keeps a value until the program ends.
pub fn keep<T: ?Sized>(value: impl Into<Box<T>>) -> &'static T {
    Box::leak(value.into())
}

/// Also as mosquitto's clients call them.
pub fn version(text: &str) -> Result<Version, &'static str> {
    match text.strip_prefix("mqttv").unwrap_or(text) {
        "3.1" | "31" => Ok(Version::V31),
        "3.1.1" | "311" => Ok(Version::V311),
        "5" | "5.0" => Ok(Version::V5),
        _ => Err("the versions are 3.1, 3.1.1 and 5"),
    }
}

pub fn qos(text: &str) -> Result<QoS, &'static str> {
    let level = text.parse().ok().and_then(QoS::from_bits);
    level.ok_or("the QoS is 0, 1 or 2")
}

pub fn duration(text: &str) -> Result<Duration, &'static str> {
    let duration = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    duration.ok_or("expected a number of seconds, such as 10 or 0.5")
}

/// Parses a delay between attempts. Zero is refused: a server that is down would be flooded with connections.
pub fn pause(text: &str) -> Result<Duration, &'static str> {
    let pause = duration(text)?;
    let is_long_enough = pause >= Duration::from_millis(10);
    is_long_enough.then_some(pause).ok_or("the minimum is 0.01 seconds")
}

/// Parses a rate in messages per second, as the time between two.
pub fn pace(text: &str) -> Result<Duration, &'static str> {
    let rate = text.parse().ok().filter(|rate: &f64| rate.is_finite() && *rate > 0.0);
    let pause = rate.and_then(|rate| Duration::try_from_secs_f64(1.0 / rate).ok());
    pause.ok_or("expected a number of messages per second, such as 100 or 0.2")
}

/// Parses a number of seconds, or `never`.
pub fn expiry(text: &str) -> Result<u32, &'static str> {
    match text {
        "-1" | "∞" | "never" => Ok(u32::MAX),
        _ => text.parse().map_err(|_| "expected a number of seconds, or `never`"),
    }
}

pub fn topic(text: &str) -> Result<TopicName<'static>, TopicError> {
    TopicName::new(keep(text))
}

pub fn filter(text: &str) -> Result<TopicFilter<'static>, TopicError> {
    TopicFilter::new(keep(text))
}

pub fn pair(text: &str) -> Result<(&'static str, &'static str), &'static str> {
    keep::<str>(text).split_once('=').ok_or("expected NAME=VALUE, such as unit=celsius")
}

pub fn retain_handling(text: &str) -> Result<RetainHandling, &'static str> {
    match text {
        "always" => Ok(RetainHandling::Send),
        "new" => Ok(RetainHandling::SendIfNew),
        "never" => Ok(RetainHandling::DoNotSend),
        _ => Err("expected always, new or never"),
    }
}

/// Returns a client identifier that every server accepts.
pub fn random_id() -> String {
    ClientId::from_random(u128::from(random()) << 64 | u128::from(random())).as_str().to_owned()
}

/// Returns a topic that no other program uses.
pub fn own_topic(root: &str) -> TopicName<'static> {
    topic(&format!("{root}/{}", random_id())).unwrap_or_else(|_| unreachable!("letters and digits are no wildcards"))
}

/// Returns a random number: the standard library seeds its hashes from the system's random numbers.
fn random() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0)
}
