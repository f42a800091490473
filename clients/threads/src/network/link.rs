//! A link that is up: transfers bytes between its transport and the agent.

use pure_mqtt::Disconnect;
use pure_mqtt::wire::Packet;
use pure_mqtt_agent::LinkId;

use crate::callbacks::LogLevel;
use crate::error::LinkEnd;
use crate::kept::Kept;
use crate::state::State;
use crate::transport::{Moved, Transport};

pub(crate) struct Link {
    pub(crate) id: LinkId,
    pub(crate) transport: Transport,
    /// Nothing to read until the system reports input.
    is_drained: bool,
    /// Writing blocks until the system reports room.
    is_full: bool,
    /// The system may have reported the end of the stream, or more bytes, before the last read: read until nothing is left.
    reads_on: bool,
    /// How the transport failed or was closed. The agent knows it.
    pub(crate) end: Option<LinkEnd>,
}

impl Link {
    pub(crate) fn new(id: LinkId, transport: Transport) -> Self {
        Self { id, transport, is_drained: false, is_full: false, reads_on: true, end: None }
    }

    /// Returns how many bytes were read.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.transport.bytes_read
    }

    /// Called when the system reports a change, and whether the server has closed its side.
    pub(crate) fn wake(&mut self, is_closed: bool) {
        (self.is_drained, self.is_full) = (false, false);
        self.reads_on = is_closed;
    }

    /// Returns whether more may be read at once.
    pub(crate) fn may_read(&self) -> bool {
        !self.is_drained && self.end.is_none()
    }

    /// Returns whether there is output.
    pub(crate) fn has_output(&self, state: &mut State) -> bool {
        let now = state.now();
        self.is_full || state.agent.transmit(now).remaining() > 0
    }

    /// Reads once, if the agent accepts input.
    pub(crate) fn read(&mut self, state: &mut State) {
        if self.may_read() && state.agent.wants_input() {
            let now = state.now();
            match self.transport.read(&mut state.agent, now, self.id) {
                Ok(Moved::Some) => {}
                Ok(Moved::All) => self.is_drained = !self.reads_on,
                Ok(Moved::Nothing) => self.is_drained = true,
                Err(end) => self.fail(state, end),
            }
            self.note_packets(state);
        }
    }

    /// Reads once even if the system has not reported input.
    pub(crate) fn read_anyway(&mut self, state: &mut State) {
        self.is_drained = false;
        self.read(state);
    }

    /// Handles deadlines, and writes output.
    pub(crate) fn send(&mut self, state: &mut State) {
        let now = state.now();
        state.agent.handle_timeout(now);
        let mut result = self.write(state);
        if result.is_ok() && !self.is_full && disconnect_when_drained(state) {
            result = self.write(state);
        }
        self.note_packets(state);
        if let Err(end) = result {
            self.is_drained = false;
            for _ in 0..16 {
                self.read(state); // the server's DISCONNECT may be there
            }
            self.fail(state, end);
        }
    }

    /// Starts to log each packet, from the link's first byte on.
    pub(crate) fn tell_packets(&mut self) {
        self.transport.tap = Some(Box::default());
    }

    /// Adds log lines for the packets sent and received.
    fn note_packets(&mut self, state: &mut State) {
        if let Some(tap) = &mut self.transport.tap {
            tap.take_lines().into_iter().for_each(|line| state.say(LogLevel::Debug, line));
        }
    }

    fn write(&mut self, state: &mut State) -> Result<(), LinkEnd> {
        if !self.is_full && self.end.is_none() {
            let now = state.now();
            self.is_full = self.transport.write(&mut state.agent, now)? == Moved::Nothing;
        }
        Ok(())
    }

    /// Reports to the agent that the transport failed.
    fn fail(&mut self, state: &mut State, end: LinkEnd) {
        let now = state.now();
        if self.end.is_none() {
            state.agent.closed(now, self.id, &end.to_string());
            self.end = Some(end);
        }
    }
}

/// Sends DISCONNECT if it was requested and all other output has been sent.
fn disconnect_when_drained(state: &mut State) -> bool {
    if state.intent.leave.is_none() || !state.agent.is_connected() {
        return false;
    }
    let now = state.now();
    let kept = state.intent.leave.take().flatten();
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
