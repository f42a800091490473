//! Client settings.

use std::fmt;
use std::time::Duration;

use pure_mqtt::{Connect, Limits, OpenError, Property, Version, VersionFallback, Will};
use pure_mqtt_agent::{AckMode, Bytes, encode_properties};

use crate::callbacks::LogLevel;
use crate::clock::millis;
use crate::owned_connect::OwnedConnect;

/// The settings of a client: passed to [`Client::with`](crate::Client::with), changed with [`Client::configure`](crate::Client::configure).
///
/// [`Client::connect`](crate::Client::connect) returns an error for values that CONNECT cannot contain, such as a user name with U+0000 or a property of another packet.
///
/// ```
/// use std::time::Duration;
///
/// use pure_mqtt_client::pure_mqtt::{QoS, TopicError, TopicName, Version, Will};
/// use pure_mqtt_client::{Client, Options};
///
/// /// A lamp whose end is published by the server.
/// fn lamp() -> Result<Client, TopicError> {
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
    /// Separate from `connect`, which is kept in the form of 5.0: that has no bridge flag.
    pub(crate) bridge: bool,
    pub(crate) limits: Limits,
    /// Limits that the program has set one by one.
    set: SetLimits,
    pub(crate) connect_timeout: Duration,
    max_attempts: u8,
    /// The shortest and the longest bound of the back-off, in milliseconds.
    delays: (u32, u32),
    pub(crate) reconnect_on_failure: bool,
    pub(crate) retry_first_connection: bool,
    pub(crate) coalesces: bool,
    /// The session survives the end of the program.
    is_lasting: bool,
    /// Lines below this level are not reported.
    pub(crate) log_level: LogLevel,
}

/// A day in seconds.
const DAY: u32 = 24 * 60 * 60;

/// Limits with methods of their own. They take precedence over [`Options::limits`], in whatever order both are called.
#[derive(Clone, Copy, Debug, Default)]
struct SetLimits {
    max_inflight: Option<u16>,
    max_queued: Option<u32>,
    manual_acks: Option<bool>,
}

/// The versions to use.
#[derive(Clone, Copy, Debug)]
pub(crate) enum VersionPolicy {
    Only(Version),
    Downwards(VersionFallback),
}

/// When a link starts a new session (Clean Start, before 5.0 Clean Session).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CleanStart {
    /// On each link. Unfinished messages of the client are still sent, as new ones.
    #[default]
    Always,
    /// On the first link after each `connect`, until a server accepts it; reconnections resume the session.
    First,
    /// Never: the session is resumed, even that of an earlier run of the program. In 5.0 this needs a Session Expiry Interval.
    Never,
}

impl Options {
    /// Creates the defaults: 3.1.1, a clean start, a keep alive of 60 seconds, no will, no credentials. If `client_id` is empty the server assigns one; where the version or the
    /// server does not allow that, a random one is used.
    pub fn new(client_id: &str) -> Self {
        Self {
            introduction: OwnedConnect::new(client_id),
            speech: VersionPolicy::Only(Version::V311),
            clean_start: None,
            bridge: false,
            limits: Limits::DEFAULT,
            set: SetLimits::default(),
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

    /// Uses only this version, without fallback.
    #[must_use]
    pub fn version(mut self, version: Version) -> Self {
        self.speech = VersionPolicy::Only(version);
        self.limits.version = version;
        self
    }

    /// Tries versions from the highest to the lowest until the server accepts one: see [`VersionFallback`].
    #[must_use]
    pub fn fallback(mut self, fallback: VersionFallback) -> Self {
        self.speech = VersionPolicy::Downwards(fallback);
        self.limits.version = fallback.version();
        self
    }

    /// Sets which links start a new session. Default: [`CleanStart::Always`]; with a cluster or a log [`CleanStart::First`].
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

    /// Removes user name and password.
    #[must_use]
    pub fn without_credentials(mut self) -> Self {
        self.introduction = self.introduction.with(|mut connect| {
            (connect.user_name, connect.password) = (None, None);
            connect
        });
        self
    }

    /// Sets the will: the message that the server publishes when a link ends without DISCONNECT, with its properties.
    #[must_use]
    pub fn will(mut self, will: &Will<'_>) -> Self {
        self.introduction = self.introduction.will(will);
        self
    }

    /// Removes the will.
    #[must_use]
    pub fn without_will(mut self) -> Self {
        self.introduction = self.introduction.with(|mut connect| {
            connect.will = None;
            connect
        });
        self
    }

    /// Sets the properties of CONNECT (5.0), for example Session Expiry Interval. Receive Maximum, Maximum Packet Size and Topic Alias Maximum are not allowed here: the client
    /// announces them from [`limits`](Self::limits).
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

    /// Sets the engine's limits and time-outs. What [`version`](Self::version), [`fallback`](Self::fallback), [`max_inflight`](Self::max_inflight),
    /// [`max_queued`](Self::max_queued) and [`manual_acks`](Self::manual_acks) set takes precedence, before and after this call.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = Limits {
            version: self.limits.version,
            max_inflight: self.set.max_inflight.unwrap_or(limits.max_inflight),
            max_queued: self.set.max_queued.unwrap_or(limits.max_queued),
            manual_acks: self.set.manual_acks.unwrap_or(limits.manual_acks),
            ..limits
        };
        self
    }

