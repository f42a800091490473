//! A link that is up: bytes between the transport and the engine, and what the engine tells to the program.

use std::io::{self, ErrorKind, Read, Write};

use pure_mqtt::wire::Packet;
use pure_mqtt::{Disconnect, Received};

use crate::callbacks::LogLevel;
use crate::client::Client;
use crate::error::LinkEnd;
use crate::kept::Kept;
use crate::network::inbox::Inbox;
use crate::state::State;
use crate::transport::Transport;

pub(crate) struct Link {
    pub(crate) transport: Transport,
    inbox: Inbox,
    /// So many bytes of the inbox are done with. Noted before the program is told, so that a callback that panics isn't called twice.
    taken: usize,
    /// At least so many bytes of the next packet are missing.
    needed: usize,
    /// The transport has nothing to read until the system says otherwise.
    is_drained: bool,
    /// The transport takes nothing until the system says otherwise.
    is_full: bool,
    /// The next packet waits until the program has acknowledged others.
    is_blocked: bool,
    /// Writing has failed; what was received before that is still read.
    failure: Option<LinkEnd>,
}

/// How it goes on with a link.
pub(crate) enum Flow {
    Stays,
    /// The engine is done with it: it is to be closed in order.
    Parts,
    Ends(LinkEnd),
}

impl Link {
    pub(crate) fn new(transport: Transport) -> Self {
        Self {
            transport,
            inbox: Inbox::default(),
            taken: 0,
            needed: 0,
            is_drained: false,
            is_full: false,
            is_blocked: false,
            failure: None,
        }
    }

    /// The system says that something has changed.
    pub(crate) fn wake(&mut self) {
        (self.is_drained, self.is_full) = (false, false);
    }

    /// There is more to do at once.
    pub(crate) fn is_busy(&self) -> bool {
        !self.is_drained && !self.is_blocked
    }

    /// Something is still to be written.
    pub(crate) fn has_output(&self, state: &mut State) -> bool {
        let now = state.now();
        self.is_full || state.engine.is_connected() && state.engine.transmit(now).remaining() > 0
    }

    /// Reads once, tells what came, and writes what can be written.
    pub(crate) fn serve(&mut self, client: &Client) -> Flow {
        if let Err(end) = self.read() {
            return Flow::Ends(end);
        }
        self.take_packets(client);
        self.send(client);
        if std::mem::take(&mut self.is_blocked) {
            self.take_packets(client); // what was sent may have made room
            self.send(client);
        }
        if self.failure.is_none() && client.shared.lock().engine.should_close() { Flow::Parts } else { Flow::Stays }
    }

    /// Reads and throws away; true at the end.
    pub(crate) fn drain(&mut self) -> bool {
        loop {
            match self.transport.read(self.inbox.room(0)) {
                Ok(1..) => {}
                Ok(0) => return true,
                Err(error) => return !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
            }
        }
    }

    fn read(&mut self) -> Result<(), LinkEnd> {
        if !self.is_busy() {
            return self.failure.take().map_or(Ok(()), Err);
        }
        let end = match self.transport.read(self.inbox.room(self.needed)) {
            Ok(0) => LinkEnd::ClosedByServer,
            Ok(count) => {
                self.inbox.filled(count);
                return Ok(());
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.is_drained = true;
                return self.failure.take().map_or(Ok(()), Err);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => LinkEnd::ClosedByServer,
            Err(error) => error.into(),
        };
        Err(self.failure.take().unwrap_or(end))
    }

    /// Takes the packets that are here in full.
    fn take_packets(&mut self, client: &Client) {
        loop {
            self.inbox.consume(std::mem::take(&mut self.taken));
            let mut state = client.shared.lock();
            let now = state.now();
            match state.engine.handle_input(now, self.inbox.bytes()) {
                Ok(Received::Packet { consumed, event }) => {
                    self.taken = consumed;
                    let notice = event.and_then(|event| state.take_note(event));
                    drop(state);
                    if let Some(notice) = notice {
                        notice.tell(client);
                    }
                }
                Ok(Received::Partial { needed }) => {
                    self.needed = needed;
                    return;
                }
                Ok(Received::Blocked) => {
                    self.is_blocked = true;
                    return;
                }
                Err(_) => return, // `should_close` says the rest
            }
        }
    }

    /// Does what is due, and writes what waits.
    fn send(&mut self, client: &Client) {
        let mut state = client.shared.lock();
        let now = state.now();
        let _ = state.engine.handle_timeout(now); // an error shows in `should_close`
        state.sync();
        let mut result = self.write(&mut state);
        if result.is_ok() && !self.is_full && say_farewell(&mut state) {
            result = self.write(&mut state);
        }
        if let Err(error) = result {
            self.failure = Some(error.into());
        }
        state.take_outcomes();
    }

    fn write(&mut self, state: &mut State) -> io::Result<()> {
        let now = state.now();
        let mut transmit = state.engine.transmit(now);
        while !self.is_full && self.failure.is_none() {
            let written = match transmit.chunk() {
                [] => self.transport.flush().map(|()| 0),
                chunk => self.transport.write(chunk),
            };
            match written {
                Ok(0) if transmit.chunk().is_empty() => break,
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => transmit.advance(count),
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.is_full = true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Says DISCONNECT if that is wanted, and all that can be sent has left.
fn say_farewell(state: &mut State) -> bool {
    if state.wishes.leave.is_none() || !state.engine.is_connected() {
        return false;
    }
    let now = state.now();
    let kept = state.wishes.leave.take().flatten();
    let farewell = match kept.as_ref().and_then(Kept::packet) {
        Some(Packet::Disconnect(disconnect)) => disconnect,
        _ => Disconnect::default(),
    };
    if let Err(error) = state.engine.disconnect(now, &farewell) {
        state.say(LogLevel::Error, format!("{error}; a plain DISCONNECT is sent instead"));
        let _ = state.engine.disconnect(now, &Disconnect::default()); // a plain one is always possible
    }
    true
}
