//! The settings of a client.

use std::fmt;
use std::time::Duration;

use pure_mqtt::{Connect, Limits, OpenError, Property, Version, VersionFallback, Will};
use pure_mqtt_agent::{AckMode, Bytes, encode_properties};

use crate::callbacks::LogLevel;
use crate::clock::millis;
use crate::owned_connect::OwnedConnect;

/// What a client is to do, and how: given to [`Client::with`](crate::Client::with), changed with
/// [`Client::configure`](crate::Client::configure).
///
/// Something that CONNECT can't say (a user name with U+0000, a property that belongs elsewhere) is told by
/// [`Client::connect`](crate::Client::connect).
///
/// ```
/// use std::time::Duration;
///
/// use pure_mqtt::{QoS, TopicName, Version, Will};
/// use pure_mqtt_client::{Client, Options};
///
/// /// A lamp whose end is published by the server.
/// fn lamp() -> Result<Client, pure_mqtt::TopicError> {
///     let will = Will::new(TopicName::new("lamp/7/state")?, b"gone").qos(QoS::AtLeastOnce);
///     let options = Options::new("lamp-7")
///         .version(Version::V5)
///         .keep_alive(30)
///         .user_name("lamp")
///         .password(b"secret")
///         .will(&will)
///         .reconnect_delay(Duration::from_secs(1), Duration::from_secs(30));
///     Ok(Client::with(options))
/// }
/// ```
#[derive(Clone)]
pub struct Options {
    introduction: OwnedConnect,
    pub(crate) speech: VersionPolicy,
    clean_start: Option<CleanStart>,
    /// Kept apart: 5.0, in which the introduction is kept, can't say it.
    pub(crate) bridge: bool,
    pub(crate) limits: Limits,
    pub(crate) connect_timeout: Duration,
    max_attempts: u8,
    /// The shortest and the longest range of pauses, in milliseconds.
    delays: (u32, u32),
    pub(crate) reconnect_on_failure: bool,
    pub(crate) retry_first_connection: bool,
    pub(crate) coalesces: bool,
    /// The session outlives the program.
    is_lasting: bool,
    /// Lines below it are not told.
    pub(crate) log_level: LogLevel,
}

/// In seconds.
const DAY: u32 = 24 * 60 * 60;

/// Which version is spoken.
#[derive(Clone, Copy, Debug)]
pub(crate) enum VersionPolicy {
    Only(Version),
    Downwards(VersionFallback),
}

/// When a link starts without the session that may be left from before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CleanStart {
    /// Each link. Unfinished messages of this side are sent again all the same, as new.
    #[default]
    Always,
    /// The first link after each `connect`, until the server has accepted it; those that the client makes on its own go on with the session.
    First,
    /// No link: the session goes on, also from an earlier life of the program. In 5.0 it needs a Session Expiry Interval.
    Never,
}

impl Options {
    /// 3.1.1, a clean start, a keep alive of 60 seconds, no will, no credentials. An empty `client_id` is the server's to replace, or, where the version
    /// or the server doesn't allow that, a random one.
    pub fn new(client_id: &str) -> Self {
        Self {
            introduction: OwnedConnect::new(client_id),
            speech: VersionPolicy::Only(Version::V311),
            clean_start: None,
            bridge: false,
            limits: Limits::DEFAULT,
            max_attempts: 0,
            connect_timeout: Duration::from_secs(5),
            delays: (5_000, 120_000),
            reconnect_on_failure: true,
            retry_first_connection: false,
            coalesces: true,
            is_lasting: false,
            log_level: LogLevel::Debug,
        }
    }

    /// Speaks this version and no other.
    #[must_use]
    pub fn version(mut self, version: Version) -> Self {
        self.speech = VersionPolicy::Only(version);
        self.limits.version = version;
        self
    }

    /// Tries versions from the highest to the lowest, until the server takes one: see [`VersionFallback`].
    #[must_use]
    pub fn fallback(mut self, fallback: VersionFallback) -> Self {
        self.speech = VersionPolicy::Downwards(fallback);
        self.limits.version = fallback.version();
        self
    }

    /// Sets which links start without the earlier session. Default: [`CleanStart::Always`], but [`CleanStart::First`] with a cluster or a log.
    #[must_use]
    pub fn clean_start(mut self, clean_start: CleanStart) -> Self {
        self.clean_start = Some(clean_start);
        self
    }

    /// Sets the keep alive in seconds; 0 turns it off.
    #[must_use]
    pub fn keep_alive(mut self, seconds: u16) -> Self {
        self.introduction = self.introduction.with(|connect| connect.keep_alive(seconds));
        self
    }

    /// Sets the user name.
    #[must_use]
    pub fn user_name(mut self, user_name: &str) -> Self {
        self.introduction = self.introduction.user_name(user_name);
        self
    }

