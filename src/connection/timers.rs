//! How time passes for a link: what remains of each time-out, and how long ago it was that bytes went each way.
//!
//! Times are kept as milliseconds that count down or up while the caller's clock moves on. So a time-out that pauses just isn't counted, and each takes four
//! bytes whatever the clock's epoch is.

/// A time-out: not running, or so many milliseconds from being due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Countdown(u32);

impl Countdown {
    pub(super) const NONE: Self = Self(0);

    /// Due in so many milliseconds.
    pub(super) const fn due_in(millis: u32) -> Self {
        Self(millis.saturating_add(1))
    }

    /// The same, where 0 stands for never.
    pub(super) const fn due_in_or_never(millis: u32) -> Self {
        if millis == 0 { Self::NONE } else { Self::due_in(millis) }
    }

    /// Due when this has lasted for so many milliseconds.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(super) const fn due_after(this: u32, millis: u32) -> Self {
        Self::due_in(millis.saturating_sub(this))
    }

    pub(super) const fn is_running(self) -> bool {
        self.0 != 0
    }

    pub(super) const fn is_due(self) -> bool {
        self.0 == 1
    }

    /// The milliseconds that remain.
    pub(super) const fn remaining(self) -> Option<u32> {
        self.0.checked_sub(1)
    }

    #[cfg_attr(target_pointer_width = "32", inline(never))]
    const fn pass(&mut self, millis: u32) {
        if self.0 > 0 {
            let rest = self.0.saturating_sub(millis);
            self.0 = if rest == 0 { 1 } else { rest };
        }
    }
}

/// The times of one link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Timers {
    /// Bounds the link's state: CONNACK, the end of a re-authentication, or what may still leave on a link that is over.
    pub(super) phase: Countdown,
    /// PINGRESP is awaited, since PINGREQ has left.
    pub(super) pingresp: Countdown,
    /// Until the watch over acknowledgements looks again.
    pub(super) ack: Countdown,
    /// Until unacknowledged messages are sent again.
    pub(super) retry: Countdown,
    /// How long ago the transport took a byte.
    pub(super) since_sent: u32,
    /// How long ago the server showed that it is alive.
    pub(super) since_received: u32,
    /// For how long output has been waiting without the transport taking a byte.
    pub(super) stalled: u32,
}

impl Timers {
    pub(super) const NONE: Self = Self {
        phase: Countdown::NONE,
        pingresp: Countdown::NONE,
        ack: Countdown::NONE,
        retry: Countdown::NONE,
        since_sent: 0,
        since_received: 0,
        stalled: 0,
    };

    /// Time moves on. While the input `is_paused`, what is awaited may lie in it, and is not overdue.
    pub(super) const fn pass(&mut self, millis: u32, is_paused: bool, has_output: bool) {
        self.phase.pass(millis);
        if !is_paused {
            self.pingresp.pass(millis);
            self.ack.pass(millis);
            self.retry.pass(millis);
        }
        self.since_sent = self.since_sent.saturating_add(millis);
        self.since_received = self.since_received.saturating_add(millis);
        self.stalled = if has_output { self.stalled.saturating_add(millis) } else { 0 };
    }

    /// The transport took bytes.
    pub(super) const fn note_sent(&mut self) {
        (self.since_sent, self.stalled) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_countdown_stops_at_its_end() {
        let mut countdown = Countdown::due_in(10);
        countdown.pass(9);
        assert_eq!((countdown.remaining(), countdown.is_due()), (Some(1), false));
        countdown.pass(u32::MAX);
        assert_eq!((countdown.remaining(), countdown.is_due()), (Some(0), true));
        let mut none = Countdown::due_in_or_never(0);
        none.pass(1);
        assert_eq!((none.remaining(), none.is_running()), (None, false));
        assert_eq!(Countdown::due_in(u32::MAX).remaining(), Some(u32::MAX - 1));
    }

    #[test]
    fn a_pause_stops_what_waits_for_answers_alone() {
        let mut timers = Timers { phase: Countdown::due_in(5), pingresp: Countdown::due_in(5), ..Timers::NONE };
        timers.pass(4, true, true);
        assert_eq!((timers.phase.remaining(), timers.pingresp.remaining(), timers.stalled), (Some(1), Some(5), 4));
        timers.pass(2, false, false);
        assert_eq!((timers.pingresp.remaining(), timers.since_sent, timers.stalled), (Some(3), 6, 0));
    }
}
