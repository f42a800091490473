//! The driver: transfers bytes, keeps time, and carries out the agent's actions.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pure_mqtt::Instant;
use pure_mqtt_agent::{Action, FailureClass, Host, LinkId, Login, ServerId};
use pure_mqtt_net::Endpoint;
use tokio::time::Sleep;

use crate::dial::{Dial, DialFailure};
use crate::link::Link;
use crate::options::Options;
use crate::pauses::Pauses;
use crate::resolve::{SrvRecord, resolve, ttl};
use crate::shared::Shared;
use crate::state::State;

/// The number of packets read before output, timers and the other tasks of the runtime get their turn.
const PACKETS: usize = 64;
/// The reason reported for a link, dial or look-up that ends with its driver.
const DROPPED: &str = "the driver was dropped";
/// The number of turns before the other tasks of the runtime get theirs.
const TURNS: usize = 8;

/// Does a client's work: a future to spawn with `tokio::spawn` or to poll beside others. It is ready when the client has shut down.
///
/// Dropping it ends the link without DISCONNECT, as if the program had ended: the server publishes the will. Accepted messages stay queued, and
/// [`Client::driver`](crate::Client::driver) returns another driver that continues with them.
#[must_use = "a client does nothing unless its driver is polled: give it to tokio::spawn"]
pub struct Driver {
    shared: Arc<Shared>,
    options: Arc<Options>,
    resolving: Option<(ServerId, Resolving)>,
    dialling: Option<(LinkId, Dialling)>,
    link: Option<(LinkId, Link)>,
    parting: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    sleep: Option<Pin<Box<Sleep>>>,
    pauses: Pauses,
    /// Input arrived since the driver was woken.
    has_read: bool,
    /// Values to drop once the lock is free: they may be the program's own, and use the client.
    discarded: Vec<Box<dyn Send>>,
}

type Resolving = Pin<Box<dyn Future<Output = Result<Vec<SrvRecord>, DialFailure>> + Send>>;
type Dialling = Pin<Box<dyn Future<Output = Result<(Link, Login), DialFailure>> + Send>>;

/// The result of a turn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// More can be done at once.
    Busy,
    /// The driver sleeps until something wakes it.
    Idle,
    /// The client has shut down.
    Over,
}

impl Driver {
    pub(crate) fn new(shared: Arc<Shared>, options: Arc<Options>) -> Self {
        let (resolving, dialling, link, parting, sleep, pauses, has_read, discarded) = Default::default();
        Self { shared, options, resolving, dialling, link, parting, sleep, pauses, has_read, discarded }
    }

    fn turn(&mut self, cx: &mut Context<'_>) -> Turn {
        let shared = Arc::clone(&self.shared);
        let (turn, deadline) = shared.drive(|state, now| {
            state.wake_driver_by(Some(cx.waker()));
            let turn = self.work(cx, state, now);
            state.is_linked = self.link.is_some() || self.parting.is_some();
            (turn, state.agent.poll_timeout().map(|at| state.clock.when(at)))
        });
        self.discarded.clear();
        // a dial that the agent has just started begins with its first poll
        let has_parted = self.part(cx);
        let has_resolved = self.resolve(cx);
        let has_dialled = self.dial(cx);
        match turn {
            Turn::Idle if has_dialled || has_resolved || has_parted => Turn::Busy,
            Turn::Idle => self.rest(cx, deadline.flatten()),
            turn => turn,
        }
    }

    /// Continues closing a link. True once the link is closed.
    fn part(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(parting) = &mut self.parting else { return false };
        let is_over = parting.as_mut().poll(cx).is_ready();
        if is_over {
            self.parting = None;
        }
        is_over
    }

