//! The bound for storage on the heap.

use crate::connection::Connection;
use crate::limits::{Limits, Overflow};
use crate::ram::{ALIAS, RECEIVE_SLOT, SEND_SLOT};
use crate::storage::Heap;

/// The bytes that a connection with [`Heap`](crate::Heap) storage takes at most: itself, and all that it has allocated.
///
/// | part | bytes |
/// |---|---|
/// | the connection | `size_of::<Connection<Heap>>()` |
/// | the table of outgoing packets | [`SEND_SLOT`] times the power of two that keeps it at most three quarters full with `commands` (at least 8, at most 65,536); with [`Overflow::LatestPerTopic`] 16 more for each place |
/// | their bytes | [`max_bytes`](Limits::max_bytes) and a quarter of it, at least 256; payloads that are shared instead of copied once more `max_bytes` |
/// | the table of incoming messages | [`RECEIVE_SLOT`] times [`max_received`](Limits::max_received) rounded up to a power of two; 32,768 of them if it is 0 |
/// | the control area | twice `control`, at least 256 |
/// | topic aliases | [`ALIAS`], a pointer with a length, and [`alias_name_max`](Limits::alias_name_max), times both maxima |
///
/// `commands` is the largest number of messages and requests that are unfinished at a time, and of acknowledgements with properties that wait. `control`
/// is the length of the longest CONNECT, AUTH or DISCONNECT; of all that wait together, if several may.
///
/// While a table or the arena doubles, its old half is there as well for a moment. The answer is `usize::MAX` if `max_bytes` is 0: then nothing but the
/// application bounds it.
///
/// ```
/// use pure_mqtt::{Limits, ram};
///
/// const LIMITS: Limits = Limits { max_bytes: 16 * 1024, max_received: 32, ..Limits::DEFAULT };
/// const _: () = assert!(ram::heap(&LIMITS, 64, 100) < 48 * 1024);
/// ```
pub const fn heap(limits: &Limits, commands: usize, control: usize) -> usize {
    if limits.max_bytes == 0 {
        return usize::MAX;
    }
    let slots = send_slots(commands);
    let slot = SEND_SLOT + if matches!(limits.overflow, Overflow::LatestPerTopic) { Heap::TOPIC_SLOT } else { 0 };
    let arena = (limits.max_bytes as usize).saturating_add(limits.max_bytes as usize / 4);
    let arena = if arena < Heap::FIRST_ARENA { Heap::FIRST_ARENA } else { arena };
    let shared = if Heap::PAYLOAD_SLOT == 0 { 0 } else { limits.max_bytes as usize + slots * Heap::PAYLOAD_SLOT };
    let received = match limits.max_received {
        1..=32_767 => power_of_two(limits.max_received as usize, Heap::FIRST_SLOTS),
        _ => Heap::MOST_RECEIVED,
    };
    let control = if control < 128 { 256 } else { control * 2 };
    let aliases = limits.topic_alias_maximum as usize + limits.outbound_aliases as usize;
    let names = aliases.saturating_mul(ALIAS + Heap::NAME + limits.alias_name_max as usize);
    let inline = size_of::<Connection<Heap>>();
    (inline + slots * slot + received * RECEIVE_SLOT + control)
        .saturating_add(names)
        .saturating_add(arena)
        .saturating_add(shared)
}

/// The table doubles when it is three quarters full.
const fn send_slots(commands: usize) -> usize {
    let mut length = Heap::FIRST_SLOTS;
    while length < Heap::MOST_SLOTS && commands + commands / 3 >= length {
        length *= 2;
    }
    length
}

const fn power_of_two(number: usize, least: usize) -> usize {
    let rounded = match number.checked_next_power_of_two() {
        Some(rounded) => rounded,
        None => usize::MAX,
    };
    if rounded < least { least } else { rounded }
}
