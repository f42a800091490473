//! Small types that every layer uses.

use core::fmt;
use core::num::NonZeroU16;

/// A protocol version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(i8)] // the default is zero, so that a fresh connection lies in `.bss`
pub enum Version {
    /// MQTT 3.1 (protocol name `MQIsdp`, level 3).
    V31 = -1,
    /// MQTT 3.1.1 (level 4).
    #[default]
    V311 = 0,
    /// MQTT 5.0 (level 5).
    V5 = 1,
}

/// The quality of service: the delivery guarantee of a message (§4.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum QoS {
    /// QoS 0: sent once, not acknowledged; may be lost.
    #[default]
    AtMostOnce,
    /// QoS 1: sent again until it is acknowledged; may arrive more than once.
    AtLeastOnce,
    /// QoS 2: arrives exactly once, through a two-step acknowledgement.
    ExactlyOnce,
}

impl fmt::Display for QoS {
    /// Shows the number: 0, 1 or 2.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bits().fmt(f)
    }
}

impl QoS {
    /// Returns the QoS that `bits` means on the wire; `None` for 3 and above `[MQTT-3.3.1-4]`.
    pub const fn from_bits(bits: u8) -> Option<Self> {
        match bits {
            0 => Some(Self::AtMostOnce),
            1 => Some(Self::AtLeastOnce),
            2 => Some(Self::ExactlyOnce),
            _ => None,
        }
    }

    /// Returns the number on the wire: 0, 1 or 2.
    pub const fn bits(self) -> u8 {
        self as u8
    }
}

impl fmt::Display for Version {
    /// Shows the version number: 3.1, 3.1.1 or 5.0.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::V31 => "3.1",
            Self::V311 => "3.1.1",
            Self::V5 => "5.0",
        })
    }
}

/// A packet identifier: never 0 `[MQTT-2.2.1-3]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PacketId(NonZeroU16);

impl PacketId {
    /// The lowest identifier.
    pub(crate) const FIRST: Self = Self(NonZeroU16::MIN);

    /// Returns the identifier with this number; `None` for 0.
    pub const fn new(number: u16) -> Option<Self> {
        match NonZeroU16::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// Returns the number on the wire.
    pub const fn get(self) -> u16 {
        self.0.get()
    }
}

impl fmt::Display for PacketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for PacketId {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{}", self.get());
    }
}

/// Identifies one accepted message or request. A connection never reuses a handle, and later commands have greater
/// handles. Packet identifiers, in contrast, are reused once their packet is finished.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Handle(pub(crate) u64);

impl Handle {
    /// Returns the running number: 1 for the first command, a greater number for each later one.
    pub const fn get(self) -> u64 {
        self.0 >> 16
    }

    /// Returns the packet identifier, which leads to the slot without a search.
    pub(crate) const fn id(self) -> u16 {
        self.0 as u16
    }
}

impl fmt::Display for Handle {
    /// Shows the running number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}
