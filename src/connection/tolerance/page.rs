//! `docs/tolerances.md`, drawn from the table. If the file differs, the test fails; `PURE_MQTT_WRITE=1 cargo test --lib tolerance` writes it anew.
#![allow(non_snake_case)] // the functions stand for the types of faults

use std::fmt::Write;
use std::string::String;

use super::ROWS;
use crate::connection::stats::Count;
use crate::types::Version;
use crate::wire::{DecodeError, Tolerance};

/// One row of the table.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) tolerance: Tolerance,
    pub(super) versions: &'static [Version],
    /// With which the link ends in strict mode.
    pub(super) fault: DecodeError,
    pub(super) comes: &'static str,
    pub(super) by_default: &'static str,
}

pub(super) const fn Malformed(fault: crate::wire::Malformed) -> DecodeError {
    DecodeError::Malformed(fault)
}

pub(super) const fn Violation(fault: crate::wire::Violation) -> DecodeError {
    DecodeError::Protocol(fault)
}

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/tolerances.md");

const INTRODUCTION: &str = "\
# What is tolerated of servers

Drawn by `PURE_MQTT_WRITE=1 cargo test --lib tolerance` from the table in `src/connection/tolerance.rs`; a test compares.

Some servers don't keep to the standard. What can neither lose nor double a message is tolerated, and counted in `Stats`. With `Limits::strict` the link
ends with the error in the last column, and 5.0 sends its reason code in DISCONNECT. A server that keeps to the standard works in both ways.

";

const BEHIND: &str = "
Never tolerated, as it may lose or double a message: a SUBACK with more or fewer codes than filters, the packet identifier 0, QoS 3.

Whatever the settings are:

* DISCONNECT from a server of 5.0 ends the link with its own reason code (`ConnectionError::ServerDisconnect`), also before CONNACK.
* PUBREL is answered by PUBCOMP, also for an identifier that is not in use: a server sends it again on the link that resumes the session.
* In 3.1 and 3.1.1 with `Limits::retry_interval`, packets are sent twice on one link, so that answers for identifiers that are not in use any more are right.
";

fn page() -> String {
    let mut page = String::from(INTRODUCTION);
    page += "| row | versions | what comes | by default | counted in | strict |\n|---|---|---|---|---|---|\n";
    for Row { name, tolerance, versions, fault, comes, by_default } in ROWS {
        let versions = match versions {
            [Version::V31, Version::V311, Version::V5] => "all",
            [Version::V31, Version::V311] => "3.1, 3.1.1",
            [Version::V311] => "3.1.1",
            [Version::V5] => "5.0",
            _ => panic!("{name}: {versions:?} have no name"),
        };
        let (count, code) = (Count::ALL[*tolerance as usize].name(), fault.reason().0);
        writeln!(page, "| {name} | {versions} | {comes} | {by_default} | `{count}` | {fault} (0x{code:02X}) |")
            .unwrap();
    }
    page + BEHIND
}

#[test]
fn the_page_of_tolerances_is_the_table() {
    let page = page();
    if std::env::var_os("PURE_MQTT_WRITE").is_some() {
        std::fs::write(PATH, &page).unwrap();
    }
    let drawn = std::fs::read_to_string(PATH).unwrap();
    assert!(drawn == page, "docs/tolerances.md is not the table: PURE_MQTT_WRITE=1 cargo test --lib tolerance");
}

/// What is tolerated is counted under its own name.
#[test]
fn every_tolerance_has_a_row_and_its_own_counter() {
    let tolerances = [
        Tolerance::UnknownAck,
        Tolerance::DupAtQoS0,
        Tolerance::PubAckAtQoS2,
        Tolerance::ForeignAck,
        Tolerance::UnlistedReason,
        Tolerance::EarlyRelease,
        Tolerance::IgnoredAlias,
        Tolerance::KeptSession,
        Tolerance::DiscardedMessage,
    ];
    for (place, tolerance) in tolerances.into_iter().enumerate() {
        assert_eq!(tolerance as usize, place);
        assert_eq!(std::format!("{tolerance:?}"), std::format!("{:?}", Count::ALL[place]));
        assert!(ROWS.iter().any(|row| row.tolerance == tolerance), "{tolerance:?} has no row");
    }
}
