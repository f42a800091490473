//! Features that only some limits or messages need.
//!
//! On firmware each of these is reached through a pointer that is set only by its use, so that a program that does not
//! use the feature does not link its code:
//!
//! | feature | set by | flash on thumbv7em, about |
//! |---|---|---|
//! | the overflow policy | [`Limits::overflow`](crate::Limits::overflow) | 700 bytes |
//! | time-outs of acknowledgements, retransmission | [`Limits::ack_timeout`](crate::Limits::ack_timeout), [`Limits::retry_interval`](crate::Limits::retry_interval) | 500 bytes |
//! | discarding messages that are too long | [`Limits::on_too_long`](crate::Limits::on_too_long) | 800 bytes |
//! | topic aliases | the first link over a storage with room for them | 1,300 bytes |
//! | checking payloads | [`Limits::check_payload_format`](crate::Limits::check_payload_format) | 100 bytes |
//! | messages that expire | the first such message | 700 bytes |
//! | packets with properties or options that an earlier version cannot carry | the first such packet | 550 bytes |
//! | holding back and withdrawing messages | the first call that does so | 500 bytes |
//! | enhanced authentication | the first CONNECT with an authentication method | 200 bytes |
//!
//! On 64-bit targets the size of a connection matters more than its code: there the limits are checked instead, and few
//! pointers are kept.

use crate::connection::aliasing::ALIASING;
use crate::connection::auth::AUTHENTICATING;
use crate::connection::core::{
    Aliasing, Authenticating, Core, Discarding, Extras, PayloadCheck, Policy, Reducing, TakingBack, Watch,
};
#[cfg(target_pointer_width = "32")]
use crate::connection::core::{Begun, Timing};
use crate::connection::inbound::has_invalid_payload;
use crate::connection::overflow::policy;
use crate::connection::pieces::DISCARDING;
use crate::connection::reducing::REDUCING;
use crate::connection::timer::WATCH;
use crate::limits::Limits;
#[cfg(target_pointer_width = "32")]
use crate::limits::OnTooLong;
use crate::session::{EXPIRING, Forms, Time, WITHDRAWING, Withdrawing};
use crate::storage::SendSlot;
use crate::types::Version;

#[cfg(target_pointer_width = "32")]
impl Extras {
    /// Returns the extras for these limits. Always inlined: for constant limits the compiler removes the features that
    /// they do not use.
    #[inline(always)]
    pub(super) const fn of(limits: &Limits) -> Self {
        let watches = limits.ack_timeout | limits.retry_interval != 0;
        Self {
            policy: policy(limits.overflow),
            watch: if watches { Some(&WATCH) } else { None },
            discarding: if matches!(limits.on_too_long, OnTooLong::Discard) { Some(&DISCARDING) } else { None },
            payload_check: payload_check(limits.check_payload_format),
            begun: Begun::NONE,
        }
    }

    /// The same, where nothing has begun. Other limits than those that were set are not asked for, so they link nothing.
    #[cfg(feature = "journal")]
    pub(super) const fn anew(&self) -> Self {
        Self { begun: Begun::NONE, ..*self }
    }
}

#[cfg(target_pointer_width = "32")]
impl Begun {
    const NONE: Self = Self { aliasing: None, taking_back: None, authenticating: None, reducing: None, timing: None };
}

#[cfg(target_pointer_width = "32")]
impl Core {
    /// Other limits ask for other extras; those that were begun stay.
    pub(super) const fn set_extras(&mut self, extras: Extras) {
        self.extras = Extras { begun: self.extras.begun, ..extras };
    }

    /// What happens when a message finds the queue full, if it isn't refused.
    pub(super) const fn policy(&self) -> Option<Policy> {
        self.extras.policy
    }

    pub(super) const fn watch(&self) -> Option<&'static Watch> {
        self.extras.watch
    }

    pub(super) const fn discarding(&self) -> Option<&'static Discarding> {
        self.extras.discarding
    }

    pub(super) const fn payload_check(&self) -> Option<PayloadCheck> {
        self.extras.payload_check
    }

    /// What deals with topic aliases, once a link was opened over a storage with room for them.
    pub(super) const fn aliasing(&self) -> Option<&'static Aliasing> {
        self.extras.begun.aliasing
    }

    pub(super) const fn begin_to_alias(&mut self) {
        self.extras.begun.aliasing = Some(&ALIASING);
    }

    /// What takes messages back, if some may have been.
    pub(super) const fn taking_back(&self) -> Option<&'static TakingBack> {
        self.extras.begun.taking_back
    }

    pub(super) const fn begin_to_take_back(&mut self) {
        self.extras.begun.taking_back = Some(&TAKING_BACK);
    }

    pub(super) const fn authenticating(&self) -> Option<&'static Authenticating> {
        self.extras.begun.authenticating
    }

    pub(super) const fn reducing(&self) -> Option<&'static Reducing> {
        self.extras.begun.reducing
    }

    pub(super) const fn begin_to_reduce(&mut self) {
        self.extras.begun.reducing = Some(&REDUCING);
    }

    pub(super) const fn set_authenticating(&mut self) {
        self.extras.begun.authenticating = Some(&AUTHENTICATING);
    }

    /// The time, if there may be messages that expire.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(super) fn counted_time(&self) -> Option<Time> {
        self.extras.begun.timing.map(|timing| (timing.count)(self))
    }

    pub(super) fn begin_to_count_time(&mut self) -> bool {
        self.extras.begun.timing.replace(&TIMING).is_none()
    }
}

