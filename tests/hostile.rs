//! What a broken or hostile server may send, and what the connection does: a table of bad inputs, each played in one piece, byte by
//! byte, and with a good message right behind it.
//!
//! Random tests print their seed; `PURE_MQTT_SEED` takes it back.
//!
//! The labels `H01` to `H110` number the cases; a case that needs time or several steps is a test of its own. H111, random bytes, is
//! `fuzz/`, and H112, a second codec, is `tests/differential/`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::expect_used)]

#[path = "hostile/acks.rs"]
mod acks;
#[path = "hostile/connack.rs"]
mod connack;
#[path = "hostile/framing.rs"]
mod framing;
#[path = "hostile/fuzz.rs"]
mod fuzz;
#[path = "hostile/life.rs"]
mod life;
#[path = "hostile/properties.rs"]
mod properties;
#[path = "hostile/publish.rs"]
mod publish;
#[path = "hostile/rig.rs"]
mod rig;
#[path = "hostile/strings.rs"]
mod strings;
#[path = "hostile/table.rs"]
mod table;
#[path = "hostile/timers.rs"]
mod timers;
