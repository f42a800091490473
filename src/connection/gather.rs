//! What the journal is owed, encoded after each call. Nothing here is told what changed: the session as a whole is
//! compared with what the log says of it, as `session::owed` and `session::received` compare each message.
//!
//! The order is the log's meaning. The loss of a session comes first, for it ends many messages at once; then the
//! version that messages are encoded for, and what the server holds; then messages, in the order in which they changed.

use crate::connection::core::Core;
use crate::connection::state::State;
use crate::session::{Loss, Outgoing};
use crate::storage::{Fact, LostSession, Parts, ReceiveSlot, Record, SessionFact};

impl Core {
    /// Encodes what is owed, as far as there is room.
    pub(super) fn gather(&mut self, parts: &mut Parts<'_>) {
        if parts.journal.is_none() {
            return;
        }
        let is_behind = !self.gather_before_doubt_ends(parts) || !self.gather_session(parts);
        if let Some(books) = parts.journal.books() {
            books.is_behind = is_behind;
        }
        if !is_behind && self.outgoing.gather(parts) {
            self.incoming.gather(parts.inbox, &mut parts.journal);
        }
    }

    /// Where the session is in doubt no more, what was given up of the old one comes first: part of a log must not lead
    /// to a session that seems to be sure and has both. Where a link was accepted in doubt, what was received before
    /// comes first. False if there is no room.
    fn gather_before_doubt_ends(&mut self, parts: &mut Parts<'_>) -> bool {
        let fact = self.session_fact();
        let ends = parts.journal.books().is_some_and(|books| {
            books.session.is_in_doubt()
                && books.session != fact
                && matches!(fact, SessionFact::Held | SessionFact::Adopted | SessionFact::Either)
                && books.loss.get().is_none()
        });
        !ends || self.incoming.gather(parts.inbox, &mut parts.journal)
    }

    /// What concerns the session as a whole; false if there is no room.
    fn gather_session(&mut self, parts: &mut Parts<'_>) -> bool {
        let (version, session) = (self.version().as_encoded(), self.session_fact());
        let journal = &mut parts.journal;
        let Some(books) = journal.books() else { return true };
        books.current = version;
        let has_other_version = books.version.get().is_some_and(|noted| noted != version);
        let loss = books.loss.get().map(|LostSession { aborted, .. }| Record::NewSession { aborted, session });
        let has_other_session = loss.is_none() && books.session != session;
        loss.is_none_or(|loss| journal.put(&loss))
            && (!has_other_version || journal.put(&Record::Version(version)))
            && (!has_other_session || journal.put(&Record::Session(session)))
    }

    /// What a durable memory must know of the session: what would be true of it if the link were lost now. From a clean
    /// start on it is in doubt until CONNACK, and then until what was received is known to be of the same session or is
    /// given up; and a clean session of 3.x ends with its link.
    pub(super) const fn session_fact(&self) -> SessionFact {
        match (self.link.clean_start, self.link.established, self.outgoing.session) {
            (true, true, _) if self.version().clean_session_ends_with_link() => SessionFact::None,
            _ if self.incoming.is_doubtful() => SessionFact::Either,
            (true, false, _) => SessionFact::Doubtful, // whatever was in doubt before: there is one more that it may be
            (_, _, session) => session,
        }
    }

    pub(super) const fn has_session(&self) -> bool {
        matches!(self.session_fact(), SessionFact::Held | SessionFact::Adopted)
    }

    /// CONNECT with a clean start leaves once the log says that the session is in doubt, or forgotten: after a loss of
    /// power nobody could tell the new one from the old.
    pub(super) fn waits_for_doubt(&self, parts: &Parts<'_>) -> bool {
        cfg!(feature = "journal")
            && self.link.clean_start
            && self.link.state as u8 == State::Connecting as u8
            && match self.outgoing.session {
                SessionFact::None => parts.journal.is_session_lost(),
                _ => !parts.journal.doubts_session(),
            }
    }

    /// The server has no session, or another one: what was kept for the old one is given up or begins anew.
    pub(super) fn lose_session(&mut self, parts: &mut Parts<'_>, republish: bool) -> Loss {
        if parts.journal.is_none() {
            self.incoming.clear(parts.inbox);
            return self.outgoing.session_lost(parts, republish);
        }
        let last = if republish { 0 } else { self.outgoing.last_begun(parts.slots) };
        let is_noted = |slot: &ReceiveSlot| slot.notes.noted() == Fact::Received;
        let has_received = parts.inbox.iter().any(is_noted);
        self.incoming.clear(parts.inbox);
        let lost = self.outgoing.session_lost(parts, republish);
        self.outgoing.note_loss(parts.slots, last);
        if let Some(books) = parts.journal.books() {
            let LostSession { aborted, had_received } = books.loss.get().unwrap_or_default();
            let lost = LostSession { aborted: aborted.max(last), had_received: had_received || has_received };
            books.loss = Some(lost).into();
        }
        lost
    }

    /// Gives everything up; false, and nothing changed, if the journal has no room to say so.
    pub(super) fn forget(&mut self, parts: &mut Parts<'_>) -> bool {
        let version = self.version().as_encoded();
        if let Some(books) = parts.journal.books() {
            books.current = version;
        }
        if !parts.journal.put(&Record::Discarded) {
            return false;
        }
        self.outgoing.forget(parts);
        Outgoing::note_forgotten(parts.slots);
        self.incoming.clear(parts.inbox);
        self.outgoing.fence(false);
        self.outgoing.session = SessionFact::None;
        self.outgoing.must_start_clean = false;
        true
    }
}
