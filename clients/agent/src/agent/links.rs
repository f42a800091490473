//! The lifecycle of a link: dialled, opened, accepted, ended.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use pure_mqtt::{
    Connect, ConnectionError, Disconnect, Instant, Properties, Property, ReasonCode, TopicName, Version, Will,
};

use super::{Agent, Leaving, Link, Phase};
use crate::dialling::{Candidate, Outcome, Then};
use crate::event::{Action, Event, FailureClass, LinkEnd, Wake};
use crate::ids::{LinkId, Ticket};
use crate::lines::info;
use crate::options::{CleanStart, Login, Options, Redial};
use crate::realms::Realms;

impl Agent {
    /// Dials now.
    pub(super) fn begin_dial(&mut self) {
        let now = self.clock.now;
        let Some(target) = self.target() else { return self.phase = Phase::Idle { dial_at: None } };
        let not_after = now.after_millis(self.options.dial_timeout.min(self.quick()).into());
        let is_by_srv = self.options.server(target.server).is_some_and(|server| server.has_srv);
        if is_by_srv && !self.rounds.is_resolved(target.server, now) {
            self.outbox.actions.push_back(Action::Resolve { server: target.server, not_after });
            self.phase = Phase::Resolving { not_after };
            return;
        }
        let id = LinkId(self.link.id.0 + 1);
        let candidate = self.rounds.dial();
        self.stats.dials += 1;
        let (server, host, attempt) = (target.server, target.host, self.rounds.attempts());
        info!("{id}: dialling server {server}, attempt {attempt}");
        self.outbox.actions.push_back(Action::Dial { link: id, server, host, attempt, not_after });
        self.link = Link { id, candidate, ..Link::default() };
        self.phase = Phase::Dialling { not_after };
    }

    pub(super) fn target(&self) -> Option<Candidate> {
        self.rounds.target()
    }

    /// Returns the realms of the current link.
    pub(super) fn link_realms(&self) -> Option<Realms> {
        self.link.candidate.as_ref().map(|candidate| self.options.realms(candidate.server))
    }

    /// Returns whether the known session must not be used on this server: it is of another realm, or it is the agent's first. It is given up when the server has accepted the
    /// link, not before: if the server refuses, the session continues elsewhere.
    fn owes_clean_start(&self) -> bool {
        let is_foreign = match &self.session.realms {
            Some(realms) => !self.link_realms().is_some_and(|here| here.meets(realms)),
            None => self.options.clean_start == CleanStart::First,
        };
        is_foreign || self.session.begins_anew
    }

    /// Opens the link with CONNECT.
    pub(super) fn open_link(&mut self, login: &Login) {
        let is_trusted = self.link.candidate.as_ref().is_some_and(|candidate| candidate.is_trusted);
        let nobody = Login::default();
        let login = if is_trusted { login } else { &nobody };
        let version = self.version.version();
        let is_always_clean = self.options.clean_start == CleanStart::Always;
        let is_clean = is_always_clean || self.owes_clean_start();
        self.link.is_wiping = is_clean && !is_always_clean && version != Version::V5;
        if self.client_id().is_empty() && version == Version::V31 {
            let id = self.random_id();
            self.rename(id.as_str()); // 3.1 does not allow an empty identifier
        }
        let is_cautious = self.caution.begin();
        if is_cautious {
            let sent = self.engine.unacknowledged().filter(|message| message.may_have_arrived);
            self.caution.remember(self.deliveries.newest().unwrap_or_default(), sent);
        }
        self.asking.is_cautious = is_cautious;
        self.engine.set_limits(self.next_limits(is_cautious));
        self.engine.hold_messages(self.link.is_wiping || is_cautious);
        let properties = connect_properties(&self.options, version, login);
        let client_id = self.client_id().to_string();
        let mut connect = Connect::new(version, &client_id)
            .clean_start(is_clean)
            .keep_alive(self.options.keep_alive)
            .properties(Properties::new(&properties));
        connect.user_name = login.user_name.as_deref();
        connect.password = login.password.as_deref();
        connect.will = will(&self.options);
        connect.bridge = self.options.bridge && version != Version::V5;
        match self.engine.open(self.clock.now, &connect) {
            Ok(()) => {
                self.phase = Phase::Open;
                self.inbox.clear();
            }
            Err(error) => {
                self.outbox.actions.push_back(Action::Close { link: self.link.id });
                self.dial_is_over(FailureClass::Lasting, error.to_string(), None);
            }
        }
    }

    /// Ends the link or the attempt at once.
    pub(super) fn give_link_up(&mut self, end: LinkEnd) {
        match self.phase {
            Phase::Open => {
                self.outbox.actions.push_back(Action::Close { link: self.link.id });
                self.link_ended(end);
            }
            Phase::Dialling { .. } => {
                self.outbox.actions.push_back(Action::Close { link: self.link.id });
                self.phase = Phase::Idle { dial_at: None };
            }
            Phase::Resolving { .. } => self.phase = Phase::Idle { dial_at: None },
            Phase::Idle { .. } | Phase::Done => {}
        }
    }

