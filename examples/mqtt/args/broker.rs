//! How to reach the broker, and as whom.

use std::time::Duration;

use clap::{Arg, ArgMatches, value_parser};
use pure_mqtt::{Connect, Property, Version};

use super::values::{self, keep};
use super::{OF_5, flag, option, required, seconds, under, will};
/// With `--resume` alone.
const AN_HOUR: u32 = 3600;

pub struct Broker {
    /// `host:port`.
    pub address: String,
    pub connect: Connect<'static>,
    /// The session of an earlier run goes on.
    pub resume: bool,
    pub timeout: Option<Duration>,
}

pub fn arguments() -> Vec<Arg> {
    let mut arguments = under("The broker", of_broker());
    arguments.extend(under("The session", of_session()));
    let expiry = seconds("session-expiry", "How long the broker keeps the session; an hour with --resume");
    arguments.extend(under(OF_5, [expiry]));
    arguments
}

fn of_broker() -> [Arg; 6] {
    [
        option("host", "HOST", "The broker's name or address").env("MQTT_HOST").default_value("localhost"),
        option("port", "PORT", "The broker's TCP port")
            .env("MQTT_PORT")
            .default_value("1883")
            .value_parser(value_parser!(u16)),
        option("version", "VERSION", "The protocol version: 3.1, 3.1.1 or 5").short('V').value_parser(values::version),
        option("user", "NAME", "The user name").short('u').env("MQTT_USER").value_parser(values::text),
        option("password", "TEXT", "The password; others can see arguments, but not the environment")
            .short('P')
            .env("MQTT_PASSWORD")
            .hide_env_values(true)
            .requires("user")
            .value_parser(values::text),
        option("timeout", "SECONDS", "Give up if it takes longer in all").value_parser(values::duration),
    ]
}

fn of_session() -> [Arg; 4] {
    [
        option("id", "ID", "The client identifier [default: a random one]").short('i').value_parser(values::text),
        flag("clean", "Start without an earlier session (the default)").conflicts_with("resume"),
        flag("resume", "Go on with the session of --id, and keep it").requires("id"),
        option("keep-alive", "SECONDS", "The longest silence; 0 turns it off")
            .short('k')
            .default_value("60")
            .value_parser(value_parser!(u16)),
    ]
}

impl Broker {
    pub fn new(matches: &ArgMatches, version: Version) -> Self {
        let (host, port) = (required::<String>(matches, "host"), required::<u16>(matches, "port"));
        Self {
            address: format!("{host}:{port}"),
            connect: connect(matches, version),
            resume: matches.get_flag("resume"),
            timeout: matches.get_one("timeout").copied(),
        }
    }

    pub fn version(&self) -> Version {
        self.connect.version
    }
}

fn connect(matches: &ArgMatches, version: Version) -> Connect<'static> {
    let resume = matches.get_flag("resume");
    let expiry = matches.get_one("session-expiry").copied().or(resume.then_some(AN_HOUR));
    let properties: Vec<_> = expiry.map(Property::SessionExpiryInterval).into_iter().collect();
    let id = matches.get_one("id").copied().unwrap_or_else(values::random_id);
    let mut connect = Connect::new(version, id)
        .clean_start(!resume)
        .keep_alive(required(matches, "keep-alive"))
        .properties(keep::<[_]>(properties));
    connect.user_name = matches.get_one("user").copied();
    connect.password = matches.get_one("password").map(|text: &&str| text.as_bytes());
    connect.will = will::will(matches);
    connect
}
