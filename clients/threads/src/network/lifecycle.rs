//! The lifecycle of a link: requested, connecting, up, closing, closed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pure_mqtt_agent::{Action, Bytes, Event, LinkEnd as AgentEnd, LinkId, Login, ServerId};
use pure_mqtt_net::Server;

use super::dial::Dial;
use super::link::Link;
use super::{Network, Phase, RetryPolicy, SOCKET, ready};
use crate::callbacks::LogLevel;
use crate::client::Client;
use crate::error::{ConnectError, LinkEnd, LoopError};
use crate::intent::Dialling;
use crate::lines::are_packets_wanted;
use crate::state::Step;
use crate::transport::Transport;

/// How long to wait for the server to close its side after we have closed ours.
const FAREWELL_PATIENCE: Duration = Duration::from_secs(1);
/// The time for callbacks after which deadlines and output get their turn.
const SLICE: Duration = Duration::from_millis(5);

impl Network {
    /// Carries out the requests of the handles.
    pub(super) fn apply_intent(&mut self, client: &Client) -> Result<(), LoopError> {
        let (dial, is_leaving) = {
            let mut state = client.shared.lock();
            (state.intent.dial.take(), state.intent.leave.is_some())
        };
        if let Some(dialling) = dial {
            self.begin(client, dialling)?;
        }
        if is_leaving && matches!(self.phase, Phase::Down | Phase::Dialling(_)) {
            return self.give_up(client);
        }
        Ok(())
    }

    /// Establishes a link; an existing one is replaced.
    fn begin(&mut self, client: &Client, dialling: Dialling) -> Result<(), LoopError> {
        self.give_up_dialling(client);
        self.dialling = Some(dialling);
        self.has_been_up = false;
        if let Phase::Closing { end, .. } = &mut self.phase {
            let end = end.take();
            self.close();
            let result = self.begin_dialling(client);
            if let Some(end) = end {
                self.tell_end(client, &end); // last of all, since the callback may panic
            }
            return result;
        }
        self.begin_dialling(client)
    }

    fn begin_dialling(&mut self, client: &Client) -> Result<(), LoopError> {
        let (has_server, fault) = {
            let state = client.shared.lock();
            (!state.intent.servers.list.is_empty(), state.check_options().err())
        };
        if let Some(fault) = fault {
            return self.refuse(client, ConnectError::Options(fault));
        }
        if !has_server {
            return self.refuse(client, ConnectError::NoServer);
        }
        let mut state = client.shared.lock();
        self.outdated = state.agent.latest_link();
        state.begin();
        Ok(())
    }

    /// Ends an attempt that the agent did not know yet. An existing link ends with DISCONNECT.
    fn refuse(&mut self, client: &Client, error: ConnectError) -> Result<(), LoopError> {
        client.shared.lock().stop_dialling();
        self.tell_failure(client, error)
    }

    /// Handles `disconnect` without a link: attempts to connect are given up.
    fn give_up(&mut self, client: &Client) -> Result<(), LoopError> {
        self.give_up_dialling(client);
        let mut state = client.shared.lock();
        state.intent.leave = None;
        state.stop_dialling();
        state.interrupt();
        Err(LoopError::Ended(LinkEnd::Disconnected))
    }

    fn give_up_dialling(&mut self, client: &Client) {
        if let Some(dialling) = self.dialling.take() {
            client.shared.lock().intent.answer(dialling, Err(ConnectError::GivenUp));
            client.shared.notify_waiters();
        }
        if matches!(self.phase, Phase::Dialling(_)) {
            self.phase = Phase::Down;
        }
    }

    /// Continues with the current phase.
    pub(super) fn go_on(&mut self, client: &Client) -> Result<(), LoopError> {
        self.part(client)?;
        if let Phase::Closing { .. } = self.phase {
            return Ok(());
        }
        self.act(client);
        match &mut self.phase {
            Phase::Dialling(_) => self.go_on_dialling(client)?,
            Phase::Up(link) => link.read(&mut client.shared.lock()),
            Phase::Down | Phase::Closing { .. } => {}
        }
        self.take_events(client)?;
        self.act(client);
        self.tell_ends(client); // of messages just sent
        let is_at_rest = matches!(self.phase, Phase::Down) && !client.shared.lock().agent.wants_link();
        if is_at_rest { Err(LoopError::NotConnected) } else { Ok(()) }
    }

    /// Carries out the agent's actions.
    fn act(&mut self, client: &Client) {
        while !matches!(self.phase, Phase::Closing { .. }) {
            let action = client.shared.lock().agent.poll_action();
            match action {
                Some(Action::Dial { link, server, .. }) => self.dial(client, link, server),
                Some(Action::Close { link }) => self.finish(link),
                Some(Action::Compact) => client.shared.lock().compact(),
                Some(_) => {}
                None => return,
            }
        }
    }