    /// Sets the maximum number of QoS 1 and 2 messages in flight; 0: no local limit, only the server's Receive Maximum. Default: 20.
    #[must_use]
    pub fn max_inflight(mut self, messages: u16) -> Self {
        (self.limits.max_inflight, self.set.max_inflight) = (messages, Some(messages));
        self
    }

    /// Sets the maximum number of unfinished messages, in flight and queued together; 0 (the default): 65,535.
    #[must_use]
    pub fn max_queued(mut self, messages: u32) -> Self {
        (self.limits.max_queued, self.set.max_queued) = (messages, Some(messages));
        self
    }

    /// Sets on how many links a message may be sent without an acknowledgement before it ends with [`NotPublished::AttemptsUsedUp`](crate::NotPublished::AttemptsUsedUp); 0 (the
    /// default): any number. Some servers close the link on a particular message, on every link. After two links in a row that ended early the client sends one message at a
    /// time, so that only the message that ends the links is given up.
    #[must_use]
    pub fn max_attempts(mut self, links: u8) -> Self {
        self.max_attempts = links;
        self
    }

    /// Sets whether the program acknowledges messages itself, with [`Client::ack`](crate::Client::ack). Default: false.
    #[must_use]
    pub fn manual_acks(mut self, manual: bool) -> Self {
        (self.limits.manual_acks, self.set.manual_acks) = (manual, Some(manual));
        self
    }

    /// Sets the time-out for reaching the server: TCP to one of its addresses, proxy, TLS and WebSocket. Name look-up is not included. Default: 5 seconds.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets the back-off: the client waits a random time of up to `min` before it reconnects. The bound doubles after each failure, up to `max`. Default: 5 seconds to 2 minutes.
    #[must_use]
    pub fn reconnect_delay(mut self, min: Duration, max: Duration) -> Self {
        let milliseconds = |duration| u32::try_from(millis(duration)).unwrap_or(u32::MAX);
        self.delays = (milliseconds(min), milliseconds(max));
        self
    }

    /// Sets whether [`Client::loop_forever`](crate::Client::loop_forever) and the thread of [`Client::loop_start`](crate::Client::loop_start) reconnect when a link is lost.
    /// Default: true.
    #[must_use]
    pub fn reconnect_on_failure(mut self, reconnect: bool) -> Self {
        self.reconnect_on_failure = reconnect;
        self
    }

    /// Sets whether [`Client::loop_forever`](crate::Client::loop_forever) also retries when the first connection fails. Default: false. The thread of
    /// [`Client::loop_start`](crate::Client::loop_start) always retries.
    #[must_use]
    pub fn retry_first_connection(mut self, retry: bool) -> Self {
        self.retry_first_connection = retry;
        self
    }

    /// Sets the lowest level of the lines for [`Client::on_log`](crate::Client::on_log) and for the features `log` and `tracing`. Default: [`LogLevel::Debug`], all lines. A
    /// line for each packet takes time; from [`LogLevel::Info`] on there are none.
    #[must_use]
    pub fn log_level(mut self, lowest: LogLevel) -> Self {
        self.log_level = lowest;
        self
    }

    /// Sets whether the loop coalesces packets under load. After a wake-up it then pauses for 250 µs, so that one read and one write move many packets. A message takes a
    /// fraction of the processor time, and is received or sent up to 250 µs later. The loop measures the effect of the pauses, and makes none where they would reduce the
    /// throughput. [`Client::loop_once`](crate::Client::loop_once) never pauses. Default: true.
    #[must_use]
    pub fn coalesce(mut self, coalesce: bool) -> Self {
        self.coalesces = coalesce;
        self
    }

    /// Returns the options of a client whose session survives the program.
    pub(crate) fn lasting(mut self) -> Self {
        self.clean_start = self.clean_start.filter(|set| *set != CleanStart::Always);
        self.is_lasting = true;
        self
    }

    /// Returns when a session starts anew: as the program has set it, otherwise only on the first link if the session can be resumed.
    pub(crate) fn clean_start_of(&self, is_cluster: bool) -> CleanStart {
        let goes_on = is_cluster || self.is_lasting;
        self.clean_start.unwrap_or(if goes_on { CleanStart::First } else { CleanStart::Always })
    }

    /// Returns the agent's options, for servers that are a cluster or not. It does not dial yet.
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

    /// Returns how messages for callbacks are acknowledged.
    pub(crate) fn acks(&self) -> AckMode {
        if self.limits.manual_acks { AckMode::Manual } else { AckMode::OnNext }
    }

    /// Returns the version that is tried first.
    pub(crate) fn version_now(&self) -> Version {
        self.limits.version
    }

    /// Returns the CONNECT, except for the fields that change from link to link.
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
    /// Creates options with an empty client identifier.
    fn default() -> Self {
        Self::new("")
    }
}

/// Hides the credentials.
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

    #[test]
    fn limits_that_are_set_one_by_one_survive_limits() {
        let limits = Limits { max_inflight: 3, max_queued: 5, receive_maximum: 20, ..Limits::DEFAULT };
        let options = Options::new("me").max_inflight(7).max_queued(9).manual_acks(true).limits(limits);
        let expected = Limits { max_inflight: 7, max_queued: 9, manual_acks: true, ..limits };
        assert_eq!(options.limits, Limits { version: options.limits.version, ..expected });
    }
}
