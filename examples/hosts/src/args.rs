//! The command line of the hosts.

use lexopt::prelude::*;
use pure_mqtt::{ClientId, Connect, Property, QoS, TopicName, Version};

use crate::failure::Failure;
use crate::random;

/// What all hosts can be told.
#[derive(Clone)]
pub struct Options {
    /// Where the broker is.
    pub broker: String,
    /// Where to publish.
    pub topic: String,
    /// How hard.
    pub qos: QoS,
    /// How many messages; 0 for no end.
    pub count: u32,
    /// Milliseconds between two messages.
    pub every: u32,
    /// The client identifier.
    pub id: String,
    /// Drop a session that an earlier run left behind.
    pub clean: bool,
    /// The keep alive in seconds.
    pub keep_alive: u16,
}

const HELP: &str = "  --topic TOPIC      where to publish; default: readings
  --qos 0|1|2        default: 2
  --count N          so many messages, 0 for no end; default: 10
  --every MS         milliseconds from one to the next; default: 100
  --id ID            the client identifier; default: a random one
  --clean            drop the session of an earlier run with this ID that did not end well
  --keep-alive SECS  default: 60
";

/// Reads the command line; `own` sets the options that only this host has, and is false for all others. `None` if it was enough to print the help.
///
/// # Errors
/// [`Failure::Arguments`], [`Failure::Topic`].
pub fn parse(
    usage: &str,
    broker: &str,
    mut own: impl FnMut(&str, &mut lexopt::Parser) -> Result<bool, Failure>,
) -> Result<Option<Options>, Failure> {
    let mut options = Options::new(broker);
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        let Long(name) = argument else { return Err(argument.unexpected().into()) };
        let name = name.to_owned();
        if name == "help" {
            print!("{usage}{HELP}");
            return Ok(None);
        }
        if !own(&name, &mut parser)? {
            options.set(&name, &mut parser)?;
        }
    }
    options.topic()?;
    Ok(Some(options))
}

/// For hosts without options of their own.
///
/// # Errors
/// Never.
pub fn none(_name: &str, _parser: &mut lexopt::Parser) -> Result<bool, Failure> {
    Ok(false)
}

/// So long the broker keeps the session when the link is lost: an hour, in seconds …
const SESSION: &[Property<'_>] = &[Property::SessionExpiryInterval(3600)];
/// … and after a DISCONNECT with this not at all.
pub const NO_SESSION: &[Property<'_>] = &[Property::SessionExpiryInterval(0)];

impl Options {
    /// The CONNECT for the next link. It resumes the session: a random identifier has none the first time. Some brokers lose a session that began with a
    /// clean start when they are restarted.
    pub fn connect(&self, is_first: bool) -> Connect<'_> {
        let connect = Connect::new(Version::V5, &self.id).clean_start(self.clean && is_first);
        connect.keep_alive(self.keep_alive).properties(SESSION)
    }

    /// Where to publish.
    ///
    /// # Errors
    /// Not once [`parse`] has seen it.
    pub fn topic(&self) -> Result<TopicName<'_>, Failure> {
        TopicName::new(&self.topic).map_err(|error| Failure::Topic(self.topic.clone(), error))
    }

    fn new(broker: &str) -> Self {
        let id = ClientId::from_random(u128::from(random()) << 64 | u128::from(random()));
        Self {
            broker: broker.to_owned(),
            topic: "readings".to_owned(),
            qos: QoS::ExactlyOnce,
            count: 10,
            every: 100,
            id: id.as_str().to_owned(),
            clean: false,
            keep_alive: 60,
        }
    }

    fn set(&mut self, name: &str, parser: &mut lexopt::Parser) -> Result<(), Failure> {
        match name {
            "broker" => self.broker = parser.value()?.string()?,
            "topic" => self.topic = parser.value()?.string()?,
            "qos" => self.qos = level(parser)?,
            "count" => self.count = parser.value()?.parse()?,
            "every" => self.every = parser.value()?.parse()?,
            "id" => self.id = parser.value()?.string()?,
            "clean" => self.clean = true,
            "keep-alive" => self.keep_alive = parser.value()?.parse()?,
            _ => return Err(Failure::Arguments(format!("there is no option --{name}"))),
        }
        Ok(())
    }
}

/// The value of an option that is a quality of service.
///
/// # Errors
/// It is none.
pub fn level(parser: &mut lexopt::Parser) -> Result<QoS, lexopt::Error> {
    let level = |text: &str| text.parse().ok().and_then(QoS::from_bits).ok_or("the levels are 0, 1 and 2");
    parser.value()?.parse_with(level)
}
