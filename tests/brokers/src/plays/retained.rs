//! Messages that the broker keeps.

use pure_mqtt_client::pure_mqtt::QoS;

use super::exchange::nothing_more;
use crate::outcome::{Finding, Played};
use crate::stage::Stage;

pub fn run(stage: &mut Stage) -> Played {
    let topic = stage.word("retained/");
    let publisher = stage.player("publisher")?;
    for text in ["old", "new"] {
        publisher.client.publish(&topic, text, QoS::AtLeastOnce, true)?.wait_for_publish(stage.left())?;
    }
    let (_reader, receiver) = stage.reader(&topic, QoS::AtLeastOnce)?;
    let message = receiver.recv(stage.left())?;
    if (message.text(), message.retain) != (Some("new"), true) {
        return Err(
            Finding::wrong("not the last message comes, or not marked as retained").with(format!("{message:?}"))
        );
    }
    publisher.client.publish(&topic, "", QoS::AtLeastOnce, true)?.wait_for_publish(stage.left())?;
    let message = receiver.recv(stage.left())?; // who has subscribed already gets it as any other
    if message.retain {
        return Err(Finding::wrong("a message that is passed on at once is marked as retained"));
    }
    let (_late, receiver) = stage.reader(&topic, QoS::AtLeastOnce)?;
    nothing_more(stage, &publisher.client, &topic, &receiver).map_err(|finding| match finding.what.as_str() {
        "messages come twice" => Finding::wrong("the empty message does not remove the retained one"),
        _ => finding,
    })?;
    Ok(String::new())
}
