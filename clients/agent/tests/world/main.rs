//! A random world of agents and servers, in virtual time: everything that can go wrong does, then nothing does any more, and all
//! must end.
//!
//! | variable | meaning |
//! |---|---|
//! | `PURE_MQTT_WORLDS` | how many worlds |
//! | `PURE_MQTT_FIRST` | the first seed |
//! | `PURE_MQTT_SEED` | one world, told line by line |
//! | `PURE_MQTT_WITHOUT` | features that are left out, with commas between |
//! | `PURE_MQTT_STEPS` | the steps that are done, if not all |
//! | `PURE_MQTT_ALL` | all worlds are played, and findings are counted by kind |

#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

#[macro_use]
#[path = "../../../../tests/world/table.rs"]
mod table;

mod broker;
mod character;
mod face;
mod features;
mod heal;
mod hosts;
mod judge;
mod ledger;
mod life;
mod net;
mod ops;
mod outbound;
mod power;
mod program;
mod run;
mod script;
#[path = "../../../../tests/world/shorter.rs"]
mod shorter;
mod shrink;
mod store;
