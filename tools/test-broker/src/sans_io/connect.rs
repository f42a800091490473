//! The beginning and the end of a connection: CONNECT, AUTH, DISCONNECT, lost links, wills.

use super::codec::{Connect, FORWARDED, Prop, Props, ServerPacket, Will, Wrong, find, id};
use super::config::Fault;
use super::link::Phase;
use super::session::Session;
use super::topics::{Message, check_name};
use super::transcript::Direction;
use super::{Broker, DelayedWill, LinkId};

impl Broker {
    /// The first packet of a link.
    pub(super) fn on_connect(&mut self, link: LinkId, connect: Box<Connect>) -> Result<(), Wrong> {
        let Some(state) = self.links.get_mut(&link) else { return Ok(()) };
        state.apply(&connect);
        if let Some(code) = self.refusal(&connect)? {
            self.refuse(link, code);
            return Ok(());
        }
        let has_method = find(&connect.props, id::AUTH_METHOD).is_some();
        let rounds = if has_method { self.config.auth_rounds } else { 0 };
        self.continue_connect(link, connect, rounds);
        Ok(())
    }

    /// The code that refuses a CONNECT, if one does.
    fn refusal(&self, connect: &Connect) -> Result<Option<u8>, Wrong> {
        let v5 = connect.version.is_v5();
        if let Some(will) = &connect.will {
            check_name(&will.topic)?;
            if v5 && will.qos > self.config.maximum_qos {
                return Ok(Some(0x9B));
            }
            if v5 && will.retain && !self.config.retain_available {
                return Ok(Some(0x9A));
            }
        }
        if self.config.refuse_connect.is_some() {
            return Ok(self.config.refuse_connect);
        }
        if !self.config.versions.contains(&connect.version) {
            return Ok(Some(0x01));
        }
        if connect.client_id.is_empty() && !v5 && (!connect.clean || connect.version == super::Version::V31) {
            return Ok(Some(0x02));
        }
        let wrong_login = self.config.credentials.as_ref().is_some_and(|(name, password)| {
            connect.username.as_ref() != Some(name) || connect.password.as_ref() != Some(password)
        });
        Ok(wrong_login.then_some(if v5 { 0x86 } else { 0x04 }))
    }

    /// Refuses a connection. A level that is not served gets the answer of a 3.1.1 server.
    pub(super) fn refuse(&mut self, link: LinkId, code: u8) {
        if let Some(state) = self.links.get_mut(&link) {
            if code == 0x01 {
                state.version = super::Version::V311;
            }
            state.will = None;
        }
        self.send(link, &ServerPacket::ConnAck { present: false, code, props: Props::new() });
        self.give_up(link);
    }

    /// Sends the next challenge, or finishes the connection if none is left.
    fn continue_connect(&mut self, link: LinkId, connect: Box<Connect>, rounds: u32) {
        if rounds == 0 {
            self.finish_connect(link, &connect);
            return;
        }
        if let Some(state) = self.links.get_mut(&link) {
            state.phase = Phase::Authenticating { connect, rounds: rounds - 1 };
        }
        self.challenge(link, rounds);
    }

    fn challenge(&mut self, link: LinkId, round: u32) {
        let mut props = self.method_props(link);
        props.push((id::AUTH_DATA, Prop::Bytes(format!("challenge {round}").into_bytes())));
        self.send(link, &ServerPacket::Auth { reason: 0x18, props });
    }

    fn method_props(&self, link: LinkId) -> Props {
        let method = self.links.get(&link).and_then(|state| state.auth_method.clone());
        method.map(|method| (id::AUTH_METHOD, Prop::Text(method))).into_iter().collect()
    }

    fn finish_connect(&mut self, link: LinkId, connect: &Connect) {
        let client_id = self.client_id_for(connect);
        self.take_over(&client_id);
        let present = self.open_session(link, &client_id, connect);
        if let Some(session) = self.sessions.get_mut(&client_id).filter(|_| self.config.has(Fault::ForgetShared)) {
            session.subscriptions.retain(|filter, _| !filter.starts_with("$share/"));
        }
        let present = (present || self.config.has(Fault::ClaimSession)) && !self.config.has(Fault::DenySession);
        let keep_alive = self.config.server_keep_alive.unwrap_or(connect.keep_alive);
        if let Some(state) = self.links.get_mut(&link) {
            state.phase = Phase::Connected;
            state.client_id.clone_from(&client_id);
            state.patience_ms = (keep_alive > 0).then(|| u64::from(keep_alive) * 1500);
            // Version 3.1 has no session present flag, so such a client goes by what it asked for.
            state.audit.resumed = if connect.version == super::Version::V31 { !connect.clean } else { present };
            if !self.config.use_aliases {
                state.alias_maximum = 0;
            }
            if self.config.has(Fault::IgnorePacketSize) {
                state.packet_size = None;
            }
        }
        let props = self.connack_props(link, connect, &client_id);
        self.send(link, &ServerPacket::ConnAck { present, code: 0, props });
        self.pump(&client_id);
    }

