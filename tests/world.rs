//! The random world: a client with any storage, limits and version, its application, a host, a transport that stalls, durable memory that is slow
//! and loses its power, and servers with clocks of their own, in virtual time. Each world follows from its seed, and has a character: some
//! features and no others, some commands often and others never. A ledger judges what comes of each message, and rules judge the machine; in the end all
//! faults are switched off, and everything must end in bounded time.
//!
//! Some hundred worlds in the suite. For more, and for the table of the features that acted together:
//!
//! ```text
//! PURE_MQTT_WORLDS=20000 PURE_MQTT_PAIRS=1 cargo test --release --features bytes,journal --test world -- --nocapture
//! ```
//!
//! A failure is shrunk, and prints the command that plays it again.

#![cfg(all(feature = "journal", feature = "bytes"))]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::expect_used)]

#[macro_use]
#[path = "world/table.rs"]
mod table;

#[path = "world/app.rs"]
mod app;
#[path = "world/character.rs"]
mod character;
#[path = "world/checks.rs"]
mod checks;
#[path = "world/commands.rs"]
mod commands;
#[path = "world/disk.rs"]
mod disk;
#[path = "world/features.rs"]
mod features;
#[path = "world/heal.rs"]
mod heal;
#[path = "world/hosts.rs"]
mod hosts;
#[path = "world/inbox.rs"]
mod inbox;
#[path = "world/late.rs"]
mod late;
#[path = "world/ledger.rs"]
mod ledger;
#[path = "world/life.rs"]
mod life;
#[path = "world/links.rs"]
mod links;
#[path = "world/memory.rs"]
mod memory;
#[path = "world/pairs.rs"]
mod pairs;
#[path = "world/payload.rs"]
mod payload;
#[path = "world/power.rs"]
mod power;
#[path = "world/readback.rs"]
mod readback;
#[path = "world/records.rs"]
mod records;
#[path = "world/rules.rs"]
mod rules;
#[path = "world/run.rs"]
mod run;
#[path = "world/script.rs"]
mod script;
#[path = "world/server/mod.rs"]
mod server;
#[path = "world/serving.rs"]
mod serving;
#[path = "world/shorter.rs"]
mod shorter;
#[path = "world/shown.rs"]
mod shown;
#[path = "world/shrink.rs"]
mod shrink;
#[path = "world/tally.rs"]
mod tally;
#[path = "world/time.rs"]
mod time;
#[path = "world/trouble.rs"]
mod trouble;
#[path = "world/wire.rs"]
mod wire;