    /// Continues a look-up of SRV records, without the lock: a resolver may be the program's own. True if it has ended.
    fn resolve(&mut self, cx: &mut Context<'_>) -> bool {
        let Some((server, resolving)) = &mut self.resolving else { return false };
        let server = *server;
        let Poll::Ready(result) = resolving.as_mut().poll(cx) else { return false };
        self.resolving = None;
        self.shared.drive(|state, now| match result {
            Ok(records) => {
                let targets: Vec<_> = records.iter().map(SrvRecord::target).collect();
                state.agent.resolved(now, server, &targets, ttl(&records));
            }
            Err(failure) => state.agent.not_resolved(now, server, failure.class, &failure.why),
        });
        true
    }

    /// Continues a dial, without the lock: a connector may be the program's own. True if it has ended.
    fn dial(&mut self, cx: &mut Context<'_>) -> bool {
        let Some((id, dialling)) = &mut self.dialling else { return false };
        let id = *id;
        let Poll::Ready(result) = dialling.as_mut().poll(cx) else { return false };
        self.dialling = None;
        self.shared.drive(|state, now| match result {
            Ok((link, login)) => {
                self.link = Some((id, link));
                state.agent.dialed(now, id, &login);
            }
            Err(DialFailure { class, why, retry_after }) => {
                let not_before = retry_after.map(|pause| now.after_millis(crate::clock::millis(pause)));
                state.agent.dial_failed(now, id, class, &why, not_before);
            }
        });
        true
    }

    /// Does everything that needs the state.
    fn work(&mut self, cx: &mut Context<'_>, state: &mut State, now: Instant) -> Turn {
        state.agent.handle_timeout(now);
        state.save(now);
        self.act(state);
        let has_read = self.exchange(cx, state, now);
        for _ in 0..PACKETS {
            if !state.agent.is_runnable() {
                break;
            }
            if let Some(event) = state.agent.step(now) {
                state.tell(event);
            }
        }
        self.act(state);
        self.exchange_output(cx, state, now);
        state.save(now);
        self.act(state);
        if state.agent.is_done() && self.link.is_none() && self.parting.is_none() {
            return Turn::Over;
        }
        let is_busy = has_read || state.agent.is_runnable() || state.agent.has_actions();
        if is_busy { Turn::Busy } else { Turn::Idle }
    }

    /// Carries out the agent's actions.
    fn act(&mut self, state: &mut State) {
        while let Some(action) = state.agent.poll_action() {
            match action {
                Action::Dial { link, server, host, not_after, .. } => {
                    let deadline = state.clock.when(not_after);
                    self.begin(link, server, host, deadline);
                }
                Action::Close { link } => self.close(link),
                Action::Resolve { server, not_after } => self.look_up(server, state.clock.when(not_after)),
                Action::Compact => state.compact(),
                _ => {}
            }
        }
    }

    fn look_up(&mut self, id: ServerId, deadline: Option<tokio::time::Instant>) {
        let Some(listed) = self.options.servers.get(usize::from(id.0)) else { return };
        let resolving = resolve(listed.server.clone(), self.options.resolver.clone(), deadline);
        let before = self.resolving.replace((id, Box::pin(resolving)));
        self.discard(before);
    }

    fn begin(&mut self, id: LinkId, server: ServerId, host: Option<Host>, deadline: Option<tokio::time::Instant>) {
        let Some(listed) = self.options.servers.get(usize::from(server.0)) else { return };
        let server = &listed.server;
        let server = match (host, server.endpoint()) {
            (Some(host), Endpoint::Tcp { port, .. }) => {
                server.moved_to(Endpoint::tcp(host.name, host.port.unwrap_or(*port)))
            }
            (Some(host), Endpoint::Unix(_)) => server.moved_to(Endpoint::tcp(host.name, host.port.unwrap_or(1883))),
            (None, _) => server.clone(),
        };
        let (connector, credentials) = (self.options.connector.clone(), self.options.credentials.clone());
        let dial = Dial { server, connector, credentials, deadline };
        let before = (self.link.take(), self.dialling.replace((id, Box::pin(dial.run()))));
        self.discard(Some(before));
    }

    fn discard(&mut self, what: Option<impl Send + 'static>) {
        self.discarded.extend(what.map(|what| Box::new(what) as Box<dyn Send>));
    }