    /// Sets the password; without a user name only in 5.0.
    #[must_use]
    pub fn password(mut self, password: &[u8]) -> Self {
        self.introduction = self.introduction.password(password);
        self
    }

    /// Takes user name and password away.
    #[must_use]
    pub fn without_credentials(mut self) -> Self {
        self.introduction = self.introduction.with(|mut connect| {
            (connect.user_name, connect.password) = (None, None);
            connect
        });
        self
    }

    /// Sets what the server publishes when a link ends without DISCONNECT, with the will's properties.
    #[must_use]
    pub fn will(mut self, will: &Will<'_>) -> Self {
        self.introduction = self.introduction.will(will);
        self
    }

    /// Takes the will away.
    #[must_use]
    pub fn without_will(mut self) -> Self {
        self.introduction = self.introduction.with(|mut connect| {
            connect.will = None;
            connect
        });
        self
    }

    /// Sets the properties of CONNECT (5.0), Session Expiry Interval for instance. Receive Maximum, Maximum Packet Size and Topic Alias Maximum come
    /// from [`limits`](Self::limits).
    #[must_use]
    pub fn properties(mut self, properties: &[Property<'_>]) -> Self {
        self.introduction = self.introduction.properties(properties);
        self
    }

    /// Marks the client as a bridge (3.1 and 3.1.1).
    #[must_use]
    pub fn bridge(mut self, bridge: bool) -> Self {
        self.bridge = bridge;
        self
    }

    /// Sets all bounds and time-outs of the engine; [`Limits::version`] is set by [`version`](Self::version) and [`fallback`](Self::fallback).
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = Limits { version: self.limits.version, ..limits };
        self
    }

    /// Sets how many QoS 1 and 2 messages are out at a time; 0 for no own limit. Default: 20.
    #[must_use]
    pub fn max_inflight(mut self, messages: u16) -> Self {
        self.limits.max_inflight = messages;
        self
    }

    /// Sets how many messages may be unfinished, in flight and waiting together; 0 (the default) for 65,535.
    #[must_use]
    pub fn max_queued(mut self, messages: u32) -> Self {
        self.limits.max_queued = messages;
        self
    }

    /// Sets on how many links a message may leave without an answer before it is given up
    /// ([`NotPublished::AttemptsUsedUp`](crate::NotPublished::AttemptsUsedUp)); 0 (the default) for any number. Some servers hang up at a message, and would on
    /// every link. After two links in a row that ended early the client sends one message at a time, so that only the one that links end at is given up.
    #[must_use]
    pub fn max_attempts(mut self, links: u8) -> Self {
        self.max_attempts = links;
        self
    }

    /// Sets whether the program acknowledges messages itself, with [`Client::ack`](crate::Client::ack). Default: false.
    #[must_use]
    pub fn manual_acks(mut self, manual: bool) -> Self {
        self.limits.manual_acks = manual;
        self
    }

    /// Sets how long it may take to reach the server: to connect to one of its addresses, and to agree on TLS and WebSocket. Finding the addresses behind a
    /// name is the system's, and comes on top. Default: 5 seconds.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets how long the client waits before it connects again: a random time of up to `min` at first, up to twice as long after each failure, up to `max` in the end.
    /// Default: 5 seconds to 2 minutes.
    #[must_use]
    pub fn reconnect_delay(mut self, min: Duration, max: Duration) -> Self {
        let milliseconds = |duration| u32::try_from(millis(duration)).unwrap_or(u32::MAX);
        self.delays = (milliseconds(min), milliseconds(max));
        self
    }

    /// Sets whether [`Client::loop_forever`](crate::Client::loop_forever) and the thread of [`Client::loop_start`](crate::Client::loop_start) connect
    /// again when a link is lost. Default: true.
    #[must_use]
    pub fn reconnect_on_failure(mut self, reconnect: bool) -> Self {
        self.reconnect_on_failure = reconnect;
        self
    }

    /// Sets whether [`Client::loop_forever`](crate::Client::loop_forever) also goes on if it can't connect the first time. Default: false.
    /// The thread of [`Client::loop_start`](crate::Client::loop_start) always does.
    #[must_use]
    pub fn retry_first_connection(mut self, retry: bool) -> Self {
        self.retry_first_connection = retry;
        self
    }

    /// Sets which lines [`Client::on_log`](crate::Client::on_log) is told of, and the facades of the features `log` and `tracing`: those of this level and above. Default: all. A
    /// line for each packet takes time; from [`LogLevel::Info`] on there is none.
    #[must_use]
    pub fn log_level(mut self, lowest: LogLevel) -> Self {
        self.log_level = lowest;
        self
    }

    /// Sets whether the loop coalesces packets under load: after a wake-up it then pauses for a quarter of a millisecond, so that one read and one write move many
    /// packets. A message costs a fraction of the processor time, and may come or leave by this much later. The loop measures what the pauses bring, and makes none
    /// where they would reduce the throughput. [`Client::loop_once`](crate::Client::loop_once) never pauses. Default: true.
    #[must_use]
    pub fn coalesce(mut self, coalesce: bool) -> Self {
        self.coalesces = coalesce;
        self
    }

