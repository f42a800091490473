//! Each misbehaviour, with a real client over TCP at the other end; and what the broker itself holds out.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod acknowledgements;
mod bad_bytes;
mod ends;
mod foreign;
mod life;
mod limits;
mod links;
mod rig;
mod tolerances;

#[allow(dead_code)] // only its seeds are used
#[path = "../../../../tests/common/clock.rs"]
mod clock;
#[path = "../../../../clients/threads/tests/support/mod.rs"]
mod support;
