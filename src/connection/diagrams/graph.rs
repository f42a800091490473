//! State graphs, found by trying all steps.

use std::fmt::Write;
use std::format;
use std::string::String;
use std::vec::Vec;

use crate::connection::Connection;
use crate::storage::Fixed;
use crate::time::Instant;
use crate::wire::{Decoded, Packet, PacketType, Rules};

pub(super) type Mqtt = Connection<Fixed<256, 4, 4, 64>>;

pub(super) const NOW: Instant = Instant::from_millis(0);
/// The state of a message before it is published, and after it has finished.
pub(super) const NOWHERE: &str = "[*]";

/// A step, and its effect. The function returns `None` if the step is not possible now, or ends the link for a reason
/// that is not part of the graph.
pub(super) type Step = (&'static str, fn(&mut Mqtt) -> Option<String>);

/// Tries each of `steps` in each state, and draws those that had an effect. `first` leads to the first state.
pub(super) fn draw(start: &Mqtt, state: fn(&Mqtt) -> String, first: &[Step], steps: &[Step]) -> String {
    let mut drawn = String::from("```mermaid\nstateDiagram-v2\n");
    let mut found: Vec<(String, Mqtt)> = Vec::from([(state(start), start.clone())]);
    let mut place = 0;
    while let Some((from, mqtt)) = found.get(place).cloned() {
        let mut arrows: Vec<(String, String)> = Vec::new();
        for (what, step) in if place == 0 { first } else { steps } {
            let mut next = mqtt.clone();
            let Some(effect) = step(&mut next) else { continue };
            let to = state(&next);
            if from == to && effect.is_empty() {
                continue;
            }
            let stroke = if effect.is_empty() { "" } else { " / " };
            add(&mut arrows, &to, &format!("{what}{stroke}{effect}"));
            if found.iter().all(|(name, _)| *name != to) {
                found.push((to, next));
            }
        }
        for (to, label) in arrows {
            writeln!(drawn, "    {from} --> {to}: {label}").unwrap();
        }
        place += 1;
    }
    drawn + "```\n\n"
}

/// Adds a line of text to the arrow to this state.
fn add(arrows: &mut Vec<(String, String)>, to: &str, label: &str) {
    match arrows.iter_mut().find(|(old, _)| old == to) {
        Some((_, labels)) => *labels += &format!("<br/>{label}"),
        None => arrows.push((to.into(), label.into())),
    }
}

/// Sends all output, and returns the names of the packets; `None` if there was none.
pub(super) fn send(mqtt: &mut Mqtt) -> Option<String> {
    let mut bytes = Vec::new();
    let rules = Rules::new(mqtt.version());
    let mut transmit = mqtt.transmit(NOW);
    while !transmit.chunk().is_empty() {
        bytes.extend(transmit.chunk());
        let count = transmit.chunk().len();
        transmit.advance(count);
    }
    let (mut names, mut rest) = (Vec::new(), &bytes[..]);
    while let Ok(Decoded::Packet { packet, length }) = Packet::decode(rest, rules) {
        let remark = match &packet {
            Packet::Publish(publish) if publish.dup => " with DUP",
            Packet::PubAck(ack) | Packet::PubRec(ack) if ack.reason.is_error() => " with an error",
            _ => "",
        };
        names.push(format!("{}{remark}", name(packet.packet_type())));
        rest = &rest[length..];
    }
    (!names.is_empty()).then(|| names.join(", "))
}

/// Returns the name of the packet as in the standard.
pub(super) fn name(packet: PacketType) -> String {
    format!("{packet:?}").to_uppercase()
}
