//! What the server's answers, and the ends of links and sessions, mean for the list.

use crate::event::{Event, Outcome, RequestAck, SessionState};
use crate::subscriptions::entry::State;
use crate::subscriptions::requests::{Request, Requests};
use crate::subscriptions::{List, Subscriptions};
use crate::types::QoS;
use crate::wire::reason::ReasonCode;

impl<L: List> Subscriptions<L> {
    /// Takes note of what an event means for the list; to be called with each. True if it is the answer to a request of the list.
    pub fn on_event(&mut self, event: &Event<'_>) -> bool {
        match event {
            Event::ConnAck(connack) => {
                self.on_session(connack.session);
                false
            }
            Event::SubAck(answer) => self.on_suback(answer),
            Event::UnsubAck(answer) => {
                let request = self.requests.take(answer.handle);
                request.is_some_and(|request| self.end(request, |_| None))
            }
            _ => false,
        }
    }

    /// Takes note of what an outcome means for the list; to be called with each. True if it belongs to a request of the list: it will be repeated.
    pub fn on_outcome(&mut self, outcome: &Outcome) -> bool {
        let Some(request) = self.requests.take(outcome.handle) else { return false };
        self.look_again(request.first);
        self.end(request, |(state, may_exist)| match state {
            State::Asked { .. } => Some(State::Wanted),
            _ => may_exist.then_some(State::Unwanted),
        })
    }

    /// One code for each filter, in their order `[MQTT-3.9.3-1]`.
    fn on_suback(&mut self, answer: &RequestAck<'_>) -> bool {
        let Some(request) = self.requests.take(answer.handle) else { return false };
        self.end(request, |(state, _)| {
            let State::Asked { index, .. } = state else { return Some(state) };
            let reason = answer.reasons().nth(index.into()).unwrap_or(ReasonCode::UNSPECIFIED_ERROR);
            Some(QoS::from_bits(reason.0).map_or(State::Refused(reason), State::Granted))
        })
    }

    /// Gives each filter that still waits for `request` its next state; without one it is forgotten.
    fn end(&mut self, request: Request, next: impl Fn((State, bool)) -> Option<State>) -> bool {
        for place in request.first..request.end {
            let Some(entry) = self.list.entry_mut(place) else { continue };
            let waits = match entry.state {
                State::Asked { request: handle, .. } | State::Leaving { request: handle } => handle == request.handle,
                _ => false,
            };
            match next((entry.state, entry.may_exist)).filter(|_| waits) {
                Some(state) => entry.state = state,
                None if waits => self.list.remove(place),
                None => {}
            }
        }
        true
    }

    /// To be called when a link has ended before CONNACK came: the server may have begun a new session with it, and will resume that one next. So
    /// the next CONNACK is not trusted to mean ours, and everything is asked for again.
    pub const fn assume_session_lost(&mut self) {
        self.doubts_session = true;
    }

    /// Begins anew, with another connection: everything is to be asked for.
    pub fn restart(&mut self) {
        self.requests = Requests::NONE;
        self.on_new_session(true);
        for place in 0..self.list.end() {
            match self.list.entry_mut(place).map(|entry| &mut entry.state) {
                Some(state @ State::Asked { .. }) => *state = State::Wanted,
                Some(state @ State::Leaving { .. }) => *state = State::Unwanted,
                _ => {}
            }
        }
    }

    fn on_session(&mut self, session: SessionState) {
        match session {
            SessionState::Untouched => return,
            SessionState::New { .. } => self.on_new_session(false),
            SessionState::Resumed if !self.doubts_session => {
                self.has_resumed = true;
                self.on_link();
            }
            SessionState::Resumed | SessionState::Adopted { .. } => self.on_new_session(true),
        }
        self.doubts_session = false;
    }

    /// What the last link could not carry, this one may.
    fn on_link(&mut self) {
        self.cursor = 0;
        for place in 0..self.list.end() {
            match self.list.entry_mut(place) {
                Some(entry) if matches!(entry.state, State::Impossible(_)) => entry.state = State::Wanted,
                _ => {}
            }
        }
    }

    /// The server has none of our subscriptions, or (`is_older`) perhaps some from before. Requests that wait in the connection still leave, also
    /// those that name a filter which is wanted otherwise by now.
    pub(super) fn on_new_session(&mut self, is_older: bool) {
        self.cursor = 0;
        for place in 0..self.list.end() {
            let Some(entry) = self.list.entry_mut(place) else { continue };
            entry.may_exist = is_older || self.requests.may_name(place);
            match entry.state {
                State::Asked { .. } | State::Leaving { .. } => {}
                State::Unwanted if entry.may_exist => {}
                State::Unwanted => self.list.remove(place),
                _ => entry.state = State::Wanted,
            }
        }
    }
}
