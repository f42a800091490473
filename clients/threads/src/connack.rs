//! The server's answer to CONNECT, as callbacks get it.

use pure_mqtt::{Properties, ReasonCode, SessionState};

use crate::notification::{Accepted, properties_in};

/// The server's answer to CONNECT, for [`Client::on_connect`](crate::Client::on_connect).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnAck<'p> {
    /// Success or why not, in terms of 5.0 whatever the version.
    pub reason: ReasonCode,
    /// The code as it stood on the wire: in 3.1 and 3.1.1 a return code, in 5.0 the reason code.
    pub code: u8,
    /// What became of the session.
    pub session: SessionState,
    /// Receive Maximum, Assigned Client Identifier and so on (5.0).
    pub properties: Properties<'p>,
}

impl<'p> ConnAck<'p> {
    pub(crate) fn of(accepted: &'p Accepted) -> Self {
        let &Accepted { reason, code, session, ref properties } = accepted;
        Self { reason, code, session, properties: properties_in(properties) }
    }

    /// Whether the link stands: the server accepted it.
    pub const fn is_accepted(&self) -> bool {
        !self.reason.is_error()
    }
}
