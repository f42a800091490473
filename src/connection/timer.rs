//! Everything that happens because time passes: one enum of timers, one deadline.

use crate::connection::core::{Core, Watch};
use crate::connection::link::{Link, Ping};
use crate::connection::state::State;
use crate::connection::timers::{Countdown, Timers};
use crate::error::ConnectionError;
use crate::storage::{Parts, SendSlot};
use crate::time::Instant;

/// The timer that set a deadline: see [`Connection::next_timer`](crate::Connection::next_timer).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Timer {
    /// CONNACK has not arrived in time: the link ends.
    ConnAck,
    /// PINGRESP has not arrived in time `[MQTT-3.12.4-1]`: the link ends.
    PingResp,
    /// The transport has taken no byte of pending output for the keep alive and the time-out for PINGRESP together: the
    /// link ends.
    Stall,
    /// A re-authentication was not finished in time: the link ends.
    Auth,
    /// The link has ended, and the transport has not taken its last bytes within
    /// [`Limits::close_timeout`](crate::Limits::close_timeout): they are dropped.
    Close,
    /// A packet may be unanswered for [`Limits::ack_timeout`](crate::Limits::ack_timeout): if one is, the link ends.
    Ack,
    /// Nothing was sent, or nothing was received, for the keep alive: PINGREQ is sent.
    KeepAlive,
    /// Unacknowledged messages are sent again: see [`Limits::retry_interval`](crate::Limits::retry_interval).
    Retry,
    /// A queued message expires.
    Expiry,
}

impl Timer {
    /// All timers, those that end the link first.
    const ALL: [Self; 9] = [
        Self::ConnAck,
        Self::PingResp,
        Self::Stall,
        Self::Auth,
        Self::Close,
        Self::Ack,
        Self::KeepAlive,
        Self::Retry,
        Self::Expiry,
    ];

    /// Returns the error with which the link ends; `None` if this timer does not always end it.
    const fn fatal(self) -> Option<ConnectionError> {
        match self {
            Self::ConnAck => Some(ConnectionError::ConnAckTimeout),
            Self::PingResp | Self::Stall => Some(ConnectionError::KeepAliveTimeout),
            Self::Auth => Some(ConnectionError::AuthTimeout),
            Self::Close | Self::Ack | Self::KeepAlive | Self::Retry | Self::Expiry => None,
        }
    }
}

/// There is only one.
pub(super) static WATCH: Watch =
    Watch { update: Core::update_ack_deadlines, is_overdue: Core::is_overdue, retry: Core::retry };