    fn client_id_for(&mut self, connect: &Connect) -> String {
        if !connect.client_id.is_empty() {
            return connect.client_id.clone();
        }
        self.assigned += 1;
        format!("{}{}", self.config.assigned_prefix, self.assigned)
    }

    /// Closes an older connection of the same client.
    fn take_over(&mut self, client_id: &str) {
        for older in self.links.values_mut().filter(|state| state.client_id == client_id) {
            older.audit.forget_marks();
        }
        let Some(older) = self.sessions.get(client_id).and_then(|session| session.link) else { return };
        self.note(older, "taken over");
        self.end_with(older, 0x8E);
    }

    /// Resumes or creates the session. Returns whether one was there.
    fn open_session(&mut self, link: LinkId, client_id: &str, connect: &Connect) -> bool {
        if connect.clean {
            self.end_session(client_id);
        } else {
            self.wills.remove(client_id);
        }
        let asked = find(&connect.props, id::SESSION_EXPIRY).and_then(Prop::number).unwrap_or(0);
        let expiry_s = match connect.version.is_v5() {
            true => self.config.session_expiry.unwrap_or(asked),
            false => Session::expiry_before_v5(connect.version, connect.clean),
        };
        let present = self.sessions.contains_key(client_id);
        let session = self.sessions.entry(client_id.to_owned()).or_insert_with(Session::new);
        session.attach(link, expiry_s);
        if self.config.has(Fault::DenySession) {
            session.audit = Default::default();
        }
        present
    }

    fn connack_props(&self, link: LinkId, connect: &Connect, client_id: &str) -> Props {
        let config = &self.config;
        let mut props = Props::new();
        if !connect.version.is_v5() {
            return props;
        }
        let mut put = |when: bool, id: u8, value: Prop| {
            if when {
                props.push((id, value));
            }
        };
        let receive_maximum = config.receive_maximum.unwrap_or(0);
        let packet_size = config.maximum_packet_size.unwrap_or(0);
        let wants_info = find(&connect.props, id::REQUEST_RESPONSE_INFO).and_then(Prop::number) == Some(1);
        let info = config.response_information.clone().filter(|_| wants_info);
        let expiry = config.session_expiry.unwrap_or(0);
        let keep_alive = config.server_keep_alive.unwrap_or(0);
        put(config.session_expiry.is_some(), id::SESSION_EXPIRY, Prop::Four(expiry));
        put(receive_maximum > 0, id::RECEIVE_MAXIMUM, Prop::Two(receive_maximum));
        put(config.maximum_qos < 2, id::MAXIMUM_QOS, Prop::Byte(config.maximum_qos));
        put(!config.retain_available, id::RETAIN_AVAILABLE, Prop::Byte(0));
        put(packet_size > 0, id::MAXIMUM_PACKET_SIZE, Prop::Four(packet_size));
        put(connect.client_id.is_empty(), id::ASSIGNED_CLIENT_ID, Prop::Text(client_id.to_owned()));
        put(config.topic_alias_maximum > 0, id::TOPIC_ALIAS_MAXIMUM, Prop::Two(config.topic_alias_maximum));
        put(!config.wildcard_available, id::WILDCARD_AVAILABLE, Prop::Byte(0));
        put(!config.subscription_id_available, id::SUBSCRIPTION_ID_AVAILABLE, Prop::Byte(0));
        put(!config.shared_available, id::SHARED_AVAILABLE, Prop::Byte(0));
        put(config.server_keep_alive.is_some(), id::SERVER_KEEP_ALIVE, Prop::Two(keep_alive));
        put(info.is_some(), id::RESPONSE_INFO, Prop::Text(info.unwrap_or_default()));
        props.extend(self.method_props(link));
        props.extend(config.extra_connack_properties.iter().cloned());
        props
    }

    /// AUTH, during the connection or for a re-authentication.
    pub(super) fn on_auth(&mut self, link: LinkId, reason: u8, props: &[(u8, Prop)]) -> Result<(), Wrong> {
        let Some(state) = self.links.get_mut(&link) else { return Ok(()) };
        let method = find(props, id::AUTH_METHOD).and_then(Prop::text);
        if state.auth_method.is_none() || method != state.auth_method.as_deref() {
            return Err(Wrong::protocol("[MQTT-4.12.0-5] AUTH does not repeat the Authentication Method of CONNECT"));
        }
        match (reason, state.phase.clone()) {
            (0x18, Phase::Authenticating { connect, rounds }) => self.continue_connect(link, connect, rounds),
            (0x19, Phase::Connected) => self.start_reauth(link),
            (0x18, Phase::Connected) if state.reauth_rounds > 0 => {
                state.reauth_rounds -= 1;
                let left = state.reauth_rounds;
                self.continue_reauth(link, left);
            }
            _ => return Err(Wrong::protocol(format!("[MQTT5 4.12] AUTH with reason {reason:#04x} at the wrong time"))),
        }
        Ok(())
    }

