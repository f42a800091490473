//! `docs/states.md`, drawn from the code: the table of legal packets as the engine asks it, and the states of links and messages as they are found by
//! trying every step in every state. If the file differs, the test fails; `PURE_MQTT_WRITE=1 cargo test --lib diagrams` writes it anew.

mod graph;
mod link;
mod messages;

use std::fmt::Write;
use std::string::String;

use crate::connection::State;
use crate::connection::state::may_send;
use crate::types::Version;
use crate::wire::{Header, PacketType, Rules};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/states.md");

const INTRODUCTION: &str = "\
# The states, as the code has them

Drawn by `PURE_MQTT_WRITE=1 cargo test --lib diagrams`, which tries every step in every state; a test compares. An arrow says what happened, and
behind the stroke what came of it: the packet that left, or the event, outcome or error that the application got. Steps without an effect are left out.

";

#[test]
fn the_drawn_states_are_those_of_the_code() {
    let mut page = String::from(INTRODUCTION);
    page += &legal_packets();
    page += &link::draw();
    page += &messages::draw_outgoing();
    page += &messages::draw_incoming();
    if std::env::var_os("PURE_MQTT_WRITE").is_some() {
        std::fs::write(PATH, &page).unwrap();
    }
    let drawn = std::fs::read_to_string(PATH).unwrap();
    assert!(drawn == page, "docs/states.md is not what the code does: PURE_MQTT_WRITE=1 cargo test --lib diagrams");
}

fn legal_packets() -> String {
    let mut table = String::from(
        "## What a server may send\n\nAnything else ends the link with the reason code 0x82.\n\n\
         | packet | before CONNACK | after CONNACK |\n|---|---|---|\n",
    );
    for packet in PacketType::ALL {
        let [before, after] = [State::Connecting, State::Connected].map(|state| versions(state, packet));
        if (before, after) != (NEVER, NEVER) {
            writeln!(table, "| {} | {before} | {after} |", graph::name(packet)).unwrap();
        }
    }
    table + "\n"
}

const NEVER: &str = "–";

/// In which versions a server may send the packet in this state.
fn versions(state: State, packet: PacketType) -> &'static str {
    let is_legal = |version: Version| {
        may_send(state, packet, version) && Header::decode(&[packet.first_byte(), 0], Rules::new(version)).is_ok()
    };
    match [Version::V31, Version::V311, Version::V5].map(is_legal) {
        [true, true, true] => "yes",
        [false, false, true] => "5.0",
        [false, false, false] => NEVER,
        other => panic!("{packet:?}: {other:?} has no name"),
    }
}
