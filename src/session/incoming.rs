//! Messages from the server at QoS 1 and 2, and their pending acknowledgements.
//!
//! Pending acknowledgements are stored as state and encoded when they are sent, so a full buffer cannot lose one.
//! PUBACK and PUBREC are sent in the order in which their messages arrived `[MQTT-4.6.0-2]` `[MQTT-4.6.0-3]`, from one
//! queue. PUBCOMP has a queue of its own, so that a message which the application has not acknowledged does not hold it
//! back.

use crate::storage::inbox::{self, at, lookup};
use crate::storage::{MAY_GROW, Notes, ReceiveSlot, ReceiveState};
use crate::types::QoS;
use crate::wire::PacketType;
use crate::wire::reason::ReasonCode;

/// A queue of receive slots, linked by index plus 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Queue {
    pub(super) first: u16,
    pub(super) last: u16,
}

/// A pending answer without a slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct OrphanReply {
    id: u16,
    kind: OrphanReplyKind,
    reason: u8,
}

/// The kind of answer without a slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum OrphanReplyKind {
    /// PUBCOMP: PUBREL arrived for an unknown identifier.
    #[default]
    Completion,
    /// PUBREL, for an unknown or repeated PUBREC.
    Release,
    /// PUBACK: a QoS 1 message arrived while QoS 2 messages filled the table.
    Receipt,
}

impl OrphanReply {
    const NONE: Self = Self { id: 0, kind: OrphanReplyKind::Completion, reason: 0 };
}

/// The bookkeeping over the receive slots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Incoming {
    /// Pending PUBACKs and PUBRECs.
    pub(super) owed: Queue,
    /// Pending PUBCOMPs, except those in the place of their PUBREC.
    completing: Queue,
    free: Queue,
    /// Slots beyond this one were never used.
    fresh: u16,
    /// Slots in use.
    pub(super) used: u16,
    /// Slots in use since an earlier link, which do not count against this link's Receive Maximum (§3.1.2.11.3).
    pub(super) old: u16,
    /// Slots in use that are freed by acknowledging, draining the output and writing the journal.
    pub(super) freeable: u16,
    /// The slot that may need a record in the journal, by index plus 1; 0 for none, and the maximum if there may be
    /// several.
    pub(super) changed: u16,
    serial: u32,
    /// In the order of sending; free ones have the identifier 0.
    strays: [OrphanReply; 3],
    /// Set if the server may have begun a new session unnoticed, which this link will show. Until then, slots of
    /// earlier links apply only to messages with DUP, of which a new session has none.
    is_doubtful: bool,
}

/// The number of slots that QoS 2 messages may not use.
pub(super) const RESERVE: usize = 1;

/// An acknowledgement that is to be sent next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) packet: PacketType,
    pub(crate) id: u16,
    pub(crate) reason: ReasonCode,
    /// The send slot that holds the packet with its properties; 0 for none.
    pub(crate) extra: u16,
}

/// Where the next acknowledgement comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// The first message with a pending PUBCOMP.
    Completing,
    /// The first message with a pending PUBACK or PUBREC.
    Owed,
    /// The first message at QoS 1 behind messages at QoS 2 whose records are not durable.
    Behind,
    /// An answer without a slot.
    OrphanReply,
}

/// The maximum number of unfinished messages from the server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bound {
    /// On this link: the Receive Maximum that is enforced.
    pub(crate) maximum: u16,
    /// In total.
    pub(crate) held: usize,
    /// Whether QoS 2 messages are recorded in the journal.
    pub(crate) is_kept: bool,
}

/// What happened to a message from the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// The message is new: deliver it. Slot index and serial number identify it when the application acknowledges.
    New { place: u16, serial: u32 },
    /// The message is a duplicate; its PUBREC is pending again.
    Repeated,
    /// Draining the output makes room.
    Blocked,
    /// No slot is free.
    Full {
        /// The link already has the maximum number of unfinished messages.
        exceeds_maximum: bool,
        /// Acknowledging messages or draining the output frees one.
        clears: bool,
    },
    /// The identifier belongs to another message.
    InUse,
    /// The identifier belonged to a message that the server has lost; that message was removed.
    Stale,
}

