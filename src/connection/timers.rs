//! The times of a link: the rest of each time-out, and how long ago bytes were sent and received.
//!
//! Times are stored as milliseconds that count down or up as the caller's clock advances. So a paused time-out is
//! simply not counted, and each takes four bytes whatever the clock's epoch is.

/// A time-out: stopped, or the milliseconds until it expires.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Countdown(u32);

impl Countdown {
    pub(super) const NONE: Self = Self(0);

    /// Creates a time-out that expires in `millis` milliseconds.
    pub(super) const fn due_in(millis: u32) -> Self {
        Self(millis.saturating_add(1))
    }

    /// Like [`due_in`](Self::due_in), but 0 means never.
    pub(super) const fn due_in_or_never(millis: u32) -> Self {
        if millis == 0 { Self::NONE } else { Self::due_in(millis) }
    }

    /// Creates a time-out that expires when `this`, in milliseconds, reaches `millis`.
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

    /// Returns the remaining milliseconds; `None` if the time-out is stopped.
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
    /// Bounds the state of the link: the wait for CONNACK, a re-authentication, or the last output of a link that has
    /// ended.
    pub(super) phase: Countdown,
    /// Until PINGRESP must arrive; runs after PINGREQ was sent.
    pub(super) pingresp: Countdown,
    /// Until the next check of unanswered packets.
    pub(super) ack: Countdown,
    /// Until unacknowledged messages are sent again.
    pub(super) retry: Countdown,
    /// How long ago the transport took a byte.
    pub(super) since_sent: u32,
    /// How long ago the server sent something.
    pub(super) since_received: u32,
    /// How long the transport has taken no byte of pending output.
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

    /// Advances the times. While the input `is_paused`, an awaited answer may lie in it, so its time-out does not run.
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

    /// Notes that the transport took bytes.
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
