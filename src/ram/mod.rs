//! How much memory a connection takes at most, as `const` functions: so that a program can assert its budget when it is compiled.
//!
//! ```
//! use pure_mqtt::{Connection, Fixed, ram};
//!
//! type Mqtt = Connection<Fixed<1024, 8, 8>>;
//! const _: () = assert!(size_of::<Mqtt>() <= 4 * 1024); // all of it: such a connection allocates nothing
//! const _: () = assert!(size_of::<Mqtt>() <= ram::fixed(1024, 8, 8, 256, 0, 0));
//! ```
//!
//! Nothing that a server sends takes a byte more than these functions say.

#[cfg(feature = "alloc")]
mod heap;

#[cfg(feature = "alloc")]
pub use self::heap::heap;

use crate::connection::Connection;
use crate::storage::{AliasEntry, Fixed, ReceiveSlot, SendSlot};

/// What a connection takes beside its storage's arrays, on this platform.
pub const CONNECTION: usize = size_of::<Connection<Fixed<0, 1, 1, 16>>>() - SEND_SLOT - RECEIVE_SLOT - 16;
/// What one unfinished outgoing packet takes beside its bytes.
pub const SEND_SLOT: usize = size_of::<SendSlot>();
/// What one unfinished incoming message takes.
pub const RECEIVE_SLOT: usize = size_of::<ReceiveSlot>();
/// What one topic alias takes beside its name.
pub const ALIAS: usize = size_of::<AliasEntry>();

/// The bytes of a [`Connection`] with [`Fixed`] storage of these parameters, up to 8 for alignment: all that it ever takes.
///
/// ```text
///   CONNECTION + arena + send × SEND_SLOT + recv × RECEIVE_SLOT + control + 2 × aliases × (ALIAS + name)
/// ```
///
/// [`Borrowed`](crate::storage::Borrowed) storage takes the same: what of it is in slices, the caller has.
pub const fn fixed(arena: usize, send: usize, recv: usize, control: usize, aliases: usize, name: usize) -> usize {
    CONNECTION + arena + send * SEND_SLOT + recv * RECEIVE_SLOT + control + 2 * aliases * (ALIAS + name) + ALIGNMENT
}

/// The longest snapshot of a session in a [`Fixed`] storage of these parameters: what durable memory must have room for beside the records that follow.
///
/// ```text
///   39 + arena + send × 35 + recv × 9
/// ```
#[cfg(feature = "journal")]
pub const fn snapshot(arena: usize, send: usize, recv: usize) -> usize {
    crate::storage::longest_snapshot(arena, send, recv)
}

const ALIGNMENT: usize = 8;

/// The formula holds on every platform that this is compiled for.
const _: () = {
    assert!(size_of::<Connection<Fixed<1024, 8, 8>>>() <= fixed(1024, 8, 8, 256, 0, 0));
    assert!(size_of::<Connection<Fixed<1024, 8, 8>>>() + ALIGNMENT >= fixed(1024, 8, 8, 256, 0, 0) - ALIGNMENT);
    assert!(size_of::<Connection<Fixed<77, 16, 32, 99, 5, 33>>>() <= fixed(77, 16, 32, 99, 5, 33));
    assert!(size_of::<Connection<Fixed<77, 16, 32, 99, 5, 33>>>() + 2 * ALIGNMENT >= fixed(77, 16, 32, 99, 5, 33));
};