/// What happened to a PUBREL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Release {
    Completing,
    /// Like `Completing`, but PUBREC was not sent: PUBCOMP takes its place. `extra` is the send slot of a PUBREC with
    /// properties that is not needed any more; 0 for none.
    Early {
        extra: u16,
    },
    /// Draining the output makes room.
    Blocked,
    /// The identifier is unknown; PUBCOMP is sent nevertheless.
    Unknown,
    /// PUBREC was not sent yet.
    TooEarly,
}

/// Returns whether slots in this state are freed by something other than a packet from the server.
const fn is_freeable(state: ReceiveState) -> bool {
    matches!(state, ReceiveState::AtLeastOnce | ReceiveState::Completing | ReceiveState::Ended)
}

impl Queue {
    fn push(&mut self, inbox: &mut [ReceiveSlot], link: u16) {
        let last = core::mem::replace(&mut self.last, link);
        if let Some(slot) = at(inbox, link) {
            slot.next = 0;
        }
        match at(inbox, last) {
            Some(slot) => slot.next = link,
            None => self.first = link,
        }
    }

    #[cfg_attr(target_pointer_width = "32", inline(always))]
    fn pop(&mut self, inbox: &mut [ReceiveSlot]) -> u16 {
        let link = self.first;
        if let Some(slot) = at(inbox, link) {
            self.first = core::mem::take(&mut slot.next);
        }
        if self.first == 0 {
            self.last = 0;
        }
        link
    }
}

impl Incoming {
    pub(crate) const EMPTY: Self = Self {
        owed: Queue { first: 0, last: 0 },
        completing: Queue { first: 0, last: 0 },
        free: Queue { first: 0, last: 0 },
        fresh: 0,
        used: 0,
        old: 0,
        freeable: 0,
        changed: 0,
        serial: 0,
        strays: [OrphanReply::NONE; 3],
        is_doubtful: false,
    };

    /// Returns whether no answer is pending. QoS 2 messages that wait for PUBREL may remain.
    pub(crate) const fn owes_nothing(&self) -> bool {
        self.owes() == 0
    }

    /// Returns a value other than 0 if an answer is pending.
    pub(crate) const fn owes(&self) -> u16 {
        let [OrphanReply { id, .. }, ..] = self.strays;
        self.owed.first | self.completing.first | id
    }

    /// Returns whether no message is unfinished and no answer is pending.
    pub(crate) const fn is_empty(&self) -> bool {
        self.used == 0 && self.owes_nothing()
    }

    /// Returns how many unfinished messages the next link may have, in a table that can have `slots` slots, even if all
    /// messages are at QoS 2.
    pub(crate) fn affordable(&self, slots: usize) -> usize {
        slots.saturating_sub(usize::from(self.used) + RESERVE).max(1)
    }

    /// Returns whether the table is too small for one more message.
    pub(crate) const fn is_short(&self, inbox: &[ReceiveSlot]) -> bool {
        self.used as usize + RESERVE >= inbox.len()
    }

    /// Returns whether a QoS 2 message with this identifier was received before: then it is answered, and not delivered
    /// again.
    pub(crate) fn is_repetition(&self, inbox: &[ReceiveSlot], id: u16, dup: bool) -> bool {
        let slot = usize::from(lookup(inbox, id)).checked_sub(1).and_then(|place| inbox.get(place));
        slot.is_some_and(|slot| {
            slot.state != ReceiveState::Completing && !slot.is_ended() && !self.is_replaced(slot, dup)
        })
    }

    /// Returns whether this is the first message with the identifier in a new session that the server may have begun
    /// unnoticed.
    const fn is_replaced(&self, slot: &ReceiveSlot, dup: bool) -> bool {
        self.is_doubtful && slot.is_old && !slot.owed && !dup && !slot.is_ended()
    }

