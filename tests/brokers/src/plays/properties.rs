//! The properties of PUBLISH (5.0).

use pure_mqtt_client::pure_mqtt::{Property, Publish, QoS, TopicName};

use crate::outcome::{Finding, Played};
use crate::stage::Stage;

const EXPIRY: u32 = 3_600;

pub fn run(stage: &mut Stage) -> Played {
    let topic = stage.word("properties/");
    let (_reader, receiver) = stage.reader(&topic, QoS::AtLeastOnce)?;
    let publisher = stage.player("publisher")?;
    let sent = [
        Property::PayloadFormatIndicator(true),
        Property::MessageExpiryInterval(EXPIRY),
        Property::ContentType("text/plain"),
        Property::ResponseTopic("answers/ü"),
        Property::CorrelationData(b"\0\xFF\x01"),
        Property::UserProperty(("b", "1")),
        Property::UserProperty(("a", "2")),
        Property::UserProperty(("b", "1")),
        Property::UserProperty(("", "ü")),
    ];
    let publish = Publish::new(TopicName::new(&topic)?, "x").qos(QoS::AtLeastOnce).properties(&sent);
    publisher.client.publish_with(&publish)?.wait_for_publish(stage.left())?;
    let message = receiver.recv(stage.left())?;
    let arrived = message.properties();
    let expiry = arrived.message_expiry_interval();
    let missing: Vec<_> = sent
        .iter()
        .filter(|property| !matches!(property, Property::UserProperty(_) | Property::MessageExpiryInterval(_)))
        .filter(|property| !arrived.iter().any(|other| other == **property))
        .map(|property| property.name())
        .chain(expiry.is_none_or(|left| !(EXPIRY - 15..=EXPIRY).contains(&left)).then_some("Message Expiry Interval"))
        .collect();
    let users: Vec<_> = arrived.user_properties().collect();
    let detail = format!("{arrived:?}");
    if !missing.is_empty() {
        return Err(Finding::wrong(format!("missing or changed: {}", missing.join(", "))).with(detail));
    }
    if users != [("b", "1"), ("a", "2"), ("b", "1"), ("", "ü")] {
        let mut sorted = users.clone();
        sorted.sort_unstable();
        let what = match sorted == [("", "ü"), ("a", "2"), ("b", "1"), ("b", "1")] {
            true => "user properties come in another order",
            false => "user properties are lost or changed",
        };
        return Err(Finding::wrong(what).with(detail));
    }
    Ok(String::new())
}