    /// Starts a dial.
    fn dial(&mut self, client: &Client, link: LinkId, server: ServerId) {
        self.close();
        let (server, timeout) = {
            let mut state = client.shared.lock();
            let Some(server) = state.servers.get(usize::from(server.0)).cloned() else { return };
            state.say(LogLevel::Info, format!("connecting to {server}"));
            (server, state.options.connect_timeout)
        };
        self.phase = self.dial_of(client, link, server, timeout);
        client.shared.callbacks.on_pre_connect(client);
    }

    fn dial_of(&mut self, client: &Client, link: LinkId, server: Server, timeout: Duration) -> Phase {
        let shared = Arc::clone(&client.shared);
        match Dial::new(link, server, timeout, move || shared.change(|_| {})) {
            Ok(dial) => Phase::Dialling(Box::new(dial)),
            Err(error) => {
                self.dial_failed(client, link, error.into());
                Phase::Down
            }
        }
    }

    fn dial_failed(&mut self, client: &Client, link: LinkId, error: ConnectError) {
        let mut state = client.shared.lock();
        let now = state.now();
        state.agent.dial_failed(now, link, error.class(), &error.to_string(), None);
        self.dial_error = Some(error);
    }

    fn go_on_dialling(&mut self, client: &Client) -> Result<(), LoopError> {
        let Phase::Dialling(dial) = &mut self.phase else { return Ok(()) };
        let link = dial.link;
        let poll = ready(&mut self.poll, &client.shared)?;
        match dial.step(poll.registry(), SOCKET) {
            Ok(None) => {}
            Ok(Some(transport)) => {
                let login = login_of(&dial.server);
                self.open(client, link, transport, &login);
            }
            Err(error) => {
                self.phase = Phase::Down;
                self.dial_failed(client, link, error);
            }
        }
        Ok(())
    }

    /// Passes the established transport to the agent.
    fn open(&mut self, client: &Client, id: LinkId, transport: Transport, login: &Login) {
        self.has_been_up = true;
        let mut link = Box::new(Link::new(id, transport));
        let lowest = client.shared.lock().options.log_level;
        if are_packets_wanted(&client.shared.callbacks, lowest) {
            link.tell_packets();
        }
        let mut state = client.shared.lock();
        let now = state.now();
        state.agent.dialed(now, id, login);
        link.send(&mut state);
        if let Some(dialling) = self.dialling.take() {
            state.intent.answer(dialling, Ok(()));
        }
        drop(state);
        self.phase = Phase::Up(link);
        client.shared.notify_waiters();
    }

    /// Reports events, packet by packet. Between two packets, the program may disconnect, and deadlines and output get their turn.
    fn take_events(&mut self, client: &Client) -> Result<(), LoopError> {
        self.send(client);
        let mut now = Instant::now();
        let mut started = now;
        // If a callback panicked, its step is complete except for the event.
        let mut step = if self.event.is_none() { Some(client.shared.lock().step(now)) } else { None };
        loop {
            if let Some(Step { notice, event, message, has_ended }) = step.take() {
                self.event = event;
                for notice in notice.iter().chain(&message) {
                    notice.tell(client);
                }
                if has_ended {
                    self.tell_ends(client);
                }
            }
            if let Some(event) = self.event.take() {
                self.on_event(client, event)?;
            }
            now = Instant::now();
            if now.saturating_duration_since(started) >= SLICE {
                self.send(client);
                started = now;
            }
            let mut state = client.shared.lock();
            if !state.goes_on() {
                break;
            }
            step = Some(state.step(now));
        }
        client.shared.lock().acknowledge_last();
        self.send(client);
        Ok(())
    }

    fn send(&mut self, client: &Client) {
        let mut state = client.shared.lock();
        state.save();
        match &mut self.phase {
            Phase::Up(link) => link.send(&mut state),
            _ => {
                let now = state.now();
                state.agent.handle_timeout(now); // without a link messages still expire
            }
        }
        state.save(); // the records of what was just sent
    }

    /// Reports final results.
    fn tell_ends(&self, client: &Client) {
        loop {
            let notice = client.shared.lock().next_end();
            match notice {
                Some(notice) => notice.tell(client),
                None => return,
            }
        }
    }

    fn on_event(&mut self, client: &Client, event: Event) -> Result<(), LoopError> {
        let Event::LinkDown { link, why, next_dial, is_at_once } = event else { return Ok(()) };
        let is_outdated = link <= self.outdated;
        if let Some(at) = next_dial.filter(|_| !is_at_once) {
            let mut state = client.shared.lock();
            let line = format!("connecting again in {} ms, if that is wanted", state.millis_until(at));
            state.say(LogLevel::Info, line);
        }
        if let AgentEnd::NotDialed(..) = why {
            return if is_outdated { Ok(()) } else { self.on_failed_dial(client, is_at_once) };
        }
        let end = self.end_of_link(client, &why);
        let is_planned = is_outdated || self.plan(client, &end, is_at_once, next_dial.is_some());
        if self.phase.is_up_as(link) {
            self.act(client); // the agent closes the link
        }
        match &mut self.phase {
            Phase::Closing { link: parting, end: told, .. } if parting.id == link => {
                *told = Some(end);
                return Ok(()); // reported once the server has closed its side too
            }
            phase if phase.is_up_as(link) => self.close(),
            _ => {} // the next dial has started
        }
        self.tell_end(client, &end);
        match end {
            _ if is_outdated => Ok(()),
            LinkEnd::Replaced if is_planned => Ok(()),
            end => Err(LoopError::Ended(end)),
        }
    }

