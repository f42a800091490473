//! Every difference between MQTT 3.1, 3.1.1 and 5.0 that the codec and the engine know, as functions of [`Version`].

use crate::types::Version;
use crate::wire::PacketType;

impl Version {
    /// Some version that is compiled in has properties.
    pub(crate) const KNOWS_PROPERTIES: bool = cfg!(feature = "v5");

    /// Versions with properties are compiled in beside versions without.
    pub(crate) const KNOWS_BOTH_KINDS: bool = cfg!(feature = "v3") && cfg!(feature = "v5");

    /// All versions, oldest first.
    pub const ALL: [Self; 3] = [Self::V31, Self::V311, Self::V5];

    /// The protocol name that CONNECT carries `[MQTT-3.1.2-1]`.
    pub const fn protocol_name(self) -> &'static str {
        match self {
            Self::V31 => "MQIsdp",
            Self::V311 | Self::V5 => "MQTT",
        }
    }

    /// The protocol level that CONNECT carries: 3, 4 or 5 `[MQTT-3.1.2-2]`.
    pub const fn level(self) -> u8 {
        match self {
            Self::V31 => 3,
            Self::V311 => 4,
            Self::V5 => 5,
        }
    }

    /// The version with this protocol name and level (without the bridge bit).
    pub(crate) fn from_protocol(name: &str, level: u8) -> Option<Self> {
        let is_it =
            |version: &Self| version.level() == level && version.protocol_name() == name && version.is_supported();
        Self::ALL.into_iter().find(is_it)
    }

    /// The version is compiled in: 5.0 by the feature `v5`, the others by `v3`.
    pub const fn is_supported(self) -> bool {
        match self {
            Self::V31 | Self::V311 => cfg!(feature = "v3"),
            Self::V5 => cfg!(feature = "v5"),
        }
    }

    /// The version in whose way packets of this one are encoded here.
    pub(crate) const fn as_encoded(self) -> Self {
        match self {
            Self::V31 | Self::V311 if !Self::KNOWS_BOTH_KINDS && Self::KNOWS_PROPERTIES => Self::V5,
            Self::V5 if !Self::KNOWS_PROPERTIES => Self::V311,
            _ => self,
        }
    }

    /// Where one kind of version is compiled in alone, everything is encoded and decoded in its way; so the compiler leaves out the other.
    const fn is_v5(self) -> bool {
        cfg!(feature = "v5") && (!cfg!(feature = "v3") || matches!(self, Self::V5))
    }

    const fn is_v31(self) -> bool {
        cfg!(feature = "v3") && matches!(self, Self::V31)
    }

    /// Packets carry properties, acknowledgements carry reason codes, a server may send DISCONNECT.
    pub(crate) const fn has_properties(self) -> bool {
        self.is_v5()
    }

    /// An over-long length encoding is malformed `[MQTT-1.5.5-1]`; earlier versions say nothing about it.
    pub(crate) const fn demands_minimal_lengths(self) -> bool {
        self.is_v5()
    }

    /// A password may stand without a user name (§3.1.2.9); before, it may not `[3.1.1: MQTT-3.1.2-22]`.
    pub(crate) const fn allows_password_alone(self) -> bool {
        self.is_v5()
    }

    /// CONNACK says whether the server holds a session; 3.1's byte is reserved and ignored.
    pub(crate) const fn has_session_present(self) -> bool {
        !self.is_v31()
    }

    /// A zero-length client identifier is allowed at all; 3.1 demands 1 to 23 characters.
    pub(crate) const fn allows_empty_client_id(self) -> bool {
        !self.is_v31()
    }

    /// A zero-length client identifier is allowed only with a clean session `[3.1.1: MQTT-3.1.3-7]`.
    pub(crate) const fn empty_client_id_needs_clean(self) -> bool {
        !self.is_v5()
    }

    /// The longest client identifier in characters.
    pub(crate) const fn max_client_id_chars(self) -> usize {
        if self.is_v31() { 23 } else { 65_535 }
    }

    /// A client may mark itself as a bridge by the top bit of the protocol level (a common extension of 3.1 and 3.1.1).
    pub(crate) const fn has_bridge_bit(self) -> bool {
        !self.is_v5()
    }

    /// The client's Receive Maximum is announced, so that a server which exceeds it is at fault.
    pub(crate) const fn announces_receive_maximum(self) -> bool {
        self.is_v5()
    }

    /// Unacknowledged packets may be sent again on the same link `[MQTT-4.4.0-1]` forbids it for 5.0.
    pub(crate) const fn allows_timed_retry(self) -> bool {
        !self.is_v5()
    }

    /// A clean session ends with its link `[3.1.1: MQTT-3.1.2-6]`; in 5.0 the Session Expiry Interval decides.
    pub(crate) const fn clean_session_ends_with_link(self) -> bool {
        !self.is_v5()
    }

    /// The DUP bit of the fixed header is allowed in this packet: in 3.1 also where 3.1.1 reserves it.
    pub(crate) const fn allows_dup(self, packet: PacketType) -> bool {
        self.is_v31() && packet.has_reserved_flags()
    }

    /// The packet type exists in this version.
    pub(crate) const fn has_packet(self, packet: PacketType) -> bool {
        self.is_v5() || !matches!(packet, PacketType::Auth)
    }

    /// A server may end a link with DISCONNECT.
    pub(crate) const fn server_may_disconnect(self) -> bool {
        self.is_v5()
    }
}
