//! What arrives, at either end, and what it must lead to.

use super::app::{Flow, Held, Known, SUBSCRIBE, Source};
use super::{Checked, State};
use crate::config::Config;
use crate::device::{Client, Memory};
use crate::packet::{self, Packet};
use crate::rules::{Rule, hold};
use pure_mqtt::{Cause, Event, Received, SessionState, Version};
use std::sync::Arc;

impl<M: Memory> State<M> {
    pub(super) fn arrive_up(&mut self, config: &Config, refuse: bool) -> Checked {
        let Some(packet) = self.up.pop_front() else { return Ok(false) };
        if packet == Packet::Disconnect {
            self.close(config)?;
            return Ok(true);
        }
        let mut answers = Vec::new();
        self.server.take(packet, self.window, refuse, &mut answers)?;
        if !self.deaf {
            self.down.extend(answers);
        }
        if let Packet::Publish { message, .. } = packet {
            self.flow(message)?.refused = refuse;
        }
        Ok(true)
    }

    pub(super) fn arrive_down(&mut self, config: &Config) -> Checked {
        let Some(&packet) = self.down.front() else { return Ok(false) };
        if self.client.state() == pure_mqtt::State::Closing {
            self.down.pop_front(); // nobody listens any more
            return Ok(true);
        }
        let bytes = packet::write(packet, config.version);
        let before = config.manual_acks.then(|| self.client.clone());
        let mut seen = Seen::Nothing;
        match self.client.handle_input(self.now, &bytes) {
            Ok(Received::Packet { consumed, event }) => {
                hold(consumed == bytes.len(), Rule::Wire)?;
                if let Some(event) = event {
                    seen = Seen::from(&event).ok_or(Rule::NoFault)?;
                }
            }
            Ok(Received::Partial { .. }) => return Err(Rule::Wire),
            Ok(Received::Blocked) => {
                let can_go_on = !self.client.waiting().is_empty()
                    || !self.client.transmit(self.now).chunk().is_empty()
                    || !self.app.held.is_empty()
                    || self.shown.is_some();
                hold(can_go_on, Rule::BlockedForACause)?;
                return Ok(true);
            }
            Err(_) => return Err(Rule::NoFault),
        }
        self.down.pop_front();
        self.arrived(config, packet, seen, before, bytes)?;
        Ok(true)
    }

