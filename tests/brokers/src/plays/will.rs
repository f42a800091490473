//! The will: published when the link is cut, and not after DISCONNECT.

use pure_mqtt_client::Options;
use pure_mqtt_client::pure_mqtt::{QoS, TopicName, Will};

use super::exchange::nothing_more;
use crate::outcome::{Finding, Played};
use crate::player::Player;
use crate::stage::Stage;

pub fn run(stage: &mut Stage) -> Played {
    let topic = stage.word("will/");
    let (watcher, receiver) = stage.reader(&topic, QoS::AtLeastOnce)?;
    let mortal = |stage: &mut Stage, text: &str| -> Played<Options> {
        let will = Will::new(TopicName::new(&topic)?, text.as_bytes()).qos(QoS::AtLeastOnce);
        Ok(stage.options("mortal").will(&will).reconnect_on_failure(false))
    };
    let options = mortal(stage, "left in order")?;
    stage.connected(options)?.leave();
    nothing_more(stage, &watcher.client, &topic, &receiver).map_err(|finding| {
        match finding.detail.contains("left in order") {
            true => Finding::wrong("the will is published after DISCONNECT"),
            false => finding,
        }
    })?;

    let proxy = stage.proxy()?;
    let player = Player::new(mortal(stage, "was cut")?);
    player.connect(stage, proxy.port())?;
    proxy.cut_all();
    let message = receiver.recv(stage.left()).map_err(|_| Finding::wrong("the will is not published"))?;
    match message.text() {
        Some("was cut") => Ok(String::new()),
        other => Err(Finding::wrong("another message comes instead of the will").with(format!("{other:?}"))),
    }
}
