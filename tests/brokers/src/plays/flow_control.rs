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
/// For the next message.
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
    let mut ack_tokens = VecDeque::new();
    // A broker may send fewer, and hold back one that needs no acknowledgement as well.
    publisher.client.publish(&topic, "needs no acknowledgement", QoS::AtMostOnce, false)?;
    while let Ok(message) = receiver.recv(PATIENCE.min(stage.left())) {
        ack_tokens.extend(message.ack_token);
    }
    let at_once = ack_tokens.len();
    if at_once > usize::from(MAXIMUM) {
        return Err(Finding::wrong("more messages come than Receive Maximum allows").with(at_once));
    }
    let mut arrived = ack_tokens.len();
    while arrived < MESSAGES {
        if let Some(ack_token) = ack_tokens.pop_front() {
            reader.client.ack(ack_token).map_err(Finding::wrong)?;
        }
        let message = receiver.recv(stage.left())?;
        arrived += usize::from(message.ack_token.is_some());
        ack_tokens.extend(message.ack_token);
    }
    if !reader.told().ends.is_empty() {
        return Err(Finding::wrong("the link ends"));
    }
    Ok(match at_once == usize::from(MAXIMUM) {
        true => String::new(),
        false => format!("{at_once} at a time"),
    })
}
