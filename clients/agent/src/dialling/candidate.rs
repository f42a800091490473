//! Somewhere to dial, and how that has ended.

use crate::event::Host;
use crate::ids::ServerId;

/// Somewhere to dial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) server: ServerId,
    /// Another host than the server's own.
    pub(crate) host: Option<Host>,
    /// It may have the credentials.
    pub(crate) is_trusted: bool,
}

impl Candidate {
    /// The server itself.
    pub(super) fn own_host(server: ServerId) -> Self {
        Self { server, host: None, is_trusted: true }
    }
}

/// How a dial or a link has ended, as far as it matters for the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// No link came of it; the next candidate is tried.
    Failed,
    /// The same, and it won't get better soon.
    FailedLastingly,
    /// The server had accepted the link.
    Lost {
        /// It had stood, and ended in a way that won't come again at once.
        was_good: bool,
        then: Then,
    },
}

/// What follows from the end of a link for the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// It is tried again first.
    Stay,
    /// It serves badly, or no longer: another node of its cluster is tried first.
    Leave,
    /// The same, and as much time was lost already: the pause is short.
    LeaveSoon,
}
