//! pure-mqtt and its peers, measured on the same work in one run and purely in memory.
//!
//! `rows.rs` is the table of what is measured, `work.rs` does it through the one trait in `client.rs`, and each file of `clients/` puts one
//! client behind that trait. `measure.rs` takes the rounds in turns, `report/` shows what came out.

mod args;
mod client;
mod clients;
mod cost;
mod measure;
mod report;
mod rows;
mod work;

pub use self::args::{HELP, Options, parse};
pub use self::cost::Counting;
pub use self::measure::run;
pub use self::report::report;

/// The names of all rows.
pub fn names() -> impl Iterator<Item = &'static str> {
    rows::ROWS.iter().map(|row| row.name)
}
