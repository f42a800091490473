//! Everything that happens because time passes: one enum, one table, one deadline.

use crate::connection::core::Core;
use crate::connection::link::{Deadlines, Ping};
use crate::connection::state::State;
use crate::error::ConnectionError;
use crate::storage::Parts;
use crate::time::{Deadline, Instant};

/// Why a connection wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Timer {
    /// CONNACK is overdue: the link ends.
    ConnAck,
    /// PINGRESP is overdue `[MQTT-3.12.4-1]`: the link ends.
    PingResp,
    /// The end of a re-authentication is overdue: the link ends.
    Auth,
    /// Any acknowledgement is overdue, if that is watched: the link ends.
    Ack,
    /// Nothing was sent, or nothing was received, for the keep alive: PINGREQ is due.
    KeepAlive,
    /// Unacknowledged messages are sent again (3.1 and 3.1.1, if asked for).
    Retry,
    /// A queued message expires.
    Expiry,
}

impl Timer {
    /// All timers, those that end the link first.
    const ALL: [Self; 7] =
        [Self::ConnAck, Self::PingResp, Self::Auth, Self::Ack, Self::KeepAlive, Self::Retry, Self::Expiry];

    /// The error with which the link ends, if it does.
    const fn fatal(self) -> Option<ConnectionError> {
        match self {
            Self::ConnAck => Some(ConnectionError::ConnAckTimeout),
            Self::PingResp => Some(ConnectionError::KeepAliveTimeout),
            Self::Auth => Some(ConnectionError::AuthTimeout),
            Self::Ack => Some(ConnectionError::AckTimeout),
            Self::KeepAlive | Self::Retry | Self::Expiry => None,
        }
    }
}

/// What watches over acknowledgements.
pub(super) struct Watch {
    update: fn(&mut Core),
    retry: fn(&mut Core, &mut Parts<'_>),
}

/// There is only one.
pub(super) static WATCH: Watch = Watch { update: Core::update_ack_deadlines, retry: Core::retry };

impl Core {
    fn deadline(&self, timer: Timer) -> Deadline {
        let deadlines = &self.link.deadlines;
        match timer {
            Timer::ConnAck | Timer::Auth if (timer == Timer::Auth) == self.is_connected() => deadlines.handshake,
            Timer::ConnAck | Timer::Auth => Deadline::NONE,
            // What is waited for may lie behind the input that isn't taken.
            Timer::PingResp | Timer::Ack | Timer::Retry if self.link.is_blocked() => Deadline::NONE,
            Timer::PingResp => self.pingresp_deadline(),
            Timer::Ack => deadlines.ack,
            Timer::Retry => deadlines.retry,
            Timer::KeepAlive => self.keep_alive_deadline(),
            Timer::Expiry => match self.outgoing.next_expiry() {
                0 => Deadline::NONE,
                second => Deadline::at(Instant::from_millis(u64::from(second) * 1000)),
            },
        }
    }

    /// PINGREQ is due when nothing was sent for the keep alive `[MQTT-3.1.2-20]` `[MQTT-3.1.2-23]`, whatever was received; and when nothing was
    /// received, whatever was sent: so a dead peer is noticed while we keep talking.
    fn keep_alive_deadline(&self) -> Deadline {
        let link = &self.link;
        if link.state != State::Connected || link.keep_alive == 0 || link.ping == Ping::Owed {
            return Deadline::NONE;
        }
        let watches_input = link.ping == Ping::None && !link.is_blocked();
        let since = if watches_input { link.last_sent.min(link.last_received) } else { link.last_sent };
        Deadline::at(since.after_secs(link.keep_alive.into()))
    }

    pub(super) fn next_timer(&self) -> Option<(Timer, Instant)> {
        let due = Timer::ALL.into_iter().filter_map(|timer| Some((timer, self.deadline(timer).get()?)));
        due.min_by_key(|(_, at)| *at)
    }

    pub(super) fn handle_timeout(&mut self, parts: &mut Parts<'_>) -> Result<(), ConnectionError> {
        for timer in Timer::ALL {
            if !self.deadline(timer).is_due(self.now) {
                continue;
            }
            crate::fmt::debug!("timer: {}", timer);
            if let Some(error) = timer.fatal() {
                self.fail(parts, error);
                return Err(error);
            }
            match timer {
                Timer::KeepAlive => self.owe_ping(),
                Timer::Retry => {
                    if let Some(watch) = self.choices.watch {
                        (watch.retry)(self, parts);
                    }
                }
                _ => self.expire(parts),
            }
        }
        Ok(())
    }

    fn expire(&mut self, parts: &mut Parts<'_>) {
        if let Some(time) = self.counted_time() {
            self.outgoing.expire(parts, time);
        }
    }

