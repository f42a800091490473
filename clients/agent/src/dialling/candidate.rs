//! Addresses to dial, and results of dials.

use crate::event::Host;
use crate::ids::ServerId;

/// An address to dial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) server: ServerId,
    /// A host other than the server's own.
    pub(crate) host: Option<Host>,
    /// Whether it may get the credentials.
    pub(crate) is_trusted: bool,
}

impl Candidate {
    /// Creates the candidate for the server itself.
    pub(super) fn own_host(server: ServerId) -> Self {
        Self { server, host: None, is_trusted: true }
    }
}

/// The result of a dial or a link, as far as it matters for the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// No link was established; the next candidate is tried.
    Failed,
    /// No link was established, because of a permanent failure.
    FailedLastingly,
    /// The server had accepted the link.
    Lost {
        /// The link was stable, and did not end in a way that would repeat at once.
        was_good: bool,
        then: Then,
    },
}

/// Which server to try after the end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// The same server first.
    Stay,
    /// Another node of its cluster first: the server serves badly, or no longer.
    Leave,
    /// Another node first, after a short delay: much time was lost already.
    LeaveSoon,
}