    fn arrived(
        &mut self,
        config: &Config,
        packet: Packet,
        seen: Seen,
        before: Option<Client<M>>,
        bytes: Vec<u8>,
    ) -> Result<(), Rule> {
        hold(!self.is_answer_to_shown(packet), Rule::G8Confirmed)?;
        match (packet, seen) {
            (Packet::PingResp, Seen::Pong | Seen::Nothing) => Ok(()),
            (Packet::ConnAck { present, session, .. }, Seen::ConnAck(fate)) => {
                self.connected(config, present, session, fate)
            }
            (Packet::Publish { message, qos, id, .. }, Seen::Message(number, has_handle)) => {
                hold(number == message, Rule::Wire)?;
                let delivered = &mut self.app.delivered[usize::from(message)];
                hold(qos != 2 || *delivered == 0, Rule::D4AtMostOnce)?;
                if *delivered == 0 {
                    let latest = &mut self.app.latest[usize::from(qos)];
                    let comes_again = self.app.again >> message & 1 != 0;
                    hold(comes_again || latest.is_none_or(|latest| latest < message), Rule::D12Order)?;
                    *latest = (*latest).max(Some(message));
                }
                *delivered = (*delivered + 1).min(2);
                if qos == 0 {
                    return Ok(());
                }
                match before.filter(|_| has_handle) {
                    Some(client) => {
                        let number = self.app.held.last().map_or(0, |held| held.number + 1);
                        self.app.held.push(Held {
                            message,
                            qos,
                            id,
                            number,
                            source: Source(Arc::new((client, bytes))),
                        });
                    }
                    None => {
                        hold(!config.manual_acks, Rule::D8AckAfterDelivery)?;
                        self.app.answerable.push((qos, id));
                    }
                }
                Ok(())
            }
            (Packet::Publish { message, qos: 2, id, .. }, Seen::Nothing) => {
                // Delivered before; PUBREC may leave again, once the application has acknowledged.
                hold(self.app.delivered[usize::from(message)] > 0, Rule::D4AtMostOnce)?;
                if !self.app.held.iter().any(|held| held.qos == 2 && held.id == id) {
                    self.app.answerable.push((2, id));
                }
                Ok(())
            }
            (Packet::PubAck { id, .. }, Seen::Ended(handle)) => self.ends(1, id, handle),
            (Packet::PubRec { id, code }, Seen::Ended(handle)) if code >= 0x80 => self.ends(2, id, handle),
            (Packet::PubRec { id, code: 0 }, Seen::Nothing) => {
                let flows = &mut self.app.flows;
                let place = flows.iter().position(|flow| flow.kind == 2 && flow.id == id && !flow.ended);
                let place = place.ok_or(Rule::B2OneEnd)?;
                hold(!flows[place].released, Rule::C2NoPublishAfterPubRec)?;
                (flows[place].released, flows[place].owes_release) = (true, true);
                self.app.releases.push(place as u8);
                Ok(())
            }
            (Packet::PubComp { id, .. }, Seen::Nothing) => {
                let fence = self.app.fences.iter().position(|fence| *fence == id).ok_or(Rule::B2OneEnd)?;
                self.app.fences.remove(fence);
                Ok(())
            }
            (Packet::PubComp { id, .. }, Seen::Ended(handle)) => {
                let is_meant = |flow: &Flow| flow.handle == handle && flow.released && !flow.owes_release;
                hold(self.app.flows.iter().any(is_meant), Rule::C5PubCompAfterPubRec)?;
                self.ends(2, id, handle)
            }
            (Packet::SubAck { id }, Seen::Ended(handle)) => self.ends(SUBSCRIBE, id, handle),
            (Packet::PubRel { id, .. }, Seen::Nothing) => {
                if let Some(message) = self.server.message(id) {
                    self.app.completed[message] = true;
                }
                Ok(())
            }
            _ => Err(Rule::B2OneEnd),
        }
    }

    /// This answers what the transport was shown, and is not known to have taken. A fence's answer means nothing, so it may come at any time.
    fn is_answer_to_shown(&self, packet: Packet) -> bool {
        match (self.shown.as_ref().map(|shown| shown.packet), packet) {
            (Some(Packet::Connect { .. }), _) => true,
            (Some(Packet::Publish { qos: 1, id, .. }), Packet::PubAck { id: other, .. })
            | (Some(Packet::Publish { qos: 2, id, .. }), Packet::PubRec { id: other, .. })
            | (Some(Packet::Subscribe { id }), Packet::SubAck { id: other }) => id == other,
            // Once it left on an earlier link, the answer may be to that.
            (Some(Packet::PubRel { id, .. }), Packet::PubComp { id: other, .. }) => {
                id == other && self.shown.as_ref().is_some_and(|shown| shown.is_first)
            }
            _ => false,
        }
    }

    /// An acknowledgement ends what it belongs to.
    fn ends(&mut self, kind: u8, id: u16, handle: u64) -> Result<(), Rule> {
        let flow = self.app.flows.iter_mut().find(|flow| flow.handle == handle).ok_or(Rule::B2OneEnd)?;
        hold(flow.kind == kind && flow.id == id && !flow.ended && flow.outcome.is_none(), Rule::B2OneEnd)?;
        hold(flow.on_link || flow.released, Rule::B2OneEnd)?;
        flow.ended = true;
        self.forget_releases();
        Ok(())
    }

    pub(super) fn forget_releases(&mut self) {
        let flows = &self.app.flows;
        self.app.releases.retain(|message| !flows[usize::from(*message)].ended);
    }

