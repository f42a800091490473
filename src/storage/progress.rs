//! The progress of an outgoing packet: three independent axes in one byte.
//!
//! | axis | question | reset by |
//! |---|---|---|
//! | [`Stands`] | what the slot stands for: the packet itself, the PUBREL that follows PUBREC, or an outcome that is to be fetched | nothing: it only advances |
//! | [`Reach`] | how much of that was sent on *this* link | a new link, and a retransmission |
//! | [`Known`] | how much of it a server may have | a new session |
//!
//! Everything else follows: DUP is set once anything is [known](Known), a unit of the send quota is
//! [held](Progress::holds_unit) from being staged until the message is finished, and an acknowledgement
//! [counts](Progress::answer) once the packet that it answers was sent.

/// What a slot stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stands {
    /// The packet itself.
    First,
    /// The PUBREL of a QoS 2 message, after its PUBREC.
    Release,
    /// Nothing more is sent; the outcome is to be fetched.
    Over,
}

/// How much of a packet was sent on this link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Queued: nothing is shown to the transport.
    Waiting,
    /// Shown to the transport, which has taken no byte of it.
    Staged,
    /// Partly sent.
    Begun,
    /// Completely sent: in flight.
    Out,
}

/// How much of a packet a server may have, including what was sent on earlier links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    No,
    Partly,
    Whole,
}

/// What an acknowledgement means for the packet with its identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The awaited answer.
    Counts,
    /// The packet was shown to the transport, which has not confirmed that it took the packet: the answer counts once
    /// it has.
    Early,
    /// The packet was not sent, so the answer cannot be for it.
    Unknown,
}

/// The three axes, and whether the packet was in flight already at the last tick of a timer. All zeros: accepted,
/// nothing sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Progress(u8);

const REACH: u8 = 0b11;
const STANDS: u8 = 0b1100;
const RELEASE: u8 = (Stands::Release as u8) << 2;
const KNOWN: u8 = 0b11_0000;
const SEEN: u8 = Watcher::Retry as u8 | Watcher::Overdue as u8;

/// A timer that watches packets in flight, with its bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watcher {
    /// Retransmission.
    Retry = 0b100_0000,
    /// The time-out of acknowledgements.
    Overdue = 0b1000_0000,
}

impl Progress {
    /// Accepted, and nothing sent.
    pub(crate) const NEW: Self = Self(0);

    pub(crate) const fn stands(self) -> Stands {
        if self.is_first() {
            Stands::First
        } else if self.is_release() {
            Stands::Release
        } else {
            Stands::Over
        }
    }

    pub(crate) const fn reach(self) -> Reach {
        match self.0 & REACH {
            0 => Reach::Waiting,
            1 => Reach::Staged,
            2 => Reach::Begun,
            _ => Reach::Out,
        }
    }

    pub(crate) const fn known(self) -> Known {
        match (self.0 & KNOWN) >> 4 {
            0 => Known::No,
            1 => Known::Partly,
            _ => Known::Whole,
        }
    }

    /// Returns the progress with `reach` on this link. What was sent becomes known to the server, and stays known. A
    /// packet that is sent again stays marked as overdue, and is not marked for retransmission.
    pub(crate) const fn reached(self, reach: Reach) -> Self {
        let moved = self.0 & !REACH | reach as u8;
        match reach {
            Reach::Out => Self(moved & !(KNOWN | Watcher::Retry as u8)).knowing(Known::Whole),
            Reach::Begun if matches!(self.known(), Known::No) => Self(moved).knowing(Known::Partly),
            _ => Self(moved),
        }
    }

    /// Returns the progress at the start of a new link.
    pub(crate) const fn on_new_link(self) -> Self {
        Self(self.0 & !(REACH | SEEN))
    }

    /// Returns the progress with this much known to a server.
    pub(crate) const fn knowing(self, known: Known) -> Self {
        Self(self.0 & !KNOWN | (known as u8) << 4)
    }

    /// Returns the progress after PUBREC: the slot stands for a PUBREL, of which nothing was sent.
    pub(crate) const fn released() -> Self {
        Self(RELEASE)
    }

    /// Returns the progress of a finished packet whose outcome is to be fetched.
    pub(crate) const fn over() -> Self {
        Self((Stands::Over as u8) << 2)
    }

    pub(crate) const fn is_first(self) -> bool {
        self.0 & STANDS == 0
    }

