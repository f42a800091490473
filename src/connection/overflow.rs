//! The overflow policies that drop messages when the queue is full.

use crate::connection::core::{Core, Policy};
use crate::limits::Overflow;
use crate::session::{Capacity, Dropped, Need};
use crate::storage::Parts;

/// Returns the function of an overflow policy, so that firmware without such a policy does not link it.
pub(super) const fn policy(overflow: Overflow) -> Option<Policy> {
    match overflow {
        Overflow::Reject => None,
        Overflow::DropOldest => Some(drop_oldest),
        Overflow::LatestPerTopic => Some(drop_same_topic),
    }
}

fn drop_oldest(
    core: &mut Core,
    parts: &mut Parts<'_>,
    need: &Need,
    most: &Capacity,
    _topic: &[u8],
    dropped: &mut Option<Dropped>,
) {
    *dropped = core.outgoing.drop_oldest(parts, need, most);
    if dropped.is_some() {
        core.drop_orphaned_prefix(parts);
    }
}

fn drop_same_topic(
    core: &mut Core,
    parts: &mut Parts<'_>,
    need: &Need,
    most: &Capacity,
    topic: &[u8],
    dropped: &mut Option<Dropped>,
) {
    *dropped = core.outgoing.drop_same_topic(parts, need, most, topic);
    if dropped.is_some() {
        core.drop_orphaned_prefix(parts);
    }
}
