//! A link that is up: bytes between its transport and the agent.

use std::io::{self, ErrorKind, Read, Write};

use pure_mqtt::Disconnect;
use pure_mqtt::wire::Packet;
use pure_mqtt_agent::{Bytes, LinkId};

use crate::callbacks::LogLevel;
use crate::error::LinkEnd;
use crate::kept::Kept;
use crate::state::State;
use crate::transport::Transport;

/// So many bytes are read at once at most.
const READ: usize = 64 * 1024;

pub(crate) struct Link {
    pub(crate) id: LinkId,
    pub(crate) transport: Transport,
    room: Box<[u8]>,
    /// The transport has nothing to read until the system says otherwise.
    is_drained: bool,
    /// The transport takes nothing until the system says otherwise.
    is_full: bool,
    /// How the transport has failed or was closed. The agent knows.
    pub(crate) end: Option<LinkEnd>,
}

impl Link {
    pub(crate) fn new(id: LinkId, transport: Transport) -> Self {
        let room = vec![0; READ].into_boxed_slice();
        Self { id, transport, room, is_drained: false, is_full: false, end: None }
    }

    /// The system says that something has changed.
    pub(crate) fn wake(&mut self) {
        (self.is_drained, self.is_full) = (false, false);
    }

    /// There may be more to read at once.
    pub(crate) fn may_read(&self) -> bool {
        !self.is_drained && self.end.is_none()
    }

    /// Something is still to be written.
    pub(crate) fn has_output(&self, state: &mut State) -> bool {
        let now = state.now();
        self.is_full || state.agent.transmit(now).remaining() > 0
    }

    /// Reads once, if the agent wants more.
    pub(crate) fn read(&mut self, state: &mut State) {
        if !self.may_read() || !state.agent.wants_input() {
            return;
        }
        let now = state.now();
        match self.transport.read(&mut self.room) {
            Ok(0) => self.fail(state, LinkEnd::ClosedByServer),
            Ok(count) => {
                let bytes = self.room.get(..count).unwrap_or_default();
                state.agent.received(now, self.id, Bytes::copy_from_slice(bytes));
            }
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock => self.is_drained = true,
                ErrorKind::Interrupted => {}
                ErrorKind::UnexpectedEof => self.fail(state, LinkEnd::ClosedByServer),
                _ => self.fail(state, error.into()),
            },
        }
    }

    /// Does what is due, and writes what waits.
    pub(crate) fn send(&mut self, state: &mut State) {
        let now = state.now();
        state.agent.handle_timeout(now);
        let mut result = self.write(state);
        if result.is_ok() && !self.is_full && say_farewell(state) {
            result = self.write(state);
        }
        if let Err(error) = result {
            self.is_drained = false; // what was received before is still read
            if self.end.is_none() {
                self.drain_into(state);
                self.fail(state, error.into());
            }
        }
    }

    /// Reads what is there: the server's last words may be among it.
    fn drain_into(&mut self, state: &mut State) {
        for _ in 0..16 {
            self.read(state);
            if !self.may_read() {
                return;
            }
        }
    }

    /// The transport is gone.
    fn fail(&mut self, state: &mut State, end: LinkEnd) {
        let now = state.now();
        if self.end.is_none() {
            state.agent.closed(now, self.id, &end.to_string());
            self.end = Some(end);
        }
    }

    fn write(&mut self, state: &mut State) -> io::Result<()> {
        let now = state.now();
        let mut transmit = state.agent.transmit(now);
        while !self.is_full && self.end.is_none() {
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

    /// Reads and throws away; true at the end.
    pub(crate) fn drain(&mut self) -> bool {
        loop {
            match self.transport.read(&mut self.room) {
                Ok(1..) => {}
                Ok(0) => return true,
                Err(error) => return !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
            }
        }
    }
}

/// Says DISCONNECT if that is wanted, and all that can be sent has left.
fn say_farewell(state: &mut State) -> bool {
    if state.wishes.leave.is_none() || !state.agent.is_connected() {
        return false;
    }
    let now = state.now();
    let kept = state.wishes.leave.take().flatten();
    let farewell = match kept.as_ref().and_then(Kept::packet) {
        Some(Packet::Disconnect(disconnect)) => disconnect,
        _ => Disconnect::default(),
    };
    if let Err(error) = state.agent.disconnect_with(now, &farewell) {
        state.say(LogLevel::Error, format!("{error}; a plain DISCONNECT is sent instead"));
        state.agent.disconnect(now);
    }
    true
}
