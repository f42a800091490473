use pure_mqtt::{Connection, Event, Instant, Received, Storage};

/// Handles what was read, and passes each event to `app`. Returns how many bytes were consumed, and whether the rest is
/// blocked.
pub fn take<S: Storage>(
    mqtt: &mut Connection<S>,
    now: Instant,
    input: &[u8],
    mut app: impl FnMut(&mut Connection<S>, Event<'_>),
) -> (usize, bool) {
    let mut done = 0;
    loop {
        match mqtt.handle_input(now, &input[done..]) {
            Ok(Received::Packet { consumed, event }) => {
                done += consumed;
                if let Some(event) = event {
                    app(mqtt, event); // it may publish, acknowledge, disconnect
                }
            }
            Ok(Received::Partial { .. }) => return (done, false),
            Ok(Received::Blocked) => return (done, true), // send, then offer it again
            Err(_) => return (input.len(), false),        // `should_close` says the rest
        }
    }
}