    /// Closes a link, or drops a dial, that the agent has finished with.
    fn close(&mut self, id: LinkId) {
        let dialling = self.dialling.take_if(|(of, _)| *of == id);
        self.discard(dialling);
        if let Some((_, link)) = self.link.take_if(|(of, _)| *of == id) {
            let before = self.parting.replace(Box::pin(link.part()));
            self.discard(before);
        }
    }

    /// Writes pending output and reads available input. True if input arrived.
    fn exchange(&mut self, cx: &mut Context<'_>, state: &mut State, now: Instant) -> bool {
        self.exchange_output(cx, state, now);
        let Some((id, link)) = &mut self.link else { return false };
        if !state.agent.wants_input() {
            return false; // a caller that takes a message wakes the driver
        }
        let read = link.poll_read(cx, &mut state.agent, now, *id);
        state.spans.packets(&mut link.tap);
        match read {
            Ok(moved) => {
                self.has_read |= moved.is_ready();
                moved.is_ready()
            }
            Err(why) => self.fail(state, now, &why),
        }
    }

    fn exchange_output(&mut self, cx: &mut Context<'_>, state: &mut State, now: Instant) {
        let Some((id, link)) = &mut self.link else { return };
        let written = link.poll_write(cx, &mut state.agent, now);
        if written.is_err() {
            link.read_last_words(cx, &mut state.agent, now, *id);
        }
        state.spans.packets(&mut link.tap);
        if let Err(why) = written {
            self.fail(state, now, &why);
        }
    }

    /// Reports to the agent that the transport failed.
    fn fail(&mut self, state: &mut State, now: Instant, why: &str) -> bool {
        if let Some((id, link)) = self.link.take() {
            state.agent.closed(now, id, why);
            self.discard(Some(link));
        }
        true
    }

    /// Called when nothing is left to do. Under load, pauses so that more input and commands arrive before the next turn. `Ready` if more can be done at once.
    fn pause(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let has_read = std::mem::take(&mut self.has_read);
        let Some((_, link)) = &mut self.link else { return Poll::Pending };
        let shared = &self.shared;
        let pauses =
            self.options.coalesces && self.pauses.consider(has_read, link.is_socket(), || shared.look(State::work));
        let result = if pauses { link.unwatch().map(|()| false) } else { link.watch() };
        match result {
            Ok(false) if pauses => self.pauses.poll(cx),
            Ok(false) => Poll::Pending,
            Ok(true) => Poll::Ready(()),
            Err(why) => {
                let shared = Arc::clone(&self.shared);
                shared.drive(|state, now| self.fail(state, now, &why));
                Poll::Ready(())
            }
        }
    }

    /// Sleeps until the agent's deadline.
    fn rest(&mut self, cx: &mut Context<'_>, deadline: Option<tokio::time::Instant>) -> Turn {
        let Some(deadline) = deadline else {
            self.sleep = None;
            return Turn::Idle;
        };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if sleep.deadline() != deadline {
            sleep.as_mut().reset(deadline);
        }
        if sleep.as_mut().poll(cx).is_ready() { Turn::Busy } else { Turn::Idle }
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        ready!(self.pauses.poll(cx));
        for _ in 0..TURNS {
            match self.turn(cx) {
                Turn::Busy => {}
                Turn::Idle => ready!(self.pause(cx)),
                Turn::Over => return Poll::Ready(()),
            }
        }
        cx.waker().wake_by_ref(); // gives other tasks their turn first
        Poll::Pending
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.shared.drive(|state, now| {
            let id = state.agent.latest_link();
            state.agent.closed(now, id, DROPPED);
            if let Some((server, _)) = &self.resolving {
                state.agent.not_resolved(now, *server, FailureClass::Passing, DROPPED);
            }
            (state.is_driven, state.is_linked) = (false, false);
            state.wake_driver_by(None);
            while state.agent.is_runnable() {
                if let Some(event) = state.agent.step(now) {
                    state.tell(event);
                }
            }
            state.save(now);
            state.wake_all();
        });
    }
}

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver").finish_non_exhaustive()
    }
}
