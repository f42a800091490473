//! The line between client and broker, in memory: pieces of any length, cuts at any byte, stalls.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Poll, Waker};

use embedded_io_async::{ErrorKind, ErrorType, Read, Write};

use crate::tally::{CUTS, LOST_SESSIONS, STALLS};
use pure_mqtt_test_broker::sans_io::{Broker, Config, LinkId};

/// Bytes that a direction holds before it takes no more.
const WINDOW: usize = 300;

/// What may go wrong.
#[derive(Clone, Copy, Debug)]
pub struct Trouble {
    /// A cut comes in one of so many moves; 0 for never.
    pub cuts: u32,
    /// One dial in so many fails; 0 for never.
    pub refusals: u32,
    /// The line stands still in one of so many moves; 0 for never.
    pub stalls: u32,
    /// The server loses its sessions in one of so many moves; 0 for never.
    pub losses: u32,
}

impl Trouble {
    pub const NONE: Self = Self { cuts: 0, refusals: 0, stalls: 0, losses: 0 };
}

struct State {
    broker: Broker,
    link: Option<LinkId>,
    /// How many links there were: an older end of the line is dead.
    generation: u32,
    to_server: VecDeque<u8>,
    to_client: VecDeque<u8>,
    /// The line stands still until then.
    stalled_until: u64,
    now: u64,
    trouble: Trouble,
    /// The line is cut in place of the server's next bytes.
    is_mute: bool,
    wakers: Vec<Waker>,
}

/// The line and the broker behind it.
#[derive(Clone)]
pub struct Net(Rc<RefCell<State>>);

fn one_in(chance: u32) -> bool {
    chance > 0 && fastrand::u32(..chance) == 0
}

impl State {
    fn wake(&mut self) {
        self.wakers.drain(..).for_each(Waker::wake);
    }

    fn cut(&mut self) {
        if let Some(link) = self.link.take() {
            // What is on its way may arrive, or not.
            let count = fastrand::usize(..=self.to_server.len());
            let last: Vec<u8> = self.to_server.drain(..count).collect();
            self.broker.input(link, &last);
            self.broker.cut(link);
        }
        self.to_server.clear();
        self.to_client.clear();
        self.wake();
    }

    /// Moves some bytes. False if none can be moved.
    fn carry(&mut self) -> bool {
        let Some(link) = self.link else { return false };
        if self.stalled_until > self.now {
            return false;
        }
        let mut has_moved = false;
        if !self.to_server.is_empty() && fastrand::bool() {
            let count = fastrand::usize(1..=self.to_server.len());
            let piece: Vec<u8> = self.to_server.drain(..count).collect();
            self.broker.input(link, &piece);
            has_moved = true;
        }
        if self.broker.has_output(link) && std::mem::take(&mut self.is_mute) {
            self.cut();
            return true;
        }
        if self.broker.has_output(link) && self.to_client.len() < WINDOW {
            let output = self.broker.output(link);
            self.to_client.extend(output);
            has_moved = true;
        }
        if self.broker.wants_close(link) && !self.broker.has_output(link) && self.to_client.is_empty() {
            self.cut();
            return true;
        }
        if has_moved {
            self.wake();
        }
        has_moved || !self.to_server.is_empty()
    }
}

impl Net {
    pub fn new(config: Config, trouble: Trouble) -> Self {
        Self(Rc::new(RefCell::new(State {
            broker: Broker::new(config),
            link: None,
            generation: 0,
            to_server: VecDeque::new(),
            to_client: VecDeque::new(),
            stalled_until: 0,
            now: 0,
            trouble,
            is_mute: false,
            wakers: Vec::new(),
        })))
    }

    pub fn with_broker<R>(&self, work: impl FnOnce(&mut Broker) -> R) -> R {
        work(&mut self.0.borrow_mut().broker)
    }

    /// Cuts the line.
    pub fn cut(&self) {
        self.0.borrow_mut().cut();
    }

