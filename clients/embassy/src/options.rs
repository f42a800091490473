//! Settings of the client and of its receivers.

use pure_mqtt::{Connect, Limits, OnTooLong, Properties, Property, Version, VersionFallback};

/// How the client connects.
///
/// ```
/// use pure_mqtt_embassy::{Connect, Options, Version};
///
/// fn main() {
///     let connect = Connect::new(Version::V5, "boiler-1").keep_alive(30).clean_start(false);
///     let options = Options::new(connect).session_expiry(86_400).backoff(1_000, 60_000);
///     assert_eq!(options.dial_timeout, 30_000);
/// }
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Options<'a> {
    /// The CONNECT of each link. If it asks for a clean start, this applies until the server has accepted a link; later links resume the session.
    pub connect: Connect<'a>,
    /// The lowest version to fall back to if a server refuses the version of `connect`, as [`VersionFallback`] does. Only versions that are compiled in are tried. The
    /// other version is tried at once. Each `run` begins with the version of `connect`. Default: `None`, no fallback.
    pub lowest_version: Option<Version>,
    /// How long the server keeps the session after the end of a link, in seconds; 5.0 only. Ignored if `connect` has properties. Default: 3,600.
    pub session_expiry: u32,
    /// The engine's settings. The client sets `inline_max`, `manual_acks` and `topic_alias_maximum` itself; `receive_maximum` is at most `MESSAGES`. Default:
    /// [`Limits::DEFAULT`], except that messages which are too long are [discarded](OnTooLong::Discard).
    pub limits: Limits,
    /// The shortest and the longest delay before the client reconnects, in milliseconds. Each delay is a random value between half of the back-off and all of it.
    /// Default: 1,000 and 120,000.
    pub backoff: (u32, u32),
    /// Maximum duration of a dial, in milliseconds. Default: 30,000.
    pub dial_timeout: u32,
    /// How long messages from the server may wait for room in the ring, in milliseconds; 0 for no limit. Default: 30,000.
    ///
    /// Nothing behind such a message is read, acknowledgements included. After this time each [`publish`](crate::Mqtt::publish) that waits for room returns
    /// [`PublishError::Full`](crate::PublishError::Full), and each [`confirmed`](crate::Delivery::confirmed) returns
    /// [`NotDelivered::InputBlocked`](crate::NotDelivered::InputBlocked), so that a task which holds a message can finish it and make room.
    /// [`Event::InputBlocked`](crate::Event::InputBlocked) reports it. Until all input was read, later calls wait a tenth of a second at most.
    /// [`flush`](crate::Mqtt::flush), [`granted`](crate::Receiver::granted) and the reply to a request are waited for without this limit: don't hold a message meanwhile, or use a time-out.
    pub blocked_timeout: u32,
}

impl<'a> Options<'a> {
    /// Returns the defaults with this CONNECT.
    ///
    /// ```
    /// use pure_mqtt_embassy::{Connect, Options, Version};
    ///
    /// fn main() {
    ///     let options = Options::new(Connect::new(Version::V311, "boiler-1"));
    ///     assert_eq!(options.backoff, (1_000, 120_000));
    /// }
    /// ```
    pub const fn new(connect: Connect<'a>) -> Self {
        Self {
            connect,
            lowest_version: None,
            session_expiry: 3_600,
            limits: Limits { on_too_long: OnTooLong::Discard, ..Limits::DEFAULT },
            backoff: (1_000, 120_000),
            dial_timeout: 30_000,
            blocked_timeout: 30_000,
        }
    }

    /// Sets the lowest version to fall back to.
    ///
    /// ```
    /// use pure_mqtt_embassy::{Connect, Options, Version};
    ///
    /// /// MQTT 5.0, or 3.1.1 where a server knows no other.
    /// const OPTIONS: Options<'_> = Options::new(Connect::new(Version::V5, "boiler-1")).lowest_version(Version::V311);
    /// ```
    #[must_use]
    pub const fn lowest_version(mut self, version: Version) -> Self {
        self.lowest_version = Some(version);
        self
    }

    /// Sets how long the server keeps the session, in seconds.
    ///
    /// ```
    /// use pure_mqtt_embassy::{Connect, Options, Version};
    ///
    /// /// The server keeps commands for a day.
    /// const OPTIONS: Options<'_> = Options::new(Connect::new(Version::V5, "boiler-1")).session_expiry(86_400);
    /// ```
    #[must_use]
    pub const fn session_expiry(mut self, seconds: u32) -> Self {
        self.session_expiry = seconds;
        self
    }

    /// Sets the engine's settings.
    ///
    /// ```
    /// use pure_mqtt_embassy::{Connect, Limits, Options, Version};
    ///
    /// /// A line that is dead is given up two seconds after a PINGREQ.
    /// const LIMITS: Limits = Limits { pingresp_timeout: 2_000, ..Limits::DEFAULT };
    /// const OPTIONS: Options<'_> = Options::new(Connect::new(Version::V5, "boiler-1")).limits(LIMITS);
    /// ```
    #[must_use]
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the shortest and the longest delay before the client reconnects, in milliseconds.
    ///
    /// ```
    /// use pure_mqtt_embassy::{Connect, Options, Version};
    ///
    /// /// Reconnects after half a second at first, and after a minute at most.
    /// const OPTIONS: Options<'_> = Options::new(Connect::new(Version::V5, "boiler-1")).backoff(500, 60_000);
    /// ```
    #[must_use]
    pub const fn backoff(mut self, min: u32, max: u32) -> Self {
        self.backoff = (min, max);
        self
    }