    fn start_reauth(&mut self, link: LinkId) {
        if let Some(reason) = self.config.refuse_reauth {
            self.end_with(link, reason);
            return;
        }
        let rounds = self.config.reauth_rounds;
        if let Some(state) = self.links.get_mut(&link) {
            state.reauth_rounds = rounds;
        }
        self.continue_reauth(link, rounds);
    }

    fn continue_reauth(&mut self, link: LinkId, rounds: u32) {
        if rounds > 0 {
            self.challenge(link, rounds);
        } else {
            let props = self.method_props(link);
            self.send(link, &ServerPacket::Auth { reason: 0, props });
        }
    }

    /// DISCONNECT from the client.
    pub(super) fn on_disconnect(&mut self, link: LinkId, reason: u8, props: &[(u8, Prop)]) -> Result<(), Wrong> {
        let Some(state) = self.links.get_mut(&link) else { return Ok(()) };
        let expiry = find(props, id::SESSION_EXPIRY).and_then(Prop::number);
        if state.expiry_was_zero && expiry.unwrap_or(0) > 0 {
            return Err(Wrong::protocol("[MQTT-3.14.2-2] DISCONNECT raises a Session Expiry Interval of zero"));
        }
        if reason == 0 {
            state.will = None;
        }
        let session = self.sessions.get_mut(&state.client_id).filter(|session| session.link == Some(link));
        if let (Some(session), Some(expiry)) = (session, expiry) {
            session.expiry_s = expiry;
        }
        self.detach(link);
        if let Some(state) = self.links.get_mut(&link) {
            state.phase = Phase::SaidGoodbye;
        }
        Ok(())
    }

    /// Stops serving a link; it closes once its output was taken.
    pub(super) fn give_up(&mut self, link: LinkId) {
        self.detach(link);
        if let Some(state) = self.links.get_mut(&link) {
            state.phase = Phase::GivenUp;
            state.partial.clear();
        }
    }

    /// Takes the session off its link, publishes the will or keeps it for later, and ends the session if it is time.
    pub(super) fn detach(&mut self, link: LinkId) {
        let Some(state) = self.links.get_mut(&link) else { return };
        let (client_id, will) = (state.client_id.clone(), state.will.take());
        state.held.clear();
        let Some(session) = self.sessions.get_mut(&client_id).filter(|session| session.link == Some(link)) else {
            return;
        };
        let expiry_s = session.expiry_s;
        if state.audit.tampered {
            session.audit = Default::default();
        }
        let survives = session.detach(self.now_ms);
        if let Some(will) = will {
            self.schedule_will(&client_id, will, expiry_s);
        }
        if !survives {
            self.end_session(&client_id);
        }
    }

    fn schedule_will(&mut self, client_id: &str, will: Will, expiry_s: u32) {
        let delay = find(&will.props, id::WILL_DELAY).and_then(Prop::number).unwrap_or(0).min(expiry_s);
        let due_ms = self.now_ms + u64::from(delay) * 1000;
        self.wills.insert(client_id.to_owned(), DelayedWill { due_ms, will });
        if delay == 0 {
            self.publish_will(client_id);
        }
    }

    /// Publishes the will that waits for a client, if there is one.
    pub(super) fn publish_will(&mut self, client_id: &str) {
        let Some(DelayedWill { will, .. }) = self.wills.remove(client_id) else { return };
        let expiry = find(&will.props, id::MESSAGE_EXPIRY).and_then(Prop::number);
        let message = Message {
            from: client_id.to_owned(),
            topic: will.topic,
            payload: will.payload,
            qos: will.qos,
            retain: will.retain,
            props: will.props.into_iter().filter(|(id, _)| FORWARDED.contains(id)).collect(),
            expires_at: expiry.map(|seconds| self.now_ms + u64::from(seconds) * 1000),
        };
        self.accept_message(message);
    }

    /// Drops a session and everything in it; a will that still waits is published now.
    pub(super) fn end_session(&mut self, client_id: &str) {
        self.publish_will(client_id);
        self.sessions.remove(client_id);
    }

    /// Adds an event to the transcript.
    pub(super) fn note(&mut self, link: LinkId, text: &str) {
        self.transcript.record(link, Direction::Note, &text);
    }
}
