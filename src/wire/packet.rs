//! Packets of any type, decoded and encoded.

use crate::types::Version;
use crate::wire::{
    Acknowledgement, Auth, ConnAck, Connect, DecodeError, Disconnect, EncodeError, Header, HeaderStep, PacketType,
    Publish, Reader, Reply, Rules, Seen, SubAck, Subscribe, UnsubAck, Unsubscribe, Writer,
};

/// A control packet (§2.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Packet<'a> {
    /// CONNECT.
    Connect(Connect<'a>),
    /// CONNACK.
    ConnAck(ConnAck<'a>),
    /// PUBLISH.
    Publish(Publish<'a>),
    /// PUBACK.
    PubAck(Acknowledgement<'a>),
    /// PUBREC.
    PubRec(Acknowledgement<'a>),
    /// PUBREL.
    PubRel(Acknowledgement<'a>),
    /// PUBCOMP.
    PubComp(Acknowledgement<'a>),
    /// SUBSCRIBE.
    Subscribe(Subscribe<'a>),
    /// SUBACK.
    SubAck(SubAck<'a>),
    /// UNSUBSCRIBE.
    Unsubscribe(Unsubscribe<'a>),
    /// UNSUBACK.
    UnsubAck(UnsubAck<'a>),
    /// PINGREQ.
    PingReq,
    /// PINGRESP.
    PingResp,
    /// DISCONNECT.
    Disconnect(Disconnect<'a>),
    /// AUTH.
    Auth(Auth<'a>),
}

/// What [`Packet::decode`] returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Decoded<'a> {
    /// A whole packet.
    Packet {
        /// The packet; it borrows the input.
        packet: Packet<'a>,
        /// The length of the packet in bytes.
        length: usize,
    },
    /// The input ends inside a packet.
    Partial {
        /// At least this many more bytes are needed.
        needed: usize,
    },
}

impl<'a> Packet<'a> {
    /// Decodes the packet at the start of `input`. CONNECT is decoded for the version that it contains.
    ///
    /// # Errors
    /// [`DecodeError`] as soon as the bytes cannot become a packet that the standard allows.
    pub fn decode(input: &'a [u8], rules: Rules) -> Result<Decoded<'a>, DecodeError> {
        let header = match Header::decode(input, rules)? {
            HeaderStep::Partial(needed) => return Ok(Decoded::Partial { needed }),
            HeaderStep::Header(header) => header,
        };
        let Some(body) = header.body(input) else {
            return Ok(Decoded::Partial { needed: header.packet_length() - input.len() });
        };
        let mut body = Reader::new(body, rules);
        let packet = Self::decode_body(header, &mut body);
        body.finish()?;
        Ok(Decoded::Packet { packet, length: header.packet_length() })
    }

    fn decode_body(header: Header, body: &mut Reader<'a>) -> Self {
        let packet_type = header.packet_type;
        match packet_type {
            PacketType::Connect => Self::Connect(Connect::decode(body)),
            PacketType::ConnAck => Self::ConnAck(ConnAck::decode(body, &mut Seen::default())),
            PacketType::Publish => Self::Publish(Publish::decode(header.flags, body).into()),
            PacketType::Subscribe => Self::Subscribe(Subscribe::decode(packet_type, body)),
            PacketType::Unsubscribe => Self::Unsubscribe(Unsubscribe::decode(packet_type, body)),
            PacketType::PingReq => Self::PingReq,
            PacketType::PingResp => Self::PingResp,
            _ => Self::decode_reply(packet_type, body),
        }
    }

    fn decode_reply(packet_type: PacketType, body: &mut Reader<'a>) -> Self {
        let reply = Reply::decode(packet_type, body);
        match packet_type {
            PacketType::PubAck => Self::PubAck(reply.into()),
            PacketType::PubRec => Self::PubRec(reply.into()),
            PacketType::PubRel => Self::PubRel(reply.into()),
            PacketType::PubComp => Self::PubComp(reply.into()),
            PacketType::SubAck => Self::SubAck(reply.into()),
            PacketType::UnsubAck => Self::UnsubAck(reply.into()),
            PacketType::Auth => Self::Auth(reply.into()),
            _ => Self::Disconnect(reply.into()),
        }
    }

    /// Encodes the packet into the start of `buffer` and returns its length. The combination of fields is not checked
    /// (§3): a QoS 1 message without an identifier, for example, is written as it is, and no peer can read it.
    ///
    /// # Errors
    /// [`EncodeError::NoRoom`] if `buffer` is too short, with the length that is needed; [`EncodeError::TooLong`] if a
    /// field or the packet is longer than MQTT can express.
    pub fn encode(&self, version: Version, buffer: &mut [u8]) -> Result<usize, EncodeError> {
        let mut writer = Writer::new(buffer);
        writer.u8(self.first_byte());
        let payload = if let Self::Publish(publish) = self { publish.payload.len() } else { 0 };
        let block = writer.begin(payload);
        self.encode_body(version, &mut writer);
        writer.end(block);
        writer.finish()
    }

    /// Returns the packet type.
    pub const fn packet_type(&self) -> PacketType {
        match self {
            Self::Connect(_) => PacketType::Connect,
            Self::ConnAck(_) => PacketType::ConnAck,
            Self::Publish(_) => PacketType::Publish,
            Self::PubAck(_) => PacketType::PubAck,
            Self::PubRec(_) => PacketType::PubRec,
            Self::PubRel(_) => PacketType::PubRel,
            Self::PubComp(_) => PacketType::PubComp,
            Self::Subscribe(_) => PacketType::Subscribe,
            Self::SubAck(_) => PacketType::SubAck,
            Self::Unsubscribe(_) => PacketType::Unsubscribe,
            Self::UnsubAck(_) => PacketType::UnsubAck,
            Self::PingReq => PacketType::PingReq,
            Self::PingResp => PacketType::PingResp,
            Self::Disconnect(_) => PacketType::Disconnect,
            Self::Auth(_) => PacketType::Auth,
        }
    }

    fn first_byte(&self) -> u8 {
        match self {
            Self::Publish(publish) => publish.first_byte(),
            other => other.packet_type().first_byte(),
        }
    }

    fn encode_body(&self, version: Version, writer: &mut Writer<'_>) {
        match self {
            Self::Connect(connect) => connect.encode_with(|_| {}, writer),
            Self::ConnAck(connack) => connack.encode(version, writer),
            Self::Publish(publish) => publish.encode(version, writer),
            Self::PubAck(ack) | Self::PubRec(ack) | Self::PubRel(ack) | Self::PubComp(ack) => {
                ack.encode(version, writer);
            }
            Self::Subscribe(request) => request.encode(version, writer),
            Self::SubAck(suback) => suback.encode(version, writer),
            Self::Unsubscribe(request) => request.encode(version, writer),
            Self::UnsubAck(unsuback) => unsuback.encode(version, writer),
            Self::PingReq | Self::PingResp => {}
            Self::Disconnect(disconnect) => disconnect.encode(version, writer),
            Self::Auth(auth) => auth.encode(version, writer),
        }
    }
}