    /// Handles a message at QoS 1 or 2, with its `answer` if the application need not acknowledge it.
    ///
    /// At QoS 1 PUBACK becomes pending `[MQTT-4.3.2-4]`; once it was written, the next message with this identifier is
    /// new `[MQTT-4.3.2-5]`. At QoS 2 the message is new unless its identifier is in use, whatever DUP says
    /// `[MQTT-4.3.3-10]` `[MQTT-4.3.3-12]`; PUBREC becomes pending in both cases `[MQTT-4.3.3-8]`.
    #[cfg_attr(not(target_pointer_width = "32"), inline(always))]
    pub(crate) fn arrive(
        &mut self,
        inbox: &mut [ReceiveSlot],
        id: u16,
        qos: QoS,
        bound: Bound,
        answer: Option<ReasonCode>,
        dup: bool,
    ) -> Arrival {
        let link = lookup(inbox, id);
        let is_at_least_once = qos == QoS::AtLeastOnce;
        // A QoS 1 message with the identifier of a QoS 2 message belongs to another session, with DUP or without.
        let is_replaced = at(inbox, link).is_some_and(|slot| self.is_replaced(slot, dup && !is_at_least_once));
        if is_replaced {
            self.give_way(inbox); // so the session is a new one
            self.end_doubt();
        }
        let Some(slot) = at(inbox, link).filter(|slot| !is_replaced && !slot.is_ended()) else {
            return self.take(inbox, id, bound, answer, ReceiveState::of_new(qos));
        };
        if slot.state == ReceiveState::Completing || !is_at_least_once && slot.owed && slot.acknowledged {
            return Arrival::Blocked;
        }
        if is_at_least_once {
            // [MQTT-2.2.1-4]. The server has lost a QoS 2 message of an earlier link without a pending answer. It is
            // removed; otherwise the next link would end in the same way.
            if slot.is_old && !slot.owed {
                self.free(inbox, link);
                return Arrival::Stale;
            }
            return Arrival::InUse;
        }
        if core::mem::take(&mut slot.is_old) {
            self.old -= 1;
            self.end_doubt(); // a new session has nothing to repeat
        }
        if !slot.owed {
            slot.owed = true;
            self.owed.push(inbox, link);
        }
        Arrival::Repeated
    }

    #[cfg_attr(not(target_pointer_width = "32"), inline(always))]
    fn take(
        &mut self,
        inbox: &mut [ReceiveSlot],
        id: u16,
        bound: Bound,
        answer: Option<ReasonCode>,
        state: ReceiveState,
    ) -> Arrival {
        // A server may send a QoS 1 message again before it finishes the QoS 2 messages: one slot is reserved for that.
        // If only one message is allowed, a QoS 1 message is accepted in addition to a QoS 2 message that waits for the
        // server, if the table has room.
        let mut most = inbox.len().min(bound.held);
        if state == ReceiveState::AtLeastOnce && self.freeable == 0 {
            most = inbox.len();
        } else if state == ReceiveState::ExactlyOnce && most > 1 {
            most -= RESERVE;
        }
        let exceeds_maximum = self.used - self.old >= bound.maximum;
        let ended = if state == ReceiveState::ExactlyOnce { Self::ended(inbox, id) } else { 0 };
        let has_room = |used: u16| ended != 0 || usize::from(used) < most;
        let needs_slot = state == ReceiveState::ExactlyOnce || answer.is_none();
        if !exceeds_maximum && !has_room(self.used) && self.freeable == 0 && needs_slot {
            self.give_way(inbox);
        }
        if exceeds_maximum || !has_room(self.used) {
            return Arrival::Full { exceeds_maximum, clears: self.freeable > 0 };
        }
        let mut notes = Notes::of_new(bound.is_kept && state == ReceiveState::ExactlyOnce);
        let link = if ended != 0 {
            notes = self.revive(inbox, ended);
            ended
        } else {
            self.take_free(inbox)
        };
        self.enter(inbox, link, id, (state, answer, notes))
    }

