//! Messages with properties on links of 3.1 and 3.1.1.

use crate::connection::core::{Core, Reducing};
use crate::session::FORMS;
use crate::storage::Parts;

/// The only instance.
pub(super) static REDUCING: Reducing = Reducing { forms: &FORMS, write_head: Core::write_reduced_head };

impl Core {
    /// Writes the fixed header of a staged message that is encoded for 5.0 and sent on a link of an earlier version. If
    /// there is no room for it, the message waits.
    fn write_reduced_head(&mut self, parts: &mut Parts<'_>) {
        let Some(reduced) = self.outgoing.reduced(parts.slots, parts.arena) else { return };
        let mut writer = self.link.control.writer(parts.control);
        writer.u8(reduced.first_byte);
        writer.varint(reduced.remaining as u32);
        match writer.finish() {
            Ok(length) => {
                self.link.control.append(length, false);
                self.link.control.note_prefix(length);
                self.outgoing.pass_over(&reduced);
            }
            Err(_) => self.unstage(parts),
        }
    }
}
