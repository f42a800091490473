//! Topics that a broker could stumble over.

use std::collections::BTreeMap;
use std::time::Duration;

use pure_mqtt_client::pure_mqtt::QoS;

use crate::outcome::{Finding, Played};
use crate::stage::Stage;

/// In many scripts, with what file names and addresses don't allow.
const SCRIPTS: [&str; 6] = ["räume/küche", "テスト/温度", "комната/1", "😀/🏠", "with space/ and more", "quote\"s/'n'/back\\slash"];
/// What means something in the brokers' own languages of topics.
const SPECIAL: [&str; 5] = ["a/*/b", "*", "a>b/>", "a.b/c", "50%/(x)"];
/// For a topic that may never arrive.
const PATIENCE: Duration = Duration::from_secs(2);

pub fn utf_8(stage: &mut Stage) -> Played {
    let start = stage.word("utf");
    let (_reader, receiver) = stage.reader(&format!("{start}/#"), QoS::AtLeastOnce)?;
    let (_narrow, narrow) = stage.reader(&format!("{start}/+/küche"), QoS::AtLeastOnce)?;
    let publisher = stage.player("publisher")?;
    for topic in SCRIPTS {
        let topic = format!("{start}/{topic}");
        publisher.client.publish(&topic, &topic, QoS::AtLeastOnce, false)?.wait_for_publish(stage.left())?;
        let message = receiver.recv(stage.left()).map_err(|error| Finding::from(error).at(&format!("`{}`", &topic[start.len() + 1..])))?;
        if message.topic != topic {
            return Err(Finding::wrong(format!("`{}` arrives as another topic", &topic[start.len() + 1..])).with(message.topic));
        }
    }
    narrow.recv(stage.left()).map_err(|_| Finding::wrong("`+` beside a level that is not ASCII does not match"))?;
    Ok(String::new())
}

pub fn special(stage: &mut Stage) -> Played {
    let start = stage.word("special");
    let (_reader, receiver) = stage.reader(&format!("{start}/#"), QoS::AtLeastOnce)?;
    let publisher = stage.player("publisher")?;
    let mut wrong = BTreeMap::<&str, Vec<String>>::new();
    for special in SPECIAL {
        let topic = format!("{start}/{special}");
        let info = publisher.client.publish(&topic, "odd", QoS::AtLeastOnce, false)?;
        let plain = publisher.client.publish(&format!("{start}/plain"), special, QoS::ExactlyOnce, false)?;
        plain.wait_for_publish(stage.left()).map_err(|error| Finding::from(error).at(&format!("behind `{special}`")))?;
        let (mut is_through, mut came) = (false, None);
        while !is_through {
            let message = receiver.recv(stage.left()).map_err(|error| Finding::from(error).at(&format!("behind `{special}`")))?;
            is_through = message.text() == Some(special);
            came = came.or_else(|| (message.text() == Some("odd")).then_some(message.topic));
        }
        let come_late = || receiver.recv(PATIENCE).ok().map(|message| message.topic);
        let what = match (info.wait_for_publish(PATIENCE), came.or_else(come_late)) {
            (Ok(()), Some(came)) if came == topic => continue,
            (Ok(()), Some(_)) => "arrives as another topic",
            (Ok(()), None) => "is acknowledged and does not arrive",
            (Err(_), _) => "is not acknowledged",
        };
        wrong.entry(what).or_default().push(format!("`{special}`"));
    }
    if wrong.is_empty() {
        return Ok(String::new());
    }
    let list: Vec<_> = wrong.iter().map(|(what, topics)| format!("{} {what}", topics.join(", "))).collect();
    Err(Finding::wrong(list.join("; ")).with(format!("{} links ended", publisher.told().ends.len())))
}
