use bytes::Bytes;
use pure_mqtt::{BytesBuffer, Connection, Event, Instant, Received, Storage};

/// Passes on every event, and with a message its payload as `Bytes` in the memory that was read into. Returns true if a
/// packet is blocked: drain `transmit`, then call this again at once.
pub fn read<S: Storage>(
    mqtt: &mut Connection<S>,
    rx: &mut BytesBuffer,
    now: Instant,
    mut app: impl FnMut(&mut Connection<S>, Event<'_>, Option<Bytes>),
) -> bool {
    while let Some(packets) = rx.whole_packets() {
        let mut rest = &packets[..];
        while !rest.is_empty() {
            match mqtt.handle_input(now, rest) {
                Ok(Received::Packet { consumed, event }) => {
                    let payload = match &event {
                        Some(Event::Message(message)) => Some(packets.slice_ref(message.payload)),
                        _ => None,
                    };
                    if let Some(event) = event {
                        app(mqtt, event, payload);
                    }
                    rest = &rest[consumed..];
                }
                Ok(received) => {
                    rx.give_back(packets.slice_ref(rest));
                    return received == Received::Blocked;
                }
                Err(_) => return false, // `should_close` is true
            }
        }
    }
    false
}
