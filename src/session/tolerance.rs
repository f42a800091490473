//! What the session does about servers that deviate from the standard.

use crate::session::outgoing::Outgoing;
use crate::storage::Parts;

impl Outgoing {
    /// Removes a stored acknowledgement that is not needed any more; 0 for none.
    pub(crate) fn drop_ack(&mut self, parts: &mut Parts<'_>, id: u16) {
        self.finish(parts, id);
    }
}
