//! The loop's own part of a client: the transport, how far it has come, and when to try again.

mod dial;
mod inbox;
mod link;

use std::io;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token, Waker};
use pure_mqtt::Backoff;

use self::dial::Dial;
use self::link::{Flow, Link};
use crate::callbacks::LogLevel;
use crate::client::Client;
use crate::clock::random;
use crate::error::{ConnectError, LinkEnd, LoopError};
use crate::requests::Answer;
use crate::shared::Shared;
use crate::state::{Next, State};
use crate::transport::Transport;
use crate::wishes::Dialling;

const SOCKET: Token = Token(0);
const WAKER: Token = Token(1);
/// How long the server may take to close its side when we have closed ours.
const FAREWELL_PATIENCE: Duration = Duration::from_secs(1);

pub(crate) struct Network {
    poll: Option<Poll>,
    events: Events,
    phase: Phase,
    persistence: Persistence,
    /// The number of the loop that runs; one that nobody can stop has the highest.
    run: u64,
    backoff: Backoff,
    /// When to try again.
    redial_at: Option<Instant>,
    /// A transport has come up since the program asked for one.
    has_been_up: bool,
}

/// Where the transport stands.
enum Phase {
    Down,
    Dialling(Box<Dial>),
    Up(Box<Link>),
    /// The last bytes are out, and the server's end is awaited.
    Parting {
        link: Box<Link>,
        end: LinkEnd,
        until: Instant,
    },
}

/// Which failures the loop bears by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Persistence {
    /// None: the program decides.
    None,
    /// The loss of a link, and attempts to replace it that fail.
    AfterSuccess,
    /// All.
    Always,
}

impl Network {
    pub(crate) fn new(backoff: Backoff) -> Self {
        Self {
            poll: None,
            events: Events::with_capacity(4),
            phase: Phase::Down,
            persistence: Persistence::None,
            run: u64::MAX,
            backoff,
            redial_at: None,
            has_been_up: false,
        }
    }

    /// A loop begins that runs step by step.
    pub(crate) fn begin_steps(&mut self) {
        (self.persistence, self.run) = (Persistence::None, u64::MAX);
    }

    /// The loop with this number begins, which runs until it is stopped.
    pub(crate) fn begin_run(&mut self, persistence: Persistence, run: u64) {
        (self.persistence, self.run) = (persistence, run);
    }

    /// Does everything that can be done without waiting, once.
    ///
    /// # Errors
    /// A link has ended, an attempt has failed that nobody waits for, or there is nothing to do.
    pub(crate) fn pass(&mut self, client: &Client) -> Result<(), LoopError> {
        let result = self.obey(client).and_then(|()| self.go_on(client));
        tell(client);
        result
    }

    /// The same for a loop that goes on until it is told otherwise. True when it is to end.
    pub(crate) fn turn(&mut self, client: &Client) -> Result<bool, LoopError> {
        let goes_on_always = self.persistence == Persistence::Always;
        match self.pass(client) {
            Err(LoopError::Ended(LinkEnd::Disconnected)) if !goes_on_always => return Ok(true),
            Err(LoopError::Connect(_) | LoopError::Ended(_)) if goes_on_always || self.redial_at.is_some() => {}
            Err(LoopError::NotConnected) if goes_on_always => {}
            result => result?,
        }
        Ok(self.may_stop(&client.shared))
    }

    /// Waits until there is something to do, or until `limit`.
    pub(crate) fn wait(&mut self, shared: &Shared, limit: Option<Instant>) -> io::Result<()> {
        let timeout = self.timeout(shared, limit);
        let poll = ready(&mut self.poll, shared)?;
        match poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        shared.lock().wishes.is_asleep = false;
        let is_about_socket = self.events.iter().any(|event| event.token() == SOCKET);
        match &mut self.phase {
            Phase::Up(link) | Phase::Parting { link, .. } if is_about_socket => link.wake(),
            _ => {}
        }
        Ok(())
    }

    /// How long to sleep; from now on whoever changes something wakes the loop.
    fn timeout(&self, shared: &Shared, limit: Option<Instant>) -> Option<Duration> {
        let mut state = shared.lock();
        let is_changed = std::mem::take(&mut state.wishes.is_changed);
        if is_changed || matches!(&self.phase, Phase::Up(link) if link.is_busy()) {
            return Some(Duration::ZERO);
        }
        state.wishes.is_asleep = true;
        let own = match &self.phase {
            Phase::Down => self.redial_at,
            Phase::Dialling(dial) => Some(dial.deadline),
            Phase::Up(_) => None,
            Phase::Parting { until, .. } => Some(*until),
        };
        let of_engine = state.deadline().filter(|_| !matches!(self.phase, Phase::Parting { .. }));
        let first = [limit, own, of_engine, state.wishes.stop_of(self.run)].into_iter().flatten().min()?;
        Some(first.saturating_duration_since(Instant::now()))
    }

