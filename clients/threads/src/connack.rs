//! The server's answer to CONNECT, as passed to callbacks.

use pure_mqtt::{Properties, ReasonCode, SessionState};

use crate::notification::{Accepted, properties_in};

/// The server's answer to CONNECT, for [`Client::on_connect`](crate::Client::on_connect).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnAck<'p> {
    /// The reason code of 5.0, in every version: Success, or the cause of the refusal.
    pub reason: ReasonCode,
    /// The code as received: in 3.1 and 3.1.1 the return code, in 5.0 the reason code.
    pub code: u8,
    /// Whether the session was resumed, lost or new. In each case the client restores its subscriptions: the program need not subscribe again.
    pub session: SessionState,
    /// The properties (5.0), such as Receive Maximum and Assigned Client Identifier.
    pub properties: Properties<'p>,
}

impl<'p> ConnAck<'p> {
    pub(crate) fn of(accepted: &'p Accepted) -> Self {
        let &Accepted { reason, code, session, ref properties } = accepted;
        Self { reason, code, session, properties: properties_in(properties) }
    }

    /// Returns whether the server accepted the link.
    pub const fn is_accepted(&self) -> bool {
        !self.reason.is_error()
    }

    /// Returns whether the server resumed a session (Session Present).
    pub const fn session_present(&self) -> bool {
        matches!(self.session, SessionState::Resumed | SessionState::Adopted { .. })
    }
}