    pub(crate) const fn is_release(self) -> bool {
        self.0 & RELEASE != 0
    }

    /// Returns whether the packet itself is queued and not staged.
    pub(crate) const fn is_waiting(self) -> bool {
        self.0 & (STANDS | REACH) == 0
    }

    /// Returns whether the packet itself is in flight on this link.
    pub(crate) const fn is_out(self) -> bool {
        self.0 & (STANDS | REACH) == Reach::Out as u8
    }

    /// Returns whether the packet itself was completely sent on this link, even if it is to be sent again.
    pub(crate) const fn was_out(self) -> bool {
        self.is_out() || self.is_first() && self.was_seen_by(Watcher::Retry)
    }

    /// Returns whether PUBREL was sent on this link.
    pub(crate) const fn is_release_out(self) -> bool {
        self.0 & (STANDS | REACH) == RELEASE | Reach::Out as u8
    }

    /// Returns whether some of the packet may have arrived: DUP is set when it is sent again `[MQTT-3.3.1-1]`.
    pub(crate) const fn is_known(self) -> bool {
        self.0 & KNOWN != 0
    }

    /// Returns whether a QoS 1 or 2 message holds a unit of the send quota: from being staged on, and always as PUBREL.
    /// A finished packet holds none.
    pub(crate) const fn holds_unit(self) -> bool {
        self.0 & (RELEASE | REACH) != 0
    }

    /// Returns whether some of the packet was sent on this link.
    pub(crate) const fn has_begun(self) -> bool {
        self.0 & Reach::Begun as u8 != 0
    }

    /// Returns what an acknowledgement of the packet means. On a link that resumed the session, an answer may arrive
    /// before the packet was sent again.
    pub(crate) const fn answer(self) -> Answer {
        match (self.stands(), self.reach()) {
            (Stands::Over, _) => Answer::Unknown,
            (Stands::Release, Reach::Staged) if !self.is_known() => Answer::Early,
            (Stands::Release, _) | (Stands::First, Reach::Out) => Answer::Counts,
            (Stands::First, Reach::Staged | Reach::Begun) => Answer::Early,
            (Stands::First, Reach::Waiting) => {
                if self.is_known() {
                    Answer::Counts
                } else {
                    Answer::Unknown
                }
            }
        }
    }

    /// Returns whether the packet was in flight at the last tick of this timer.
    pub(crate) const fn was_seen_by(self, watcher: Watcher) -> bool {
        self.0 & watcher as u8 != 0
    }

    pub(crate) const fn seen_by(self, watcher: Watcher) -> Self {
        Self(self.0 | watcher as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_left_is_known_and_stays_so() {
        let begun = Progress::NEW.reached(Reach::Staged).reached(Reach::Begun);
        assert_eq!((begun.known(), begun.holds_unit(), begun.answer()), (Known::Partly, true, Answer::Early));
        let out = begun.reached(Reach::Out);
        assert_eq!((out.known(), out.holds_unit(), out.answer()), (Known::Whole, true, Answer::Counts));
        let again = out.reached(Reach::Waiting);
        assert_eq!((again.known(), again.holds_unit(), again.answer()), (Known::Whole, false, Answer::Counts));
        assert_eq!(again.reached(Reach::Begun).known(), Known::Whole);
    }

    #[test]
    fn what_no_server_can_have_is_not_answered() {
        assert_eq!(Progress::NEW.answer(), Answer::Unknown);
        assert_eq!(Progress::over().answer(), Answer::Unknown);
        assert_eq!(Progress::NEW.reached(Reach::Staged).answer(), Answer::Early);
    }

    #[test]
    fn pubrel_holds_its_unit_until_the_end() {
        let release = Progress::released();
        assert!(release.holds_unit() && release.reached(Reach::Out).holds_unit() && !release.is_known());
        assert!(!Progress::over().holds_unit());
    }

    #[test]
    fn what_is_sent_again_is_as_overdue_as_it_was() {
        let seen = Progress::NEW.reached(Reach::Out).seen_by(Watcher::Retry).seen_by(Watcher::Overdue);
        let again = seen.reached(Reach::Waiting).reached(Reach::Out);
        assert!(!again.was_seen_by(Watcher::Retry) && again.was_seen_by(Watcher::Overdue));
        let fresh = seen.on_new_link();
        assert!(!fresh.was_seen_by(Watcher::Overdue) && fresh.is_waiting() && fresh.known() == Known::Whole);
    }
}