    /// Does what the handles want.
    fn obey(&mut self, client: &Client) -> Result<(), LoopError> {
        let (dial, is_leaving) = {
            let mut state = client.shared.lock();
            (state.wishes.dial.take(), state.wishes.leave.is_some())
        };
        if let Some(dialling) = dial {
            self.give_up_dialling(client);
            if matches!(self.phase, Phase::Up(_) | Phase::Parting { .. }) {
                self.end(client, LinkEnd::Replaced);
            }
            self.has_been_up = false;
            client.shared.lock().begin();
            self.dial(client, dialling)?;
        }
        if is_leaving && matches!(self.phase, Phase::Down | Phase::Dialling(_)) {
            self.redial_at = None;
            self.give_up_dialling(client);
            let mut state = client.shared.lock();
            state.wishes.leave = None;
            state.deliveries.interrupt();
            return Err(LoopError::Ended(LinkEnd::Disconnected));
        }
        Ok(())
    }

    fn go_on(&mut self, client: &Client) -> Result<(), LoopError> {
        match &mut self.phase {
            Phase::Down => {
                do_what_is_due(client);
                self.wait_for_redial(client)
            }
            Phase::Dialling(_) => {
                do_what_is_due(client);
                self.go_on_dialling(client)
            }
            Phase::Up(_) => self.serve(client),
            Phase::Parting { .. } => self.part(client),
        }
    }

    fn wait_for_redial(&mut self, client: &Client) -> Result<(), LoopError> {
        match self.redial_at {
            None => Err(LoopError::NotConnected),
            Some(at) if at <= Instant::now() => self.dial(client, Dialling::ForAll),
            Some(_) => Ok(()),
        }
    }

    /// Begins an attempt.
    fn dial(&mut self, client: &Client, dialling: Dialling) -> Result<(), LoopError> {
        self.redial_at = None;
        let (server, timeout, fault) = {
            let state = client.shared.lock();
            (state.wishes.server.clone(), state.options.connect_timeout, state.options.connect().err())
        };
        if let Some(fault) = fault {
            return self.fail(client, dialling, ConnectError::Options(fault));
        }
        let Some(server) = server else { return self.fail(client, dialling, ConnectError::NoServer) };
        client.shared.lock().say(LogLevel::Info, format!("connecting to {server}"));
        self.phase = Phase::Dialling(Box::new(Dial::new(server, timeout, dialling)));
        client.shared.callbacks.on_pre_connect(client);
        Ok(())
    }

    fn go_on_dialling(&mut self, client: &Client) -> Result<(), LoopError> {
        let Phase::Dialling(dial) = &mut self.phase else { return Ok(()) };
        let dialling = dial.dialling;
        let poll = ready(&mut self.poll, &client.shared)?;
        match dial.step(poll.registry(), SOCKET) {
            Ok(None) => Ok(()),
            Ok(Some(transport)) => self.open(client, dialling, transport),
            Err(error) => self.fail(client, dialling, error),
        }
    }

    /// The transport is up.
    fn open(&mut self, client: &Client, dialling: Dialling, transport: Transport) -> Result<(), LoopError> {
        let opened = client.shared.lock().open();
        if let Err(fault) = opened {
            return self.fail(client, dialling, ConnectError::Options(fault));
        }
        self.has_been_up = true;
        self.phase = Phase::Up(Box::new(Link::new(transport)));
        client.shared.lock().wishes.answer(dialling, Ok(()));
        client.shared.spread_news();
        self.serve(client)
    }

    /// An attempt has failed.
    fn fail(&mut self, client: &Client, dialling: Dialling, error: ConnectError) -> Result<(), LoopError> {
        self.phase = Phase::Down;
        let is_public = {
            let mut state = client.shared.lock();
            state.say(LogLevel::Warning, error.to_string());
            let is_public = state.wishes.answer(dialling, Err(error.clone()));
            if is_public {
                self.plan(&mut state, Next::Later);
            }
            is_public
        };
        client.shared.spread_news();
        if !is_public {
            return Ok(());
        }
        client.shared.callbacks.on_connect_fail(client, &error);
        Err(LoopError::Connect(error))
    }

