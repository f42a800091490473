//! The broker's own wire format, written from the standard and sharing nothing with the crate under test.
//!
//! A client sends [`ClientPacket`]s and the broker answers with [`ServerPacket`]s, so each direction has only the half
//! it needs: [`decode`] for the first and [`encode`] for the second.

mod decode;
mod encode;
mod frame;
mod props;
mod reader;

pub use decode::decode;
pub use encode::{encode, packet_of, put_varint};
pub use frame::{Frame, Inbox};
pub use props::{FORWARDED, Prop, Props, find, id};
pub use reader::varint;

use std::fmt;

/// The protocol versions the broker speaks.
///
/// ```
/// use pure_mqtt_test_broker::{Config, Version};
///
/// fn main() {
///     assert!(Config::default().versions.contains(&Version::V31));
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Version {
    /// MQTT 3.1 (`MQIsdp`, level 3).
    V31,
    /// MQTT 3.1.1 (`MQTT`, level 4).
    V311,
    /// MQTT 5.0 (`MQTT`, level 5).
    V5,
}

impl Version {
    /// Whether packets carry properties and reason codes.
    ///
    /// ```
    /// use pure_mqtt_test_broker::Version;
    ///
    /// fn main() {
    ///     assert!(Version::V5.is_v5() && !Version::V311.is_v5());
    /// }
    /// ```
    pub fn is_v5(self) -> bool {
        self == Self::V5
    }
}

/// What a client got wrong: the reason code for a 5.0 DISCONNECT and a sentence that starts with the statement id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wrong {
    /// The reason code of the broker's DISCONNECT.
    pub reason: u8,
    /// Statement id and explanation.
    pub text: String,
}

impl Wrong {
    /// A fault with the given reason code.
    pub fn new(reason: u8, text: impl Into<String>) -> Self {
        Self { reason, text: text.into() }
    }

    /// A packet that cannot be parsed (0x81).
    pub fn malformed(text: impl Into<String>) -> Self {
        Self::new(0x81, text)
    }

    /// A packet that parses but is not allowed (0x82).
    pub fn protocol(text: impl Into<String>) -> Self {
        Self::new(0x82, text)
    }
}

/// A CONNECT packet.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Connect {
    /// Protocol version.
    pub version: Version,
    /// The bridge bit of the level byte.
    pub bridge: bool,
    /// Clean Session, or Clean Start in 5.0.
    pub clean: bool,
    /// Keep alive in seconds.
    pub keep_alive: u16,
    /// Client identifier, possibly empty.
    pub client_id: String,
    /// The will, if any.
    pub will: Option<Will>,
    /// User name.
    pub username: Option<String>,
    /// Password.
    pub password: Option<Vec<u8>>,
    /// CONNECT properties.
    pub props: Props,
}

/// The will of a CONNECT.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Will {
    /// Topic name.
    pub topic: String,
    /// Payload.
    pub payload: Vec<u8>,
    /// Quality of service.
    pub qos: u8,
    /// Whether it becomes a retained message.
    pub retain: bool,
    /// Will properties, the delay among them.
    pub props: Props,
}

/// A PUBLISH packet in either direction.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Publish {
    /// DUP flag.
    pub dup: bool,
    /// Quality of service.
    pub qos: u8,
    /// RETAIN flag.
    pub retain: bool,
    /// Topic name; empty if an alias stands for it.
    pub topic: String,
    /// Packet identifier, for QoS 1 and 2.
    pub id: Option<u16>,
    /// Properties.
    pub props: Props,
    /// Payload.
    pub payload: Vec<u8>,
}

/// The four packets that answer a PUBLISH.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum AckKind {
    /// PUBACK.
    Ack,
    /// PUBREC.
    Rec,
    /// PUBREL.
    Rel,
    /// PUBCOMP.
    Comp,
}

/// PUBACK, PUBREC, PUBREL or PUBCOMP.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Ack {
    /// Which of the four.
    pub kind: AckKind,
    /// Packet identifier.
    pub id: u16,
    /// Reason code; 0 in 3.1 and 3.1.1.
    pub reason: u8,
}

/// One topic filter of a SUBSCRIBE.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Request {
    /// The filter as sent, `$share` prefix included.
    pub filter: String,
    /// Requested maximum QoS.
    pub qos: u8,
    /// Do not send the client its own messages.
    pub no_local: bool,
    /// Keep the RETAIN flag of forwarded messages.
    pub retain_as_published: bool,
    /// When retained messages are sent: 0 always, 1 for a new subscription, 2 never.
    pub retain_handling: u8,
}

