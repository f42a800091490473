//! Encodes the records that are due for the journal, after each call. Changes are found by comparison: here the session
//! as a whole with the log, in `session::owed` and `session::received` each message.
//!
//! The order of records matters. The loss of a session comes first, since it ends many messages at once; then the
//! version for which messages are encoded, and what the server holds; then messages, in the order of their changes.

use crate::connection::core::Core;
use crate::connection::state::State;
use crate::session::{Loss, Outgoing};
use crate::storage::{Fact, LostSession, Parts, ReceiveSlot, Record, SessionFact};

impl Core {
    /// Encodes the due records, as far as there is room.
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

    /// Encodes what must precede the record of the session's state. If the session is no longer in doubt, the messages
    /// of the old session that were given up come first: a prefix of the log must not restore a session that is not in
    /// doubt and has both. If a link was accepted in doubt, the messages received before come first. Returns false if
    /// there is no room.
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

    /// Encodes the records about the session as a whole; returns false if there is no room.
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

    /// Returns the state of the session to be recorded: that which would apply if the link were lost now. After a clean
    /// start the session is in doubt until CONNACK, and then until the received messages are known to belong to the
    /// same session or are given up. A clean session of 3.x ends with its link.
    pub(super) const fn session_fact(&self) -> SessionFact {
        match (self.link.clean_start, self.link.established, self.outgoing.session) {
            (true, true, _) if self.version().clean_session_ends_with_link() => SessionFact::None,
            _ if self.incoming.is_doubtful() => SessionFact::Either,
            (true, false, _) => SessionFact::Doubtful, // whatever was in doubt before: there is one more possible session
            (_, _, session) => session,
        }
    }

    pub(super) const fn has_session(&self) -> bool {
        matches!(self.session_fact(), SessionFact::Held | SessionFact::Adopted)
    }

    /// Returns whether CONNECT with a clean start must wait until the log says that the session is in doubt or
    /// discarded. Otherwise, after a power failure the new session could not be told from the old one.
    pub(super) fn waits_for_doubt(&self, parts: &Parts<'_>) -> bool {
        cfg!(feature = "journal")
            && self.link.clean_start
            && self.link.state as u8 == State::Connecting as u8
            && match self.outgoing.session {
                SessionFact::None => parts.journal.is_session_lost(),
                _ => !parts.journal.doubts_session(),
            }
    }

    /// Handles the loss of the session: unfinished messages are aborted or republished.
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

    /// Discards the session; returns false, and changes nothing, if the journal has no room for the record.
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
