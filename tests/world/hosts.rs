//! The hosts. Those of the documentation are in `shown`, word for word; the one here has what a world asks for beyond: durable memory after every call, payloads
//! in pieces both ways, output that somebody else writes. One turn each; the world says when.

use crate::memory::Memory;
use crate::shown::{self, Shown};
use crate::wire::Transport;
use pure_mqtt::{
    BytesBuffer, Connect, Connection, ConnectionError, Event, Instant, OpenError, Outcome, PayloadRequest, Received,
    RxBuffer, Storage,
};

pub use crate::shown::turn::Wire;

/// What the program does with what happens.
pub trait App<S: Storage> {
    fn event(&mut self, mqtt: &mut Connection<S>, now: Instant, event: Event<'_>);
    fn outcome(&mut self, outcome: Outcome);
    /// The link is over.
    fn fail(&mut self, error: ConnectionError);
    /// A part of a payload that the application keeps, at most so long.
    fn supply(&mut self, wanted: &PayloadRequest, most: usize) -> Vec<u8>;
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
    /// What the loop said when it wants to wake, if it said so; such a loop has sent already.
    pub until: Option<Option<Instant>>,
}

/// How bytes are read.
pub enum Reading {
    Fixed(Box<RxBuffer<LONGEST>>),
    Bytes(BytesBuffer),
    Shown(Shown),
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
            Self::Shown(_) => {} // it did so itself
        }
    }

    /// Opens a link.
    pub fn open<S: Storage>(
        &mut self,
        mqtt: &mut Connection<S>,
        now: Instant,
        connect: &Connect<'_>,
    ) -> Result<(), OpenError> {
        match self {
            Self::Shown(shown) => shown.open(mqtt, now, connect),
            _ => mqtt.open(now, connect),
        }
    }

    /// The link is gone.
    pub fn close<S: Memory>(&mut self, mqtt: &mut Connection<S>, now: Instant, app: &mut crate::app::App) {
        self.clear();
        match self {
            Self::Shown(shown) => shown.close(mqtt, now, app),
            _ => mqtt.handle_close(now),
        }
    }

    /// Whether more can be read.
    pub fn has_room(&mut self) -> bool {
        match self {
            Self::Fixed(rx) => !rx.room().is_empty(),
            Self::Bytes(rx) => rx.len() < MOST_WAITING,
            Self::Shown(shown) => shown.has_room(),
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

/// The first half of a turn of the main loop: what came, and what is due. The second is [`send`] and [`outcomes`]. A loop that is shown does both.
pub fn turn<S: Memory>(
    mqtt: &mut Connection<S>,
    reading: &mut Reading,
    wire: &mut Transport,
    app: &mut crate::app::App,
    now: Instant,
) -> Turn {
    let turn = match reading {
        Reading::Shown(shown) => return shown.turn(mqtt, wire, app, now),
        Reading::Fixed(rx) => take(mqtt, rx, wire, app, now),
        Reading::Bytes(rx) => take_bytes(mqtt, rx, wire, app, now),
    };
    if let Err(error) = mqtt.handle_timeout(now) {
        App::<S>::fail(app, error);
    }
    App::save(app, mqtt);
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

/// `Bytes`, nothing copied, as in the contract.
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
    let before = rx.len();
    turn.is_blocked = shown::shared::read(mqtt, rx, now, |mqtt, event, payload| {
        if let Event::Message(message) = &event {
            assert_eq!(payload.as_deref(), Some(message.payload));
        }
        app.event(mqtt, now, event);
        app.save(mqtt);
    });
    turn.progress = count + usize::from(rx.len() < before);
    if mqtt.close_reason() != ConnectionError::NotOpen {
        app.fail(mqtt.close_reason());
        rx.clear();
    }
    turn
}

/// Sends what the transport takes.
pub fn send<S: Storage>(mqtt: &mut Connection<S>, wire: &mut impl Wire, app: &mut impl App<S>, now: Instant) -> Turn {
    let mut turn = Turn::default();
    loop {
        let mut transmit = mqtt.transmit(now);
        let count = match transmit.payload_request() {
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