    fn end_of_link(&mut self, client: &Client, why: &AgentEnd) -> LinkEnd {
        let transport = match &mut self.phase {
            Phase::Up(link) => link.end.take(),
            _ => None,
        };
        let mut state = client.shared.lock();
        match state.end_of_link(why, transport) {
            LinkEnd::Disconnected if state.agent.wants_link() => LinkEnd::Replaced,
            end => end,
        }
    }

    /// Handles a failed dial.
    fn on_failed_dial(&mut self, client: &Client, is_at_once: bool) -> Result<(), LoopError> {
        let error = self.dial_error.take().unwrap_or(ConnectError::TimedOut);
        if is_at_once {
            return Ok(()); // there are other servers to try
        }
        let end = LinkEnd::ClosedByServer;
        if self.dialling.is_none_or(|dialling| dialling == Dialling::ForAll) {
            self.plan(client, &end, false, true);
        } else {
            client.shared.lock().stop_dialling(); // the caller of `connect` decides
        }
        self.tell_failure(client, error)
    }

    /// Reports a failed attempt to the call that waits for it, or to the callback.
    fn tell_failure(&mut self, client: &Client, error: ConnectError) -> Result<(), LoopError> {
        let is_public = {
            let mut state = client.shared.lock();
            state.say(LogLevel::Warning, error.to_string());
            let dialling = self.dialling.take().unwrap_or(Dialling::ForAll);
            state.intent.answer(dialling, Err(error.clone()))
        };
        client.shared.notify_waiters();
        if !is_public {
            return Ok(());
        }
        client.shared.callbacks.on_connect_fail(client, &error);
        Err(LoopError::Connect(error))
    }

    /// Returns whether the loop retries after this end. If not, the agent stops dialling.
    fn plan(&mut self, client: &Client, end: &LinkEnd, is_at_once: bool, is_planned: bool) -> bool {
        let mut state = client.shared.lock();
        if matches!(end, LinkEnd::Disconnected) {
            state.interrupt();
            return false;
        }
        let is_borne = match self.persistence {
            RetryPolicy::None => false,
            RetryPolicy::AfterSuccess => self.has_been_up || state.options.retry_first_connection,
            RetryPolicy::Always => true,
        };
        let is_wanted = matches!(end, LinkEnd::Replaced) || is_borne && state.options.reconnect_on_failure;
        if is_wanted && is_planned || is_at_once && matches!(end, LinkEnd::Replaced) {
            return true;
        }
        state.stop_dialling();
        false
    }

    /// Closes a link, or drops a dial, that the agent has finished with.
    fn finish(&mut self, id: LinkId) {
        match std::mem::replace(&mut self.phase, Phase::Down) {
            Phase::Up(mut link) if link.id == id => {
                link.transport.finish();
                let until = Instant::now() + FAREWELL_PATIENCE;
                // A socket closed with unread input is reset, and the last output is lost.
                self.phase = Phase::Closing { link, end: None, until };
            }
            Phase::Dialling(dial) if dial.link == id => {}
            other => self.phase = other,
        }
    }

    /// Drops the transport.
    pub(crate) fn close(&mut self) {
        self.phase = Phase::Down;
    }

    /// Waits for the server to close its side.
    fn part(&mut self, client: &Client) -> Result<(), LoopError> {
        let Phase::Closing { link, end, until } = &mut self.phase else { return Ok(()) };
        if !link.transport.drain() && Instant::now() < *until {
            return Ok(());
        }
        let end = end.take();
        self.close();
        let Some(end) = end else { return Ok(()) }; // the agent will report it
        self.tell_end(client, &end);
        match end {
            LinkEnd::Replaced => Ok(()),
            end => Err(LoopError::Ended(end)),
        }
    }

    fn tell_end(&self, client: &Client, end: &LinkEnd) {
        {
            let mut state = client.shared.lock();
            state.say(LogLevel::Info, end.to_string());
            state.intent.is_changed = true; // the agent may have new actions
        }
        client.shared.callbacks.on_disconnect(client, end);
    }
}

/// Returns the credentials in the server's URL. The options supply the rest.
fn login_of(server: &Server) -> Login {
    let credentials = server.credentials();
    Login {
        user_name: credentials.user_name.map(Into::into),
        password: credentials.password.map(Bytes::copy_from_slice),
        method: None,
    }
}