    fn give_up_dialling(&mut self, client: &Client) {
        if let Phase::Dialling(dial) = &self.phase {
            client.shared.lock().wishes.answer(dial.dialling, Err(ConnectError::GivenUp));
            client.shared.spread_news();
            self.phase = Phase::Down;
        }
    }

    fn serve(&mut self, client: &Client) -> Result<(), LoopError> {
        let Phase::Up(link) = &mut self.phase else { return Ok(()) };
        match link.serve(client) {
            Flow::Stays => Ok(()),
            Flow::Ends(end) => Err(self.end(client, end)),
            Flow::Parts => {
                let end = client.shared.lock().end_of_link();
                self.say_goodbye(end);
                self.part(client)
            }
        }
    }

    /// Closes our side in order: a socket that is closed over unread bytes is reset, and what was written last is lost.
    fn say_goodbye(&mut self, end: LinkEnd) {
        if let Phase::Up(mut link) = std::mem::replace(&mut self.phase, Phase::Down) {
            link.transport.finish();
            self.phase = Phase::Parting { link, end, until: Instant::now() + FAREWELL_PATIENCE };
        }
    }

    /// Waits for the server's side to close.
    fn part(&mut self, client: &Client) -> Result<(), LoopError> {
        let Phase::Parting { link, end, until } = &mut self.phase else { return Ok(()) };
        if link.drain() || Instant::now() >= *until {
            let end = end.clone();
            return Err(self.end(client, end));
        }
        Ok(())
    }

    /// The link is over.
    fn end(&mut self, client: &Client, end: LinkEnd) -> LoopError {
        self.phase = Phase::Down;
        {
            let mut state = client.shared.lock();
            state.say(LogLevel::Info, end.to_string());
            let next = state.link_ended();
            if state.is_accepted() {
                self.backoff = state.options.backoff;
            }
            match end {
                LinkEnd::Disconnected => state.deliveries.interrupt(),
                LinkEnd::Replaced => {}
                _ => self.plan(&mut state, next),
            }
        }
        client.shared.callbacks.on_disconnect(client, &end);
        LoopError::Ended(end)
    }

    /// When to try again, if at all.
    fn plan(&mut self, state: &mut State, next: Next) {
        let is_borne = match self.persistence {
            Persistence::None => false,
            Persistence::AfterSuccess => self.has_been_up || state.options.retry_first_connection,
            Persistence::Always => true,
        };
        self.redial_at = (is_borne && state.options.reconnect_on_failure).then(|| {
            let delay = match next {
                Next::Now => 0,
                Next::Later => self.backoff.next_delay(random() as u32),
            };
            state.say(LogLevel::Info, format!("connecting again in {delay} ms"));
            Instant::now() + Duration::from_millis(delay.into())
        });
    }

    /// The loop was told to stop, and what is to leave has left; or that takes too long.
    fn may_stop(&self, shared: &Shared) -> bool {
        let mut state = shared.lock();
        let Some(limit) = state.wishes.stop_of(self.run) else { return false };
        let is_done = match &self.phase {
            Phase::Down | Phase::Dialling(_) => true,
            Phase::Up(link) => state.wishes.leave.is_none() && !link.has_output(&mut state),
            Phase::Parting { .. } => false,
        };
        is_done || Instant::now() >= limit
    }
}

/// Without a link messages still expire.
fn do_what_is_due(client: &Client) {
    let mut state = client.shared.lock();
    let now = state.now();
    let _ = state.engine.handle_timeout(now); // without a link there is nothing that it could end
    state.take_outcomes();
}

/// The means to wait, made when they are needed first.
fn ready<'p>(poll: &'p mut Option<Poll>, shared: &Shared) -> io::Result<&'p mut Poll> {
    if poll.is_none() {
        let new = Poll::new()?;
        shared.set_waker(Waker::new(new.registry(), WAKER)?);
        *poll = Some(new);
    }
    poll.as_mut().ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// Tells what has ended without a packet of its own, and the lines of the log.
fn tell(client: &Client) {
    let callbacks = &client.shared.callbacks;
    loop {
        let mut state = client.shared.lock();
        if let Some(published) = state.deliveries.next_ended() {
            drop(state);
            callbacks.on_publish(client, &published);
        } else if let Some(answer) = state.requests.next_answer() {
            drop(state);
            match answer {
                Answer::Subscribed(subscribed) => callbacks.on_subscribe(client, &subscribed),
                Answer::Unsubscribed(mid) => callbacks.on_unsubscribe(client, mid),
            }
        } else {
            let lines = state.take_lines();
            drop(state);
            return lines.iter().for_each(|(level, line)| callbacks.on_log(client, *level, line));
        }
    }
}
