//! Messages through the broker, in each quality of service.

use std::time::Duration;

use pure_mqtt_client::pure_mqtt::QoS;
use pure_mqtt_client::{Client, Receiver};

use crate::outcome::{Finding, Played};
use crate::stage::Stage;

const MESSAGES: usize = 50;
/// For one acknowledgement.
const PATIENCE: Duration = Duration::from_secs(10);

pub fn qos_0(stage: &mut Stage) -> Played {
    exchange(stage, QoS::AtMostOnce)
}

pub fn qos_1(stage: &mut Stage) -> Played {
    exchange(stage, QoS::AtLeastOnce)
}

pub fn qos_2(stage: &mut Stage) -> Played {
    exchange(stage, QoS::ExactlyOnce)
}

fn exchange(stage: &mut Stage, qos: QoS) -> Played {
    let topic = stage.word("exchange");
    let (_reader, receiver) = stage.reader(&topic, QoS::ExactlyOnce)?; // the lower of both holds
    let publisher = stage.player("publisher")?;
    let sent: Vec<_> = (0..MESSAGES).map(|number| number.to_string()).collect();
    if let Err(finding) = publish(stage, &publisher.client, &topic, &sent, qos) {
        return Err(if publisher.told().ends.is_empty() {
            finding
        } else {
            Finding::wrong("the broker ends the link, again and again")
        });
    }
    let (mut arrived, mut lowest, mut highest) = (Vec::new(), qos, qos);
    while arrived.len() < MESSAGES {
        let message = receiver.recv(stage.left())?;
        (lowest, highest) = (lowest.min(message.qos), highest.max(message.qos));
        arrived.push(message.text().unwrap_or_default().to_owned());
    }
    nothing_more(stage, &publisher.client, &topic, &receiver)?;
    if arrived != sent {
        return Err(Finding::wrong("messages arrive in another order").with(format!("{arrived:?}")));
    }
    if highest > qos {
        return Err(Finding::wrong(format!("messages arrive at QoS {highest}, above the one that they were sent in")));
    }
    let acks = if publisher.client.stats().engine.pubacks_at_qos2 > 0 { "PUBACK answers PUBLISH at QoS 2" } else { "" };
    match (acks, lowest < qos) {
        ("", false) => Ok(String::new()),
        ("", true) => Err(Finding::absent(format!("messages arrive at QoS {lowest}"))),
        (acks, false) => Err(Finding::wrong(acks)),
        (acks, true) => Err(Finding::wrong(format!("{acks}; messages arrive at QoS {lowest}"))),
    }
}

/// Publishes, and waits until all of it is delivered to the broker.
pub fn publish(stage: &Stage, client: &Client, topic: &str, texts: &[String], qos: QoS) -> Played<()> {
    let publish = |text: &String| client.publish(topic, text, qos, false);
    let infos = texts.iter().map(publish).collect::<Result<Vec<_>, _>>()?;
    for info in infos {
        info.wait_for_publish(PATIENCE.min(stage.left()))?;
    }
    Ok(())
}

/// The next message is one that is published now.
pub fn nothing_more(stage: &Stage, client: &Client, topic: &str, receiver: &Receiver) -> Played<()> {
    client.publish(topic, "the end", QoS::AtLeastOnce, false)?.wait_for_publish(stage.left())?;
    match receiver.recv(stage.left())?.text() {
        Some("the end") => Ok(()),
        other => Err(Finding::wrong("messages come twice").with(format!("{other:?}"))),
    }
}
