//! A request of the program's, and a reply (5.0).

use pure_mqtt_client::pure_mqtt::QoS;

use crate::outcome::{Finding, Played};
use crate::stage::Stage;
use crate::tool::Tool;

pub fn run(stage: &mut Stage) -> Played {
    let topic = stage.word("request/");
    let (answerer, receiver) = stage.reader(&topic, QoS::AtLeastOnce)?;
    let mut asker = Tool::start(stage, stage.port(), &["request", "-t", &topic, "-q", "1", "-m", "one"])?;
    let message = receiver.recv(stage.left())?;
    let answer = format!("to {}", message.text().unwrap_or_default());
    let Some(reply) = message.reply(answer.as_bytes()) else {
        return Err(Finding::wrong("Response Topic is lost"));
    };
    answerer.client.publish_with(&reply)?.wait_for_publish(stage.left())?;
    asker.finish(stage.left())?;
    match asker.line(stage.left()) {
        Some(line) if line == answer => Ok(String::new()),
        other => Err(Finding::wrong("another reply comes").with(format!("{other:?}"))),
    }
}
