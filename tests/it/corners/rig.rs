//! A connection whose server is the test itself, byte by byte.

use pure_mqtt::{
    Connect, Connection, ConnectionError, Event, Instant, Limits, PendingAck, Property, Received, Storage, Version,
};

pub const NOW: Instant = Instant::from_millis(5_000);

/// Connected, with nothing under way; in 5.0 the server names `properties`.
pub fn up_with<S: Storage>(storage: S, limits: Limits, version: Version, properties: &[u8]) -> Connection<S> {
    let mut client = Connection::new(storage, limits);
    reopen(&mut client, version, false, properties);
    client
}

pub fn up<S: Storage>(storage: S, limits: Limits, version: Version) -> Connection<S> {
    up_with(storage, limits, version, &[])
}

/// Opens a link; the server answers with this Session Present.
pub fn reopen<S: Storage>(client: &mut Connection<S>, version: Version, present: bool, properties: &[u8]) {
    let for_ever = [Property::SessionExpiryInterval(u32::MAX)];
    let connect = Connect::new(version, "c").clean_start(false);
    client.open(NOW, &if version == Version::V5 { connect.properties(&for_ever[..]) } else { connect }).unwrap();
    assert!(!sent(client).is_empty());
    let mut connack = vec![0x20, 2, u8::from(present), 0];
    if version == Version::V5 {
        connack[1] = 3 + properties.len() as u8;
        connack.push(properties.len() as u8);
        connack.extend(properties);
    }
    assert!(matches!(taken(client, &connack), Ok(Some(Event::ConnAck(_)))));
}

/// All bytes that wait.
pub fn sent<S: Storage>(client: &mut Connection<S>) -> Vec<u8> {
    take(client, usize::MAX)
}

/// So many of the bytes that wait.
pub fn take<S: Storage>(client: &mut Connection<S>, mut count: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut transmit = client.transmit(NOW);
    while count > 0 && !transmit.chunk().is_empty() {
        let piece = transmit.chunk().len().min(count);
        bytes.extend(&transmit.chunk()[..piece]);
        transmit.advance(piece);
        count -= piece;
    }
    bytes
}

/// One packet from the server, which is taken.
pub fn taken<'i, S: Storage>(
    client: &mut Connection<S>,
    packet: &'i [u8],
) -> Result<Option<Event<'i>>, ConnectionError> {
    match client.handle_input(NOW, packet)? {
        Received::Packet { consumed, event } => {
            assert_eq!(consumed, packet.len());
            Ok(event)
        }
        other => panic!("{other:?}"),
    }
}

/// One packet from the server, which can't be taken now.
pub fn is_blocked<S: Storage>(client: &mut Connection<S>, packet: &[u8]) -> bool {
    matches!(client.handle_input(NOW, packet), Ok(Received::Blocked))
}

/// PUBLISH from the server to the topic "t", without payload.
pub fn message(version: Version, qos: u8, id: u8) -> Vec<u8> {
    let mut packet = vec![0x30 | qos << 1, 5, 0, 1, b't', 0, id];
    if version == Version::V5 {
        packet.push(0);
        packet[1] = 6;
    }
    packet
}

/// A message that is new, with its handle.
pub fn delivered<S: Storage>(client: &mut Connection<S>, packet: &[u8]) -> PendingAck {
    match taken(client, packet) {
        Ok(Some(Event::Message(message))) => message.ack.unwrap(),
        other => panic!("{other:?}"),
    }
}
