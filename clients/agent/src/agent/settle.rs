//! Consequences of a call: ends are reported, requests are sent, links are closed and dialled.

use pure_mqtt::{Cause, Instant, ReasonCode, Unacknowledged};

use super::{Agent, Leaving, Phase};
use crate::durable::{Health, Record};
use crate::event::{Action, Event, FailureClass, Wake};
use crate::ids::Ticket;
use crate::sending::end_of;
use crate::ticket::{End, PublishLimit};

/// The minimum number of accepted bytes before memory is released.
const BURST: usize = 256 * 1024;
/// The maximum number of unfinished messages at that time.
const FEW: usize = 8;

impl Agent {
    pub(super) fn settle(&mut self) {
        if matches!(self.phase, Phase::Done) {
            return self.end_tickets();
        }
        self.unblock();
        self.check_link();
        self.take_outcomes();
        self.take_unsendable();
        self.sync_filters();
        self.note_filters();
        self.tell_room();
        self.release_messages();
        self.clear_caution();
        self.log.collect(&mut self.engine);
        self.end_flushes();
        self.leave();
        self.dial_if_due();
        self.give_back_memory();
        if self.log.asks_for_snapshot(&self.engine) {
            self.outbox.actions.push_back(Action::Compact);
        }
    }

    /// Retries a packet that found no room for its answer, once something has been sent.
    pub(super) fn unblock(&mut self) {
        let sent = self.engine.stats().bytes_sent;
        if self.inbox.is_blocked() && self.sent_at_block != sent {
            self.inbox.unblock();
        }
        self.sent_at_block = sent;
    }

    /// Checks whether the link has ended: for the engine, or because its transport is closed and its input is processed.
    fn check_link(&mut self) {
        if !matches!(self.phase, Phase::Open) {
            return;
        }
        if self.engine.should_close() {
            let end = self.engine_end();
            if self.link.transport_end.is_none() {
                self.outbox.actions.push_back(Action::Close { link: self.link.id });
            }
            self.link_ended(end);
        } else if !self.can_take() {
            if let Some(why) = self.link.transport_end.take() {
                let end = self.transport_end(why);
                self.link_ended(end);
            }
        }
    }

    /// Takes results that no packet caused.
    pub(super) fn take_outcomes(&mut self) {
        while let Some(ticket) = self.deliveries.left(self.engine.last_sent_qos0()) {
            self.outbox.has_room = true;
            self.conclude(ticket, End::Left);
        }
        while let Some(outcome) = self.engine.poll_outcome() {
            self.outbox.has_room = true;
            self.asking.on_outcome(&mut self.filters, outcome.handle);
            let is_withdrawn = outcome.cause == Cause::Withdrawn;
            if let Some(end) = self.withdrawn.remove(&outcome.handle).filter(|_| is_withdrawn) {
                self.message_ended(outcome.handle, |_| end);
            } else {
                self.message_ended(outcome.handle, |entry| end_of(&outcome, entry));
            }
        }
    }

    /// Takes discarded QoS 0 messages, which the engine does not report: unsent messages that it no longer has.
    fn take_unsendable(&mut self) {
        while let Some((handle, expires)) = self.deliveries.next_unsent() {
            if self.engine.attempts(handle).is_some() {
                return;
            }
            self.outbox.has_room = true;
            let is_expired = expires != 0 && expires <= self.clock.wall();
            let end = if is_expired { End::Expired } else { End::ServerCant(PublishLimit::Size) };
            self.message_ended(handle, |_| end);
        }
    }

    /// Releases memory after a burst: when everything is finished, and from time to time if messages are always in flight.
    fn give_back_memory(&mut self) {
        let left = match self.deliveries.len() {
            0 if self.accepted_bytes >= BURST => 0,
            1..=FEW if self.accepted_bytes >= 2 * BURST => BURST,
            _ => return,
        };
        self.accepted_bytes = left;
        self.engine.shrink();
        self.log.shrink();
        self.outbox.shrink();
    }

    fn sync_filters(&mut self) {
        if self.is_up() && !self.link.is_wiping && self.filters.has_to_ask() {
            let impossible = self.asking.sync(&mut self.filters, &mut self.engine, self.clock.now);
            impossible.into_iter().for_each(|changed| self.on_changed(changed));
        }
    }

    /// Reports changes of filters to waiting callers and to the log.
    fn note_filters(&mut self) {
        for (ticket, end) in self.filters.take_ended() {
            self.answer_ticket(ticket, end);
        }
        for id in self.filters.take_changed() {
            match self.filters.find(id) {
                Some(known) => self.log.record(&Record::Filter { id, known }),
                None => self.log.record(&Record::FilterGone { id }),
            }
        }
    }

