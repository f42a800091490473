//! Deviations of servers from the standard: each row is one of the engine's table of tolerances.

use super::Packet;
use crate::sans_io::codec::{Frame, Version, packet_of, put_varint};
use std::fmt;

const OLD: &[Version] = &[Version::V31, Version::V311];
const V311: &[Version] = &[Version::V311];
const V5: &[Version] = &[Version::V5];
const ALL: &[Version] = &[Version::V31, Version::V311, Version::V5];

const ACKS: &[Packet] = &[Packet::PubAck, Packet::PubRec, Packet::PubRel, Packet::PubComp];
const FLAGGED: &[Packet] =
    &[Packet::PubAck, Packet::PubRec, Packet::PubRel, Packet::PubComp, Packet::SubAck, Packet::UnsubAck];
const CODED: &[Packet] = &[
    Packet::PubAck,
    Packet::PubRec,
    Packet::PubRel,
    Packet::PubComp,
    Packet::SubAck,
    Packet::UnsubAck,
    Packet::Disconnect,
];
const ANSWERS: &[Packet] = &[Packet::PubAck, Packet::PubRec, Packet::PubComp, Packet::SubAck, Packet::UnsubAck];

macro_rules! oddities {
    ($($name:ident, $versions:ident, $packets:expr, $what:literal;)+) => {
        /// A deviation of servers in the field from the standard, for [`Act::Odd`](super::Act::Odd).
        ///
        ///
        /// ```
        /// use pure_mqtt_test_broker::{Act, Broker, Oddity, When};
        ///
        /// fn main() -> std::io::Result<()> {
        ///     for oddity in Oddity::ALL {
        ///         let broker = Broker::start()?;
        ///         broker.script(When::sends_any(), Act::Odd(*oddity));
        ///         // Run your program against `broker.url()`.
        ///     }
        ///     Ok(())
        /// }
        /// ```
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[non_exhaustive]
        pub enum Oddity {
            $(#[doc = $what] $name,)+
        }

        impl Oddity {
            /// All of them.
            ///
            /// ```
            /// use pure_mqtt_test_broker::Oddity;
            ///
            /// fn main() {
            ///     assert!(Oddity::ALL.contains(&Oddity::KeptSession));
            /// }
            /// ```
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Returns the versions of MQTT in which this is a deviation.
            ///
            /// ```
            /// use pure_mqtt_test_broker::{Oddity, Version};
            ///
            /// fn main() {
            ///     assert_eq!(Oddity::KeptSession.versions(), [Version::V311]);
            /// }
            /// ```
            pub fn versions(self) -> &'static [Version] {
                match self {
                    $(Self::$name => $versions,)+
                }
            }

            /// Returns the packets that can have the deviation.
            ///
            /// ```
            /// use pure_mqtt_test_broker::{Oddity, Packet};
            ///
            /// fn main() {
            ///     assert_eq!(Oddity::DupAtQoS0.packets(), [Packet::Publish]);
            /// }
            /// ```
            pub fn packets(self) -> &'static [Packet] {
                match self {
                    $(Self::$name => $packets,)+
                }
            }
        }

        impl fmt::Display for Oddity {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$name => stringify!($name),)+
                })
            }
        }
    };
}

oddities! {
    PubAckAtQoS2, OLD, &[Packet::PubRec],
        "3.1, 3.1.1: PUBACK instead of PUBREC; the message is complete.";
    AckTail, OLD, ACKS,
        "3.1, 3.1.1: a reason code after PUBACK, PUBREC, PUBREL or PUBCOMP.";
    AckFlags, OLD, FLAGGED,
        "3.1, 3.1.1: flags in an acknowledgement.";
    UnsubAckCodes, OLD, &[Packet::UnsubAck],
        "3.1, 3.1.1: a code after UNSUBACK.";
    BareUnsubAck, V5, &[Packet::UnsubAck],
        "5.0: UNSUBACK without codes.";
    UnlistedReason, ALL, CODED,
        "A code that the standard doesn't list for the packet: 0xFF in 5.0, 0x87 in the SUBACK of 3.1 and 3.1.1.";
    AliasAboveMaximum, V5, &[Packet::Publish],
        "5.0: beside the topic name, a topic alias above the client's maximum.";
    EarlyRelease, ALL, &[Packet::Publish],
        "PUBREL directly after PUBLISH at QoS 2, before PUBREC has arrived.";
    KeptSession, V311, &[Packet::ConnAck],
        "3.1.1: Session Present after a clean session was asked for.";
    UnknownAck, ALL, ANSWERS,
        "After the acknowledgement, another one for a packet identifier that is not in use.";
    BadTopic, ALL, &[Packet::Publish],
        "A topic that is not UTF-8.";
    DupAtQoS0, ALL, &[Packet::Publish],
        "DUP at QoS 0.";
}

