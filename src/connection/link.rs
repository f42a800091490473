//! The state of a link. Every `open` creates it anew, so no state of one link can leak into the next.

use crate::connection::control::Control;
use crate::connection::state::State;
use crate::connection::stream::Stream;
use crate::connection::timers::Timers;
use crate::error::ConnectionError;
use crate::session::Peer;

/// The state of one link. All zeros is "closed".
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(C)] // as `Core`
pub(super) struct Link {
    pub(super) state: State,
    pub(super) ping: Ping,
    /// Whether the time-out for PINGRESP runs a second time.
    pub(super) ping_extended: bool,
    pub(super) auth: AuthState,
    /// Whether an AUTH from the server awaits our answer.
    pub(super) is_challenged: bool,
    pub(super) clean_start: bool,
    /// Whether CONNECT was completely sent: the server may have processed it.
    pub(super) is_connect_out: bool,
    /// Whether the server has accepted the link.
    pub(super) established: bool,
    pub(super) empty_client_id: bool,
    /// Whether CONNECT asked for the session to end with the link.
    pub(super) ends_session: bool,
    pub(super) no_problem_information: bool,
    pub(super) wants_response_information: bool,
    /// Whether the last input was blocked.
    pub(super) is_blocked: bool,
    /// Whether bytes from the server have arrived that were not handed over.
    pub(super) has_unread: bool,
    pub(super) control: Control,
    /// The keep alive that applies after CONNECT and CONNACK, in seconds.
    pub(super) keep_alive: u16,
    /// The Topic Alias Maximum that CONNECT announced.
    pub(super) topic_alias_maximum: u16,
    /// The Receive Maximum that is enforced.
    pub(super) receive_maximum: u16,
    pub(super) peer: Peer,
    /// Why the link has ended.
    pub(super) end: ConnectionError,
    /// A fingerprint of the authentication method in CONNECT.
    pub(super) auth_method: u32,
    /// The number of bytes of an incomplete packet that were shown.
    pub(super) partial: u32,
    /// The message that arrives in fragments.
    pub(super) stream: Stream,
    pub(super) timers: Timers,
}

/// The state of an enhanced authentication.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) enum AuthState {
    /// CONNECT has no authentication method `[MQTT-4.12.0-7]`.
    #[default]
    None,
    /// CONNECT has an authentication method.
    Method,
    /// We started a re-authentication `[MQTT-4.12.1-1]`.
    Again,
}

/// The state of PINGREQ and PINGRESP.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) enum Ping {
    #[default]
    None,
    /// PINGREQ is to be encoded.
    Due,
    /// PINGREQ is shown to the transport.
    Staged,
    /// PINGREQ was sent, and PINGRESP is awaited.
    Sent,
}

impl Link {
    /// Returns whether there is input that was not processed, in which an awaited answer may lie.
    pub(super) const fn is_paused(&self) -> bool {
        self.is_blocked || self.has_unread
    }

    pub(super) const CLOSED: Self = Self {
        state: State::Closed,
        end: ConnectionError::NotOpen,
        clean_start: false,
        is_connect_out: false,
        established: false,
        empty_client_id: false,
        ends_session: false,
        no_problem_information: false,
        wants_response_information: false,
        auth: AuthState::None,
        is_challenged: false,
        ping: Ping::None,
        ping_extended: false,
        is_blocked: false,
        has_unread: false,
        keep_alive: 0,
        topic_alias_maximum: 0,
        receive_maximum: 0,
        auth_method: 0,
        partial: 0,
        stream: Stream::NONE,
        peer: Peer::UNKNOWN,
        control: Control::EMPTY,
        timers: Timers::NONE,
    };
}