    /// Wakes callers whose message was refused for lack of room.
    fn tell_room(&mut self) {
        if self.outbox.is_full && core::mem::take(&mut self.outbox.has_room) {
            self.outbox.is_full = false;
            self.outbox.wakes.push_back(Wake::Room);
        }
    }

    /// Holds PUBLISH back until the last SUBSCRIBE has been sent. A cautious link does that by itself.
    pub(super) fn hold_messages(&mut self) {
        if self.is_up() && !self.link.is_wiping && !self.caution.is_on() {
            self.engine.hold_messages(true);
            let until = self.clock.now.after_millis(self.options.hold_timeout.into());
            self.timers.hold_until.get_or_insert(until);
        }
    }

    /// Releases messages once the last SUBSCRIBE has been sent; on a cautious link only while none is unanswered.
    fn release_messages(&mut self) {
        if !self.is_up() || self.link.is_wiping {
            return;
        }
        if self.caution.is_on() {
            let is_asking = self.filters.has_to_ask() || self.asking.unanswered().next().is_some();
            return self.engine.hold_messages(is_asking);
        }
        let Some(until) = self.timers.hold_until else { return };
        let has_left = |handle| self.engine.attempts(handle).is_none_or(|attempts| attempts > 0);
        let have_left = !self.filters.has_to_ask() && self.asking.latest().is_none_or(has_left);
        if have_left || until <= self.clock.now {
            self.engine.hold_messages(false);
            self.timers.hold_until = None;
        }
    }

    /// Ends caution once all suspected packets were answered: the next link runs at full speed. Also ends it on a link that is stable without an answer: links do not end
    /// because of that packet, and others should not wait for it.
    fn clear_caution(&mut self) {
        if !self.caution.is_on() || !self.is_up() {
            return;
        }
        let is_answered = self.deliveries.oldest().is_none_or(|oldest| oldest > self.caution.up_to())
            && !self.filters.has_to_ask()
            && self.asking.unanswered().next().is_none();
        if is_answered || self.stands_at().is_some_and(|at| at <= self.clock.now) {
            self.caution.clear();
            self.link.is_to_be_replaced = true;
            self.say_disconnect();
        }
    }

    fn end_flushes(&mut self) {
        while let Some((ticket, flush)) = self.flushes.first_key_value() {
            if self.deliveries.oldest().is_some_and(|oldest| oldest <= flush.up_to) {
                return;
            }
            self.end_flush(*ticket, End::Acknowledged(ReasonCode::SUCCESS));
        }
    }

    pub(super) fn end_flush(&mut self, ticket: Ticket, end: End) {
        let Some(flush) = self.flushes.remove(&ticket) else { return };
        if let Some(at) = flush.not_after {
            self.timers.flushes.remove(&(at, ticket));
        }
        if self.tickets.end(ticket, end) {
            self.outbox.wake_ticket(ticket);
        }
    }

    /// Shuts down: first unfinished messages, then DISCONNECT.
    fn leave(&mut self) {
        if let Leaving::Finishing { deadline, may_dial } = self.leaving {
            let is_finished = self.deliveries.len() == 0 && self.requests.is_empty() && !self.has_output();
            let is_hopeless = !may_dial && matches!(self.phase, Phase::Idle { dial_at: None });
            if is_finished || is_hopeless || deadline <= self.clock.now {
                self.leaving = Leaving::Closing;
                self.hang_up();
                self.check_link();
            }
        }
        if self.leaving == Leaving::Closing && matches!(self.phase, Phase::Idle { .. }) {
            self.take_outcomes();
            self.end_everything();
        }
    }

    fn has_output(&mut self) -> bool {
        self.is_up() && self.engine.transmit(self.clock.now).remaining() > 0
    }

    /// Dials if it is time, but not before the client has seen the end of the last link: it may want no other.
    fn dial_if_due(&mut self) {
        let is_told = |event: &Event| !matches!(event, Event::LinkDown { is_at_once: false, .. });
        if self.outbox.events.iter().all(is_told) {
            self.begin_due_dial();
        }
    }

    pub(super) fn begin_due_dial(&mut self) {
        let is_due = matches!(self.phase, Phase::Idle { dial_at: Some(at) } if at <= self.clock.now);
        if is_due && self.log.health() != Health::Broken {
            self.begin_dial();
        }
    }

