//! Rows whose instructions per message are gated.

use pure_mqtt::{Limits, Property, QoS, Subscribe, Subscription, TopicFilter, Version};

use pure_mqtt_instructions::Row;
use pure_mqtt_instructions::link::{Link, NOW, usual};

use QoS::{AtLeastOnce, AtMostOnce, ExactlyOnce};
use Version::{V5, V311};

#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    Row { name: "qos0-out", prepare: |count| outbound(Link::new(V311), AtMostOnce, 64, count) },
    Row { name: "qos1-w1", prepare: |count| outbound(Link::new(V311), AtLeastOnce, 1, count) },
    Row { name: "qos1-w64", prepare: |count| outbound(Link::new(V311), AtLeastOnce, 64, count) },
    Row { name: "qos1-w10000", prepare: |count| outbound(Link::new(V311), AtLeastOnce, 10_000, count) },
    Row { name: "qos2-w64", prepare: |count| outbound(Link::new(V311), ExactlyOnce, 64, count) },
    Row { name: "v5-qos1-w64", prepare: |count| outbound(Link::new(V5), AtLeastOnce, 64, count) },
    Row { name: "v5-qos1-w64-properties", prepare: with_properties },
    Row { name: "v5-qos1-w64-alias", prepare: with_alias },
    Row { name: "in-qos0", prepare: |count| inbound(V311, 0, &[], count) },
    Row { name: "in-qos1", prepare: |count| inbound(V311, 1, &[], count) },
    Row { name: "in-qos2", prepare: |count| inbound(V311, 2, &[], count) },
    Row { name: "v5-in-qos0", prepare: |count| inbound(V5, 0, &[], count) },
    Row { name: "v5-in-qos1", prepare: |count| inbound(V5, 1, &[], count) },
    Row { name: "v5-in-qos0-properties", prepare: |count| inbound(V5, 0, &PROPERTY_BYTES, count) },
    Row { name: "resume", prepare: resume },
    Row { name: "connect-subscribe", prepare: connect_and_subscribe },
];

const PROPERTIES: [Property<'static>; 3] = [
    Property::MessageExpiryInterval(3_600),
    Property::ContentType("text/plain"),
    Property::UserProperty(("origin", "line-3")),
];
const PROPERTY_BYTES: [u8; 35] = *b"\x02\x00\x00\x0E\x10\x03\x00\x0Atext/plain\x26\x00\x06origin\x00\x06line-3";

fn outbound(link: Link, qos: QoS, window: usize, count: usize) -> Box<dyn FnMut()> {
    round_trips(link, qos, window, &[], count)
}

fn with_properties(count: usize) -> Box<dyn FnMut()> {
    round_trips(Link::new(V5), AtLeastOnce, 64, &PROPERTIES, count)
}

fn with_alias(count: usize) -> Box<dyn FnMut()> {
    let limits = Limits { max_inflight: 0, outbound_aliases: 4, ..Limits::DEFAULT };
    outbound(Link::with(V5, limits), AtLeastOnce, 64, count)
}

/// The first window is not counted: it makes the storage grow.
fn round_trips(
    mut link: Link,
    qos: QoS,
    window: usize,
    properties: &'static [Property<'static>],
    count: usize,
) -> Box<dyn FnMut()> {
    let mut round_trip = move || {
        link.publish(qos, window, properties);
        let events = match qos {
            AtMostOnce => window,
            AtLeastOnce => link.acknowledge(0x40),
            ExactlyOnce => link.acknowledge(0x50) + link.acknowledge(0x70),
        };
        assert_eq!(events, window);
    };
    round_trip();
    Box::new(move || (0..count / window).for_each(|_| round_trip()))
}

/// In bursts of 16, after each of which what is owed leaves.
fn inbound(version: Version, qos: u8, properties: &[u8], count: usize) -> Box<dyn FnMut()> {
    const BURST: u16 = 16;
    let mut link = Link::new(version);
    let messages: Vec<u8> = (1..=BURST).flat_map(|id| usual(version, qos, id, properties)).collect();
    let releases: Vec<u8> = (1..=BURST).flat_map(|id| [0x62, 2, 0, id as u8]).collect();
    let mut burst = move || {
        assert_eq!(link.hear(&messages), usize::from(BURST));
        link.send();
        if qos == 2 {
            link.hear(&releases);
            link.send();
        }
    };
    burst();
    Box::new(move || (0..count / usize::from(BURST)).for_each(|_| burst()))
}

/// A link is lost with all messages unacknowledged; on the next they are sent again.
fn resume(count: usize) -> Box<dyn FnMut()> {
    let mut link = Link::new(V311);
    link.publish(AtLeastOnce, count.min(60_000), &[]);
    Box::new(move || {
        link.mqtt.handle_close(NOW);
        link.open(true);
        link.send();
    })
}

fn connect_and_subscribe(count: usize) -> Box<dyn FnMut()> {
    Box::new(move || {
        for _ in 0..count {
            let mut link = Link::with(V311, Limits::DEFAULT);
            let filters = [Subscription::new(TopicFilter::new("plant/+/t01").expect("a filter"), ExactlyOnce)];
            let requested = link.mqtt.subscribe(NOW, &Subscribe::new(&filters)).expect("room");
            link.send();
            let [high, low] = requested.id.get().to_be_bytes();
            assert_eq!(link.hear(&[0x90, 3, high, low, 2]), 1);
        }
    })
}