    fn connected(&mut self, config: &Config, present: bool, session: u8, fate: SessionState) -> Result<(), Rule> {
        let says_present = config.version != Version::V31;
        let known = std::mem::take(&mut self.app.session);
        let resumes = if says_present { present } else { known.is_any() && !self.app.clean };
        (self.app.must_clean, self.app.is_answered) = (false, true);
        self.app.session = Known { belief: Some(session), ..Known::default() };
        if resumes && known.is_any() {
            self.app.session.is_adopted = known.is_adopted || known.is_doubtful;
            self.app.resumed = true;
            if known.belief != Some(session) {
                // Nobody but the server knows.
                self.app.flows.iter_mut().filter(|flow| matches!(flow.kind, 1 | 2)).for_each(|f| f.lost |= f.begun);
            }
            let in_doubt = SessionState::Adopted { republished: 0, aborted: 0, completed: 0 };
            let expected = if known.is_doubtful { in_doubt } else { SessionState::Resumed };
            // An outage may have left it in doubt, as long as nothing showed which session it is.
            let is_still_in_doubt = known.is_adopted && fate == in_doubt;
            return hold(fate == expected || is_still_in_doubt, Rule::E1SessionFate);
        }
        self.app.session.is_adopted = resumes;
        let (mut sent_again, mut aborted, mut completed) = (0, 0, 0);
        for flow in self.app.flows.iter_mut().filter(|flow| matches!(flow.kind, 1 | 2) && !flow.ended) {
            flow.lost |= flow.begun;
            flow.owes_release = false;
            if flow.released {
                flow.outcome = Some(Cause::Released);
                completed += 1;
            } else if flow.begun && config.abort {
                flow.outcome = Some(Cause::SessionLost);
                aborted += 1;
            } else if flow.begun {
                flow.begun = false;
                sent_again += 1;
            }
        }
        self.app.held.clear();
        self.app.answerable.clear();
        let is_told = match fate {
            SessionState::New { republished, aborted: a, completed: c } if !resumes => {
                (republished, a, c) == (sent_again, aborted, completed)
            }
            SessionState::Adopted { republished, aborted: a, completed: c } if resumes => {
                (republished, a, c) == (sent_again, aborted, completed)
            }
            _ => false,
        };
        hold(is_told, Rule::E1SessionFate)?;
        self.fetch_outcomes()
    }

    pub(super) fn fetch_outcomes(&mut self) -> Result<(), Rule> {
        while let Some(outcome) = self.client.poll_outcome() {
            let handle = outcome.handle.get();
            let flow = self.app.flows.iter_mut().find(|flow| flow.handle == handle).ok_or(Rule::B2OneEnd)?;
            hold(flow.outcome == Some(outcome.cause) && !flow.ended, Rule::B2OneEnd)?;
            (flow.ended, flow.outcome) = (true, None);
        }
        hold(self.app.flows.iter().all(|flow| flow.outcome.is_none()), Rule::E1SessionFate)?;
        self.forget_releases();
        Ok(())
    }
}

/// An event, as far as it matters here.
#[derive(Clone, Copy, Debug)]
enum Seen {
    Nothing,
    ConnAck(SessionState),
    /// The message, and whether it came with a handle.
    Message(u8, bool),
    /// The end of a message or request.
    Ended(u64),
    Pong,
}

impl Seen {
    pub(super) fn from(event: &Event<'_>) -> Option<Self> {
        Some(match event {
            Event::ConnAck(connack) => Self::ConnAck(connack.session),
            Event::Message(message) => Self::Message(*message.payload.first()?, message.ack.is_some()),
            Event::PubAck(end) | Event::PubRec(end) | Event::PubComp(end) => Self::Ended(end.handle.get()),
            Event::SubAck(answered) => Self::Ended(answered.handle.get()),
            Event::PingResp => Self::Pong,
            _ => return None,
        })
    }
}
