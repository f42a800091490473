//! What dies with a link. Every `open` makes it afresh, so nothing of the last link can leak into the next.

use core::hash::{Hash, Hasher};

use crate::connection::control::Control;
use crate::connection::core::Core;
use crate::connection::state::State;
use crate::connection::stream::Stream;
use crate::error::ConnectionError;
use crate::session::Peer;
use crate::storage::Parts;
use crate::time::{Deadline, Instant};

/// The state of one link. All zeros is "closed".
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(C)] // as `Core`
pub(super) struct Link {
    pub(super) state: State,
    /// Why the link is over.
    pub(super) end: ConnectionError,
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
    pub(super) control: Control,
    /// What CONNECT and CONNACK agreed on, in seconds.
    pub(super) keep_alive: u16,
    /// What we announced.
    pub(super) topic_alias_maximum: u16,
    /// What the server is held to.
    pub(super) receive_maximum: u16,
    pub(super) peer: Peer,
    /// None if the storage has no room for topic aliases.
    pub(super) aliasing: Option<&'static Aliasing>,
    pub(super) session_expiry: u32,
    /// A fingerprint of the authentication method in CONNECT.
    pub(super) auth_method: u32,
    /// How much of an unfinished packet was shown.
    pub(super) partial: u32,
    /// The message that is arriving in pieces.
    pub(super) stream: Stream,
    /// The last input could not be taken, since then.
    pub(super) blocked_since: Deadline,
    /// When a packet was last handed over whole.
    pub(super) last_sent: Instant,
    pub(super) last_received: Instant,
    pub(super) deadlines: Deadlines,
}

/// What deals with topic aliases. Reached through the link alone, so that firmware whose storage has no room for them doesn't carry it.
#[derive(Clone, Copy)]
pub(super) struct Aliasing {
    /// Lets an alias stand for the topic of the staged message, where that is shorter.
    pub(super) shorten: fn(&mut Core, &mut Parts<'_>),
    /// Binds an alias of the server's to a name.
    pub(super) bind: fn(&mut Core, &mut Parts<'_>, u16, &str),
}

/// There is only one.
impl PartialEq for Aliasing {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Aliasing {}

impl Hash for Aliasing {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

/// The deadlines that are set by events; the others are derived.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Deadlines {
    /// The end of the handshake: CONNACK, or on a link that is up the end of a re-authentication.
    pub(super) handshake: Deadline,
    pub(super) pingresp: Deadline,
    pub(super) ack: Deadline,
    pub(super) retry: Deadline,
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
    /// PINGREQ is to leave.
    Owed,
    /// PINGRESP is awaited.
    Sent,
}

impl Link {
    /// The last input could not be taken.
    pub(super) fn is_blocked(&self) -> bool {
        self.blocked_since != Deadline::NONE
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
        blocked_since: Deadline::NONE,
        keep_alive: 0,
        topic_alias_maximum: 0,
        aliasing: None,
        receive_maximum: 0,
        session_expiry: 0,
        auth_method: 0,
        partial: 0,
        stream: Stream::NONE,
        peer: Peer::UNKNOWN,
        control: Control::EMPTY,
        last_sent: Instant::from_millis(0),
        last_received: Instant::from_millis(0),
        deadlines: Deadlines {
            handshake: Deadline::NONE,
            pingresp: Deadline::NONE,
            ack: Deadline::NONE,
            retry: Deadline::NONE,
        },
    };
}
