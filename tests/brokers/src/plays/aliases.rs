//! Topic aliases (5.0), in both directions.

use pure_mqtt_client::pure_mqtt::{Limits, QoS};

use crate::outcome::{Finding, Played};
use crate::player::Player;
use crate::stage::Stage;

const TOPICS: usize = 4;
const MESSAGES: usize = 60;

pub fn run(stage: &mut Stage) -> Played {
    let start = stage.word("aliases");
    let limits = Limits { topic_alias_maximum: 10, outbound_aliases: 3, ..Limits::DEFAULT };
    let reader = Player::new(stage.options("reader").limits(limits));
    let receiver = reader.client.receive(&format!("{start}/#"), QoS::AtLeastOnce)?;
    reader.connect(stage, stage.port())?;
    receiver.granted(stage.left())?;
    let publisher = Player::new(stage.options("publisher").limits(limits));
    let answer = publisher.connect(stage, stage.port())?;
    for number in 0..MESSAGES {
        let topic = format!("{start}/{}", stage.random.usize(..TOPICS));
        let text = format!("{number} {topic}");
        publisher.client.publish(&topic, &text, QoS::AtLeastOnce, false)?;
        let message = receiver.recv(stage.left())?;
        if message.text() != Some(&text) || message.topic != topic {
            return Err(Finding::wrong("a message arrives at another topic").with(format!("{message:?}")));
        }
    }
    match answer.topic_alias_maximum {
        0 => Err(Finding::absent("Topic Alias Maximum is 0: messages go without")),
        most => Ok(format!("takes {most}")),
    }
}
