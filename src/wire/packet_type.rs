//! The packet types (§2.1.2) in one table.

macro_rules! packet_types {
    ($($(#[doc = $doc:literal])+ $name:ident = $number:literal, flags $flags:literal;)+) => {
        /// The type of a control packet (§2.1.2).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        pub enum PacketType {
            $($(#[doc = $doc])+ $name = $number,)+
        }

        impl PacketType {
            /// All packet types in the order of their numbers.
            pub const ALL: [Self; 15] = [$(Self::$name),+];

            pub(super) const fn from_number(number: u8) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)+
                    _ => None,
                }
            }

            /// The types whose reserved flags are [`FLAGS`], as a set, which is smaller than a table of flags.
            const FLAGGED: u16 = 0 $(| if $flags == FLAGS { Self::$name.bit() } else { assert!($flags == 0); 0 })+;
        }
    };
}

packet_types! {
    /// CONNECT, client to server.
    Connect = 1, flags 0;
    /// CONNACK, server to client.
    ConnAck = 2, flags 0;
    /// PUBLISH, both ways.
    Publish = 3, flags 0;
    /// PUBACK, both ways.
    PubAck = 4, flags 0;
    /// PUBREC, both ways.
    PubRec = 5, flags 0;
    /// PUBREL, both ways.
    PubRel = 6, flags 0b0010;
    /// PUBCOMP, both ways.
    PubComp = 7, flags 0;
    /// SUBSCRIBE, client to server.
    Subscribe = 8, flags 0b0010;
    /// SUBACK, server to client.
    SubAck = 9, flags 0;
    /// UNSUBSCRIBE, client to server.
    Unsubscribe = 10, flags 0b0010;
    /// UNSUBACK, server to client.
    UnsubAck = 11, flags 0;
    /// PINGREQ, client to server.
    PingReq = 12, flags 0;
    /// PINGRESP, server to client.
    PingResp = 13, flags 0;
    /// DISCONNECT: client to server, in 5.0 both ways.
    Disconnect = 14, flags 0;
    /// AUTH, both ways, 5.0 only.
    Auth = 15, flags 0;
}

/// The only reserved flags that are not 0.
const FLAGS: u8 = 0b0010;

impl PacketType {
    /// Returns the reserved flags: the low four bits of the first byte (§2.1.3). In PUBLISH these bits have a meaning.
    pub(super) const fn reserved_flags(self) -> u8 {
        if self.has_reserved_flags() { FLAGS } else { 0 }
    }

    pub(super) const fn has_reserved_flags(self) -> bool {
        Self::FLAGGED & self.bit() != 0
    }

    /// Returns the bit for this type in a set of packet types.
    pub(crate) const fn bit(self) -> u16 {
        1 << self as u8
    }

    /// Returns the first byte of a packet of this type, with the reserved flags.
    pub(crate) const fn first_byte(self) -> u8 {
        (self as u8) << 4 | self.reserved_flags()
    }
}
