use pure_mqtt::{Connect, Connection, Event, Fixed, Instant, Limits, OpenError, Outcome, Received, RxBuffer};
use pure_mqtt::{Storage, Version};

/// What the program supplies: a transport, a clock, and event handlers.
pub trait World<S: Storage> {
    fn now(&self) -> Instant;
    /// Connects, after a delay if the last link was short. Returns false to stop.
    fn dial(&mut self) -> bool;
    /// Waits for bytes or for what `wait` contains, and reads. Returns `None` if the link is lost.
    fn read(&mut self, room: &mut [u8], wait: Wait) -> Option<usize>;
    /// Writes what the transport takes at once; returns 0 if it is full, `None` if the link is lost.
    fn write(&mut self, bytes: &[u8]) -> Option<usize>;
    /// Handles an event. It may publish, subscribe, and so on.
    fn event(&mut self, mqtt: &mut Connection<S>, event: Event<'_>);
    /// Handles the final result of a command that no packet caused.
    fn outcome(&mut self, outcome: Outcome);
}

/// What ends a wait, in addition to bytes from the server.
pub struct Wait {
    /// The deadline, if there is one.
    pub until: Option<Instant>,
    /// Whether output is pending, so that room in the transport ends the wait too.
    pub for_room: bool,
}

/// The outer loop: one link after the other. `mqtt` keeps the session.
pub fn run<S: Storage>(
    mqtt: &mut Connection<S>,
    world: &mut impl World<S>,
    connect: &Connect<'_>,
) -> Result<(), OpenError> {
    let mut rx = RxBuffer::new();
    while world.dial() {
        mqtt.open(world.now(), connect)?;
        while let Some(wait) = turn(mqtt, &mut rx, world) {
            match world.read(rx.room(), wait) {
                Some(count) => rx.filled(count),
                None => break,
            }
        }
        mqtt.handle_close(world.now());
        rx.clear(); // a partial packet of the old link
    }
    Ok(())
}

/// One turn of the inner loop: handles input, deadlines and outcomes, and sends.
/// Returns what to wait for; `None` once the link is over.
pub fn turn<S: Storage>(mqtt: &mut Connection<S>, rx: &mut RxBuffer<512>, world: &mut impl World<S>) -> Option<Wait> {
    let is_blocked = loop {
        match mqtt.handle_input(world.now(), rx.bytes()) {
            Ok(Received::Packet { consumed, event }) => {
                if let Some(event) = event {
                    world.event(mqtt, event);
                }
                rx.consume(consumed);
            }
            other => break other == Ok(Received::Blocked),
        }
    };
    let _ = mqtt.handle_timeout(world.now()); // after an error `should_close` is true
    while let Some(outcome) = mqtt.poll_outcome() {
        world.outcome(outcome);
    }
    let mut transmit = mqtt.transmit(world.now());
    let (mut has_sent, mut is_full) = (false, false);
    while !transmit.chunk().is_empty() && !is_full {
        let count = world.write(transmit.chunk())?;
        transmit.advance(count);
        has_sent |= count > 0;
        is_full = count == 0;
    }
    if mqtt.should_close() {
        return None;
    }
    // After `Blocked` the packet is in the buffer already, and sending has made room: do not wait.
    let until = if is_blocked && has_sent { Some(world.now()) } else { mqtt.poll_timeout() };
    Some(Wait { until, for_room: is_full })
}

/// A small device: all its memory is in `mqtt` and `rx`, without an allocator.
pub fn sensor(world: &mut impl World<Fixed<1024, 8, 8>>) -> Result<(), OpenError> {
    let limits = Limits { inline_max: 512, ..Limits::DEFAULT }; // the length of `rx`
    let mut mqtt = Connection::new(Fixed::new(), limits);
    run(&mut mqtt, world, &Connect::new(Version::V311, "sensor-1").clean_start(false))
}
