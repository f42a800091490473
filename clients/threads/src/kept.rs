//! Packets stored for later, encoded as in 5.0 with their properties, so that nothing is borrowed.

use pure_mqtt::Version;
use pure_mqtt::wire::{Decoded, EncodeError, Packet, Rules};

/// An encoded packet.
#[derive(Clone, Debug)]
pub(crate) struct Kept(Vec<u8>);

impl Kept {
    /// Encodes `packet`.
    ///
    /// # Errors
    /// A field cannot be encoded.
    pub(crate) fn new(packet: &Packet<'_>) -> Result<Self, EncodeError> {
        let needed = match packet.encode(Version::V5, &mut []) {
            Err(EncodeError::NoRoom { needed }) => needed,
            other => other?,
        };
        let mut bytes = vec![0; needed];
        packet.encode(Version::V5, &mut bytes)?;
        Ok(Self(bytes))
    }

    /// Decodes the packet; `None` if the standard does not allow it.
    pub(crate) fn packet(&self) -> Option<Packet<'_>> {
        match Packet::decode(&self.0, Rules::new(Version::V5)) {
            Ok(Decoded::Packet { packet, .. }) => Some(packet),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use pure_mqtt::{Connect, Disconnect, Property, ReasonCode};

    use super::*;

    #[test]
    fn a_packet_comes_back_with_its_properties() {
        let properties = [Property::SessionExpiryInterval(7), Property::UserProperty(("a", "b"))];
        let connect = Connect::new(Version::V5, "me").properties(&properties).user_name("u").password(b"p");
        let kept = Kept::new(&Packet::Connect(connect)).unwrap();
        assert_eq!(kept.packet(), Some(Packet::Connect(connect)));
    }

    #[test]
    fn what_the_standard_forbids_does_not_come_back() {
        let illegal = [Property::ServerKeepAlive(1)];
        let kept = Kept::new(&Packet::Disconnect(Disconnect::new(ReasonCode::SUCCESS).properties(&illegal))).unwrap();
        assert_eq!(kept.packet(), None);
        let long = "x".repeat(70_000);
        assert_eq!(Kept::new(&Packet::Connect(Connect::new(Version::V5, &long))).err(), Some(EncodeError::TooLong));
    }
}
