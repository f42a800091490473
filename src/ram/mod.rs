//! The maximum memory of a connection, as `const` functions: a program can assert its budget at compile time.
//!
//! ```
//! use pure_mqtt::{Connection, Fixed, ram};
//!
//! type Mqtt = Connection<Fixed<1024, 8, 8>>;
//! const _: () = assert!(size_of::<Mqtt>() <= 4 * 1024); // all its memory: such a connection allocates nothing
//! const _: () = assert!(size_of::<Mqtt>() <= ram::fixed(1024, 8, 8, 256, 0, 0));
//! ```
//!
//! Nothing that a server sends makes a connection take more bytes than these functions return.

#[cfg(feature = "alloc")]
mod heap;

#[cfg(feature = "alloc")]
pub use self::heap::heap;

use crate::connection::Connection;
use crate::storage::{AliasEntry, Fixed, ReceiveSlot, SendSlot};

/// The bytes of a connection without the arrays of its storage, on this platform.
pub const CONNECTION: usize = size_of::<Connection<Fixed<0, 1, 1, 16>>>() - SEND_SLOT - RECEIVE_SLOT - 16;
/// The bytes that one unfinished outgoing packet takes in addition to its encoded bytes.
pub const SEND_SLOT: usize = size_of::<SendSlot>();
/// The bytes that one unfinished message from the server takes.
pub const RECEIVE_SLOT: usize = size_of::<ReceiveSlot>();
/// The bytes that one topic alias takes in addition to its name.
pub const ALIAS: usize = size_of::<AliasEntry>();

/// Returns the bytes of a [`Connection`] with [`Fixed`] storage of these parameters, with up to 8 for alignment. Such a
/// connection takes no other memory.
///
/// ```text
///   CONNECTION + arena + send × SEND_SLOT + recv × RECEIVE_SLOT + control + 2 × aliases × (ALIAS + name)
/// ```
///
/// [`Borrowed`](crate::storage::Borrowed) storage takes the same, partly in the caller's slices.
pub const fn fixed(arena: usize, send: usize, recv: usize, control: usize, aliases: usize, name: usize) -> usize {
    CONNECTION + arena + send * SEND_SLOT + recv * RECEIVE_SLOT + control + 2 * aliases * (ALIAS + name) + ALIGNMENT
}

/// Returns the maximum length of a snapshot of a session in [`Fixed`] storage of these parameters, in bytes. Durable
/// memory needs room for it in addition to the records that follow.
///
/// ```text
///   39 + arena + send × 35 + recv × 9
/// ```
#[cfg(feature = "journal")]
pub const fn snapshot(arena: usize, send: usize, recv: usize) -> usize {
    crate::storage::longest_snapshot(arena, send, recv)
}

const ALIGNMENT: usize = 8;

/// Checks the formula for the platform that this is compiled for.
const _: () = {
    assert!(size_of::<Connection<Fixed<1024, 8, 8>>>() <= fixed(1024, 8, 8, 256, 0, 0));
    assert!(size_of::<Connection<Fixed<1024, 8, 8>>>() + ALIGNMENT >= fixed(1024, 8, 8, 256, 0, 0) - ALIGNMENT);
    assert!(size_of::<Connection<Fixed<77, 16, 32, 99, 5, 33>>>() <= fixed(77, 16, 32, 99, 5, 33));
    assert!(size_of::<Connection<Fixed<77, 16, 32, 99, 5, 33>>>() + 2 * ALIGNMENT >= fixed(77, 16, 32, 99, 5, 33));
};
