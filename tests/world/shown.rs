//! The loops of the documentation, word for word, as hosts of the world: the pages include the same files. Each obeys what its loop says: it wakes when the loop
//! wants to wake, and no earlier unless something comes.

#[path = "../../src/guide/hosts/client.rs"]
#[allow(dead_code, reason = "the world opens and closes links itself")]
mod client;
#[path = "../../src/guide/hosts/host.rs"]
#[allow(dead_code, clippy::new_without_default, reason = "the world drives links itself")]
mod host;
#[path = "../../src/guide/hosts/shared.rs"]
pub mod shared;
#[path = "../../src/guide/hosts/take.rs"]
mod take;
#[path = "../../src/guide/hosts/turn.rs"]
pub mod turn;

use crate::app::App;
use crate::hosts::{self, LONGEST, Turn};
use crate::life::World;
use crate::memory::Memory;
use crate::wire::Transport;
use pure_mqtt::{
    BytesBuffer, Connect, Connection, ConnectionError, Event, Instant, OpenError, Outcome, RxBuffer, Storage,
};
use std::io;
use turn::Wire;

/// A host that is shown, and its buffer.
pub enum Shown {
    /// On the first page.
    Client(Box<RxBuffer<512>>),
    /// In the contract, with a fixed buffer.
    Turn(Box<RxBuffer<LONGEST>>),
    /// In the contract, with `Bytes`.
    Shared(BytesBuffer),
    /// In the guide: what all hosts share.
    Take(Vec<u8>),
    /// In the guide: a complete host.
    Host(Box<host::Host>),
}

