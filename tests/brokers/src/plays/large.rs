//! A payload of a million bytes.

use pure_mqtt_client::pure_mqtt::QoS;

use crate::outcome::{Finding, Played};
use crate::stage::Stage;

const LENGTH: usize = 1_000_000;

pub fn run(stage: &mut Stage) -> Played {
    let topic = stage.word("large/");
    let (_reader, receiver) = stage.reader(&topic, QoS::AtLeastOnce)?;
    let publisher = stage.player("publisher")?;
    let payload: Vec<u8> = (0..LENGTH).map(|_| stage.random.u8(..)).collect();
    let info = publisher.client.publish(&topic, &payload, QoS::AtLeastOnce, false)?;
    if let Err(error) = info.wait_for_publish(stage.left()) {
        let end = publisher.told().ends.last().map(ToString::to_string);
        return Err(Finding::from(error).with(end.unwrap_or_default()));
    }
    if receiver.recv(stage.left())?.payload != payload {
        return Err(Finding::wrong("other bytes arrive"));
    }
    Ok(String::new())
}
