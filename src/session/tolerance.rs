//! What the books do about servers that don't keep to the standard.

use crate::session::outgoing::Outgoing;
use crate::storage::Parts;

impl Outgoing {
    /// A stored acknowledgement isn't needed any more; 0 for none.
    pub(crate) fn drop_ack(&mut self, parts: &mut Parts<'_>, id: u16) {
        self.finish(parts, id);
    }
}
