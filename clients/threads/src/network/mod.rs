//! The loop's part of a client: the transport, its phase, and when to retry.

mod dial;
mod lifecycle;
mod link;
mod lookup;

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token, Waker};
use pure_mqtt_agent::{Event, LinkId};
use pure_mqtt_net::coalescing::{Coalescing, PAUSE, Pause, work};

use self::dial::Dial;
use self::link::Link;
use crate::client::Client;
use crate::error::{ConnectError, LinkEnd, LoopError};
use crate::intent::Dialling;
use crate::lines;
use crate::shared::Shared;

/// The token of the socket; there is one at a time.
const SOCKET: Token = Token(0);
const WAKER: Token = Token(1);

pub(crate) struct Network {
    poll: Option<Poll>,
    events: Events,
    phase: Phase,
    coalescing: Coalescing,
    persistence: RetryPolicy,
    /// The number of the running loop; one that can't be stopped has the highest.
    run: u64,
    /// The request behind the current attempt.
    dialling: Option<Dialling>,
    /// The last link before the current one: its end has no consequences.
    outdated: LinkId,
    /// Why the last dial failed.
    dial_error: Option<ConnectError>,
    /// A transport was established since the program requested a link.
    has_been_up: bool,
    /// An event to handle after callbacks have returned: they may panic.
    event: Option<Event>,
}

/// The phase of the transport.
enum Phase {
    Down,
    Dialling(Box<Dial>),
    Up(Box<Link>),
    /// All output was sent, and the server has not closed its side yet.
    Closing {
        link: Box<Link>,
        /// To be reported then; `None` until the agent has returned it.
        end: Option<LinkEnd>,
        until: Instant,
    },
}

impl Phase {
    /// Returns whether this link is up.
    fn is_up_as(&self, id: LinkId) -> bool {
        matches!(self, Self::Up(link) if link.id == id)
    }
}

/// Which failures the loop retries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RetryPolicy {
    /// None: the program decides.
    None,
    /// The loss of a link, and failed attempts to replace it.
    AfterSuccess,
    /// All.
    Always,
}

impl Network {
    pub(crate) fn new() -> Self {
        Self {
            poll: None,
            events: Events::with_capacity(4),
            phase: Phase::Down,
            coalescing: Coalescing::default(),
            persistence: RetryPolicy::None,
            run: u64::MAX,
            dialling: None,
            dial_error: None,
            outdated: LinkId::default(),
            has_been_up: false,
            event: None,
        }
    }

    /// Begins a loop that runs step by step.
    pub(crate) fn begin_steps(&mut self) {
        (self.persistence, self.run) = (RetryPolicy::None, u64::MAX);
    }

    /// Begins the loop with this number, which runs until it is stopped.
    pub(crate) fn begin_run(&mut self, persistence: RetryPolicy, run: u64) {
        (self.persistence, self.run) = (persistence, run);
    }

    /// Does everything that can be done without waiting, once.
    ///
    /// # Errors
    /// A link has ended, an attempt that no call waits for has failed, or there is nothing to do.
    pub(crate) fn pass(&mut self, client: &Client) -> Result<(), LoopError> {
        ready(&mut self.poll, &client.shared)?; // from now on the loop can be woken: changes after its check end its sleep
        let result = self.apply_intent(client).and_then(|()| self.go_on(client));
        tell(client);
        result
    }

    /// Like [`pass`](Self::pass), for a loop that runs until it is stopped. Returns true when it must end.
    pub(crate) fn turn(&mut self, client: &Client) -> Result<bool, LoopError> {
        let goes_on_always = self.persistence == RetryPolicy::Always;
        match self.pass(client) {
            Err(LoopError::Ended(LinkEnd::Disconnected)) if !goes_on_always => return Ok(true),
            Err(LoopError::Connect(_) | LoopError::Ended(_))
                if goes_on_always || client.shared.lock().agent.wants_link() => {}
            Err(LoopError::NotConnected) if goes_on_always => {}
            result => result?,
        }
        Ok(self.may_stop(&client.shared))
    }

