//! Values of single arguments: text that becomes what the client takes, or a sentence that says what it must be.
//!
//! Arguments live as long as the program, so what borrows from them is `'static`.

use std::time::Duration;

use pure_mqtt_client::pure_mqtt::{ClientId, QoS, RetainHandling, TopicError, TopicFilter, TopicName, Version};

/// Keeps a value to the end of the program.
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
    level.ok_or("the quality of service is 0, 1 or 2")
}

pub fn duration(text: &str) -> Result<Duration, &'static str> {
    let duration = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    duration.ok_or("a number of seconds is meant, such as 10 or 0.5")
}

/// A pause between attempts: never none, or a server that is down would see nothing else.
pub fn pause(text: &str) -> Result<Duration, &'static str> {
    let pause = duration(text)?;
    let is_long_enough = pause >= Duration::from_millis(10);
    is_long_enough.then_some(pause).ok_or("0.01 seconds are the shortest that it may be")
}

/// A pace in messages per second, as the time between two.
pub fn pace(text: &str) -> Result<Duration, &'static str> {
    let rate = text.parse().ok().filter(|rate: &f64| rate.is_finite() && *rate > 0.0);
    let pause = rate.and_then(|rate| Duration::try_from_secs_f64(1.0 / rate).ok());
    pause.ok_or("a number of messages per second is meant, such as 100 or 0.2")
}

/// Seconds, or for ever.
pub fn expiry(text: &str) -> Result<u32, &'static str> {
    match text {
        "-1" | "∞" | "never" => Ok(u32::MAX),
        _ => text.parse().map_err(|_| "a number of seconds is meant, or `never`"),
    }
}

pub fn topic(text: &str) -> Result<TopicName<'static>, TopicError> {
    TopicName::new(keep(text))
}

pub fn filter(text: &str) -> Result<TopicFilter<'static>, TopicError> {
    TopicFilter::new(keep(text))
}

pub fn pair(text: &str) -> Result<(&'static str, &'static str), &'static str> {
    keep::<str>(text).split_once('=').ok_or("NAME=VALUE is meant, such as unit=celsius")
}

pub fn retain_handling(text: &str) -> Result<RetainHandling, &'static str> {
    match text {
        "always" => Ok(RetainHandling::Send),
        "new" => Ok(RetainHandling::SendIfNew),
        "never" => Ok(RetainHandling::DoNotSend),
        _ => Err("retained messages are sent always, if the subscription is new, or never"),
    }
}

/// A client identifier that every server takes.
pub fn random_id() -> String {
    ClientId::from_random(u128::from(random()) << 64 | u128::from(random())).as_str().to_owned()
}

/// A topic that nobody else uses.
pub fn own_topic(root: &str) -> TopicName<'static> {
    topic(&format!("{root}/{}", random_id())).unwrap_or_else(|_| unreachable!("letters and digits are no wildcards"))
}

/// A number that differs from run to run: the standard library seeds its hashes from the system's random numbers.
fn random() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0)
}
