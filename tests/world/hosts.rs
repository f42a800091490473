//! The hosts: the loops of the documentation, with a place for the application and one for durable memory. One turn each; the world says when.

use bytes::Bytes;
use pure_mqtt::{
    BytesBuffer, Connection, ConnectionError, Event, Instant, Outcome, Received, RxBuffer, Storage, Wanted,
};

/// A UART, a modem, a socket: reads and writes what it can without waiting.
pub trait Wire {
    fn read(&mut self, room: &mut [u8]) -> usize;
    fn write(&mut self, bytes: &[u8]) -> usize;
}

/// What the program does with what happens.
pub trait App<S: Storage> {
    fn event(&mut self, mqtt: &mut Connection<S>, now: Instant, event: Event<'_>);
    fn outcome(&mut self, outcome: Outcome);
    /// The link is over.
    fn fail(&mut self, error: ConnectionError);
    /// A part of a payload that the application keeps, at most so long.
    fn supply(&mut self, wanted: &Wanted, most: usize) -> Vec<u8>;
    /// After every call: what must be durable becomes it. Whether something did.
    fn save(&mut self, mqtt: &mut Connection<S>) -> bool;
}

/// How a turn ended.
#[derive(Clone, Copy, Default, Debug)]
pub struct Turn {
    /// A packet waits for room.
    pub is_blocked: bool,
    /// The transport is full, and output waits.
    pub is_full: bool,
    /// Packets and bytes that were moved, and outcomes.
    pub progress: usize,
}

/// How bytes are read.
pub enum Reading {
    Fixed(Box<RxBuffer<LONGEST>>),
    Bytes(BytesBuffer),
}

/// What the fixed buffer holds.
pub const LONGEST: usize = 512;
/// The other one reads no more once it holds so much.
const MOST_WAITING: usize = 4 * LONGEST;

impl Reading {
    pub fn clear(&mut self) {
        match self {
            Self::Fixed(rx) => rx.clear(),
            Self::Bytes(rx) => rx.clear(),
        }
    }

    /// Whether more can be read.
    pub fn has_room(&mut self) -> bool {
        match self {
            Self::Fixed(rx) => !rx.room().is_empty(),
            Self::Bytes(rx) => rx.len() < MOST_WAITING,
        }
    }
}

/// How bytes are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Writing {
    /// `advance` follows the write.
    AtOnce,
    /// The bytes are handed to somebody else, DMA say, and `advance` comes when that is done.
    Later,
}

/// The first half of a turn of the main loop: what came, and what is due. The second is [`send`] and [`outcomes`].
pub fn turn<S: Storage>(
    mqtt: &mut Connection<S>,
    reading: &mut Reading,
    wire: &mut impl Wire,
    app: &mut impl App<S>,
    now: Instant,
) -> Turn {
    let turn = match reading {
        Reading::Fixed(rx) => take(mqtt, rx, wire, app, now),
        Reading::Bytes(rx) => take_bytes(mqtt, rx, wire, app, now),
    };
    if let Err(error) = mqtt.handle_timeout(now) {
        app.fail(error);
    }
    app.save(mqtt);
    turn
}

/// The ends of commands that no packet caused.
pub fn outcomes<S: Storage>(mqtt: &mut Connection<S>, app: &mut impl App<S>) -> usize {
    let mut count = 0;
    app.save(mqtt);
    while let Some(outcome) = mqtt.poll_outcome() {
        app.outcome(outcome);
        count += 1;
    }
    app.save(mqtt);
    count
}

/// A fixed buffer, as in the contract.
fn take<S: Storage>(
    mqtt: &mut Connection<S>,
    rx: &mut RxBuffer<LONGEST>,
    wire: &mut impl Wire,
    app: &mut impl App<S>,
    now: Instant,
) -> Turn {
    let streams = mqtt.limits().stream_max > 0;
    let mut turn = Turn::default();
    let room = rx.room();
    if !room.is_empty() {
        let count = wire.read(room);
        rx.filled(count);
        turn.progress += count;
    }
    loop {
        let received = match streams {
            true => mqtt.handle_input_streaming(now, rx.bytes()),
            false => mqtt.handle_input(now, rx.bytes()),
        };
        match received {
            Ok(Received::Packet { consumed, event }) => {
                if let Some(event) = event {
                    app.event(mqtt, now, event);
                }
                rx.consume(consumed);
                turn.progress += 1;
                app.save(mqtt);
            }
            Ok(Received::Partial { needed }) => {
                assert!(needed > 0, "a partial packet needs something");
                break;
            }
            Ok(Received::Blocked) => {
                turn.is_blocked = true;
                break;
            }
            Err(error) => {
                app.fail(error);
                rx.clear();
                break;
            }
        }
    }
    turn
}

/// `Bytes`, nothing copied.
fn take_bytes<S: Storage>(
    mqtt: &mut Connection<S>,
    rx: &mut BytesBuffer,
    wire: &mut impl Wire,
    app: &mut impl App<S>,
    now: Instant,
) -> Turn {
    let mut turn = Turn::default();
    let mut piece = [0; LONGEST];
    let has_room = rx.len() < MOST_WAITING;
    let count = if has_room { wire.read(&mut piece) } else { 0 };
    rx.extend(&piece[..count]);
    turn.progress += count;
    while let Some(packets) = rx.whole_packets() {
        let mut rest: &[u8] = &packets;
        while !rest.is_empty() {
            match mqtt.handle_input(now, rest) {
                Ok(Received::Packet { consumed, event }) => {
                    if let Some(Event::Message(message)) = &event {
                        let shared: Bytes = packets.slice_ref(message.payload);
                        assert_eq!(shared, message.payload);
                    }
                    if let Some(event) = event {
                        app.event(mqtt, now, event);
                    }
                    rest = &rest[consumed..];
                    turn.progress += 1;
                    app.save(mqtt);
                }
                Ok(received) => {
                    turn.is_blocked = received == Received::Blocked;
                    rx.give_back(packets.slice_ref(rest));
                    return turn;
                }
                Err(error) => {
                    app.fail(error);
                    rx.clear();
                    return turn;
                }
            }
        }
    }
    turn
}

/// Sends what the transport takes.
pub fn send<S: Storage>(mqtt: &mut Connection<S>, wire: &mut impl Wire, app: &mut impl App<S>, now: Instant) -> Turn {
    let mut turn = Turn::default();
    loop {
        let mut transmit = mqtt.transmit(now);
        let count = match transmit.wanted() {
            Some(wanted) => match wire.write(&app.supply(&wanted, LONGEST)) {
                0 => Err(()),
                count => Ok(count),
            },
            None if transmit.chunk().is_empty() => match app.save(mqtt) {
                true => continue, // what waited for a record
                false => break,
            },
            None => match wire.write(transmit.chunk()) {
                0 => Err(()),
                count => Ok(count),
            },
        };
        let Ok(count) = count else {
            turn.is_full = true;
            break;
        };
        transmit.advance(count);
        turn.progress += count;
        app.save(mqtt);
    }
    turn
}