impl Shown {
    /// One of them, drawn by the seed.
    pub fn draw(seed: u64, inline_max: u32) -> Self {
        match seed % 5 {
            0 => Self::Client(Box::default()),
            1 => Self::Turn(Box::default()),
            2 => Self::Shared(BytesBuffer::new(inline_max)),
            3 => Self::Take(Vec::new()),
            _ => Self::Host(Box::new(host::Host::new())),
        }
    }

    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Client(rx) => rx.bytes(),
            Self::Turn(rx) => rx.bytes(),
            Self::Shared(rx) => rx,
            Self::Take(rx) => rx,
            Self::Host(host) => host.rx.bytes(),
        }
    }

    /// Whether more can be read.
    pub fn has_room(&mut self) -> bool {
        match self {
            Self::Client(rx) => !rx.room().is_empty(),
            Self::Turn(rx) => !rx.room().is_empty(),
            Self::Shared(_) | Self::Take(_) => self.bytes().len() < 4 * LONGEST,
            Self::Host(host) => !host.rx.room().is_empty(),
        }
    }

    /// Whether a clean start is its own affair.
    pub const fn starts_clean(&self) -> bool {
        matches!(self, Self::Host(_))
    }

    pub fn open<S: Storage>(
        &mut self,
        mqtt: &mut Connection<S>,
        now: Instant,
        connect: &Connect<'_>,
    ) -> Result<(), OpenError> {
        match self {
            Self::Host(host) => host.open(mqtt, now, connect),
            _ => mqtt.open(now, connect),
        }
    }

    pub fn close<S: Memory>(&mut self, mqtt: &mut Connection<S>, now: Instant, app: &mut App) {
        match self {
            Self::Host(host) => {
                let pause = host.close(mqtt, now, &mut Bench::new(None, app, now));
                assert!((500..=120_000).contains(&pause), "a pause of {pause} ms");
            }
            _ => mqtt.handle_close(now),
        }
        match self {
            Self::Client(rx) => rx.clear(),
            Self::Turn(rx) => rx.clear(),
            Self::Shared(rx) => rx.clear(),
            Self::Take(rx) => rx.clear(),
            Self::Host(_) => {}
        }
    }

    /// One turn: reads, takes, sends.
    pub fn turn<S: Memory>(
        &mut self,
        mqtt: &mut Connection<S>,
        transport: &mut Transport,
        app: &mut App,
        now: Instant,
    ) -> Turn {
        let before = (self.bytes().len(), transport.read, transport.written);
        let mut bench = Bench::new(Some(transport), app, now);
        let until = match self {
            Self::Client(rx) => {
                let count = bench.read(rx.room());
                rx.filled(count);
                client::turn(mqtt, rx, &mut bench).and_then(|wait| {
                    bench.is_full = wait.for_room;
                    wait.until
                })
            }
            Self::Turn(rx) => {
                // One for reading and writing, one for events.
                let Bench { transport: Some(wire), app, .. } = bench else { return Turn::default() };
                let mut events = Bench::new(None, app, now);
                let next = turn::turn(mqtt, rx, wire, &mut events, now);
                let count = events.count;
                bench = Bench::new(Some(wire), events.app, now);
                bench.count = count;
                let waits = !mqtt.transmit(now).chunk().is_empty(); // or what waited was withdrawn
                bench.is_full = waits && bench.transport.as_ref().is_some_and(|wire| wire.was_full && !wire.is_broken);
                match next {
                    turn::Next::Again => Some(now),
                    turn::Next::Sleep(until) => until,
                    turn::Next::Close => None,
                }
            }
            Self::Host(host) => {
                let count = bench.read(host.rx.room());
                host.rx.filled(count);
                let wait = {
                    let Bench { transport: Some(wire), app, .. } = &mut bench else { return Turn::default() };
                    let mut events = Bench::new(None, app, now);
                    let wait = host.turn(mqtt, &mut Line(wire), now, &mut events);
                    let count = events.count;
                    bench.count += count;
                    wait
                };
                wait.map(|wait| {
                    bench.is_full = wait.for_room;
                    wait.until
                })
            }
            Self::Take(rx) => {
                let mut piece = [0; LONGEST];
                let count = bench.read(&mut piece);
                rx.extend_from_slice(&piece[..count]);
                let (done, is_blocked) = take::take(mqtt, now, rx, |mqtt, event| bench.on_event(mqtt, event));
                rx.drain(..done);
                bench.finish(mqtt, is_blocked)
            }
            Self::Shared(rx) => {
                let mut piece = [0; LONGEST];
                let count = bench.read(&mut piece);
                rx.extend(&piece[..count]);
                let is_blocked = shared::read(mqtt, rx, now, |mqtt, event, payload| {
                    if let Event::Message(message) = &event {
                        assert_eq!(payload.as_deref(), Some(message.payload));
                    }
                    bench.on_event(mqtt, event);
                });
                bench.finish(mqtt, is_blocked)
            }
        };
        let (is_full, count) = (bench.is_full, bench.count);
        if mqtt.close_reason() != ConnectionError::NotOpen {
            hosts::App::<S>::fail(app, mqtt.close_reason());
        }
        let is_awake = until.is_some_and(|until| until <= now) || mqtt.should_close() || transport.is_broken;
        if !is_awake && !is_full && !mqtt.transmit(now).chunk().is_empty() {
            app.judge(Err("the loop sleeps, and does not wait for room for its output".into()));
        }
        if !is_awake && mqtt.poll_timeout().is_some_and(|due| until.is_none_or(|until| until > due)) {
            app.judge(Err(format!("the loop sleeps until {until:?}, beyond {:?}", mqtt.next_timer())));
        }
        let after = (self.bytes().len(), transport.read, transport.written);
        let moved = usize::from(before != after);
        let is_blocked = is_whole(self.bytes()) && mqtt.close_reason() == ConnectionError::NotOpen;
        Turn { is_blocked, is_full, progress: moved + count, until: Some(until) }
    }
}

/// A packet is there that was not taken.
fn is_whole(bytes: &[u8]) -> bool {
    let mut length = 0;
    for (index, byte) in bytes.iter().skip(1).take(4).enumerate() {
        length |= usize::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            return bytes.len() >= 2 + index + length;
        }
    }
    false
}

