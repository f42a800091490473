//! What dies with a link. Every `open` makes it afresh, so nothing of the last link can leak into the next.

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
    /// PINGRESP has its time a second time.
    pub(super) ping_extended: bool,
    pub(super) auth: AuthState,
    /// The server's AUTH waits for our answer.
    pub(super) is_challenged: bool,
    pub(super) clean_start: bool,
    /// CONNECT is out whole: the server may have acted on it.
    pub(super) is_connect_out: bool,
    /// The server accepted the link at some time.
    pub(super) established: bool,
    pub(super) empty_client_id: bool,
    /// CONNECT wanted the session to end with the link.
    pub(super) ends_session: bool,
    pub(super) no_problem_information: bool,
    pub(super) wants_response_information: bool,
    /// The last input could not be taken.
    pub(super) is_blocked: bool,
    /// Bytes of the server's have arrived that were not handed over.
    pub(super) has_unread: bool,
    pub(super) control: Control,
    /// What CONNECT and CONNACK agreed on, in seconds.
    pub(super) keep_alive: u16,
    /// What we announced.
    pub(super) topic_alias_maximum: u16,
    /// What the server is held to.
    pub(super) receive_maximum: u16,
    pub(super) peer: Peer,
    /// Why the link is over.
    pub(super) end: ConnectionError,
    /// A fingerprint of the authentication method in CONNECT.
    pub(super) auth_method: u32,
    /// How much of an unfinished packet was shown.
    pub(super) partial: u32,
    /// The message that is arriving in pieces.
    pub(super) stream: Stream,
    pub(super) timers: Timers,
}

/// Where an enhanced authentication stands.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) enum AuthState {
    /// CONNECT named no method `[MQTT-4.12.0-7]`.
    #[default]
    None,
    /// CONNECT named a method.
    Method,
    /// We started a re-authentication `[MQTT-4.12.1-1]`.
    Again,
}

/// Where the keep-alive question stands.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) enum Ping {
    #[default]
    None,
    /// PINGREQ is to be encoded.
    Due,
    /// PINGREQ waits for the transport.
    Staged,
    /// PINGREQ has left, and PINGRESP is awaited.
    Sent,
}

impl Link {
    /// Input waits that isn't taken: what is awaited may lie in it.
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
