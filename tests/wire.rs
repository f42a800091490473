//! The codec from outside: what is written comes back, what is cut or forbidden is refused, and no bytes make it panic.
//!
//! What the standard says is written down here once more, in tables of its own, so that a slip in the crate's tables shows.
//! Random tests print their seed; `PURE_MQTT_SEED` takes it back.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::expect_used)]

#[path = "wire/bytes.rs"]
mod bytes;
#[path = "wire/golden.rs"]
mod golden;
#[path = "wire/lengths.rs"]
mod lengths;
#[path = "wire/mutation.rs"]
mod mutation;
#[path = "wire/properties.rs"]
mod properties;
#[path = "wire/random.rs"]
mod random;
#[path = "wire/reasons.rs"]
mod reasons;
#[path = "wire/roundtrip.rs"]
mod roundtrip;
#[path = "wire/strings.rs"]
mod strings;
