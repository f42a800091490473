//! The states of a link.

use std::format;
use std::string::String;

use super::graph::{Mqtt, NOW, Step, draw as draw_graph, send};
use crate::connection::Connection;
use crate::error::ConnectionError;
use crate::event::{Event, Received};
use crate::limits::Limits;
use crate::storage::Fixed;
use crate::types::Version;
use crate::wire::{Connect, Disconnect};

const STEPS: [Step; 8] = [
    ("open", |mqtt| mqtt.open(NOW, &Connect::new(Version::V5, "c")).ok().and_then(|()| send(mqtt))),
    ("CONNACK, accepted", |mqtt| give(mqtt, b"\x20\x03\x00\x00\x00")),
    ("CONNACK, refused", |mqtt| give(mqtt, b"\x20\x03\x00\x87\x00")),
    ("DISCONNECT", |mqtt| give(mqtt, b"\xE0\x01\x8B")),
    ("PINGREQ or another illegal packet", |mqtt| give(mqtt, b"\xC0\x00")),
    ("no answer in time", wait),
    ("disconnect", |mqtt| mqtt.disconnect(NOW, &Disconnect::default()).ok().and_then(|()| send(mqtt))),
    ("handle_close", |mqtt| {
        mqtt.handle_close(NOW);
        Some(String::new())
    }),
];

pub(super) fn draw() -> String {
    let start = Connection::new(Fixed::new(), Limits::DEFAULT);
    let [open, others @ ..] = STEPS;
    let graph = draw_graph(&start, |mqtt| format!("{:?}", mqtt.state()), &[open], &others);
    String::from("## A link\n\nFor 5.0. In 3.1 and 3.1.1 a server cannot send DISCONNECT.\n\n") + &graph
}

/// Handles a packet from the server. `None` for legal packets that are illegal in this state.
fn give(mqtt: &mut Mqtt, bytes: &[u8]) -> Option<String> {
    if mqtt.should_close() {
        return None;
    }
    let is_legal_somewhere = bytes[0] != 0xC0;
    let effect = match mqtt.handle_input(NOW, bytes) {
        Ok(Received::Packet { event: Some(Event::ConnAck(_)), .. }) => "event ConnAck".into(),
        Ok(Received::Packet { event: Some(Event::Disconnect(_)), .. }) => "event Disconnect".into(),
        Err(error) if error == mqtt.close_reason() && !is_legal_somewhere => format!("error {}", first_word(error)),
        _ => return None,
    };
    Some(with_sent(effect, mqtt))
}

/// Waits for all timers, with a server that does not answer.
fn wait(mqtt: &mut Mqtt) -> Option<String> {
    while let Some(due) = mqtt.poll_timeout() {
        if let Err(error) = mqtt.handle_timeout(due) {
            return Some(with_sent(format!("error {error:?}"), mqtt));
        }
        send(mqtt);
    }
    None
}

fn with_sent(effect: String, mqtt: &mut Mqtt) -> String {
    match send(mqtt) {
        Some(sent) => format!("{effect}, {sent}"),
        None => effect,
    }
}

fn first_word(error: ConnectionError) -> String {
    format!("{error:?}").chars().take_while(|letter| letter.is_alphabetic()).collect()
}