/// What a client can send.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum ClientPacket {
    /// CONNECT.
    Connect(Box<Connect>),
    /// PUBLISH.
    Publish(Publish),
    /// PUBACK, PUBREC, PUBREL or PUBCOMP.
    Ack(Ack),
    /// SUBSCRIBE.
    Subscribe {
        /// Packet identifier.
        id: u16,
        /// Properties.
        props: Props,
        /// The filters.
        requests: Vec<Request>,
    },
    /// UNSUBSCRIBE.
    Unsubscribe {
        /// Packet identifier.
        id: u16,
        /// The filters.
        filters: Vec<String>,
    },
    /// PINGREQ.
    PingReq,
    /// DISCONNECT.
    Disconnect {
        /// Reason code; 0 in 3.1 and 3.1.1.
        reason: u8,
        /// Properties.
        props: Props,
    },
    /// AUTH.
    Auth {
        /// Reason code.
        reason: u8,
        /// Properties.
        props: Props,
    },
}

/// What the broker can send.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum ServerPacket {
    /// CONNACK.
    ConnAck {
        /// Session present flag.
        present: bool,
        /// Return code or reason code.
        code: u8,
        /// Properties.
        props: Props,
    },
    /// PUBLISH.
    Publish(Publish),
    /// PUBACK, PUBREC, PUBREL or PUBCOMP.
    Ack(Ack),
    /// SUBACK.
    SubAck {
        /// Packet identifier.
        id: u16,
        /// One code for each filter.
        codes: Vec<u8>,
    },
    /// UNSUBACK.
    UnsubAck {
        /// Packet identifier.
        id: u16,
        /// One code for each filter; left out before 5.0.
        codes: Vec<u8>,
    },
    /// PINGRESP.
    PingResp,
    /// DISCONNECT (5.0).
    Disconnect {
        /// Reason code.
        reason: u8,
        /// Properties.
        props: Props,
    },
    /// AUTH (5.0).
    Auth {
        /// Reason code.
        reason: u8,
        /// Properties.
        props: Props,
    },
}

impl fmt::Display for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "CONNECT {:?} id={:?} clean={} keep_alive={}",
            self.version, self.client_id, self.clean, self.keep_alive
        )?;
        if let Some(will) = &self.will {
            write!(f, " will={}@{}", will.topic, will.qos)?;
        }
        write!(f, "{}", props::Shown(&self.props))
    }
}

impl fmt::Display for Publish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PUBLISH q{} {:?}", self.qos, self.topic)?;
        if let Some(id) = self.id {
            write!(f, " id={id}")?;
        }
        if self.dup {
            write!(f, " dup")?;
        }
        if self.retain {
            write!(f, " retain")?;
        }
        write!(f, " {} bytes{}", self.payload.len(), props::Shown(&self.props))
    }
}

impl fmt::Display for AckKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ack => "PUBACK",
            Self::Rec => "PUBREC",
            Self::Rel => "PUBREL",
            Self::Comp => "PUBCOMP",
        })
    }
}

impl fmt::Display for Ack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} id={}", self.kind, self.id)?;
        if self.reason == 0 { Ok(()) } else { write!(f, " reason={:#04x}", self.reason) }
    }
}

impl fmt::Display for ClientPacket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(connect) => connect.fmt(f),
            Self::Publish(publish) => publish.fmt(f),
            Self::Ack(ack) => ack.fmt(f),
            Self::Subscribe { id, requests, props } => {
                write!(f, "SUBSCRIBE id={id}")?;
                requests.iter().try_for_each(|r| write!(f, " {}@{}", r.filter, r.qos))?;
                write!(f, "{}", props::Shown(props))
            }
            Self::Unsubscribe { id, filters } => write!(f, "UNSUBSCRIBE id={id} {}", filters.join(" ")),
            Self::PingReq => write!(f, "PINGREQ"),
            Self::Disconnect { reason, props } => write!(f, "DISCONNECT {reason:#04x}{}", props::Shown(props)),
            Self::Auth { reason, props } => write!(f, "AUTH {reason:#04x}{}", props::Shown(props)),
        }
    }
}

impl fmt::Display for ServerPacket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConnAck { present, code, props } => {
                write!(f, "CONNACK code={code:#04x} present={present}{}", props::Shown(props))
            }
            Self::Publish(publish) => publish.fmt(f),
            Self::Ack(ack) => ack.fmt(f),
            Self::SubAck { id, codes } => write!(f, "SUBACK id={id} {codes:02x?}"),
            Self::UnsubAck { id, codes } => write!(f, "UNSUBACK id={id} {codes:02x?}"),
            Self::PingResp => write!(f, "PINGRESP"),
            Self::Disconnect { reason, props } => write!(f, "DISCONNECT {reason:#04x}{}", props::Shown(props)),
            Self::Auth { reason, props } => write!(f, "AUTH {reason:#04x}{}", props::Shown(props)),
        }
    }
}
