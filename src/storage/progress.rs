//! How far an outgoing packet has come: three questions, answered apart from each other, in one byte.
//!
//! | axis | question | who resets it |
//! |---|---|---|
//! | [`Stands`] | what the slot stands for: the packet itself, the PUBREL that follows PUBREC, or an end that waits to be fetched | nobody: it only moves on |
//! | [`Reach`] | how far that has come on *this* link | a new link, and a retransmission |
//! | [`Known`] | how much of it a server may have | a new session |
//!
//! Everything else follows: DUP is set once anything is [known](Known), a unit of the window is [held](Progress::holds_unit) from being staged to the
//! end, and an acknowledgement [counts](Progress::answer) once the packet it answers has left.

/// What a slot stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stands {
    /// The packet that was accepted.
    First,
    /// The PUBREL of a QoS 2 message, after its PUBREC.
    Release,
    /// Nothing more is sent; the outcome waits to be fetched.
    Over,
}

/// How far a packet has come on this link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// It is to be sent.
    Waiting,
    /// It is shown to the transport, which has taken no byte of it.
    Staged,
    /// The transport has taken a part.
    Begun,
    /// The transport has taken all of it.
    Out,
}

/// How much of a packet a server may have. What the transport took on an earlier link counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    No,
    Partly,
    Whole,
}

/// What an acknowledgement means to the packet with its identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It is the answer that was awaited.
    Counts,
    /// The packet was shown to the transport, and its leaving was not confirmed yet: the answer counts once it is.
    Early,
    /// No server can mean this packet.
    Unknown,
}

/// The three axes, and whether the packet was out already when a timer looked at it last. All zeros: accepted, and nothing of it has left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Progress(u8);

const REACH: u8 = 0b11;
const STANDS: u8 = 0b1100;
const RELEASE: u8 = (Stands::Release as u8) << 2;
const KNOWN: u8 = 0b11_0000;
const SEEN: u8 = Watcher::Retry as u8 | Watcher::Overdue as u8;

/// A timer that watches what is out, with its bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watcher {
    /// Retransmission.
    Retry = 0b100_0000,
    /// The time-out of acknowledgements.
    Overdue = 0b1000_0000,
}

impl Progress {
    /// Accepted, and nothing has left.
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

    /// As far on this link as `reach`. What has left is known: all of it, or a part if nothing more was known before. What is sent again is as overdue as it
    /// was, and is not sent once more at once.
    pub(crate) const fn reached(self, reach: Reach) -> Self {
        let moved = self.0 & !REACH | reach as u8;
        match reach {
            Reach::Out => Self(moved & !(KNOWN | Watcher::Retry as u8)).knowing(Known::Whole),
            Reach::Begun if matches!(self.known(), Known::No) => Self(moved).knowing(Known::Partly),
            _ => Self(moved),
        }
    }

    /// To be sent on a new link.
    pub(crate) const fn on_new_link(self) -> Self {
        Self(self.0 & !(REACH | SEEN))
    }

    /// A server may have so much of it.
    pub(crate) const fn knowing(self, known: Known) -> Self {
        Self(self.0 & !KNOWN | (known as u8) << 4)
    }

    /// PUBREC has come: the slot stands for PUBREL, of which nothing has left.
    pub(crate) const fn released() -> Self {
        Self(RELEASE)
    }

    /// The end.
    pub(crate) const fn over() -> Self {
        Self((Stands::Over as u8) << 2)
    }

    pub(crate) const fn is_first(self) -> bool {
        self.0 & STANDS == 0
    }

    pub(crate) const fn is_release(self) -> bool {
        self.0 & RELEASE != 0
    }

    /// The packet itself, to be sent and not staged.
    pub(crate) const fn is_waiting(self) -> bool {
        self.0 & (STANDS | REACH) == 0
    }

    /// The packet itself, all of which has left on this link.
    pub(crate) const fn is_out(self) -> bool {
        self.0 & (STANDS | REACH) == Reach::Out as u8
    }

    /// The same, though it may be about to leave once more.
    pub(crate) const fn was_out(self) -> bool {
        self.is_out() || self.is_first() && self.was_seen_by(Watcher::Retry)
    }

    /// PUBREL has left on this link.
    pub(crate) const fn is_release_out(self) -> bool {
        self.0 & (STANDS | REACH) == RELEASE | Reach::Out as u8
    }

    /// Some of it may have arrived: DUP is set when it is sent again `[MQTT-3.3.1-1]`.
    pub(crate) const fn is_known(self) -> bool {
        self.0 & KNOWN != 0
    }

    /// Whether a QoS 1 or 2 message holds a unit of the window: from being staged on, and as PUBREL always. An end has not come anywhere on this link.
    pub(crate) const fn holds_unit(self) -> bool {
        self.0 & (RELEASE | REACH) != 0
    }

    /// The transport has taken some of it on this link.
    pub(crate) const fn has_begun(self) -> bool {
        self.0 & Reach::Begun as u8 != 0
    }

    /// What an acknowledgement of the packet means. On a link that resumed the session an answer may come before the packet was sent again.
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

    /// The packet was out when this timer looked at it last.
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
