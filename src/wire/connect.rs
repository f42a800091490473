//! CONNECT (§3.1).

use core::fmt;

use crate::shown::{Bytes, Secret};
use crate::topic::TopicName;
use crate::types::{QoS, Version};
use crate::wire::{
    DecodeError, Malformed, PacketType, Properties, Reader, Seen, Violation, WILL_BIT, Writer, properties_setter,
};

/// A CONNECT: who the client is, and how it wants the session, the will and keep-alive (§3.1).
///
/// ```
/// use pure_mqtt::{Connect, Property, QoS, TopicName, Version, Will};
///
/// fn main() -> Result<(), pure_mqtt::TopicError> {
///     let will = Will::new(TopicName::new("lamp/7/state")?, b"gone").qos(QoS::AtLeastOnce).retain(true);
///     let connect = Connect::new(Version::V5, "lamp-7")
///         .clean_start(false)
///         .keep_alive(30)
///         .will(will)
///         .user_name("lamp")
///         .password(b"secret")
///         .properties(&[Property::SessionExpiryInterval(3600)]);
///     assert_eq!(connect.keep_alive, 30);
///     Ok(())
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connect<'a> {
    /// The protocol version of the link. Queued messages that are encoded for another version (before the first link
    /// for [`Limits::version`](crate::Limits::version)) are re-encoded.
    pub version: Version,
    /// Whether the client is a bridge: sets the top bit of the protocol level. Only in 3.1 and 3.1.1.
    pub bridge: bool,
    /// Whether an earlier session is discarded (Clean Start; Clean Session in 3.1 and 3.1.1).
    pub clean_start: bool,
    /// The keep alive in seconds: the longest time without a packet from the client (§3.1.2.10). 0 turns it off.
    /// Default: 60.
    pub keep_alive: u16,
    /// The client identifier, by which the server finds the session.
    pub client_id: &'a str,
    /// The message that the server publishes when the link ends without DISCONNECT.
    pub will: Option<Will<'a>>,
    /// The user name.
    pub user_name: Option<&'a str>,
    /// The password. Without a user name it is allowed only in 5.0.
    pub password: Option<&'a [u8]>,
    /// The properties; not sent in 3.1 and 3.1.1.
    pub properties: Properties<'a>,
}

#[cfg(feature = "defmt")]
impl defmt::Format for Connect<'_> {
    /// Leaves out the password and the properties, which may be secret.
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(
            f,
            "Connect {{ version: {}, clean_start: {}, keep_alive: {}, client_id: {}, will: {}, user_name: {} }}",
            self.version,
            self.clean_start,
            self.keep_alive,
            self.client_id,
            self.will,
            self.user_name
        );
    }
}

impl fmt::Debug for Connect<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connect")
            .field("version", &self.version)
            .field("bridge", &self.bridge)
            .field("clean_start", &self.clean_start)
            .field("keep_alive", &self.keep_alive)
            .field("client_id", &self.client_id)
            .field("will", &self.will)
            .field("user_name", &self.user_name)
            .field("password", &self.password.map(|_| Secret))
            .field("properties", &self.properties)
            .finish()
    }
}

impl<'a> Connect<'a> {
    /// Creates a CONNECT with a clean start, a keep alive of 60 seconds, no will and no credentials.
    pub const fn new(version: Version, client_id: &'a str) -> Self {
        Self {
            version,
            bridge: false,
            clean_start: true,
            keep_alive: 60,
            client_id,
            will: None,
            user_name: None,
            password: None,
            properties: Properties::NONE,
        }
    }

    /// Sets whether an earlier session is discarded (`true`, the default) or resumed.
    #[must_use]
    pub const fn clean_start(mut self, clean_start: bool) -> Self {
        self.clean_start = clean_start;
        self
    }

    /// Sets the keep alive in seconds; 0 turns it off.
    #[must_use]
    pub const fn keep_alive(mut self, seconds: u16) -> Self {
        self.keep_alive = seconds;
        self
    }

    /// Sets the will.
    #[must_use]
    pub const fn will(mut self, will: Will<'a>) -> Self {
        self.will = Some(will);
        self
    }

    /// Sets the user name.
    #[must_use]
    pub const fn user_name(mut self, user_name: &'a str) -> Self {
        self.user_name = Some(user_name);
        self
    }

    /// Sets the password.
    #[must_use]
    pub const fn password(mut self, password: &'a [u8]) -> Self {
        self.password = Some(password);
        self
    }

    /// Sets whether the client is a bridge (3.1 and 3.1.1).
    #[must_use]
    pub const fn bridge(mut self, bridge: bool) -> Self {
        self.bridge = bridge;
        self
    }

    properties_setter!();

    pub(crate) fn decode(body: &mut Reader<'a>) -> Self {
        let name = body.string();
        let level = body.u8();
        let bridge = level & BRIDGE != 0;
        let version = Version::from_protocol(name, level & !BRIDGE);
        if version.is_none_or(|version| bridge && !version.has_bridge_bit()) {
            body.refuse(Malformed::Protocol);
        }
        let version = version.unwrap_or_default();
        body.set_version(version);
        let flags = body.u8();
        body.expect(check_flags(flags, version));
        let keep_alive = body.u16();
        let properties = Properties::decode_authenticated(body, PacketType::Connect, &mut Seen::default());
        let client_id = body.string();
        let will = (flags & WILL != 0).then(|| Will::decode(body, flags));
        let user_name = (flags & USER_NAME != 0).then(|| body.string());
        let password = (flags & PASSWORD != 0).then(|| body.binary());
        let clean_start = flags & CLEAN_START != 0;
        Self { version, bridge, clean_start, keep_alive, client_id, will, user_name, password, properties }
    }

