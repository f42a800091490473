//! The course of a link: it is wanted, dialled, up, taken leave of, over; and then perhaps wanted again.

use std::time::{Duration, Instant};

use super::dial::Dial;
use super::link::{Flow, Link};
use super::{Network, Persistence, Phase, SOCKET, ready};
use crate::callbacks::LogLevel;
use crate::client::Client;
use crate::clock::random;
use crate::error::{ConnectError, LinkEnd, LoopError};
use crate::state::{Next, State};
use crate::transport::Transport;
use crate::wishes::Dialling;

/// How long the server may take to close its side when we have closed ours.
const FAREWELL_PATIENCE: Duration = Duration::from_secs(1);

impl Network {
    /// Does what the handles want.
    pub(super) fn obey(&mut self, client: &Client) -> Result<(), LoopError> {
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

    pub(super) fn go_on(&mut self, client: &Client) -> Result<(), LoopError> {
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
}

/// Without a link messages still expire.
fn do_what_is_due(client: &Client) {
    let mut state = client.shared.lock();
    let now = state.now();
    let _ = state.engine.handle_timeout(now); // without a link there is nothing that it could end
    state.take_outcomes();
}
