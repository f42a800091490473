//! Maximum Packet Size (5.0) of a client.

use std::time::Duration;

use pure_mqtt_client::pure_mqtt::{Limits, OnTooLong, QoS};

use crate::outcome::{Finding, Played};
use crate::player::Player;
use crate::stage::Stage;

const MAXIMUM: u32 = 1_000;
const PATIENCE: Duration = Duration::from_secs(3);

pub fn run(stage: &mut Stage) -> Played {
    let limits = Limits { inline_max: MAXIMUM, ..Limits::DEFAULT };
    if next_comes(stage, limits)? {
        return Ok(String::new());
    }
    let what = "a message comes that is longer than the client takes";
    Err(Finding::wrong(match next_comes(stage, Limits { on_too_long: OnTooLong::Discard, ..limits })? {
        true => format!("{what}; with `OnTooLong::Discard` the link stands"),
        false => what.into(),
    }))
}

/// Whether the message behind one that is too long comes, on the same link.
fn next_comes(stage: &mut Stage, limits: Limits) -> Played<bool> {
    let topic = stage.word("size/");
    let reader = Player::new(stage.options("reader").limits(limits));
    let receiver = reader.client.receive(&topic, QoS::AtLeastOnce)?;
    reader.connect(stage, stage.port())?;
    receiver.granted(stage.left())?;
    let publisher = stage.player("publisher")?;
    publisher.client.publish(&topic, [0; 2_000], QoS::AtLeastOnce, false)?.wait_for_publish(stage.left())?;
    publisher.client.publish(&topic, "short", QoS::AtLeastOnce, false)?.wait_for_publish(stage.left())?;
    let message = receiver.recv(PATIENCE);
    Ok(message.is_ok_and(|message| message.text() == Some("short")) && reader.told().ends.is_empty())
}