    /// The deadline of PINGRESP does not fire inside a packet that grows: PINGRESP can only come behind it.
    fn pingresp_deadline(&self) -> Deadline {
        match self.link.deadlines.pingresp.get() {
            Some(at) if self.link.partial > 0 => {
                Deadline::at(at.max(self.link.last_received.after_millis(self.pingresp_timeout())))
            }
            _ => self.link.deadlines.pingresp,
        }
    }

    fn owe_ping(&mut self) {
        self.link.ping = Ping::Owed;
        if self.link.deadlines.pingresp == Deadline::NONE {
            self.link.ping_extended = false;
            self.link.deadlines.pingresp = Deadline::at(self.now.after_millis(self.pingresp_timeout()));
        }
    }

    /// The transport took bytes. While PINGREQ waits behind a packet that is half out, its answer can't be due.
    pub(super) fn note_sending(&mut self) {
        if self.link.ping == Ping::Owed {
            self.link.deadlines.pingresp = Deadline::at(self.now.after_millis(self.pingresp_timeout()));
        }
    }

    fn pingresp_timeout(&self) -> u64 {
        match self.limits.pingresp_timeout() {
            0 => u64::from(self.link.keep_alive) * 1000,
            millis => millis.into(),
        }
    }

    /// An unfinished packet grew: the server is alive.
    pub(super) fn note_progress(&mut self, shown: usize) {
        let shown = shown as u32;
        if shown > self.link.partial {
            self.link.last_received = self.now;
            self.link.partial = shown;
        }
    }

    /// A packet was taken. If PINGRESP was due while the packet was unfinished, it has its time once more, but only once: or a server that
    /// sends messages in pieces and never PINGRESP would not be noticed.
    #[cfg_attr(not(target_pointer_width = "32"), inline(always))]
    pub(super) fn note_packet(&mut self) {
        self.unblock();
        self.link.last_received = self.now;
        if core::mem::take(&mut self.link.partial) > 0 {
            self.note_end_of_partial();
        }
    }

    #[cfg_attr(not(target_pointer_width = "32"), cold)]
    fn note_end_of_partial(&mut self) {
        if self.link.deadlines.pingresp.is_due(self.now) && !self.link.ping_extended {
            self.link.ping_extended = true;
            self.link.deadlines.pingresp = Deadline::at(self.now.after_millis(self.pingresp_timeout()));
        }
    }

    /// The input can't be taken: the watch over it pauses.
    pub(super) fn block(&mut self) {
        if !self.link.stream.is_open() {
            self.link.partial = 0; // the packet is whole
        }
        if !self.link.is_blocked() {
            self.link.blocked_since = Deadline::at(self.now);
        }
    }

    pub(super) fn unblock(&mut self) {
        if let Some(since) = core::mem::take(&mut self.link.blocked_since).get() {
            let paused = self.now.millis_since(since);
            let Deadlines { pingresp, ack, retry, .. } = &mut self.link.deadlines;
            for deadline in [pingresp, ack, retry] {
                *deadline = deadline.get().map_or(Deadline::NONE, |at| Deadline::at(at.after_millis(paused)));
            }
        }
    }

    /// Brings the deadlines of awaited acknowledgements up to date.
    pub(super) fn watch_acks(&mut self) {
        if let Some(watch) = self.choices.watch {
            (watch.update)(self);
        }
    }

    /// Sets the deadlines of awaited acknowledgements where they are missing, and clears those of none.
    fn update_ack_deadlines(&mut self) {
        if !self.outgoing.awaits_answer() || !self.is_connected() {
            (self.link.deadlines.ack, self.link.deadlines.retry) = (Deadline::NONE, Deadline::NONE);
            return;
        }
        let (ack_timeout, retry_interval) = self.limits.ack_timeouts();
        let now = self.now;
        let set = |deadline: &mut Deadline, millis: u32| {
            if millis > 0 && *deadline == Deadline::NONE {
                *deadline = Deadline::at(now.after_millis(millis.into()));
            }
        };
        set(&mut self.link.deadlines.ack, ack_timeout);
        if self.version().allows_timed_retry() {
            set(&mut self.link.deadlines.retry, retry_interval);
        }
    }

    /// Sends again what is not acknowledged for long.
    fn retry(&mut self, parts: &mut Parts<'_>) {
        if self.version().allows_timed_retry() {
            self.outgoing.retry(parts);
        }
        self.link.deadlines.retry = Deadline::NONE;
        self.update_ack_deadlines();
    }

    /// An acknowledgement came: the next one has its full time.
    pub(super) fn acknowledged(&mut self) {
        self.link.deadlines.ack = Deadline::NONE;
        self.watch_acks();
    }
}
