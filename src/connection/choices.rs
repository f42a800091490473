//! What limits may ask for and most don't. Reached through pointers alone, so that firmware whose limits don't ask for it doesn't carry it.

use crate::connection::timer::{WATCH, Watch};
use crate::limits::Limits;
use crate::session::{Policy, policy};

#[derive(Clone, Copy)]
pub(super) struct Choices {
    /// What happens when a message finds the queue full, if it isn't refused.
    pub(super) policy: Option<Policy>,
    /// The watch over acknowledgements that are overdue.
    pub(super) watch: Option<&'static Watch>,
}

impl Choices {
    /// Always inlined: where the limits are constants, the compiler sees what they leave out.
    #[inline(always)]
    pub(super) const fn of(limits: &Limits) -> Self {
        let watches = limits.ack_timeout | limits.retry_interval != 0;
        Self { policy: policy(limits.overflow), watch: if watches { Some(&WATCH) } else { None } }
    }
}