    /// Returns a free slot, if not all are in use.
    #[cfg_attr(not(target_pointer_width = "32"), inline(always))]
    pub(super) fn take_free(&mut self, inbox: &mut [ReceiveSlot]) -> u16 {
        if !MAY_GROW {
            inbox::first_free(inbox)
        } else if self.free.first != 0 {
            self.free.pop(inbox)
        } else {
            self.fresh += 1;
            self.fresh
        }
    }

    /// Fills a free slot with a new message, whose answer is queued behind all others.
    #[cfg_attr(not(target_pointer_width = "32"), inline(always))]
    pub(super) fn enter(
        &mut self,
        inbox: &mut [ReceiveSlot],
        link: u16,
        id: u16,
        (state, answer, notes): (ReceiveState, Option<ReasonCode>, Notes),
    ) -> Arrival {
        self.serial = self.serial.wrapping_add(1);
        let serial = self.serial;
        let (acknowledged, reason) = (answer.is_some(), answer.unwrap_or_default().0);
        let new = ReceiveSlot { serial, id, state, reason, acknowledged, owed: true, notes, ..ReceiveSlot::FREE };
        if !inbox::fill(inbox, link, new) {
            return Arrival::Blocked;
        }
        self.used += 1;
        if state == ReceiveState::AtLeastOnce {
            self.freeable += 1;
        } else {
            self.note_change(inbox, link);
        }
        self.owed.push(inbox, link);
        Arrival::New { place: link - 1, serial }
    }

    /// Removes the QoS 2 messages of earlier links that the server has not repeated on this one. A server sends
    /// unfinished messages again before new ones, and in order `[MQTT-4.4.0-1]` `[MQTT-4.6.0-1]`. So either the server
    /// does not know these messages, because it has another session, or it has only PUBREL to send, which is answered
    /// even for an unknown identifier.
    #[cold]
    fn give_way(&mut self, inbox: &mut [ReceiveSlot]) {
        self.give_up(inbox, |slot| slot.is_old);
    }

    /// Removes the QoS 2 messages among `which` that have no pending answer.
    pub(super) fn give_up(&mut self, inbox: &mut [ReceiveSlot], which: fn(&ReceiveSlot) -> bool) {
        for link in (0..inbox.len() as u16).map(|place| place + 1) {
            let is_left_over = at(inbox, link).is_some_and(|slot| {
                which(slot) && !slot.owed && matches!(slot.state, ReceiveState::ExactlyOnce | ReceiveState::Recorded)
            });
            if is_left_over {
                self.free(inbox, link);
            }
        }
    }

    /// Handles PUBREL `[MQTT-4.3.3-11]`. PUBCOMP becomes pending for an unknown identifier too. `may_be_early`: whether
    /// PUBREL is accepted before PUBREC was sent, for a message of this link.
    pub(crate) fn release(&mut self, inbox: &mut [ReceiveSlot], id: u16, may_be_early: bool) -> Release {
        let link = lookup(inbox, id);
        self.note_change(inbox, link);
        let Some(slot) = at(inbox, link) else {
            let is_noted = self.stray(id, OrphanReplyKind::Completion, ReasonCode::PACKET_IDENTIFIER_NOT_FOUND);
            return if is_noted { Release::Unknown } else { Release::Blocked };
        };
        let is_early = slot.state == ReceiveState::ExactlyOnce;
        match slot.state {
            // A message of an earlier link may belong to another session, so the server may be right.
            ReceiveState::ExactlyOnce if may_be_early || slot.is_old => {}
            ReceiveState::Recorded | ReceiveState::Ended if !slot.owed => {}
            ReceiveState::ExactlyOnce => return Release::TooEarly,
            ReceiveState::Completing if slot.owed => return Release::Completing,
            _ => return Release::Blocked,
        }
        self.freeable += u16::from(!slot.is_ended());
        if slot.is_old {
            self.end_doubt(); // a new session has nothing to release
        }
        slot.state = ReceiveState::Completing;
        let extra = core::mem::take(&mut slot.extra);
        if !core::mem::replace(&mut slot.owed, is_early) {
            let queue = if is_early { &mut self.owed } else { &mut self.completing };
            queue.push(inbox, link);
        }
        if is_early { Release::Early { extra } } else { Release::Completing }
    }