    /// Handles deadlines.
    pub(super) fn do_due(&mut self) {
        let now = self.clock.now;
        match self.phase {
            Phase::Dialling { not_after } if not_after <= now => {
                self.outbox.actions.push_back(Action::Close { link: self.link.id });
                self.dial_is_over(FailureClass::Passing, "it took too long".into(), None);
            }
            Phase::Resolving { not_after } if not_after <= now => {
                self.resolving_is_over(FailureClass::Passing, "looking up SRV records took too long");
            }
            _ => {}
        }
        while let Some(ticket) = self.requests.overdue(now) {
            self.end_request(ticket, End::TimedOut);
        }
        while let Some((_, ticket)) = self.timers.flushes.first().copied().filter(|(at, _)| *at <= now) {
            self.end_flush(ticket, End::TimedOut);
        }
        let is_due = |since| self.alarm(since).is_some_and(|at| at <= now);
        if let Some((by, since, waiting)) = self.held.stalled().filter(|(_, since, _)| is_due(*since)) {
            self.timers.told_of = Some(since);
            self.outbox.events.push_back(Event::AcksHeld { by, since, waiting });
        }
        if self.timers.store_retry.is_some_and(|at| at <= now) {
            self.timers.store_retry = None;
            self.log.retry();
        }
    }

    /// Returns when a message that holds back others since `since` is reported by `AcksHeld`; `None` if it was.
    pub(super) fn alarm(&self, since: Instant) -> Option<Instant> {
        let is_told = self.timers.told_of == Some(since);
        (!is_told && self.options.ack_alarm > 0).then(|| since.after_millis(self.options.ack_alarm.into()))
    }

    /// Returns the earliest deadline.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let of_phase = match self.phase {
            Phase::Idle { dial_at } => dial_at.filter(|_| self.log.health() != Health::Broken),
            Phase::Resolving { not_after } | Phase::Dialling { not_after } => Some(not_after),
            Phase::Open => None,
            Phase::Done => return None,
        };
        let of_engine = self.engine.poll_timeout();
        let of_leaving = match self.leaving {
            Leaving::Finishing { deadline, .. } => Some(deadline),
            _ => None,
        };
        let store_retry = self.timers.store_retry.filter(|_| self.log.health() == Health::Broken);
        let of_flushes = self.timers.flushes.first().map(|(at, _)| *at);
        let of_acks = self.held.stalled().and_then(|(_, since, _)| self.alarm(since));
        let of_hold = self.timers.hold_until.filter(|_| self.is_up());
        let of_caution = self.stands_at().filter(|_| self.caution.is_on() && self.is_up());
        let of_requests = self.requests.deadline();
        let all = [of_phase, of_engine, of_leaving, store_retry, of_flushes, of_acks, of_hold, of_caution, of_requests];
        all.into_iter().flatten().min()
    }

    /// Looks for the packet that caused the end of a link after `stood` milliseconds.
    pub(super) fn suspect(&mut self, stood: u64) {
        let has_left = |handle| self.engine.attempts(handle).is_some_and(|attempts| attempts > 0);
        let request = self.asking.unanswered().find(|handle| has_left(*handle));
        let was_cautious = self.caution.is_on();
        let message = self.sent().find(|message| !was_cautious || self.caution.was_sent(message));
        let message = message.map(|message| (message.handle, message.attempts));
        self.caution.link_died(stood >= self.steady_after(), request.is_some() || message.is_some());
        match (request, message) {
            _ if !was_cautious => {}
            (Some(handle), None) => {
                let denied = self.asking.blame(&mut self.filters, handle);
                denied.into_iter().for_each(|changed| self.on_changed(changed));
            }
            (None, Some((handle, attempts))) => self.accuse(handle, attempts),
            _ => {} // neither was in flight alone
        }
    }

    /// Returns the messages that were sent and not acknowledged.
    pub(super) fn sent(&self) -> impl Iterator<Item = Unacknowledged<'_>> {
        self.engine.unacknowledged().filter(|message| message.may_have_arrived)
    }

    /// Handles a message that was alone in flight when the link ended.
    fn accuse(&mut self, handle: pure_mqtt::Handle, attempts: u8) {
        let ticket = Ticket::of(handle);
        self.outbox.events.push_back(Event::Suspect { ticket, attempts });
        let most = self.options.max_attempts;
        if most > 0 && attempts >= most {
            self.withdrawn.insert(handle, End::AttemptsUsedUp(attempts));
        }
    }
}