#[cfg(target_pointer_width = "32")]
static TIMING: Timing = Timing { count: Core::time, find_next: |core, slots| core.outgoing.find_next_expiry(slots) };

#[cfg(target_pointer_width = "32")]
impl Core {
    /// Messages wait again that may expire.
    pub(super) fn find_next_expiry(&mut self, slots: &[SendSlot]) {
        if let Some(timing) = self.extras.begun.timing {
            (timing.find_next)(self, slots);
        }
    }
}

#[cfg(not(target_pointer_width = "32"))]
impl Core {
    /// Messages wait again that may expire.
    pub(super) fn find_next_expiry(&mut self, slots: &[SendSlot]) {
        if self.extras.counts_time {
            self.outgoing.find_next_expiry(slots);
        }
    }
}

#[cfg(not(target_pointer_width = "32"))]
impl Extras {
    pub(super) const fn of(_: &Limits) -> Self {
        Self { has_aliases: false, counts_time: false }
    }

    /// The same, where nothing has begun.
    #[cfg(feature = "journal")]
    #[allow(clippy::unused_self, reason = "firmware keeps what the limits ask for")]
    pub(super) const fn anew(&self) -> Self {
        Self { has_aliases: false, counts_time: false }
    }
}

#[cfg(not(target_pointer_width = "32"))]
impl Core {
    /// The limits ask for extras themselves.
    #[allow(clippy::unused_self, reason = "firmware keeps them")]
    pub(super) const fn set_extras(&mut self, _: Extras) {}

    /// What happens when a message finds the queue full, if it isn't refused.
    pub(super) const fn policy(&self) -> Option<Policy> {
        policy(self.limits.overflow())
    }

    pub(super) const fn watch(&self) -> Option<&'static Watch> {
        if matches!(self.limits.ack_timeouts(), (0, 0)) { None } else { Some(&WATCH) }
    }

    pub(super) const fn discarding(&self) -> Option<&'static Discarding> {
        if self.limits.discards() { Some(&DISCARDING) } else { None }
    }

    pub(super) const fn payload_check(&self) -> Option<PayloadCheck> {
        payload_check(self.limits.check_payload_format())
    }

    pub(super) const fn aliasing(&self) -> Option<&'static Aliasing> {
        if self.extras.has_aliases { Some(&ALIASING) } else { None }
    }

    pub(super) const fn begin_to_alias(&mut self) {
        self.extras.has_aliases = true;
    }

    /// What takes messages back.
    #[allow(clippy::unused_self, reason = "firmware looks whether there may be some")]
    pub(super) const fn taking_back(&self) -> Option<&'static TakingBack> {
        Some(&TAKING_BACK)
    }

    #[allow(clippy::unused_self, reason = "as above")]
    pub(super) const fn begin_to_take_back(&mut self) {}

    #[allow(clippy::unused_self, reason = "as above")]
    pub(super) const fn authenticating(&self) -> Option<&'static Authenticating> {
        Some(&AUTHENTICATING)
    }

    #[allow(clippy::unused_self, reason = "as above")]
    pub(super) const fn reducing(&self) -> Option<&'static Reducing> {
        if Version::KNOWS_BOTH_KINDS { Some(&REDUCING) } else { None }
    }

    #[allow(clippy::unused_self, reason = "as above")]
    pub(super) const fn begin_to_reduce(&mut self) {}

    #[allow(clippy::unused_self, reason = "as above")]
    pub(super) const fn set_authenticating(&mut self) {}

    /// The time, if there may be messages that expire.
    pub(super) fn counted_time(&self) -> Option<Time> {
        self.extras.counts_time.then(|| self.time())
    }

    pub(super) const fn begin_to_count_time(&mut self) -> bool {
        !core::mem::replace(&mut self.extras.counts_time, true)
    }
}

/// Returns the check of payloads, if it is wanted.
const fn payload_check(is_wanted: bool) -> Option<PayloadCheck> {
    if Version::KNOWS_PROPERTIES && is_wanted { Some(has_invalid_payload) } else { None }
}

/// The only instance.
static TAKING_BACK: TakingBack = TakingBack { hold: Core::hold_messages, withdrawing: WITHDRAWING };

impl Core {
    /// Returns the function for withdrawn messages, if there may be some.
    pub(super) fn withdrawing(&self) -> Option<Withdrawing> {
        self.taking_back().map(|taking_back| taking_back.withdrawing)
    }

    /// Returns the functions for packets that an earlier version cannot carry completely, if there may be some.
    pub(super) fn forms(&self) -> Option<&'static Forms> {
        self.reducing().map(|reducing| reducing.forms)
    }

    /// Returns the time for message expiry, in seconds since the first message that expires.
    pub(super) fn time(&self) -> Time {
        let (over, rest) = self.epoch.seconds_until(self.now);
        Time { over, next: over.saturating_add(u32::from(rest > 0)), expiring: &EXPIRING }
    }
}