/// What the loops want of a program.
struct Bench<'w> {
    transport: Option<&'w mut Transport>,
    app: &'w mut App,
    now: Instant,
    is_full: bool,
    /// Events and outcomes.
    count: usize,
}

impl<'w> Bench<'w> {
    fn new(transport: Option<&'w mut Transport>, app: &'w mut App, now: Instant) -> Self {
        Self { transport, app, now, is_full: false, count: 0 }
    }

    fn read(&mut self, room: &mut [u8]) -> usize {
        self.transport.as_mut().filter(|_| !room.is_empty()).map_or(0, |transport| transport.read(room))
    }

    fn on_event<S: Memory>(&mut self, mqtt: &mut Connection<S>, event: Event<'_>) {
        self.count += 1;
        hosts::App::event(self.app, mqtt, self.now, event);
        hosts::App::save(self.app, mqtt);
    }

    fn on_outcome<S: Memory>(&mut self, outcome: Outcome) {
        self.count += 1;
        hosts::App::<S>::outcome(self.app, outcome);
    }

    /// What follows input: what is due, output, outcomes.
    fn finish<S: Memory>(&mut self, mqtt: &mut Connection<S>, is_blocked: bool) -> Option<Instant> {
        let _ = mqtt.handle_timeout(self.now);
        let Some(transport) = &mut self.transport else { return None };
        self.count += hosts::outcomes(mqtt, self.app);
        let sent = hosts::send(mqtt, *transport, self.app, self.now);
        self.is_full = sent.is_full;
        if is_blocked && sent.progress > 0 { Some(self.now) } else { mqtt.poll_timeout() }
    }
}

impl<S: Memory> client::World<S> for Bench<'_> {
    fn now(&self) -> Instant {
        self.now
    }

    fn dial(&mut self) -> bool {
        false
    }

    fn read(&mut self, room: &mut [u8], _: client::Wait) -> Option<usize> {
        Some(self.read(room))
    }

    fn write(&mut self, bytes: &[u8]) -> Option<usize> {
        self.transport.as_mut().map(|transport| transport.write(bytes))
    }

    fn event(&mut self, mqtt: &mut Connection<S>, event: Event<'_>) {
        self.on_event(mqtt, event);
    }

    fn outcome(&mut self, outcome: Outcome) {
        self.on_outcome::<S>(outcome);
    }
}

impl<S: Memory> turn::App<S> for Bench<'_> {
    fn event(&mut self, mqtt: &mut Connection<S>, _: Instant, event: Event<'_>) {
        self.on_event(mqtt, event);
    }

    fn outcome(&mut self, outcome: Outcome) {
        self.on_outcome::<S>(outcome);
    }
}

impl<S: Memory> host::App<S> for Bench<'_> {
    fn event(&mut self, mqtt: &mut Connection<S>, _: Instant, event: Event<'_>) {
        self.on_event(mqtt, event);
    }

    fn outcome(&mut self, outcome: Outcome) {
        self.on_outcome::<S>(outcome);
    }
}

/// A transport as a stream that is read elsewhere.
struct Line<'t>(&'t mut Transport);

impl host::Transport for Line<'_> {
    fn read(&mut self, _: &mut [u8], _: u64, _: bool) -> io::Result<usize> {
        Ok(0)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.write(bytes) {
            0 if self.0.is_broken => Err(io::ErrorKind::ConnectionReset.into()),
            count => Ok(count),
        }
    }
}

impl<S: Memory> World<S> {
    /// When the host wakes though nothing comes: as its loop said, or as the connection says.
    pub fn wakes_at(&self) -> Option<Instant> {
        match self.last.until {
            Some(until) if self.transport.is_some() => until,
            _ => self.mqtt.poll_timeout(),
        }
    }
}