impl Core {
    /// Returns the time-out of this timer. `Expiry` is counted in seconds, elsewhere.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn countdown(&self, timer: Timer) -> Countdown {
        let timers = &self.link.timers;
        let is_paused = self.link.is_paused();
        match (timer, self.link.state) {
            (Timer::ConnAck, State::Connecting) | (Timer::Auth, State::Connected) => timers.phase,
            (Timer::Close, State::Closing) if self.has_output() => timers.phase,
            (Timer::PingResp, _) if !is_paused => self.pingresp(),
            (Timer::Ack, _) if !is_paused => timers.ack,
            (Timer::Retry, _) if !is_paused => timers.retry,
            (Timer::Stall, _) => self.stall(),
            (Timer::KeepAlive, _) => self.keep_alive(),
            _ => Countdown::NONE,
        }
    }

    /// Returns when this timer expires.
    fn deadline(&self, timer: Timer) -> Option<Instant> {
        match (timer, self.outgoing.next_expiry()) {
            (Timer::Expiry, 0) => None,
            (Timer::Expiry, second) => Some(self.epoch.after_secs(second, self.now)),
            _ => self.countdown(timer).remaining().map(|millis| self.now.after_millis(millis.into())),
        }
    }

    fn is_due(&self, timer: Timer) -> bool {
        match timer {
            Timer::Expiry => self.is_expiry_due(),
            _ => self.countdown(timer).is_due(),
        }
    }

    fn is_expiry_due(&self) -> bool {
        let second = self.outgoing.next_expiry();
        second != 0 && self.counted_time().is_some_and(|time| time.over >= second)
    }

    /// Returns when PINGREQ is to be sent: when nothing was sent for the keep alive `[MQTT-3.1.2-20]` `[MQTT-3.1.2-23]`, or
    /// when nothing was received. So a dead peer is detected even while we keep sending.
    fn keep_alive(&self) -> Countdown {
        let Link { ping, timers, .. } = &self.link;
        if !self.is_kept_alive() || matches!(ping, Ping::Due | Ping::Staged) {
            return Countdown::NONE;
        }
        let watches_input = *ping == Ping::None && !self.link.is_paused();
        let silence = if watches_input { timers.since_sent.max(timers.since_received) } else { timers.since_sent };
        Countdown::due_after(silence, self.keep_alive_millis())
    }

    fn is_kept_alive(&self) -> bool {
        self.link.state == State::Connected && self.link.keep_alive != 0
    }

    fn keep_alive_millis(&self) -> u32 {
        u32::from(self.link.keep_alive) * 1000
    }

    /// Returns the time-out for a transport that takes no output.
    fn stall(&self) -> Countdown {
        if !self.is_kept_alive() || !self.wants_to_send() {
            return Countdown::NONE;
        }
        let limit = self.keep_alive_millis().saturating_add(self.pingresp_timeout());
        Countdown::due_after(self.link.timers.stalled, limit)
    }

    /// Returns whether bytes wait for the transport, or will at the next `transmit`: PINGREQ is to be sent, or packets were
    /// shown and taken back. Packets that wait for send quota or were not shown yet do not count.
    pub(super) fn wants_to_send(&self) -> bool {
        self.has_output() || self.link.ping == Ping::Due || self.outgoing.waits_again()
    }

    pub(super) fn next_timer(&self) -> Option<(Timer, Instant)> {
        let mut next: Option<(Timer, Instant)> = None;
        for timer in Timer::ALL {
            let Some(at) = self.deadline(timer) else { continue };
            if next.is_none_or(|(_, first)| at < first) {
                next = Some((timer, at));
            }
        }
        next
    }

    pub(super) fn handle_timeout(&mut self, parts: &mut Parts<'_>) -> Result<(), ConnectionError> {
        let mut result = Ok(());
        for timer in Timer::ALL {
            if !self.is_due(timer) {
                continue;
            }
            crate::fmt::debug!("timer: {}", timer);
            let error = match timer {
                Timer::Ack if self.is_any_overdue(parts) => Some(ConnectionError::AckTimeout),
                _ => timer.fatal(),
            };
            if let Some(error) = error {
                self.fail(parts, error);
                result = Err(error);
                continue;
            }
            match timer {
                Timer::Close => self.drop_output(),
                Timer::KeepAlive => self.link.ping = Ping::Due,
                Timer::Retry => {
                    if let Some(watch) = self.watch() {
                        (watch.retry)(self, parts);
                    }
                }
                Timer::Expiry => self.expire(parts),
                _ => {}
            }
        }
        result
    }

    fn expire(&mut self, parts: &mut Parts<'_>) {
        if let Some(time) = self.counted_time() {
            self.outgoing.expire(parts, time);
        }
    }

    /// Returns the time-out for PINGRESP. It does not end inside a growing packet, which PINGRESP can only follow.
    fn pingresp(&self) -> Countdown {
        let timers = &self.link.timers;
        if !timers.pingresp.is_running() || self.link.partial == 0 {
            return timers.pingresp;
        }
        timers.pingresp.max(Countdown::due_after(timers.since_received, self.pingresp_timeout()))
    }

    /// Notes that PINGREQ was sent: its answer is awaited from now on.
    pub(super) fn note_ping_sent(&mut self) {
        self.link.ping = Ping::Sent;
        if !self.link.timers.pingresp.is_running() {
            self.await_pingresp(false);
        }
    }

    /// Starts the time-out for PINGRESP; `is_extended` if it runs a second time.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn await_pingresp(&mut self, is_extended: bool) {
        self.link.ping_extended = is_extended;
        self.link.timers.pingresp = Countdown::due_in(self.pingresp_timeout());
    }

    /// Returns the time-out for PINGRESP in milliseconds.
    fn pingresp_timeout(&self) -> u32 {
        match self.limits.pingresp_timeout() {
            0 => self.keep_alive_millis(),
            millis => millis,
        }
    }

    /// Notes that an unfinished packet grew: the server is alive.
    pub(super) fn note_progress(&mut self, shown: usize) {
        let shown = shown as u32;
        if shown > self.link.partial {
            self.link.timers.since_received = 0;
            self.link.partial = shown;
        }
    }

    /// Notes that a packet was processed. If the time for PINGRESP ended while the packet was incomplete, it runs again, but
    /// only once: otherwise a server that sends fragments but never PINGRESP would not be detected.
    #[cfg_attr(not(target_pointer_width = "32"), inline(always))]
    pub(super) fn note_packet(&mut self) {
        self.link.is_blocked = false;
        self.link.timers.since_received = 0;
        if core::mem::take(&mut self.link.partial) > 0 {
            self.note_end_of_partial();
        }
    }

    #[cfg_attr(not(target_pointer_width = "32"), cold)]
    fn note_end_of_partial(&mut self) {
        if self.link.timers.pingresp.is_due() && !self.link.ping_extended {
            self.await_pingresp(true);
        }
    }

    /// Notes that the input is blocked.
    pub(super) fn block(&mut self) {
        if !self.link.stream.is_open() {
            self.link.partial = 0; // the packet is whole
        }
        self.link.is_blocked = true;
    }

    /// Notes how many bytes from the server have arrived that were not handed over.
    pub(super) fn note_unread(&mut self, bytes: usize) {
        self.link.has_unread = bytes > 0 && self.link.state == State::Connected;
        if self.link.has_unread {
            self.link.timers.since_received = 0;
        }
    }

    /// Brings the deadlines of awaited acknowledgements up to date.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(super) fn watch_acks(&mut self, slots: &[SendSlot]) {
        if let Some(watch) = self.watch() {
            (watch.update)(self, slots);
        }
    }

    /// Starts missing time-outs of awaited acknowledgements, and stops those that are not needed.
    fn update_ack_deadlines(&mut self, slots: &[SendSlot]) {
        let (ack_timeout, retry_interval) = self.limits.ack_timeouts();
        let is_awaiting = self.is_connected() && self.outgoing.awaits_answer(slots);
        let is_retrying = is_awaiting && self.version().allows_timed_retry();
        let Timers { ack, retry, .. } = &mut self.link.timers;
        for (countdown, is_wanted, millis) in [(ack, is_awaiting, ack_timeout), (retry, is_retrying, retry_interval)] {
            if !is_wanted {
                *countdown = Countdown::NONE;
            } else if !countdown.is_running() {
                *countdown = Countdown::due_in_or_never(millis);
            }
        }
    }

    fn is_any_overdue(&mut self, parts: &mut Parts<'_>) -> bool {
        self.watch().is_some_and(|watch| (watch.is_overdue)(self, parts))
    }

    /// Returns whether a packet was unanswered for the whole time-out. If not, the time-out starts again.
    fn is_overdue(&mut self, parts: &mut Parts<'_>) -> bool {
        let is_overdue = self.outgoing.is_overdue(parts.slots);
        self.link.timers.ack = Countdown::NONE;
        self.update_ack_deadlines(parts.slots);
        is_overdue
    }

    /// Sends packets again that are unacknowledged for too long.
    fn retry(&mut self, parts: &mut Parts<'_>) {
        if self.version().allows_timed_retry() {
            self.outgoing.retransmit(parts);
        }
        self.link.timers.retry = Countdown::NONE;
        self.update_ack_deadlines(parts.slots);
    }
}
