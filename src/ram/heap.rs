//! The bound for storage on the heap.

use crate::connection::Connection;
use crate::limits::{Limits, Overflow};
use crate::ram::{ALIAS, RECEIVE_SLOT, SEND_SLOT};
use crate::storage::Heap;

/// Returns the maximum number of bytes of a connection with [`Heap`](crate::Heap) storage: the connection itself, and
/// all its allocations.
///
/// | part | bytes |
/// |---|---|
/// | the connection | `size_of::<Connection<Heap>>()` |
/// | the table of outgoing packets | [`SEND_SLOT`] times the power of two at which `commands` fill at most three quarters of the table (at least 8, at most 65,536); with [`Overflow::LatestPerTopic`] 16 more for each slot |
/// | the bytes of these packets | 1.25 × [`max_bytes`](Limits::max_bytes), at least 256; with the feature `bytes` another `max_bytes` and a `Bytes` for each slot, for payloads that are shared instead of copied |
/// | the table of incoming messages | [`RECEIVE_SLOT`] times [`max_received`](Limits::max_received) rounded up to a power of two; 32,768 of them if it is 0 |
/// | the control area | twice `control`, at least 256 |
/// | topic aliases | [`ALIAS`], a pointer with a length, and [`alias_name_max`](Limits::alias_name_max), times both maxima |
///
/// `commands` is the maximum number of unfinished messages and requests, plus pending acknowledgements with properties.
/// `control` is the length of the longest CONNECT, AUTH or DISCONNECT; if several can be pending together, the sum of
/// their lengths.
///
/// While a table or the arena doubles, the old allocation exists beside the new one for a moment; it is not counted.
/// Returns `usize::MAX` if `max_bytes` is 0: then only the application bounds the memory.
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

/// Returns the length of the table, which doubles when it is three quarters full.
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
