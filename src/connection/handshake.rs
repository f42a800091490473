//! How a link begins: CONNECT, CONNACK, enhanced authentication.

use crate::connection::core::Core;
use crate::connection::effect::{Effect, Place, Refusal};
use crate::connection::link::{AuthState, Link};
use crate::connection::state::State;
use crate::connection::stats::Count;
use crate::connection::timers::Countdown;
use crate::error::{ConnectionError, OpenError};
use crate::event::{ConnAck, Event, SessionState};
use crate::limits::{OnSessionLoss, OnUnknownSession, StoredLimits};
use crate::session::Loss;
use crate::storage::{Parts, SessionFact};
use crate::topic::is_mqtt_string;
use crate::wire::reason::ReasonCode;
use crate::wire::{
    self, Connect, Field, MAX_REMAINING, PacketType, Properties, PropertyError, Reader, Seen, Tolerance, Value,
    Violation, WILL_BIT, Writer, ids,
};

/// The properties that the engine adds to CONNECT, and enforces.
pub(super) struct Announced {
    pub(super) receive_maximum: u16,
    pub(super) topic_alias_maximum: u16,
    /// The Maximum Packet Size, in bytes.
    pub(super) longest: usize,
}

impl Announced {
    /// Writes the properties; values that are the standard's defaults are left out.
    fn encode(&self, writer: &mut Writer<'_>) {
        if self.receive_maximum < u16::MAX {
            writer.u8(ids::ReceiveMaximum);
            writer.u16(self.receive_maximum);
        }
        if self.longest < MAX_REMAINING {
            writer.u8(ids::MaximumPacketSize);
            writer.u32(self.longest as u32);
        }
        if self.topic_alias_maximum > 0 {
            writer.u8(ids::TopicAliasMaximum);
            writer.u16(self.topic_alias_maximum);
        }
    }
}

/// Checks what the types of `connect` do not ensure. Strings are UTF-8 by their type, and so is the topic of the will
/// `[MQTT-3.1.3-4]` `[MQTT-3.1.3-11]` `[MQTT-3.1.3-12]`.
pub(super) fn check_connect(connect: &Connect<'_>) -> Result<(), OpenError> {
    let version = connect.version;
    if !version.is_supported() {
        return Err(OpenError::Version);
    }
    check_client_id(connect)?;
    if connect.password.is_some() && connect.user_name.is_none() && !version.allows_password_alone() {
        return Err(OpenError::PasswordWithoutUserName);
    }
    if connect.bridge && !version.has_bridge_bit() {
        return Err(OpenError::Bridge);
    }
    if ![connect.client_id, connect.user_name.unwrap_or_default()].into_iter().all(is_mqtt_string) {
        return Err(OpenError::Field);
    }
    if version.has_properties() {
        check_properties(connect).map_err(OpenError::Property)?;
    }
    Ok(())
}

fn check_client_id(connect: &Connect<'_>) -> Result<(), OpenError> {
    let version = connect.version;
    let is_allowed = if connect.client_id.is_empty() {
        version.allows_empty_client_id() && (connect.clean_start || !version.empty_client_id_needs_clean())
    } else {
        characters(connect.client_id) <= version.max_client_id_chars()
    };
    if is_allowed { Ok(()) } else { Err(OpenError::ClientId) }
}

/// Counts the characters, by the bytes that begin one.
fn characters(text: &str) -> usize {
    text.bytes().filter(|byte| byte & 0xC0 != 0x80).count()
}

fn check_properties(connect: &Connect<'_>) -> Result<(), PropertyError> {
    connect.properties.check(PacketType::Connect.bit())?;
    let ours = [ids::ReceiveMaximum, ids::MaximumPacketSize, ids::TopicAliasMaximum];
    if let Some(id) = connect.properties.first_of(&ours) {
        return Err(PropertyError { id, violation: Violation::PropertyNotAllowed });
    }
    check_method(&connect.properties)?;
    connect.will.as_ref().map_or(Ok(()), |will| will.properties.check(WILL_BIT).map(|_| ()))
}

/// Checks that there are no Authentication Data without a method (§3.1.2.11.10).
fn check_method(properties: &Properties<'_>) -> Result<(), PropertyError> {
    if properties.has(ids::AuthenticationData) && !properties.has(ids::AuthenticationMethod) {
        return Err(PropertyError { id: ids::AuthenticationData, violation: Violation::AuthenticationMethod });
    }
    Ok(())
}

