//! The loop's own part of a client: the transport, how far it has come, and when to try again.

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

/// The socket's events; there is one at a time.
const SOCKET: Token = Token(0);
const WAKER: Token = Token(1);

pub(crate) struct Network {
    poll: Option<Poll>,
    events: Events,
    phase: Phase,
    coalescing: Coalescing,
    persistence: RetryPolicy,
    /// The number of the loop that runs; one that nobody can stop has the highest.
    run: u64,
    /// Who asked for the attempt that is under way.
    dialling: Option<Dialling>,
    /// The last link before it: what becomes of that has no consequences any more.
    outdated: LinkId,
    /// Why it failed last.
    dial_error: Option<ConnectError>,
    /// A transport has come up since the program asked for one.
    has_been_up: bool,
    /// What is to be done once callbacks have returned: they may panic.
    event: Option<Event>,
}

/// Where the transport stands.
enum Phase {
    Down,
    Dialling(Box<Dial>),
    Up(Box<Link>),
    /// The last bytes are out, and the server's end is awaited.
    Closing {
        link: Box<Link>,
        /// To be told then; `None` as long as the agent has not said it.
        end: Option<LinkEnd>,
        until: Instant,
    },
}

impl Phase {
    /// This link is up.
    fn is_up_as(&self, id: LinkId) -> bool {
        matches!(self, Self::Up(link) if link.id == id)
    }
}

/// Which failures the loop bears by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RetryPolicy {
    /// None: the program decides.
    None,
    /// The loss of a link, and attempts to replace it that fail.
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

    /// A loop begins that runs step by step.
    pub(crate) fn begin_steps(&mut self) {
        (self.persistence, self.run) = (RetryPolicy::None, u64::MAX);
    }

    /// The loop with this number begins, which runs until it is stopped.
    pub(crate) fn begin_run(&mut self, persistence: RetryPolicy, run: u64) {
        (self.persistence, self.run) = (persistence, run);
    }

    /// Does everything that can be done without waiting, once.
    ///
    /// # Errors
    /// A link has ended, an attempt has failed that nobody waits for, or there is nothing to do.
    pub(crate) fn pass(&mut self, client: &Client) -> Result<(), LoopError> {
        ready(&mut self.poll, &client.shared)?; // from now on the loop can be woken: what comes after it has looked ends its sleep
        let result = self.apply_intent(client).and_then(|()| self.go_on(client));
        tell(client);
        result
    }

    /// The same for a loop that goes on until it is told otherwise. True when it is to end.
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
        ready(&mut self.poll, shared)?; // whoever finds it asleep must find the means to wake it
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

    /// Under load, lets more come, and more be asked for, before the loop looks.
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

    /// How long to sleep; from now on whoever changes something wakes the loop.
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

    /// The loop was told to stop, and what is to leave has left; or that takes too long.
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

/// The means to wait, made when they are needed first.
fn ready<'p>(poll: &'p mut Option<Poll>, shared: &Shared) -> io::Result<&'p mut Poll> {
    if poll.is_none() {
        let new = Poll::new()?;
        shared.set_waker(Waker::new(new.registry(), WAKER)?);
        *poll = Some(new);
    }
    poll.as_mut().ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// Tells the lines of the log.
fn tell(client: &Client) {
    let lines = client.shared.lock().take_lines();
    lines.iter().for_each(|(level, line)| lines::tell(client, *level, line));
}