    /// Writes the body; `own` writes the properties that the engine adds to the caller's.
    pub(crate) fn encode_with(&self, own: impl FnOnce(&mut Writer<'_>), writer: &mut Writer<'_>) {
        writer.string(self.version.protocol_name());
        writer.u8(self.version.level() | if self.bridge { BRIDGE } else { 0 });
        writer.u8(self.flags());
        writer.u16(self.keep_alive);
        if self.version.has_properties() {
            let block = writer.begin(0);
            if !self.properties.is_empty() {
                self.properties.encode_entries(writer);
            }
            own(writer);
            writer.end(block);
        }
        writer.string(self.client_id); // the order of the payload: [MQTT-3.1.3-1] [MQTT-3.1.3-3]
        if let Some(will) = &self.will {
            will.properties.encode(self.version, writer);
            writer.binary(will.topic.text().as_bytes());
            writer.binary(will.payload);
        }
        if let Some(user_name) = self.user_name {
            writer.string(user_name);
        }
        if let Some(password) = self.password {
            writer.binary(password);
        }
    }

    /// Returns the flags, which show what the payload contains `[MQTT-3.1.2-9]` `[MQTT-3.1.2-16]` `[MQTT-3.1.2-17]`
    /// `[MQTT-3.1.2-18]` `[MQTT-3.1.2-19]`.
    fn flags(&self) -> u8 {
        let flag = |on: bool, bit: u8| if on { bit } else { 0 };
        flag(self.clean_start, CLEAN_START)
            | self
                .will
                .as_ref()
                .map_or(0, |will| WILL | will.qos.bits() << WILL_QOS_SHIFT | flag(will.retain, WILL_RETAIN))
            | flag(self.password.is_some(), PASSWORD)
            | flag(self.user_name.is_some(), USER_NAME)
    }
}

const BRIDGE: u8 = 0x80;
const RESERVED: u8 = 0x01;
const CLEAN_START: u8 = 0x02;
const WILL: u8 = 0x04;
const WILL_QOS_SHIFT: u32 = 3;
const WILL_QOS: u8 = 0x18;
const WILL_RETAIN: u8 = 0x20;
const PASSWORD: u8 = 0x40;
const USER_NAME: u8 = 0x80;

fn check_flags(flags: u8, version: Version) -> Result<(), DecodeError> {
    if flags & RESERVED != 0 {
        return Err(Malformed::ReservedBits.into()); // [MQTT-3.1.2-3]
    }
    let will_without_flag = flags & WILL == 0 && flags & (WILL_QOS | WILL_RETAIN) != 0; // [MQTT-3.1.2-11] [MQTT-3.1.2-13]
    let password_alone = flags & PASSWORD != 0 && flags & USER_NAME == 0 && !version.allows_password_alone(); // [3.1.1: MQTT-3.1.2-22]
    if will_without_flag || password_alone {
        return Err(Violation::ConnectFlags.into());
    }
    Ok(())
}

/// A will: the message that the server publishes for the client when the link ends without DISCONNECT (§3.1.2.5).
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Will<'a> {
    /// The topic name.
    pub topic: TopicName<'a>,
    /// The payload; at most 65,535 bytes.
    pub payload: &'a [u8],
    /// The QoS of the message.
    pub qos: QoS,
    /// Whether the server keeps the will as the retained message of the topic.
    pub retain: bool,
    /// The will's properties, among them Will Delay Interval; not sent in 3.1 and 3.1.1.
    pub properties: Properties<'a>,
}

impl fmt::Debug for Will<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Will")
            .field("topic", &self.topic)
            .field("payload", &Bytes(self.payload))
            .field("qos", &self.qos)
            .field("retain", &self.retain)
            .field("properties", &self.properties)
            .finish()
    }
}

impl<'a> Will<'a> {
    /// Creates a will at QoS 0, not retained.
    pub const fn new(topic: TopicName<'a>, payload: &'a [u8]) -> Self {
        Self { topic, payload, qos: QoS::AtMostOnce, retain: false, properties: Properties::NONE }
    }

    /// Sets the QoS of the message.
    #[must_use]
    pub const fn qos(mut self, qos: QoS) -> Self {
        self.qos = qos;
        self
    }

    /// Sets whether the server keeps the will as the retained message of the topic.
    #[must_use]
    pub const fn retain(mut self, retain: bool) -> Self {
        self.retain = retain;
        self
    }

    properties_setter!();

    fn decode(body: &mut Reader<'a>, flags: u8) -> Self {
        let qos = QoS::from_bits((flags & WILL_QOS) >> WILL_QOS_SHIFT);
        if qos.is_none() {
            body.refuse(Malformed::QoS); // [MQTT-3.1.2-12]
        }
        let properties = Properties::decode(body, WILL_BIT);
        let topic = body.topic_name();
        if topic.is_empty() {
            body.refuse(Violation::EmptyTopic);
        }
        let payload = body.binary();
        let (topic, retain) = (TopicName::trusted(topic), flags & WILL_RETAIN != 0);
        Self { topic, payload, qos: qos.unwrap_or_default(), retain, properties }
    }
}
