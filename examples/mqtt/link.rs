//! What publisher and subscriber share: making the link, and the time that is left.

use std::time::{Duration, Instant};

use pure_mqtt::{Connect, Disconnect, Limits, Property, TopicName, Will};

use crate::args::Options;
use crate::failure::Failure;
use crate::support::{App, Host, Mqtt};

/// With `--resume` alone.
const AN_HOUR: u32 = 3600;
/// Of one packet, in bytes.
const LONGEST_PACKET: u32 = 16 << 20;
/// What stands for ever.
const A_LONG_TIME: Duration = Duration::from_secs(u32::MAX as u64);

pub struct Link<'a> {
    pub host: Host,
    options: &'a Options,
    client_id: String,
    deadline: Option<Instant>,
}

impl<'a> Link<'a> {
    /// No connection yet. With `manual_acks` the program acknowledges what it receives.
    pub fn new(options: &'a Options, manual_acks: bool) -> Self {
        let limits = Limits { version: options.version, inline_max: LONGEST_PACKET, manual_acks, ..Limits::DEFAULT };
        let deadline = options.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut host = Host::new(limits);
        if options.resume {
            host.mqtt.adopt_session(); // the program leaves only when nothing of its own is unfinished
        }
        Self { host, options, client_id: options.client_id(), deadline }
    }

    /// Connects and waits until the broker has accepted. `clean_start` drops an earlier session.
    pub fn connect<A: App>(&mut self, app: &mut A, clean_start: bool) -> Result<(), Failure> {
        let options = self.options;
        let expiry = options.session_expiry.or(options.resume.then_some(AN_HOUR));
        let properties: Vec<_> = expiry.map(Property::SessionExpiryInterval).into_iter().collect();
        let mut connect = Connect::new(options.version, &self.client_id)
            .clean_start(clean_start)
            .keep_alive(options.keep_alive)
            .properties(&properties[..]);
        connect.user_name = options.user.as_deref();
        connect.password = options.password.as_deref().map(str::as_bytes);
        connect.will = will(options)?;
        self.host.open(&format!("{}:{}", options.host, options.port), &connect)?;
        self.wait(app, |_, mqtt| mqtt.is_connected())
    }

    /// Drives the connection until `done`; if the time is over before that, leaves.
    pub fn wait<A: App>(&mut self, app: &mut A, done: impl Fn(&A, &Mqtt) -> bool) -> Result<(), Failure> {
        if self.host.drive_until(app, self.time_left(), done)? {
            return Ok(());
        }
        let _ = self.host.leave(&Disconnect::default()); // a failure would say less than that the time is over
        Err(Failure::TimeOut)
    }

    /// What `--timeout` leaves.
    pub fn time_left(&self) -> Duration {
        self.deadline.map_or(A_LONG_TIME, |deadline| deadline.saturating_duration_since(Instant::now()))
    }
}

fn will(options: &Options) -> Result<Option<Will<'_>>, Failure> {
    let Some(will) = &options.will else { return Ok(None) };
    let name = will.topic.as_deref().unwrap_or_default();
    let topic = TopicName::new(name).map_err(|error| Failure::Topic { name: name.to_owned(), error })?;
    Ok(Some(Will::new(topic, will.payload.as_bytes()).qos(will.qos).retain(will.retain)))
}