    /// Stores a pending answer without a slot; returns false if there are too many already.
    pub(crate) fn stray(&mut self, id: u16, kind: OrphanReplyKind, reason: ReasonCode) -> bool {
        let free = self.strays.iter_mut().find(|stray| stray.id == 0);
        free.map(|place| *place = OrphanReply { id, kind, reason: reason.0 }).is_some()
    }

    /// Returns the message of a `PendingAck`, if it was not acknowledged yet and the slot still belongs to it.
    pub(crate) fn held<'a>(
        &self,
        inbox: &'a mut [ReceiveSlot],
        place: u16,
        serial: u32,
    ) -> Option<&'a mut ReceiveSlot> {
        inbox.get_mut(usize::from(place)).filter(|slot| {
            slot.serial == serial && !slot.acknowledged && slot.state != ReceiveState::Free && !slot.is_ended()
        })
    }

    /// Returns where the next acknowledgement comes from. One whose record is not durable waits, and so do those of its
    /// kind behind it.
    #[inline(always)]
    fn source(&self, inbox: &mut [ReceiveSlot]) -> Source {
        let is_held =
            |link, inbox| cfg!(feature = "journal") && at(inbox, link).is_some_and(|slot| slot.waits_for_record());
        if self.completing.first != 0 && !is_held(self.completing.first, &mut *inbox) {
            Source::Completing
        } else if at(inbox, self.owed.first).is_some_and(|slot| slot.acknowledged && !slot.waits_for_record()) {
            Source::Owed
        } else if self.overtaking(inbox).is_some() {
            Source::Behind
        } else {
            Source::OrphanReply
        }
    }

    /// Returns the acknowledgement to be sent next.
    #[cfg_attr(target_pointer_width = "32", inline(always))]
    pub(crate) fn due(&self, inbox: &mut [ReceiveSlot]) -> Option<Due> {
        let slot = match self.source(inbox) {
            Source::Completing => {
                let id = at(inbox, self.completing.first)?.id;
                return Some(Due { packet: PacketType::PubComp, id, reason: ReasonCode::SUCCESS, extra: 0 });
            }
            Source::Owed => at(inbox, self.owed.first)?,
            Source::Behind => self.overtaking(inbox)?.1,
            Source::OrphanReply => {
                let [OrphanReply { id, kind, reason }, ..] = self.strays;
                let packet = match kind {
                    OrphanReplyKind::Completion => PacketType::PubComp,
                    OrphanReplyKind::Release => PacketType::PubRel,
                    OrphanReplyKind::Receipt => PacketType::PubAck,
                };
                return (id != 0).then_some(Due { packet, id, reason: ReasonCode(reason), extra: 0 });
            }
        };
        let (packet, reason) = match slot.state {
            ReceiveState::AtLeastOnce => (PacketType::PubAck, slot.reason),
            ReceiveState::Completing => (PacketType::PubComp, 0), // in the place of its PUBREC
            _ => (PacketType::PubRec, slot.reason),
        };
        Some(Due { packet, id: slot.id, reason: ReasonCode(reason), extra: slot.extra })
    }

    /// Notes that the acknowledgement of [`due`](Self::due) was sent; with its reason, if the version has reasons.
    /// Without reasons PUBREC means success, and PUBREL follows.
    pub(crate) fn settle(&mut self, inbox: &mut [ReceiveSlot], has_reasons: bool) {
        let link = match self.source(inbox) {
            Source::Completing => {
                let link = self.completing.pop(inbox);
                return self.free(inbox, link);
            }
            Source::Owed => self.owed.pop(inbox),
            Source::Behind => self.take_overtaking(inbox),
            Source::OrphanReply => {
                let [_, second, third] = self.strays;
                self.strays = [second, third, OrphanReply::NONE];
                return;
            }
        };
        let Some(slot) = at(inbox, link) else { return };
        slot.owed = false;
        slot.extra = 0;
        let is_refused = has_reasons && ReasonCode(slot.reason).is_error(); // [MQTT-4.3.3-9]
        let is_over = matches!(slot.state, ReceiveState::AtLeastOnce | ReceiveState::Completing) || is_refused;
        if is_over {
            self.free(inbox, link);
        } else {
            slot.state = ReceiveState::Recorded;
        }
    }

    /// Frees a slot; with a journal, once the record of its end is durable.
    pub(super) fn free(&mut self, inbox: &mut [ReceiveSlot], link: u16) {
        let Some(slot) = at(inbox, link) else { return };
        let state = slot.state;
        if slot.owes_end() {
            return self.keep_ended(inbox, link);
        }
        self.old -= u16::from(slot.is_old);
        inbox::clear(inbox, link);
        if is_freeable(state) {
            self.freeable -= 1;
        }
        self.used -= 1;
        if MAY_GROW {
            self.free.push(inbox, link);
        }
    }

    /// Handles the end of a link: QoS 1 messages are removed, since the server sends them again; QoS 2 messages are
    /// kept `[MQTT-4.3.3-10]`.
    pub(crate) fn link_lost(&mut self, inbox: &mut [ReceiveSlot]) {
        self.strays = [OrphanReply::NONE; 3];
        (self.completing, self.owed) = (Queue::default(), Queue::default());
        for link in (0..inbox.len() as u16).map(|place| place + 1) {
            let Some(slot) = at(inbox, link) else { return };
            slot.owed = false;
            slot.extra = 0;
            match slot.state {
                ReceiveState::Completing if !slot.acknowledged => {
                    // the application may still acknowledge; and PUBREL will arrive again
                    slot.state = ReceiveState::ExactlyOnce;
                    self.freeable -= 1;
                }
                ReceiveState::AtLeastOnce | ReceiveState::Completing => self.free(inbox, link),
                _ => {}
            }
        }
        // From the next link on, a new session may also send messages with DUP, so it could not be told from the old
        // one.
        if core::mem::take(&mut self.is_doubtful) {
            self.give_way(inbox);
        }
        self.old = self.used;
        for slot in inbox.iter_mut().filter(|slot| slot.state != ReceiveState::Free) {
            slot.is_old = true;
        }
    }

    /// Removes a message that did not arrive completely: when it arrives again, it is new. Called after
    /// [`link_lost`](Self::link_lost).
    pub(crate) fn abandon(&mut self, inbox: &mut [ReceiveSlot], place: u16) {
        let is_there = inbox.get(usize::from(place)).is_some_and(|slot| slot.state == ReceiveState::ExactlyOnce);
        if is_there {
            self.free(inbox, place + 1);
        }
    }

    /// Notes that the session that the server resumed may be a new one.
    pub(crate) const fn doubt(&mut self) {
        self.is_doubtful = true;
    }

    /// Notes that the server has shown which session it holds.
    const fn end_doubt(&mut self) {
        if core::mem::replace(&mut self.is_doubtful, false) {
            self.let_go_on();
        }
    }

    /// Returns whether the server has not shown yet which session it holds.
    pub(crate) const fn is_doubtful(&self) -> bool {
        self.is_doubtful
    }

    /// Removes everything: the session has ended.
    pub(crate) fn clear(&mut self, inbox: &mut [ReceiveSlot]) {
        inbox.fill(ReceiveSlot::FREE);
        let serial = core::mem::replace(self, Self::EMPTY).serial;
        self.serial = serial;
    }
}
