//! Updates the list from the server's answers, and when links and sessions end.

use crate::event::{Event, Outcome, RequestAck, SessionState};
use crate::subscriptions::entry::State;
use crate::subscriptions::requests::{Request, Requests};
use crate::subscriptions::{List, Subscriptions};
use crate::types::QoS;
use crate::wire::reason::ReasonCode;

impl<L: List> Subscriptions<L> {
    /// Updates the list with an event. Call it with every event. Returns whether the event answers a request of the
    /// list.
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

    /// Updates the list with an outcome. Call it with every outcome. Returns whether the outcome belongs to a request
    /// of the list, which [`sync`](Self::sync) then repeats.
    pub fn on_outcome(&mut self, outcome: &Outcome) -> bool {
        let Some(request) = self.requests.take(outcome.handle) else { return false };
        self.look_again(request.first);
        self.end(request, |(state, may_exist)| match state {
            State::Asked { .. } => Some(State::Wanted),
            _ => may_exist.then_some(State::Unwanted),
        })
    }

    /// Handles SUBACK, which has one code for each filter, in order `[MQTT-3.9.3-1]`.
    fn on_suback(&mut self, answer: &RequestAck<'_>) -> bool {
        let Some(request) = self.requests.take(answer.handle) else { return false };
        self.end(request, |(state, _)| {
            let State::Asked { index, .. } = state else { return Some(state) };
            let reason = answer.reasons().nth(index.into()).unwrap_or(ReasonCode::UNSPECIFIED_ERROR);
            Some(QoS::from_bits(reason.0).map_or(State::Refused(reason), State::Granted))
        })
    }

    /// Sets the next state of each filter that still waits for `request`; removes a filter without a next state.
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

    /// Subscribes to everything again on the next link, even if CONNACK reports a resumed session. Call it when a link
    /// has ended before CONNACK arrived: the server may have begun a new session on that link, which it resumes on the
    /// next one.
    pub const fn assume_session_lost(&mut self) {
        self.doubts_session = true;
    }

    /// Subscribes to everything again. Call it when the list is used with another connection.
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

    /// Sets what the last link could not carry to be tried again on this one.
    fn on_link(&mut self) {
        self.cursor = 0;
        for place in 0..self.list.end() {
            match self.list.entry_mut(place) {
                Some(entry) if matches!(entry.state, State::Impossible(_)) => entry.state = State::Wanted,
                _ => {}
            }
        }
    }

    /// Sets all filters to be subscribed to again: the server has none of our subscriptions, or (`is_older`) may have
    /// some from before. Requests that are queued in the connection are still sent, even if a filter in them has
    /// changed since.
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