/// What is known of the link that a packet is bent for.
#[derive(Clone, Copy, Debug)]
pub(in crate::sans_io) struct Bend {
    /// What the client speaks.
    pub version: Version,
    /// Whether it asked for a clean session.
    pub clean: bool,
    /// Its Topic Alias Maximum.
    pub alias_maximum: u16,
    /// A packet identifier that is not in use.
    pub unused_id: u16,
}

impl Oddity {
    /// Whether this packet can show it.
    pub(in crate::sans_io) fn fits(self, frame: &Frame, bend: &Bend) -> bool {
        let qos = frame.first >> 1 & 3;
        let is_listed = Packet::of(frame.first).is_some_and(|packet| self.packets().contains(&packet));
        let has_topic = !frame.body.starts_with(&[0, 0]);
        is_listed
            && self.versions().contains(&bend.version)
            && match self {
                Self::UnlistedReason => bend.version.is_v5() || frame.first >> 4 == 9,
                Self::AliasAboveMaximum => has_topic && bend.alias_maximum < u16::MAX,
                Self::EarlyRelease => qos == 2,
                Self::KeptSession => bend.clean && frame.body == [0, 0],
                Self::BadTopic => has_topic,
                Self::DupAtQoS0 => qos == 0,
                _ => true,
            }
    }

    /// Whether a message at QoS 2 has ended for the client by this PUBREC.
    pub(in crate::sans_io) fn ends_receiving(self, frame: &Frame) -> bool {
        matches!(self, Self::PubAckAtQoS2 | Self::UnlistedReason) && Packet::of(frame.first) == Some(Packet::PubRec)
    }

    /// Bends a packet that fits.
    pub(in crate::sans_io) fn bend(self, mut frame: Frame, bend: &Bend) -> Vec<Frame> {
        let mut behind = None;
        match self {
            Self::PubAckAtQoS2 => frame.first = 0x40,
            Self::AckTail | Self::UnsubAckCodes => frame.body.push(0),
            Self::AckFlags => frame.first ^= 1,
            Self::BareUnsubAck => frame.body.truncate(3),
            Self::UnlistedReason => frame.set_code(if bend.version.is_v5() { 0xFF } else { 0x87 }, bend.version),
            Self::AliasAboveMaximum => frame.add_alias(bend.alias_maximum.saturating_add(1)),
            Self::EarlyRelease => {
                behind = frame.publish_id().map(|id| Frame { first: 0x62, body: id.to_be_bytes().to_vec() });
            }
            Self::KeptSession => frame.set(0, 1),
            Self::UnknownAck => {
                let mut other = frame.clone();
                other.set_id(bend.unused_id);
                behind = Some(other);
            }
            Self::BadTopic => frame.set(2, 0xFF),
            Self::DupAtQoS0 => frame.first |= 0x08,
        }
        [Some(frame), behind].into_iter().flatten().collect()
    }
}

/// Changes in a packet of the broker's own.
impl Frame {
    /// The bytes on the wire.
    pub(in crate::sans_io) fn encode(&self) -> Vec<u8> {
        packet_of(self.first, &self.body)
    }

    /// Puts another packet identifier into an acknowledgement.
    pub(in crate::sans_io) fn set_id(&mut self, id: u16) {
        let [high, low] = id.to_be_bytes();
        self.set(0, high);
        self.set(1, low);
    }

    /// Puts another code into every place for one.
    pub(in crate::sans_io) fn set_code(&mut self, code: u8, version: Version) {
        match self.first >> 4 {
            2 => self.set(1, code),
            9 | 11 => {
                let codes = if version.is_v5() { 3 } else { 2 };
                self.body.iter_mut().skip(codes).for_each(|place| *place = code);
            }
            4..=7 => {
                self.body.truncate(2);
                self.body.push(code);
            }
            _ => self.body = vec![code],
        }
    }

    /// The packet identifier of an acknowledgement.
    pub(in crate::sans_io) fn ack_id(&self) -> Option<u16> {
        self.number_at(0)
    }

    /// The packet identifier of a PUBLISH above QoS 0.
    pub(in crate::sans_io) fn publish_id(&self) -> Option<u16> {
        self.number_at(2 + usize::from(self.number_at(0)?))
    }

    /// Puts a topic alias before the other properties of a PUBLISH.
    fn add_alias(&mut self, alias: u16) {
        let has_id = self.first & 0x06 != 0;
        let Some(topic) = self.number_at(0) else { return };
        let rest = self.body.split_off((2 + usize::from(topic) + if has_id { 2 } else { 0 }).min(self.body.len()));
        let Ok(Some((length, used))) = crate::sans_io::codec::varint(&rest) else { return };
        put_varint(&mut self.body, length + 3);
        self.body.push(0x23);
        self.body.extend(alias.to_be_bytes());
        self.body.extend(rest.into_iter().skip(used));
    }

    fn number_at(&self, place: usize) -> Option<u16> {
        let bytes = self.body.get(place..place + 2)?;
        Some(u16::from_be_bytes(bytes.try_into().ok()?))
    }

    fn set(&mut self, place: usize, value: u8) {
        if let Some(byte) = self.body.get_mut(place) {
            *byte = value;
        }
    }
}
