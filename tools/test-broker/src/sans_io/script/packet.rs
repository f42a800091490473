//! The packet types, as rules and logs name them.

use std::fmt;

macro_rules! packets {
    ($($name:ident = $number:literal, $shown:literal;)+) => {
        /// The type of a packet.
        ///
        /// ```
        /// use pure_mqtt_test_broker::Packet;
        ///
        /// fn main() {
        ///     assert_eq!(Packet::PubAck.to_string(), "PUBACK");
        /// }
        /// ```
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Packet {
            $(#[doc = concat!($shown, ", type ", stringify!($number), ".")] $name = $number,)+
        }

        impl Packet {
            /// The type that the first byte of a packet names; 0 is none.
            pub(in crate::sans_io) fn of(first: u8) -> Option<Self> {
                match first >> 4 {
                    $($number => Some(Self::$name),)+
                    _ => None,
                }
            }
        }

        impl fmt::Display for Packet {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$name => $shown,)+
                })
            }
        }
    };
}

packets! {
    Connect = 1, "CONNECT";
    ConnAck = 2, "CONNACK";
    Publish = 3, "PUBLISH";
    PubAck = 4, "PUBACK";
    PubRec = 5, "PUBREC";
    PubRel = 6, "PUBREL";
    PubComp = 7, "PUBCOMP";
    Subscribe = 8, "SUBSCRIBE";
    SubAck = 9, "SUBACK";
    Unsubscribe = 10, "UNSUBSCRIBE";
    UnsubAck = 11, "UNSUBACK";
    PingReq = 12, "PINGREQ";
    PingResp = 13, "PINGRESP";
    Disconnect = 14, "DISCONNECT";
    Auth = 15, "AUTH";
}
