//! Receive Maximum (5.0): what is not acknowledged holds back the rest.

use std::collections::VecDeque;
use std::time::Duration;

use pure_mqtt_client::ReceiverOptions;
use pure_mqtt_client::pure_mqtt::{Limits, QoS, Subscription, TopicFilter};

use crate::outcome::{Finding, Played};
use crate::player::Player;
use crate::stage::Stage;

const MAXIMUM: u16 = 5;
const MESSAGES: usize = 20;
/// For one message more than is allowed.
const PATIENCE: Duration = Duration::from_secs(2);

pub fn run(stage: &mut Stage) -> Played {
    let topic = stage.word("flow/");
    let limits = Limits { receive_maximum: MAXIMUM, ..Limits::DEFAULT };
    let reader = Player::new(stage.options("reader").limits(limits));
    let manual = ReceiverOptions::new().manual_acks(true);
    let wish = [Subscription::new(TopicFilter::new(&topic)?, QoS::AtLeastOnce)];
    let receiver = reader.client.receive_from(&wish, manual)?;
    reader.connect(stage, stage.port())?;
    receiver.granted(stage.left())?;
    let publisher = stage.player("publisher")?;
    let texts: Vec<_> = (0..MESSAGES).map(|number| number.to_string()).collect();
    super::exchange::publish(stage, &publisher.client, &topic, &texts, QoS::AtLeastOnce)?;
    let mut receipts = VecDeque::new();
    for _ in 0..MAXIMUM {
        receipts.extend(receiver.recv(stage.left())?.receipt);
    }
    publisher.client.publish(&topic, "needs no acknowledgement", QoS::AtMostOnce, false)?;
    // A broker may hold that back as well.
    if receiver.recv(PATIENCE.min(stage.left())).is_ok_and(|message| message.receipt.is_some()) {
        return Err(Finding::wrong("more messages come than Receive Maximum allows"));
    }
    let mut arrived = receipts.len();
    while arrived < MESSAGES {
        if let Some(receipt) = receipts.pop_front() {
            reader.client.ack(receipt).map_err(Finding::wrong)?;
        }
        let message = receiver.recv(stage.left())?;
        arrived += usize::from(message.receipt.is_some());
        receipts.extend(message.receipt);
    }
    if !reader.told().ends.is_empty() {
        return Err(Finding::wrong("the link ends"));
    }
    Ok(match reader.answer().map(|answer| answer.receive_maximum) {
        Some(most) if most < u16::MAX => format!("takes {most} itself"),
        _ => String::new(),
    })
}
