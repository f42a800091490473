//! Shared subscriptions.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use pure_mqtt_client::pure_mqtt::QoS;
use pure_mqtt_client::pure_mqtt::subscriptions::SubscriptionState;
use pure_mqtt_client::{ReceiveError, Receiver};

use super::exchange::publish;
use crate::outcome::{Finding, Played};
use crate::player::Player;
use crate::stage::Stage;

const MESSAGES: usize = 100;
/// How long a member looks for a message before the other one's turn.
const TURN: Duration = Duration::from_millis(5);
/// When nothing came for so long, nothing comes any more.
const QUIET: Duration = Duration::from_secs(2);

pub fn run(stage: &mut Stage) -> Played {
    let topic = stage.word("shared/");
    let filter = format!("$share/crew/{topic}");
    let members = [member(stage, &filter)?, member(stage, &filter)?];
    let publisher = stage.player("publisher")?;
    let sent: Vec<_> = (0..MESSAGES).map(|number| number.to_string()).collect();
    publish(stage, &publisher.client, &topic, &sent, QoS::AtLeastOnce)?;
    let mut arrived = BTreeMap::<String, usize>::new();
    let (mut shares, mut quiet) = ([0; 2], Instant::now());
    while arrived.len() < MESSAGES && quiet.elapsed() < QUIET {
        for ((_, receiver), share) in members.iter().zip(&mut shares) {
            while let Ok(message) = receiver.recv(TURN) {
                *arrived.entry(message.text().unwrap_or_default().to_owned()).or_default() += 1;
                *share += 1;
                quiet = Instant::now();
            }
        }
    }
    let detail = format!("{shares:?} of {MESSAGES}");
    if arrived.is_empty() && !stage.is_v5() {
        return Err(Finding::absent("`$share` is granted as a filter like any other"));
    }
    if arrived.is_empty() {
        return Err(Finding::wrong("`$share` is granted, and no message comes"));
    }
    if arrived.len() < MESSAGES {
        return Err(Finding::wrong("messages are lost between the members").with(detail));
    }
    if arrived.values().any(|count| *count > 1) {
        return Err(Finding::wrong("messages go to both members").with(detail));
    }
    if shares.contains(&0) {
        return Err(Finding::wrong("one member gets everything").with(detail));
    }
    Ok(String::new())
}

fn member(stage: &mut Stage, filter: &str) -> Played<(Player, Receiver)> {
    let player = stage.player("member")?;
    let receiver = player.client.receive(filter, QoS::AtLeastOnce)?;
    let granted = receiver.granted(stage.left());
    let has_hung_up = !player.told().ends.is_empty();
    match granted {
        Ok(()) => Ok((player, receiver)),
        Err(ReceiveError::NotGranted { standing: SubscriptionState::Unsupported(_), .. }) => Err(match has_hung_up {
            true => Finding::wrong("the broker ends the link at `$share`"),
            false => Finding::absent("CONNACK says so"),
        }),
        Err(error) => Err(error.into()),
    }
}
