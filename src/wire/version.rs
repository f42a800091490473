//! Every difference between MQTT 3.1, 3.1.1 and 5.0 that the codec and the engine use, as functions of [`Version`].

use crate::types::Version;
use crate::wire::PacketType;

impl Version {
    /// Whether a version with properties is compiled in.
    pub(crate) const KNOWS_PROPERTIES: bool = cfg!(feature = "v5");

    /// Whether versions with properties and versions without are compiled in.
    pub(crate) const KNOWS_BOTH_KINDS: bool = cfg!(feature = "v3") && cfg!(feature = "v5");

    /// All versions, oldest first.
    pub const ALL: [Self; 3] = [Self::V31, Self::V311, Self::V5];

    /// Returns the protocol name for CONNECT `[MQTT-3.1.2-1]`.
    pub const fn protocol_name(self) -> &'static str {
        match self {
            Self::V31 => "MQIsdp",
            Self::V311 | Self::V5 => "MQTT",
        }
    }

    /// Returns the protocol level for CONNECT: 3, 4 or 5 `[MQTT-3.1.2-2]`.
    pub const fn level(self) -> u8 {
        match self {
            Self::V31 => 3,
            Self::V311 => 4,
            Self::V5 => 5,
        }
    }

    /// Returns the version with this protocol name and level (without the bridge bit).
    pub(crate) fn from_protocol(name: &str, level: u8) -> Option<Self> {
        let is_it =
            |version: &Self| version.level() == level && version.protocol_name() == name && version.is_supported();
        Self::ALL.into_iter().find(is_it)
    }

    /// Returns whether the version is compiled in: 5.0 by the feature `v5`, the others by `v3`.
    pub const fn is_supported(self) -> bool {
        match self {
            Self::V31 | Self::V311 => cfg!(feature = "v3"),
            Self::V5 => cfg!(feature = "v5"),
        }
    }

    /// Returns the version whose encoding is used for packets of this one.
    pub(crate) const fn as_encoded(self) -> Self {
        match self {
            Self::V31 | Self::V311 if !Self::KNOWS_BOTH_KINDS && Self::KNOWS_PROPERTIES => Self::V5,
            Self::V5 if !Self::KNOWS_PROPERTIES => Self::V311,
            _ => self,
        }
    }

    /// Returns whether 5.0 encoding applies. If only one of `v3` and `v5` is compiled in, this is a constant, and the
    /// compiler leaves out the other encoding.
    const fn is_v5(self) -> bool {
        cfg!(feature = "v5") && (!cfg!(feature = "v3") || matches!(self, Self::V5))
    }

    const fn is_v31(self) -> bool {
        cfg!(feature = "v3") && matches!(self, Self::V31)
    }

    /// Returns whether packets have properties, acknowledgements have reason codes, and a server may send DISCONNECT.
    pub(crate) const fn has_properties(self) -> bool {
        self.is_v5()
    }

    /// Returns whether an over-long length encoding is malformed `[MQTT-1.5.5-1]`; earlier versions do not mention it.
    pub(crate) const fn demands_minimal_lengths(self) -> bool {
        self.is_v5()
    }

    /// Returns whether a password is allowed without a user name (§3.1.2.9); 3.1.1 forbids it `[3.1.1: MQTT-3.1.2-22]`.
    pub(crate) const fn allows_password_alone(self) -> bool {
        self.is_v5()
    }

    /// Returns whether CONNACK reports if the server holds a session; in 3.1 that byte is reserved and ignored.
    pub(crate) const fn has_session_present(self) -> bool {
        !self.is_v31()
    }

    /// Returns whether a zero-length client identifier is allowed at all; 3.1 requires 1 to 23 characters.
    pub(crate) const fn allows_empty_client_id(self) -> bool {
        !self.is_v31()
    }

    /// Returns whether a zero-length client identifier is allowed only with a clean session `[3.1.1: MQTT-3.1.3-7]`.
    pub(crate) const fn empty_client_id_needs_clean(self) -> bool {
        !self.is_v5()
    }

    /// Returns the longest client identifier in characters.
    pub(crate) const fn max_client_id_chars(self) -> usize {
        if self.is_v31() { 23 } else { 65_535 }
    }

    /// Returns whether the top bit of the protocol level may mark the client as a bridge (a common extension of 3.1 and
    /// 3.1.1).
    pub(crate) const fn has_bridge_bit(self) -> bool {
        !self.is_v5()
    }

    /// Returns whether CONNECT announces the client's Receive Maximum, so that a server which exceeds it is at fault.
    pub(crate) const fn announces_receive_maximum(self) -> bool {
        self.is_v5()
    }

    /// Returns whether unacknowledged packets may be sent again on the same link; `[MQTT-4.4.0-1]` forbids it for 5.0.
    pub(crate) const fn allows_timed_retry(self) -> bool {
        !self.is_v5()
    }

    /// Returns whether a clean session ends with its link `[3.1.1: MQTT-3.1.2-6]`; in 5.0 the Session Expiry Interval
    /// decides.
    pub(crate) const fn clean_session_ends_with_link(self) -> bool {
        !self.is_v5()
    }

    /// Returns whether this packet may have the DUP bit: 3.1 also allows it in packets for which 3.1.1 reserves it.
    pub(crate) const fn allows_dup(self, packet: PacketType) -> bool {
        self.is_v31() && packet.has_reserved_flags()
    }

    /// Returns whether the packet type exists in this version.
    pub(crate) const fn has_packet(self, packet: PacketType) -> bool {
        self.is_v5() || !matches!(packet, PacketType::Auth)
    }

    /// Returns whether a server may end a link with DISCONNECT.
    pub(crate) const fn server_may_disconnect(self) -> bool {
        self.is_v5()
    }
}