    /// Cuts the line, and the next one when the server answers its CONNECT: it has taken it, and the client doesn't know.
    pub fn cut_before_connack(&self) {
        let mut state = self.0.borrow_mut();
        state.cut();
        state.is_mute = true;
    }

    /// From now on all goes well.
    pub fn heal(&self) {
        let mut state = self.0.borrow_mut();
        state.trouble = Trouble::NONE;
        state.stalled_until = 0;
        state.wake();
    }

    /// A transport, unless the dial fails.
    pub fn dial(&self) -> Result<Line, ErrorKind> {
        let mut state = self.0.borrow_mut();
        if one_in(state.trouble.refusals) {
            return Err(ErrorKind::ConnectionRefused);
        }
        state.cut();
        state.generation += 1;
        state.link = Some(state.broker.accept());
        Ok(Line { net: self.clone(), generation: state.generation })
    }

    /// Moves bytes, or makes trouble. False if nothing can move.
    pub fn step(&self, client: &str) -> bool {
        let mut state = self.0.borrow_mut();
        let Trouble { cuts, stalls, losses, .. } = state.trouble;
        if state.link.is_some() && one_in(cuts) {
            CUTS.count();
            state.cut();
            return true;
        }
        if one_in(losses) {
            LOST_SESSIONS.count();
            state.broker.lose_session(client);
            state.cut();
            return true;
        }
        if one_in(stalls) && state.stalled_until <= state.now {
            STALLS.count();
            state.stalled_until = state.now + fastrand::u64(1..20_000);
        }
        state.carry()
    }

    /// Prints the last packets, where a world has failed.
    pub fn tell(&self) {
        let state = self.0.borrow();
        let entries = state.broker.transcript();
        println!("link {:?}, {} bytes up, {} bytes down", state.link, state.to_server.len(), state.to_client.len());
        entries.iter().skip(entries.len().saturating_sub(90)).for_each(|entry| println!("{entry:?}"));
    }

    /// When the line moves again.
    pub fn wakes_at(&self) -> Option<u64> {
        let state = self.0.borrow();
        let waits = state.stalled_until > state.now && state.link.is_some();
        waits.then_some(state.stalled_until)
    }

    pub fn advance_to(&self, now: u64) {
        let mut state = self.0.borrow_mut();
        state.now = now;
        state.broker.tick(now);
    }
}

/// The client's end of the line.
#[derive(Clone)]
pub struct Line {
    net: Net,
    generation: u32,
}

impl ErrorType for Line {
    type Error = ErrorKind;
}

impl Line {
    fn is_dead(&self, state: &State) -> bool {
        state.link.is_none() || state.generation != self.generation
    }
}

impl Read for Line {
    async fn read(&mut self, room: &mut [u8]) -> Result<usize, ErrorKind> {
        assert!(!room.is_empty(), "a read into nothing looks like the end");
        std::future::poll_fn(|context| {
            let state = &mut *self.net.0.borrow_mut();
            if self.is_dead(state) {
                return Poll::Ready(if fastrand::bool() { Ok(0) } else { Err(ErrorKind::ConnectionReset) });
            }
            if state.to_client.is_empty() {
                state.wakers.push(context.waker().clone());
                return Poll::Pending;
            }
            let count = fastrand::usize(1..=room.len().min(state.to_client.len()));
            room.iter_mut().zip(state.to_client.drain(..count)).for_each(|(to, from)| *to = from);
            Poll::Ready(Ok(count))
        })
        .await
    }
}

impl Write for Line {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        std::future::poll_fn(|context| {
            let state = &mut *self.net.0.borrow_mut();
            if self.is_dead(state) {
                return Poll::Ready(Err(ErrorKind::ConnectionReset));
            }
            let room = WINDOW.saturating_sub(state.to_server.len()).min(bytes.len());
            if room == 0 {
                state.wakers.push(context.waker().clone());
                return Poll::Pending;
            }
            let count = fastrand::usize(1..=room);
            state.to_server.extend(&bytes[..count]);
            Poll::Ready(Ok(count))
        })
        .await
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}
