//! A request and its reply (5.0).

use pure_mqtt_client::pure_mqtt::QoS;

use crate::outcome::{Finding, Played};
use crate::stage::Stage;

pub fn run(stage: &mut Stage) -> Played {
    let topic = stage.word("request/");
    let (answerer, receiver) = stage.reader(&topic, QoS::AtLeastOnce)?;
    let asker = stage.player("asker")?;
    for text in ["one", "two"] {
        let request = asker.client.request(&topic, text, QoS::AtLeastOnce, stage.left())?;
        let message = receiver.recv(stage.left())?;
        let answer = format!("to {}", message.text().unwrap_or_default());
        let Some(reply) = message.reply(answer.as_bytes()) else {
            return Err(Finding::wrong("Response Topic is lost"));
        };
        answerer.client.publish_with(&reply)?.wait_for_publish(stage.left())?;
        let reply = request.wait()?;
        if reply.text() != Some(&answer) {
            return Err(Finding::wrong("another reply comes").with(format!("{reply:?}")));
        }
    }
    Ok(String::new())
}