/// Writes the complete CONNECT.
pub(super) fn write_connect(connect: &Connect<'_>, announced: &Announced, writer: &mut Writer<'_>) {
    let block = writer.begin_packet(PacketType::Connect);
    connect.encode_with(|writer| announced.encode(writer), writer);
    writer.end(block);
}

impl Core {
    /// Starts a link. CONNECT, which was written to the control area, is its first packet, sent once `[MQTT-3.1.0-1]`
    /// `[MQTT-3.1.0-2]`. Everything was checked before, and a closed link equals [`Link::CLOSED`].
    pub(super) fn open(&mut self, parts: &mut Parts<'_>, connect: &Connect<'_>, announced: &Announced, length: usize) {
        let handshake = Countdown::due_in_or_never(self.limits.connack_timeout());
        self.link.control.append(length, false);
        if self.outgoing.version() != connect.version {
            let has_more = self.forms().map(|forms| forms.has_more);
            self.outgoing.reencode_for(parts, connect.version, has_more);
        }
        if !connect.version.has_properties() {
            self.incoming.drop_reasons(parts.inbox);
        }
        let link = &mut self.link;
        link.state = State::Connecting;
        link.clean_start = connect.clean_start;
        link.empty_client_id = connect.client_id.is_empty();
        link.keep_alive = connect.keep_alive; // unless CONNACK says otherwise [MQTT-3.2.2-22]
        link.topic_alias_maximum = announced.topic_alias_maximum;
        let is_held_to_it = connect.version.announces_receive_maximum() && self.limits.strict();
        link.receive_maximum = if is_held_to_it { announced.receive_maximum } else { u16::MAX };
        if connect.version.has_properties() {
            self.read_connect(&connect.properties);
        }
        self.link.timers.phase = handshake;
    }

    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(super) fn on_connack<'i>(
        &mut self,
        parts: &mut Parts<'_>,
        body: &mut Reader<'i>,
        event: Place<'_, 'i>,
    ) -> Effect {
        let mut seen = Seen::default();
        let connack = wire::ConnAck::decode(body, &mut seen);
        body.finish()?;
        let wire::ConnAck { code, properties, session_present } = connack;
        let (reason, session) = (connack.reason(self.version()), SessionState::Untouched);
        *event = Some(Event::ConnAck(ConnAck { reason, code, session, properties }));
        let Some(Event::ConnAck(told)) = event else { return Ok(()) };
        if reason == ReasonCode::SUCCESS {
            self.check_answers_what_left()?;
            if session_present && self.link.clean_start {
                if self.limits.strict() || self.version().has_properties() {
                    return Err(Violation::SessionPresent.into()); // [MQTT-3.2.2-1] [MQTT-3.2.2-2]
                }
                self.stats.count(Tolerance::KeptSession as u8);
            }
            self.check_connack(session_present, &told.properties, seen)?;
            self.accepted(parts, session_present, told, seen);
            return Ok(());
        }
        // [MQTT-3.2.2-7] [MQTT-3.1.3-8] [MQTT-4.12.0-1]
        self.end(parts, ConnectionError::Refused(reason), None);
        Ok(())
    }

    /// Checks that the transport has confirmed taking CONNECT and AUTH: their answers are blocked until then.
    pub(super) const fn check_answers_what_left(&self) -> Effect {
        if self.link.control.is_empty() { Ok(()) } else { Err(Refusal::Blocked) }
    }

    /// Handles an accepted link; `told` receives what happened to the session.
    fn accepted(&mut self, parts: &mut Parts<'_>, session_present: bool, told: &mut ConnAck<'_>, seen: Seen) {
        self.link.peer.window = self.limits.max_inflight();
        if self.version().has_properties() {
            self.link.read_connack(&told.properties, &self.limits);
        }
        if !self.link.empty_client_id && seen.has(ids::AssignedClientIdentifier) {
            self.stats.count(Count::IgnoredClientId as u8);
        }
        self.resume_or_reset_session(parts, session_present, &mut told.session);
        self.link.state = State::Connected;
        self.link.established = true;
        self.link.timers.phase = Countdown::NONE;
        self.link.timers.stalled = 0; // pending output could not be sent before
        self.outgoing.must_start_clean = false;
        self.stats.links = self.stats.links.saturating_add(1);
        crate::fmt::debug!("connected: {}", told.session);
    }

    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn check_connack(&self, session_present: bool, properties: &Properties<'_>, seen: Seen) -> Effect {
        let link = &self.link;
        if session_present && !link.clean_start && self.outgoing.session == SessionFact::None {
            match self.limits.on_unknown_session() {
                OnUnknownSession::Adopt => {}
                OnUnknownSession::CleanStart => return Err(Refusal::UnknownSession),
                OnUnknownSession::Refuse => return Err(Violation::UnknownSession.into()), // [MQTT-3.2.2-4]
            }
        }
        if !self.version().has_properties() {
            return Ok(());
        }
        if link.empty_client_id && properties.field(ids::AssignedClientIdentifier).is_none_or(<[u8]>::is_empty) {
            return Err(Violation::NoAssignedClientId.into()); // [MQTT-3.1.3-7] [MQTT-3.2.2-16]
        }
        if seen.has(ids::ResponseInformation) && !link.wants_response_information {
            return Err(Violation::NotRequested.into()); // [MQTT-3.1.2-28]
        }
        match self.authenticating() {
            Some(authenticating) if link.auth != AuthState::None => {
                Ok((authenticating.check_connack)(link, properties)?)
            }
            _ if seen.has_any(const { Seen::of(&[ids::AuthenticationMethod, ids::AuthenticationData]) }) => {
                Err(Violation::AuthenticationMethod.into()) // [MQTT-4.12.0-6]
            }
            _ => Ok(()),
        }
    }

    /// Resumes the session `[MQTT-3.1.2-5]` or starts a new one `[MQTT-3.1.2-6]`, as Session Present says `[MQTT-3.2.2-3]`,
    /// before anything else is sent. A new session keeps nothing of the old one `[MQTT-3.1.2-4]` `[MQTT-3.2.2-5]`.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn resume_or_reset_session(&mut self, parts: &mut Parts<'_>, session_present: bool, told: &mut SessionState) {
        let held = if self.link.clean_start { SessionFact::None } else { self.outgoing.session };
        let is_kept = session_present && self.link.clean_start; // counts as new, but its identifiers may be held
        let resumed = match self.version().has_session_present() {
            true => session_present && !is_kept,
            false => held != SessionFact::None,
        };
        if resumed && held != SessionFact::None {
            *told = SessionState::Resumed;
            if held.is_in_doubt() {
                *told = SessionState::Adopted { republished: 0, aborted: 0, completed: 0 };
                match held {
                    SessionFact::Either if cfg!(feature = "journal") => self.incoming.give_up_doubted(parts.inbox),
                    _ => self.incoming.doubt(),
                }
            }
            self.outgoing.resume();
            return;
        }
        let republish = self.limits.on_session_loss() == OnSessionLoss::Republish;
        let loss = self.lose_session(parts, republish);
        self.find_next_expiry(parts.slots);
        self.outgoing.begin_session(resumed || is_kept);
        let Loss { republished, aborted, completed } = loss;
        *told = match resumed {
            true => SessionState::Adopted { republished, aborted, completed },
            false => SessionState::New { republished, aborted, completed },
        };
    }

    /// Stores what the link needs of CONNECT.
    fn read_connect(&mut self, properties: &Properties<'_>) {
        self.link.ends_session = true;
        if !properties.is_empty() {
            self.read_each(properties);
        }
    }

    fn read_each(&mut self, properties: &Properties<'_>) {
        let mut rest = properties.iter();
        let mut value = Value::default();
        while let Some(id) = rest.next_value(&mut value) {
            match id {
                ids::SessionExpiryInterval => self.link.ends_session = value.number == 0,
                ids::RequestProblemInformation => self.link.no_problem_information = !bool::from_value(value),
                ids::RequestResponseInformation => self.link.wants_response_information = bool::from_value(value),
                ids::AuthenticationMethod => self.begin_to_authenticate(Field::from_value(value)),
                _ => {}
            }
        }
    }
}

impl Link {
    /// Stores the server's limits and settings (§3.2.2.3).
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn read_connack(&mut self, properties: &Properties<'_>, limits: &StoredLimits) {
        let mut rest = properties.checked();
        let mut value = Value::default();
        while let Some(id) = rest.next_value(&mut value) {
            let number = value.number;
            match id {
                ids::ReceiveMaximum => self.peer.window = self.peer.window.min(number as u16), // [MQTT-4.9.0-1]
                ids::TopicAliasMaximum => self.peer.topic_aliases = (number as u16).min(limits.topic_aliases().1), // absent: none [MQTT-3.2.2-18]
                ids::MaximumPacketSize => self.peer.max_packet = number,
                ids::ServerKeepAlive => self.keep_alive = number as u16, // [MQTT-3.1.2-21] [MQTT-3.2.2-21]
                _ => self.peer.note(id, number),
            }
        }
    }
}