    /// Sends DISCONNECT; the link ends when it has been sent.
    pub(super) fn say_disconnect(&mut self) {
        let _ = self.engine.disconnect(self.clock.now, &Disconnect::default()); // a plain DISCONNECT can always be sent
    }

    /// Handles the end of the engine's link, or of its transport.
    pub(super) fn link_ended(&mut self, end: LinkEnd) {
        let now = self.clock.now;
        let reason = self.engine.close_reason();
        let stood = self.link.accepted.map(|at| now.millis_since(at));
        let is_ours = end == LinkEnd::Ours;
        let is_other_version = self.version.link_ended(reason);
        if stood.is_some() && !is_ours {
            self.suspect(stood.unwrap_or_default());
        }
        if stood.is_none() {
            self.filters.assume_session_lost();
            self.stats.refused += 1;
        }
        self.note_sent();
        self.engine.handle_close(now);
        self.withdraw_accused();
        self.inbox.clear();
        self.held.link_lost();
        self.queues.link_lost();
        self.timers.hold_until = None;
        let outcome = match stood {
            Some(stood) => {
                let was_good = is_ours || self.was_good(&end, stood);
                Outcome::Lost { was_good, then: then(&end, was_good) }
            }
            None if is_lasting(&end) => Outcome::FailedLastingly,
            None => Outcome::Failed,
        };
        self.link.is_to_be_replaced |= is_other_version || self.follow_reference(&end) || self.has_another_id(&end);
        self.link_is_over(end, outcome, None);
    }

    /// Marks messages sent on this link: they may have arrived, even if the session is lost later.
    fn note_sent(&mut self) {
        for message in self.engine.unacknowledged().filter(|message| message.may_have_arrived) {
            if let Some(entry) = self.deliveries.get_mut(Ticket::of(message.handle)) {
                entry.may_have_arrived = true;
            }
        }
    }

    /// Gives up messages that were sent often enough, now that none of them is in flight.
    fn withdraw_accused(&mut self) {
        let accused: Vec<_> = self.withdrawn.keys().copied().collect();
        for handle in accused {
            self.engine.withdraw(self.clock.now, handle);
        }
    }

    /// Returns after how many milliseconds a link counts as stable.
    pub(super) fn steady_after(&self) -> u64 {
        match self.options.redial {
            Redial::Agent { stands_after, .. } => stands_after.into(),
            Redial::Host => 30_000,
        }
    }

    /// Returns when this link will be stable; `None` before it is accepted.
    pub(super) fn stands_at(&self) -> Option<Instant> {
        self.link.accepted.map(|at| at.after_millis(self.steady_after()))
    }

    /// Returns whether the delays may be reset after this link.
    fn was_good(&self, end: &LinkEnd, stood: u64) -> bool {
        let is_same = self.ends.last.as_ref() == Some(end) && !self.link.has_progress;
        stood >= self.steady_after() && !is_same && !comes_again(end)
    }

    /// Switches to a random identifier if the server refuses the empty one.
    fn has_another_id(&mut self, end: &LinkEnd) -> bool {
        let is_refused = matches!(end, LinkEnd::Server { reason: ReasonCode::CLIENT_IDENTIFIER_NOT_VALID, .. });
        if !is_refused || !self.client_id().is_empty() {
            return false;
        }
        let id = self.random_id();
        self.rename(id.as_str());
        true
    }

    fn follow_reference(&mut self, end: &LinkEnd) -> bool {
        let (Some(reference), LinkEnd::Server { reason, .. }) = (&self.link.reference, end) else { return false };
        let Some(candidate) = &self.link.candidate else { return false };
        let is_followed = self.rounds.follow(*reason, reference, candidate.server, &self.options);
        self.stats.redirects += u64::from(is_followed);
        is_followed
    }

    /// Handles the end of a link or an attempt: reports it, and decides when to dial next.
    pub(super) fn link_is_over(&mut self, end: LinkEnd, outcome: Outcome, not_before: Option<Instant>) {
        let now = self.clock.now;
        let is_replaced = core::mem::take(&mut self.link.is_to_be_replaced);
        let pause = match is_replaced {
            true => Some(0),
            false => self.rounds.ended(now, outcome),
        };
        let is_lasting = outcome == Outcome::FailedLastingly && !is_replaced && !self.rounds.is_inside();
        if is_lasting && !self.options.retry_lasting {
            self.stop_dialling();
        }
        if let Some(at) = not_before {
            self.rounds.be_patient(at);
        }
        let wants_link = matches!(self.leaving, Leaving::No | Leaving::Finishing { may_dial: true, .. });
        let patience = self.rounds.patience();
        let is_agent = self.options.redial != Redial::Host;
        let is_at_once = wants_link && is_agent && patience <= now && (is_replaced || pause.is_none());
        let pause = u64::from(pause.unwrap_or(0));
        let dial_at = (wants_link && is_agent).then(|| now.after_millis(pause).max(patience));
        self.phase = Phase::Idle { dial_at };
        let has_wiped = self.link.is_wiping && self.link.accepted.is_some() && end == LinkEnd::Ours;
        if !(has_wiped && is_replaced) {
            self.tell_end(end, dial_at, is_at_once);
        }
        self.outbox.wakes.push_back(Wake::Link);
    }