    /// Waits until there is something to do, or until `limit`.
    pub(crate) fn wait(&mut self, shared: &Shared, limit: Option<Instant>) -> io::Result<()> {
        ready(&mut self.poll, shared)?; // a thread that sees the loop asleep needs the waker
        let timeout = self.timeout(shared, limit);
        let poll = ready(&mut self.poll, shared)?;
        match poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        let may_pause = {
            let mut state = shared.lock();
            state.intent.is_asleep = false;
            state.options.coalesces
        };
        for event in self.events.iter().filter(|event| event.token() == SOCKET) {
            if let Phase::Up(link) | Phase::Closing { link, .. } = &mut self.phase {
                link.wake(event.is_read_closed() || event.is_error());
            }
        }
        if may_pause && !self.events.is_empty() && self.persistence != RetryPolicy::None {
            self.pause(shared);
        }
        Ok(())
    }

    /// Pauses under load, so that more input and commands arrive first.
    fn pause(&mut self, shared: &Shared) {
        let Phase::Up(link) = &mut self.phase else { return };
        let mut half = |length| {
            thread::sleep(length);
            let mut state = shared.lock();
            link.read_anyway(&mut state);
            work(link.bytes_read(), state.messages_accepted())
        };
        match self.coalescing.woken(Instant::now()) {
            Pause::None => {}
            Pause::Whole => thread::sleep(PAUSE),
            Pause::Halved => {
                let before = half(Duration::ZERO);
                let [first, second] = [(); 2].map(|()| half(PAUSE / 2));
                self.coalescing.halves(first - before, second - first, Instant::now());
            }
        }
    }

    /// Returns how long to sleep; from now on changes wake the loop.
    fn timeout(&self, shared: &Shared, limit: Option<Instant>) -> Option<Duration> {
        let mut state = shared.lock();
        let is_changed = std::mem::take(&mut state.intent.is_changed);
        let is_busy = matches!(&self.phase, Phase::Up(link) if link.may_read()) && state.agent.wants_input();
        let is_parting = matches!(self.phase, Phase::Closing { .. });
        let is_agent_busy = state.agent.is_runnable() || state.agent.has_actions();
        let is_busy = is_busy || self.event.is_some();
        if is_changed || is_busy || is_agent_busy && !is_parting {
            return Some(Duration::ZERO);
        }
        state.intent.is_asleep = true;
        let own = match &self.phase {
            Phase::Dialling(dial) => Some(dial.deadline),
            Phase::Down | Phase::Up(_) => None,
            Phase::Closing { until, .. } => Some(*until),
        };
        let of_agent = state.deadline().filter(|_| !matches!(self.phase, Phase::Closing { .. }));
        let first = [limit, own, of_agent, state.intent.stop_of(self.run)].into_iter().flatten().min()?;
        Some(first.saturating_duration_since(Instant::now()))
    }

    /// Returns whether the loop must stop and its output was sent, or that takes too long.
    fn may_stop(&self, shared: &Shared) -> bool {
        let mut state = shared.lock();
        let Some(limit) = state.intent.stop_of(self.run) else { return false };
        let is_done = match &self.phase {
            Phase::Down | Phase::Dialling(_) => state.intent.leave.is_none(),
            Phase::Up(link) => state.intent.leave.is_none() && !link.has_output(&mut state),
            Phase::Closing { .. } => false,
        };
        is_done || Instant::now() >= limit
    }
}

/// Returns the poll, created at its first use.
fn ready<'p>(poll: &'p mut Option<Poll>, shared: &Shared) -> io::Result<&'p mut Poll> {
    if poll.is_none() {
        let new = Poll::new()?;
        shared.set_waker(Waker::new(new.registry(), WAKER)?);
        *poll = Some(new);
    }
    poll.as_mut().ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// Reports log lines.
fn tell(client: &Client) {
    let lines = client.shared.lock().take_lines();
    lines.iter().for_each(|(level, line)| lines::tell(client, *level, line));
}
