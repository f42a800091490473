//! The thread of a broker: it waits for sockets, deadlines and the test at once.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token, Waker};

use crate::sans_io::{Broker, Config};
use crate::socket::Socket;

const WAKER: Token = Token(0);
const LISTENER: Token = Token(1);
/// When the operating system can't give another connection, how long until it is asked again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// What the test and the thread share.
#[derive(Debug)]
pub(crate) struct Shared {
    inside: Mutex<Inside>,
    /// Something has happened.
    changed: Condvar,
    waker: Waker,
}

/// The broker, and what the test wants of the thread.
#[derive(Debug)]
pub(crate) struct Inside {
    pub(crate) core: Broker,
    started: Instant,
    /// What the thread is to do about connections.
    pub(crate) door: Door,
    pub(crate) is_over: bool,
}

/// Whether connections are accepted.
#[derive(Debug)]
pub(crate) enum Door {
    /// The listener, for the thread to take.
    Opening(TcpListener),
    Open,
    /// The thread is to drop its listener.
    Closing,
    Closed,
}

impl Shared {
    /// What a thread is started with.
    pub(crate) fn new(config: Config, listener: TcpListener) -> io::Result<(Arc<Self>, Poll)> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKER)?;
        let core = Broker::new(config);
        let inside = Inside { core, started: Instant::now(), door: Door::Opening(listener), is_over: false };
        Ok((Arc::new(Self { inside: Mutex::new(inside), changed: Condvar::new(), waker }), poll))
    }

    /// The broker at this moment. A test that panicked with it in hand has only looked.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inside> {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let now_ms = inside.started.elapsed().as_millis();
        inside.core.tick(u64::try_from(now_ms).unwrap_or(u64::MAX));
        inside
    }

    /// Waits for something to happen.
    pub(crate) fn wait<'s>(&self, inside: MutexGuard<'s, Inside>) -> MutexGuard<'s, Inside> {
        self.changed.wait(inside).unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for something to happen, for this long at most.
    pub(crate) fn wait_at_most<'s>(&self, inside: MutexGuard<'s, Inside>, time: Duration) -> MutexGuard<'s, Inside> {
        self.changed.wait_timeout(inside, time).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Changes the broker, and lets the thread send what comes of it.
    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut Inside) -> R) -> R {
        let result = change(&mut self.lock());
        self.changed.notify_all();
        let _ = self.waker.wake(); // wake-ups add up to one: there is always room for it
        result
    }
}

impl Inside {
    /// How long the thread may sleep.
    fn pause(&self) -> Option<Duration> {
        let deadline = Duration::from_millis(self.core.deadline()?);
        // Up to a millisecond late rather than early, or the thread would turn round and round until then.
        Some(deadline.saturating_sub(self.started.elapsed()) + Duration::from_millis(1))
    }
}

/// The thread's own part.
#[derive(Debug)]
pub(crate) struct Server {
    shared: Arc<Shared>,
    poll: Poll,
    listener: Option<TcpListener>,
    may_accept: bool,
    sockets: BTreeMap<Token, Socket>,
    tokens: usize,
}

impl Server {
    pub(crate) fn new(shared: Arc<Shared>, poll: Poll) -> Self {
        Self { shared, poll, listener: None, may_accept: false, sockets: BTreeMap::new(), tokens: LISTENER.0 }
    }

    /// Serves until the test ends it.
    pub(crate) fn run(mut self) {
        let mut events = Events::with_capacity(256);
        let mut pause = Some(Duration::ZERO);
        loop {
            match self.poll.poll(&mut events, pause) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return,
                _ => {}
            }
            events.iter().for_each(|event| self.note(event));
            let shared = Arc::clone(&self.shared);
            let mut inside = shared.lock();
            if inside.is_over {
                return;
            }
            pause = self.turn(&mut inside);
            shared.changed.notify_all();
        }
    }

    fn note(&mut self, event: &mio::event::Event) {
        self.may_accept |= event.token() == LISTENER;
        if let Some(socket) = self.sockets.get_mut(&event.token()) {
            socket.is_readable |= event.is_readable() || event.is_error();
            socket.is_writable |= event.is_writable();
        }
    }

    /// Does what can be done now. Returns how long nothing more can be.
    fn turn(&mut self, inside: &mut Inside) -> Option<Duration> {
        self.mind_the_door(inside);
        self.accept(&mut inside.core);
        let core = &mut inside.core;
        let mut lost = Vec::new();
        for (token, socket) in &mut self.sockets {
            if !socket.read(core) {
                lost.push(*token);
            }
        }
        lost.drain(..).for_each(|token| self.drop_socket(core, token));
        // Only now: what one client has sent may go to all.
        for (token, socket) in &mut self.sockets {
            if !socket.write(core) {
                lost.push(*token);
            }
        }
        lost.drain(..).for_each(|token| self.drop_socket(core, token));
        if self.sockets.values().any(|socket| socket.may_read(core)) {
            return Some(Duration::ZERO);
        }
        let retry = self.may_accept.then_some(ACCEPT_PAUSE);
        inside.pause().into_iter().chain(retry).min()
    }

    /// Opens and closes the listener as the test wants it.
    fn mind_the_door(&mut self, inside: &mut Inside) {
        match std::mem::replace(&mut inside.door, Door::Closed) {
            Door::Opening(mut listener) => {
                let is_open = self.poll.registry().register(&mut listener, LISTENER, Interest::READABLE).is_ok();
                self.listener = is_open.then_some(listener);
                self.may_accept = is_open;
                inside.door = Door::Open;
            }
            Door::Closing => {
                self.listener = None;
                self.may_accept = false;
                for (_, socket) in std::mem::take(&mut self.sockets) {
                    inside.core.cut(socket.link);
                }
            }
            door => inside.door = door,
        }
    }

    fn accept(&mut self, core: &mut Broker) {
        while let Some(listener) = self.listener.as_ref().filter(|_| self.may_accept) {
            match listener.accept() {
                Ok((mut stream, _)) => {
                    self.tokens += 1;
                    let token = Token(self.tokens);
                    let interest = Interest::READABLE | Interest::WRITABLE;
                    if self.poll.registry().register(&mut stream, token, interest).is_ok() {
                        self.sockets.insert(token, Socket::new(stream, core.accept()));
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.may_accept = false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return, // no more descriptors, or one that has gone already: later
            }
        }
    }

    fn drop_socket(&mut self, core: &mut Broker, token: Token) {
        if let Some(socket) = self.sockets.remove(&token) {
            core.cut(socket.link);
        }
    }
}

/// A listener on this machine.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address)
}
