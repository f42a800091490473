//! Enhanced authentication (§4.12): AUTH in both directions, and the properties of CONNACK.

use crate::connection::core::{Authenticating, Core};
use crate::connection::effect::{Effect, Place};
use crate::connection::link::{AuthState, Link};
use crate::connection::state::State;
use crate::connection::timers::Countdown;
use crate::error::RequestError;
use crate::event::Event;
use crate::session::fingerprint;
use crate::storage::Parts;
use crate::time::Instant;
use crate::types::Version;
use crate::wire::reason::ReasonCode;
use crate::wire::{Auth, PacketType, PropertyError, Reply, Violation, Writer, ids, measure};

/// The only instance.
pub(super) static AUTHENTICATING: Authenticating = Authenticating {
    on_auth: Core::on_auth,
    check_connack: |link, properties| link.check_method(properties.field(ids::AuthenticationMethod)), // [MQTT-4.12.0-5]
};

pub(super) fn write_auth(auth: &Auth<'_>, writer: &mut Writer<'_>) {
    let block = writer.begin_packet(PacketType::Auth);
    auth.encode(Version::V5, writer);
    writer.end(block);
}

impl Core {
    /// Notes the authentication method of CONNECT.
    pub(super) fn begin_to_authenticate(&mut self, method: &[u8]) {
        self.link.auth = AuthState::Method;
        self.link.auth_method = fingerprint(method);
        self.set_authenticating();
    }

    /// Handles AUTH from the server (§3.15).
    fn on_auth<'i>(&mut self, &Reply { reason, properties, .. }: &Reply<'i>, event: Place<'_, 'i>) -> Effect {
        let auth = Auth { reason, properties };
        let is_expected = match (self.link.state, self.link.auth, auth.reason) {
            (State::Connecting, AuthState::Method, ReasonCode::CONTINUE_AUTHENTICATION) => true, // [MQTT-4.12.0-2]
            (State::Connected, AuthState::Again, reason) => reason != ReasonCode::RE_AUTHENTICATE,
            _ => false,
        };
        if !is_expected {
            return Err(Violation::UnexpectedPacket.into()); // [MQTT-4.12.0-6]
        }
        self.link.check_method(auth.properties.field(ids::AuthenticationMethod))?;
        self.check_answers_what_left()?;
        self.link.is_challenged = auth.reason == ReasonCode::CONTINUE_AUTHENTICATION;
        if auth.reason == ReasonCode::SUCCESS {
            self.link.auth = AuthState::Method;
            self.link.timers.phase = Countdown::NONE;
        }
        *event = Some(Event::Auth(auth));
        Ok(())
    }

    /// Handles AUTH from the application: a step of the current authentication, or the start of another.
    pub(super) fn authenticate(
        &mut self,
        parts: &mut Parts<'_>,
        now: Instant,
        auth: &Auth<'_>,
    ) -> Result<(), RequestError> {
        let starts = match (self.link.state, self.link.auth, auth.reason) {
            (_, _, ReasonCode::CONTINUE_AUTHENTICATION) if self.link.is_challenged => false, // [MQTT-4.12.0-3]
            (State::Connected, AuthState::Method, ReasonCode::RE_AUTHENTICATE) => true,      // [MQTT-4.12.1-1]
            _ => return Err(RequestError::State),                                            // [MQTT-4.12.0-7]
        };
        auth.properties.check(PacketType::Auth.bit())?;
        self.link
            .check_method(auth.properties.authentication_method().map(str::as_bytes))
            .map_err(|violation| PropertyError { id: ids::AuthenticationMethod, violation })?;
        let length = measure(|writer| write_auth(auth, writer));
        if !self.link.peer.takes_length(length) {
            // [MQTT-3.15.2-2] [MQTT-3.15.2-3]
            return Err(RequestError::ServerMaximum);
        }
        if length > parts.control.len() {
            return Err(RequestError::TooLarge);
        }
        let after_staged = !self.outgoing.is_between_frames();
        let mut writer = self.link.control.writer(parts.control);
        write_auth(auth, &mut writer);
        let length = writer.finish().map_err(|_| RequestError::Full)?;
        self.see(now); // no output was pending until now
        self.link.control.append(length, after_staged);
        self.link.is_challenged = false;
        if starts {
            self.link.auth = AuthState::Again;
            self.link.timers.phase = Countdown::due_in_or_never(self.limits.connack_timeout());
        }
        Ok(())
    }
}

impl Link {
    /// Checks the authentication method: every AUTH and the successful CONNACK must have that of CONNECT.
    fn check_method(&self, method: Option<&[u8]>) -> Result<(), Violation> {
        match method {
            Some(method) if fingerprint(method) == self.auth_method => Ok(()),
            _ => Err(Violation::AuthenticationMethod),
        }
    }
}