    /// For a client whose session outlives the program.
    pub(crate) fn lasting(mut self) -> Self {
        self.clean_start = self.clean_start.filter(|set| *set != CleanStart::Always);
        self.is_lasting = true;
        self
    }

    /// When a session begins anew: unless the program has set it, one that can go on does.
    pub(crate) fn clean_start_of(&self, is_cluster: bool) -> CleanStart {
        let goes_on = is_cluster || self.is_lasting;
        self.clean_start.unwrap_or(if goes_on { CleanStart::First } else { CleanStart::Always })
    }

    /// The same, for the agent, and for servers that are a cluster or not. It dials nowhere yet.
    pub(crate) fn for_agent(&self, seed: u64, is_cluster: bool) -> pure_mqtt_agent::Options {
        use pure_mqtt_agent::{CleanStart as Clean, Login, Options, Redial};
        let (version, lowest_version) = match self.speech {
            VersionPolicy::Only(version) => (version, None),
            VersionPolicy::Downwards(fallback) => (self.limits.version, Some(fallback.lowest())),
        };
        let connect = self.introduction.said();
        let login = Login {
            user_name: connect.user_name.map(Into::into),
            password: connect.password.map(Bytes::copy_from_slice),
            method: None,
        };
        let (min, max) = self.delays;
        Options {
            servers: Vec::new(),
            version,
            lowest_version,
            keep_alive: connect.keep_alive,
            clean_start: match self.clean_start_of(is_cluster) {
                CleanStart::Always => Clean::Always,
                CleanStart::First | CleanStart::Never => Clean::Never,
            },
            session_expiry: if self.is_lasting || is_cluster { DAY } else { 0 },
            login,
            will: connect.will.map(|will| owned(&will)),
            bridge: self.bridge,
            connect_properties: encode_properties(&connect.properties),
            limits: self.limits,
            redial: Redial::Agent { min, max, stands_after: 30_000 },
            dial_timeout: u32::MAX,
            max_attempts: self.max_attempts,
            ..Options::new(connect.client_id, seed)
        }
    }

    /// Who acknowledges what callbacks get.
    pub(crate) fn acks(&self) -> AckMode {
        if self.limits.manual_acks { AckMode::Manual } else { AckMode::OnNext }
    }

    /// The version that is spoken first.
    pub(crate) fn version_now(&self) -> Version {
        self.limits.version
    }

    /// The CONNECT, but for what changes from link to link.
    pub(crate) fn connect(&self) -> Result<Connect<'_>, OpenError> {
        self.introduction.connect()
    }
}

fn owned(will: &Will<'_>) -> pure_mqtt_agent::Will {
    pure_mqtt_agent::Will {
        topic: will.topic.as_str().into(),
        payload: Bytes::copy_from_slice(will.payload),
        qos: will.qos,
        retain: will.retain,
        properties: encode_properties(&will.properties),
    }
}

impl Default for Options {
    /// With an empty client identifier.
    fn default() -> Self {
        Self::new("")
    }
}

/// Without the credentials.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("client_id", &self.connect().map(|connect| connect.client_id))
            .field("speech", &self.speech)
            .field("clean_start", &self.clean_start)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_can_be_taken_away() {
        let will = Will::new(pure_mqtt::TopicName::new("gone").unwrap(), b"yes");
        let options = Options::new("me").user_name("ada").password(b"secret").will(&will);
        assert!(!format!("{options:?}").contains("secret"));
        let options = options.without_credentials().without_will();
        assert_eq!(options.connect(), Ok(Connect::new(Version::V5, "me")));
    }

    #[test]
    fn a_session_that_can_go_on_does_unless_the_program_says_otherwise() {
        let plain = Options::new("me");
        assert_eq!(
            [false, true].map(|is_cluster| plain.clean_start_of(is_cluster)),
            [CleanStart::Always, CleanStart::First]
        );
        assert_eq!([false, true].map(|is_cluster| plain.for_agent(1, is_cluster).session_expiry), [0, DAY]);
        assert_eq!(plain.clone().lasting().clean_start_of(false), CleanStart::First);
        let set = plain.clean_start(CleanStart::Always);
        assert_eq!(set.clean_start_of(true), CleanStart::Always);
        assert_eq!(set.lasting().clean_start_of(false), CleanStart::First, "a log is of no use otherwise");
    }

    #[test]
    fn limits_leave_the_version_alone() {
        let limits = Limits { max_inflight: 3, ..Limits::DEFAULT };
        let options = Options::new("me").version(Version::V5).limits(limits).max_queued(9).manual_acks(true);
        assert_eq!(options.limits, Limits { version: Version::V5, max_queued: 9, manual_acks: true, ..limits });
    }
}