    /// Sets the maximum duration of a dial, in milliseconds.
    ///
    /// ```
    /// use pure_mqtt_embassy::{Connect, Options, Version};
    ///
    /// /// A TLS handshake on a small chip may take a minute.
    /// const OPTIONS: Options<'_> = Options::new(Connect::new(Version::V5, "boiler-1")).dial_timeout(60_000);
    /// ```
    #[must_use]
    pub const fn dial_timeout(mut self, millis: u32) -> Self {
        self.dial_timeout = millis;
        self
    }

    /// Sets how long messages from the server may wait for room in the ring, in milliseconds; 0 for no limit.
    ///
    /// ```
    /// use pure_mqtt_embassy::{Connect, Options, Version};
    ///
    /// /// A task may hold the ring for five minutes, while it writes an update to flash.
    /// const OPTIONS: Options<'_> = Options::new(Connect::new(Version::V5, "boiler-1")).blocked_timeout(300_000);
    /// ```
    #[must_use]
    pub const fn blocked_timeout(mut self, millis: u32) -> Self {
        self.blocked_timeout = millis;
        self
    }

    /// The properties that CONNECT gets if it has none.
    pub(crate) const fn expiry_property(&self) -> [Property<'static>; 1] {
        [Property::SessionExpiryInterval(self.session_expiry)]
    }

    /// The versions to try, if there are several.
    pub(crate) fn fallback(&self) -> Option<VersionFallback> {
        self.lowest_version.map(|lowest| VersionFallback::new(self.connect.version).down_to(lowest))
    }

    /// CONNECT for the next link.
    pub(crate) fn connect_with<'p>(
        &'p self,
        version: Version,
        properties: &'p [Property<'p>],
        is_clean: bool,
    ) -> Connect<'p> {
        let mut connect = self.connect.clean_start(is_clean);
        connect.version = version;
        if connect.properties.is_empty() { connect.properties(Properties::new(properties)) } else { connect }
    }
}

/// How a receiver treats its messages.
///
/// ```
/// use pure_mqtt_embassy::raw::CriticalSectionRawMutex;
/// use pure_mqtt_embassy::{EmbassyClock, Fixed, Mqtt, QoS, Receiver, ReceiverOptions, SubscribeError, Subscription, TopicFilter};
///
/// type Client = Mqtt<CriticalSectionRawMutex, EmbassyClock, Fixed<2048, 16, 16, 128>, 1024, 16, 4, 8>;
///
/// static MQTT: Client = Client::new(EmbassyClock, Fixed::new());
///
/// /// Commands are acknowledged explicitly. At most 128 bytes of QoS 0 messages wait.
/// fn commands() -> Result<Receiver<'static, Client>, SubscribeError> {
///     let subscription = Subscription::new(TopicFilter::from_static("plant/command"), QoS::AtLeastOnce);
///     MQTT.subscribe_with(subscription, ReceiverOptions::new().manual_acks(true).share(128))
/// }
///
/// fn main() {
///     assert!(commands().is_ok());
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct ReceiverOptions {
    /// Whether only [`Received::ack`](crate::Received::ack) and [`Received::reject`](crate::Received::reject) finish a message. A message that is dropped without
    /// them is received again. Default: false, dropping a message finishes it.
    pub manual_acks: bool,
    /// Bytes of the ring that QoS 0 messages may take for this receiver; further ones are dropped. Default: 0, an equal share of the ring.
    pub share: u32,
    /// Whether a QoS 0 message beyond the share replaces the oldest QoS 0 message that waits for this receiver. Default: false, the new message is dropped.
    pub drop_oldest: bool,
    /// Whether QoS 1 and 2 messages beyond the share are dropped too, and acknowledged. Default: false, they wait at the server once the ring is full.
    pub lossy: bool,
}

impl ReceiverOptions {
    /// Returns the defaults.
    ///
    /// ```
    /// use pure_mqtt_embassy::ReceiverOptions;
    ///
    /// const OPTIONS: ReceiverOptions = ReceiverOptions::new();
    /// ```
    pub const fn new() -> Self {
        Self { manual_acks: false, share: 0, drop_oldest: false, lossy: false }
    }

    /// Sets whether only an explicit acknowledgement finishes a message.
    ///
    /// ```
    /// use pure_mqtt_embassy::ReceiverOptions;
    ///
    /// const OPTIONS: ReceiverOptions = ReceiverOptions::new().manual_acks(true);
    /// ```
    #[must_use]
    pub const fn manual_acks(mut self, manual_acks: bool) -> Self {
        self.manual_acks = manual_acks;
        self
    }

    /// Sets the share of the ring in bytes.
    ///
    /// ```
    /// use pure_mqtt_embassy::ReceiverOptions;
    ///
    /// const OPTIONS: ReceiverOptions = ReceiverOptions::new().share(256);
    /// ```
    #[must_use]
    pub const fn share(mut self, bytes: u32) -> Self {
        self.share = bytes;
        self
    }

    /// Sets whether new QoS 0 messages replace old ones.
    ///
    /// ```
    /// use pure_mqtt_embassy::ReceiverOptions;
    ///
    /// /// Of a stream of readings the newest: as many as fit into 256 bytes.
    /// const OPTIONS: ReceiverOptions = ReceiverOptions::new().share(256).drop_oldest(true);
    /// ```
    #[must_use]
    pub const fn drop_oldest(mut self, drop_oldest: bool) -> Self {
        self.drop_oldest = drop_oldest;
        self
    }

    /// Sets whether QoS 1 and 2 messages beyond the share are dropped too.
    ///
    /// ```
    /// use pure_mqtt_embassy::ReceiverOptions;
    ///
    /// const OPTIONS: ReceiverOptions = ReceiverOptions::new().lossy(true);
    /// ```
    #[must_use]
    pub const fn lossy(mut self, lossy: bool) -> Self {
        self.lossy = lossy;
        self
    }
}
