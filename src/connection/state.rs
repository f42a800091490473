//! The states of a link, and which packet a server may send in which.

use crate::types::Version;
use crate::wire::PacketType;

/// The state of a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum State {
    /// No link is open. Commands are queued.
    #[default]
    Closed,
    /// CONNECT is to be sent or was sent, and CONNACK has not arrived. Commands are queued.
    Connecting,
    /// The server accepted the link.
    Connected,
    /// The link has ended: send what `transmit` still shows until `should_close` is true, close the transport, call
    /// `handle_close`.
    Closing,
}

/// The packets that a server may send: whether before CONNACK, and whether after. Only clients send the others
/// (§2.1.2).
const LEGAL: [(PacketType, bool, bool); 11] = [
    (PacketType::ConnAck, true, false), // [MQTT-3.2.0-1] [MQTT-3.2.0-2]
    (PacketType::Publish, false, true),
    (PacketType::PubAck, false, true),
    (PacketType::PubRec, false, true),
    (PacketType::PubRel, false, true),
    (PacketType::PubComp, false, true),
    (PacketType::SubAck, false, true),
    (PacketType::UnsubAck, false, true),
    (PacketType::PingResp, false, true),
    (PacketType::Disconnect, true, true), // before CONNACK too: it ends the link anyway, and has the reason [MQTT-3.14.0-1]
    (PacketType::Auth, true, true),
];

/// The sets of packets that may arrive before CONNACK, and after.
const BEFORE_AND_AFTER: (u16, u16) = {
    let (mut before, mut after, mut rows) = (0, 0, LEGAL.as_slice());
    while let [(packet, is_before, is_after), rest @ ..] = rows {
        before |= packet.bit() * *is_before as u16;
        after |= packet.bit() * *is_after as u16;
        rows = rest;
    }
    (before, after)
};

/// Returns whether a server may send a packet of this type now.
pub(super) fn may_send(state: State, packet: PacketType, version: Version) -> bool {
    let (before, after) = BEFORE_AND_AFTER;
    let legal = if state == State::Connected { after } else { before };
    legal & packet.bit() != 0 && (packet != PacketType::Disconnect || version.server_may_disconnect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_connack_auth_and_disconnect_come_first() {
        for packet in PacketType::ALL {
            let first = matches!(packet, PacketType::ConnAck | PacketType::Auth | PacketType::Disconnect);
            assert_eq!(may_send(State::Connecting, packet, Version::V5), first, "{packet:?}");
        }
    }

    #[test]
    fn what_clients_send_never_comes_from_a_server() {
        for packet in [
            PacketType::Connect,
            PacketType::Subscribe,
            PacketType::Unsubscribe,
            PacketType::PingReq,
            PacketType::ConnAck,
        ] {
            assert!(!may_send(State::Connected, packet, Version::V5), "{packet:?}");
        }
        assert!(!may_send(State::Connected, PacketType::Disconnect, Version::V311));
        assert!(may_send(State::Connected, PacketType::Disconnect, Version::V5));
    }
}
