//! Limits and the shape of a storage as lists of numbers.

use crate::limits::{Limits, OnSessionLoss, Overflow};
use crate::storage::View;
use crate::storage::sealed::Bounds;

pub(crate) const LIMITS: usize = 21;

/// Every field in the order of its declaration.
pub(crate) fn limits_numbers(limits: &Limits) -> [u64; LIMITS] {
    let on_session_loss = match limits.on_session_loss {
        OnSessionLoss::Republish => 0,
        OnSessionLoss::Abort => 1,
    };
    let overflow = match limits.overflow {
        Overflow::Reject => 0,
        Overflow::DropOldest => 1,
        Overflow::LatestPerTopic => 2,
    };
    [
        limits.version.level().into(),
        limits.max_inflight.into(),
        limits.max_queued.into(),
        limits.max_bytes.into(),
        limits.receive_maximum.into(),
        limits.max_received.into(),
        limits.inline_max.into(),
        limits.stream_max.into(),
        limits.topic_alias_maximum.into(),
        limits.outbound_aliases.into(),
        limits.alias_name_max.into(),
        limits.manual_acks.into(),
        on_session_loss,
        overflow,
        limits.refuse_offline_qos0.into(),
        limits.check_payload_format.into(),
        limits.strict.into(),
        limits.connack_timeout.into(),
        limits.pingresp_timeout.into(),
        limits.ack_timeout.into(),
        limits.retry_interval.into(),
    ]
}

/// The lengths of a storage's slices: send slots, arena, receive slots, control area, aliases of the server and the bytes of their names, our own
/// aliases and theirs. `None` for a storage that grows.
pub(crate) fn shape(view: &View<'_>, bounds: &Bounds) -> Option<[usize; 8]> {
    let [entries_in, entries_out] = view.alias_entries;
    let [names_in, names_out] = view.alias_names;
    (bounds.control == view.control.len()).then_some([
        view.slots.len(),
        view.arena.len(),
        view.inbox.len(),
        view.control.len(),
        entries_in.len(),
        names_in.len(),
        entries_out.len(),
        names_out.len(),
    ])
}