    fn tell_end(&mut self, why: LinkEnd, next_dial: Option<Instant>, is_at_once: bool) {
        let has_progress = core::mem::take(&mut self.link.has_progress);
        let is_same = self.ends.last.as_ref() == Some(&why) && !has_progress;
        self.ends.times = if is_same { self.ends.times.saturating_add(1) } else { 1 };
        self.ends.last = Some(why.clone());
        self.stats.last_end = Some(alloc::format!("{why:?}"));
        if self.ends.times >= 3 && self.ends.times.is_power_of_two() || self.ends.times == 3 {
            self.outbox.events.push_back(Event::SameEndAgain { why: why.clone(), times: self.ends.times });
        }
        let link = self.link.id;
        info!("{link}: over: {why:?}");
        self.outbox.events.push_back(Event::LinkDown { link, why, next_dial, is_at_once });
    }

    /// Returns the engine's reason for the end of the link.
    pub(super) fn engine_end(&mut self) -> LinkEnd {
        match (self.engine.close_reason(), self.link.last_words.take()) {
            (ConnectionError::Disconnected, _) => LinkEnd::Ours,
            (_, Some((reason, explanation))) => LinkEnd::Server { reason, explanation },
            (ConnectionError::Refused(reason) | ConnectionError::ServerDisconnect(reason), None) => {
                LinkEnd::Server { reason, explanation: None }
            }
            (error, None) => LinkEnd::Protocol(error),
        }
    }

    /// Returns the reason for the end of a link whose transport is closed.
    pub(super) fn transport_end(&mut self, why: String) -> LinkEnd {
        match self.engine.should_close() {
            true => self.engine_end(),
            false => LinkEnd::Transport(why),
        }
    }
}

/// Returns the properties of CONNECT: those of the user, and those derived from the settings.
fn connect_properties<'a>(options: &'a Options, version: Version, login: &'a Login) -> Vec<Property<'a>> {
    if version != Version::V5 {
        return Vec::new();
    }
    let own = Properties::from_bytes(&options.connect_properties).unwrap_or(Properties::NONE);
    let mut properties: Vec<_> = own.iter().collect();
    if options.session_expiry > 0 && own.session_expiry_interval().is_none() {
        properties.push(Property::SessionExpiryInterval(options.session_expiry));
    }
    if let Some((method, data)) = &login.method {
        properties.extend([Property::AuthenticationMethod(method), Property::AuthenticationData(data)]);
    }
    properties
}

fn will(options: &Options) -> Option<Will<'_>> {
    let will = options.will.as_ref()?;
    let topic = TopicName::new(&will.topic).ok()?;
    let properties = Properties::from_bytes(&will.properties).unwrap_or(Properties::NONE);
    Some(Will::new(topic, &will.payload).qos(will.qos).retain(will.retain).properties(properties))
}

/// Returns whether a refusal is permanent.
fn is_lasting(end: &LinkEnd) -> bool {
    const LASTING: [ReasonCode; 7] = [
        ReasonCode::BAD_USER_NAME_OR_PASSWORD,
        ReasonCode::NOT_AUTHORIZED,
        ReasonCode::BANNED,
        ReasonCode::BAD_AUTHENTICATION_METHOD,
        ReasonCode::CLIENT_IDENTIFIER_NOT_VALID,
        ReasonCode::UNSUPPORTED_PROTOCOL_VERSION,
        ReasonCode::PROTOCOL_ERROR,
    ];
    matches!(end, LinkEnd::Server { reason, .. } if LASTING.contains(reason))
}

/// Returns which server to try after a link that was accepted.
fn then(end: &LinkEnd, was_good: bool) -> Then {
    match end {
        LinkEnd::Protocol(ConnectionError::KeepAliveTimeout | ConnectionError::AckTimeout) => Then::LeaveSoon,
        LinkEnd::Server { reason: ReasonCode::SESSION_TAKEN_OVER, .. } => Then::Stay, // the same would happen on any node
        LinkEnd::Server { .. } => Then::Leave,
        _ if was_good => Then::Stay,
        _ => Then::Leave,
    }
}

/// Returns whether the same end would follow at once if the delays were reset.
fn comes_again(end: &LinkEnd) -> bool {
    const AGAIN: [ReasonCode; 5] = [
        ReasonCode::SESSION_TAKEN_OVER,
        ReasonCode::QUOTA_EXCEEDED,
        ReasonCode::CONNECTION_RATE_EXCEEDED,
        ReasonCode::MESSAGE_RATE_TOO_HIGH,
        ReasonCode::ADMINISTRATIVE_ACTION,
    ];
    matches!(end, LinkEnd::Server { reason, .. } if AGAIN.contains(reason))
}
