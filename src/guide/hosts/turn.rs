use pure_mqtt::{Connection, Event, Instant, Outcome, Received, RxBuffer, Storage};

/// A UART, a modem or a socket: reads and writes what it can without waiting.
pub trait Wire {
    fn read(&mut self, room: &mut [u8]) -> usize;
    fn write(&mut self, bytes: &[u8]) -> usize;
}

/// The program's handlers.
pub trait App<S: Storage> {
    fn event(&mut self, mqtt: &mut Connection<S>, now: Instant, event: Event<'_>);
    fn outcome(&mut self, outcome: Outcome);
}

/// What the main loop does after a turn.
pub enum Next {
    /// Take another turn at once.
    Again,
    /// Sleep until bytes arrive, or the wire can take pending output, or this deadline has passed.
    Sleep(Option<Instant>),
    /// Close the wire, call `handle_close`, and clear the buffer.
    Close,
}

/// One turn of the main loop.
pub fn turn<S: Storage, const N: usize>(
    mqtt: &mut Connection<S>,
    rx: &mut RxBuffer<N>,
    wire: &mut impl Wire,
    app: &mut impl App<S>,
    now: Instant,
) -> Next {
    let count = wire.read(rx.room()); // no room after `Blocked`: 0 does not mean that the wire is closed
    rx.filled(count);
    let is_blocked = loop {
        match mqtt.handle_input(now, rx.bytes()) {
            Ok(Received::Packet { consumed, event }) => {
                if let Some(event) = event {
                    app.event(mqtt, now, event);
                }
                rx.consume(consumed);
            }
            Ok(Received::Partial { .. }) => break false,
            Ok(Received::Blocked) => break true, // a later turn offers the packet again
            Err(_) => break false,               // `should_close` says the rest
        }
    };
    let _ = mqtt.handle_timeout(now); // likewise
    while let Some(outcome) = mqtt.poll_outcome() {
        app.outcome(outcome);
    }
    let mut transmit = mqtt.transmit(now);
    let mut has_sent = false;
    while !transmit.chunk().is_empty() {
        match wire.write(transmit.chunk()) {
            0 => break, // full: a later turn sends the rest
            count => transmit.advance(count),
        }
        has_sent = true;
    }
    if mqtt.should_close() {
        Next::Close
    } else if count > 0 || is_blocked && has_sent {
        Next::Again // more may have come; what was sent has made room
    } else {
        Next::Sleep(mqtt.poll_timeout())
    }
}
