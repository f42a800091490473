//! Maximum Packet Size (5.0) of a client.

use pure_mqtt_client::pure_mqtt::{Limits, QoS};

use crate::outcome::{Finding, Played};
use crate::player::Player;
use crate::stage::Stage;

pub fn run(stage: &mut Stage) -> Played {
    let topic = stage.word("size/");
    let limits = Limits { inline_max: 1_000, ..Limits::DEFAULT };
    let reader = Player::new(stage.options("reader").limits(limits));
    let receiver = reader.client.receive(&topic, QoS::AtLeastOnce)?;
    reader.connect(stage, stage.port())?;
    receiver.granted(stage.left())?;
    let publisher = stage.player("publisher")?;
    publisher.client.publish(&topic, [0; 2_000], QoS::AtLeastOnce, false)?.wait_for_publish(stage.left())?;
    publisher.client.publish(&topic, "short", QoS::AtLeastOnce, false)?.wait_for_publish(stage.left())?;
    let message = receiver.recv(stage.left())?;
    if message.text() != Some("short") {
        return Err(Finding::wrong("a message comes cut short").with(message.payload.len()));
    }
    if reader.client.stats().discarded > 0 || !reader.told().ends.is_empty() {
        return Err(Finding::wrong("a message comes that is longer than the client takes"));
    }
    Ok(String::new())
}
