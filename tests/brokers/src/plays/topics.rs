//! Topics that a broker could stumble over.

use std::collections::BTreeMap;
use std::time::Duration;

use pure_mqtt_client::Receiver;
use pure_mqtt_client::pure_mqtt::QoS;

use crate::outcome::{Finding, Played};
use crate::player::Player;
use crate::stage::Stage;

/// In many scripts, with what file names and addresses don't allow.
pub const SCRIPTS: [&str; 6] =
    ["räume/küche", "テスト/温度", "комната/1", "😀/🏠", "with space", "quote\"s/'n'/back\\slash"];
/// What means something in the brokers' own languages of topics.
const SPECIAL: [&str; 5] = ["a/*/b", "*", "a>b/>", "a.b/c", "50%/(x)"];
/// For a message that may never arrive.
const PATIENCE: Duration = Duration::from_secs(2);

pub fn utf_8(stage: &mut Stage) -> Played {
    let start = stage.word("utf");
    let (_narrow, narrow) = stage.reader(&format!("{start}/+/küche"), QoS::AtLeastOnce)?;
    let note = each(stage, &start, &SCRIPTS)?;
    narrow.recv(PATIENCE).map_err(|_| Finding::wrong("`+` beside a level that is not ASCII does not match"))?;
    Ok(note)
}

pub fn special(stage: &mut Stage) -> Played {
    let start = stage.word("special");
    each(stage, &start, &SPECIAL)
}

/// Publishes to each topic, and something else behind it.
fn each(stage: &mut Stage, start: &str, topics: &[&'static str]) -> Played {
    let (_reader, receiver) = stage.reader(&format!("{start}/#"), QoS::AtLeastOnce)?;
    let mut publisher = stage.player("publisher")?;
    let mut wrong = BTreeMap::<&str, Vec<String>>::new();
    for topic in topics {
        let Some(what) = fate(stage, &publisher, &receiver, (start, topic))? else { continue };
        wrong.entry(what).or_default().push(format!("`{topic}`"));
        publisher = stage.player("publisher")?; // whatever the other one still tries
    }
    if wrong.is_empty() {
        return Ok(String::new());
    }
    let list: Vec<_> = wrong.iter().map(|(what, topics)| format!("{what}: {}", topics.join(", "))).collect();
    Err(Finding::wrong(list.join("; ")))
}

/// What goes wrong with a message to this topic, if anything does.
fn fate(
    stage: &Stage,
    publisher: &Player,
    receiver: &Receiver,
    (start, name): (&str, &str),
) -> Played<Option<&'static str>> {
    let (topic, plain, behind) = (format!("{start}/{name}"), format!("{start}/plain"), format!("behind {name}"));
    let info = publisher.client.publish(&topic, name, QoS::AtLeastOnce, false)?;
    let next = publisher.client.publish(&plain, &behind, stage.best_qos(), false)?;
    if next.wait_for_publish(PATIENCE).is_err() {
        publisher.client.withdraw(&info);
        return Ok(Some(match publisher.told().ends.is_empty() {
            true => "what is published behind it is not acknowledged",
            false => "the broker ends the link, again and again",
        }));
    }
    let is_acknowledged = info.wait_for_publish(PATIENCE).is_ok();
    let (mut came, mut is_through) = (None, false);
    while !(is_through && came.is_some()) {
        let Ok(message) = receiver.recv(PATIENCE) else { break };
        is_through |= message.text() == Some(&behind);
        came = came.or_else(|| (message.text() == Some(name)).then_some(message.topic));
    }
    Ok(match came {
        _ if !is_through => Some("what is published behind it does not arrive"),
        _ if !is_acknowledged => Some("not acknowledged"),
        None => Some("acknowledged, but does not arrive"),
        Some(came) if came != topic => Some("arrives as another topic"),
        Some(_) => None,
    })
}
