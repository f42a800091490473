//! Every row by a packet, in every version that it concerns: tolerated and counted by default, the end of the link in strict mode.

use crate::corners::rig::{NOW, message, sent, taken, up};
use pure_mqtt::wire::{Malformed, Violation};
use pure_mqtt::{
    Connection, ConnectionError, Event, Heap, Limits, Publish, QoS, Stats, Subscribe, Subscription, TopicFilter,
    TopicName, Unsubscribe, Version,
};

pub type Mqtt = Connection<Heap>;

pub const OLD: &[Version] = &[Version::V31, Version::V311];
pub const V5: &[Version] = &[Version::V5];
pub const ALL: &[Version] = &Version::ALL;
const STRICT: Limits = Limits { strict: true, ..Limits::DEFAULT };

/// One way in which a row shows.
struct Case {
    row: &'static str,
    versions: &'static [Version],
    setup: fn(&mut Mqtt),
    bytes: &'static [u8],
    told: &'static str,
    sent: &'static [u8],
    count: fn(&Stats) -> u32,
    fault: ConnectionError,
}

/// A message at QoS 1, one at QoS 2, one at QoS 2 that is released, SUBSCRIBE and UNSUBSCRIBE with two filters each, under the identifiers 1 to 5; all are out.
pub fn busy(mqtt: &mut Mqtt) {
    let version = mqtt.version();
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce, QoS::ExactlyOnce] {
        mqtt.publish(NOW, &Publish::new(TopicName::new("o").unwrap(), b"x").qos(qos)).unwrap();
    }
    let filters = ["a", "b"].map(|filter| TopicFilter::new(filter).unwrap());
    let subscriptions = filters.map(|filter| Subscription::new(filter, QoS::AtLeastOnce));
    mqtt.subscribe(NOW, &Subscribe::new(&subscriptions)).unwrap();
    mqtt.unsubscribe(NOW, &Unsubscribe::new(&filters)).unwrap();
    sent(mqtt);
    assert_eq!(taken(mqtt, b"\x50\x02\0\x03"), Ok(None));
    assert_eq!(sent(mqtt), b"\x62\x02\0\x03");
    // And from the server message 9 at QoS 2, for which PUBREC has left.
    assert!(matches!(taken(mqtt, &message(version, 2, 9)), Ok(Some(Event::Message(_)))));
    assert_eq!(sent(mqtt), b"\x50\x02\0\x09");
}

/// Message 9 at QoS 2 came, and its PUBREC has not left.
fn received(mqtt: &mut Mqtt) {
    let bytes = message(mqtt.version(), 2, 9);
    assert!(matches!(taken(mqtt, &bytes), Ok(Some(Event::Message(_)))));
}

/// An event in short.
pub fn told(event: Option<Event<'_>>) -> String {
    let codes = |answer: pure_mqtt::RequestAck<'_>| answer.reasons().map(|reason| reason.0).collect::<Vec<_>>();
    match event {
        None => String::new(),
        Some(Event::PubAck(ack)) => format!("PubAck {} {:02X}", ack.id, ack.reason.0),
        Some(Event::PubRec(ack)) => format!("PubRec {} {:02X}", ack.id, ack.reason.0),
        Some(Event::PubComp(ack)) => format!("PubComp {} {:02X}", ack.id, ack.reason.0),
        Some(Event::SubAck(answer)) => format!("SubAck {} {:02X?}", answer.id, codes(answer)),
        Some(Event::UnsubAck(answer)) => format!("UnsubAck {} {:02X?}", answer.id, codes(answer)),
        Some(Event::Message(message)) => format!("Message {:?}", message.topic),
        other => format!("{other:?}"),
    }
}

const TOPIC: &str = "Message Name(TopicName(\"t\"))";

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut row =
        |row, versions, setup: fn(&mut Mqtt), count: fn(&Stats) -> u32, fault: ConnectionError, lines: &[_]| {
            cases.extend(lines.iter().map(|&(bytes, told, sent)| {
                let (bytes, sent): (&'static [u8], &'static [u8]) = (bytes, sent);
                Case { row, versions, setup, bytes, told, sent, count, fault }
            }));
        };
    let unexpected: ConnectionError = Violation::UnexpectedAck.into();
    let trailing: ConnectionError = Malformed::TrailingBytes.into();
    let reason: ConnectionError = Violation::ReasonCode.into();
    row(
        "PubAckAtQoS2",
        OLD,
        busy,
        |stats| stats.pubacks_at_qos2,
        unexpected,
        &[(b"\x40\x02\0\x02".as_slice(), "PubAck 2 00", b"".as_slice())],
    );
    row(
        "AckTail",
        OLD,
        busy,
        |stats| stats.foreign_acks,
        trailing,
        &[
            (b"\x40\x03\0\x01\0", "PubAck 1 00", b""),
            (b"\x40\x03\0\x01\x10", "PubAck 1 10", b""),
            (b"\x40\x03\0\x01\x97", "PubAck 1 97", b""),
            (b"\x40\x04\0\x01\0\0", "PubAck 1 00", b""),
            (b"\x40\x08\0\x01\x87\x04\x1F\0\x01r", "PubAck 1 87", b""),
            (b"\x50\x03\0\x02\0", "", b"\x62\x02\0\x02"),
            (b"\x50\x04\0\x02\x10\0", "", b"\x62\x02\0\x02"),
            (b"\x50\x04\0\x02\x97\0", "PubRec 2 97", b""),
            (b"\x62\x03\0\x09\0", "", b"\x70\x02\0\x09"),
            (b"\x62\x03\0\x09\x92", "", b"\x70\x02\0\x09"),
            (b"\x70\x03\0\x03\0", "PubComp 3 00", b""),
            (b"\x70\x04\0\x03\x92\0", "PubComp 3 92", b""),
        ],
    );
    row(
        "AckFlags",
        OLD,
        busy,
        |stats| stats.foreign_acks,
        Malformed::HeaderFlags.into(),
        &[
            (b"\x41\x02\0\x01", "PubAck 1 00", b""),
            (b"\x4F\x02\0\x01", "PubAck 1 00", b""),
            (b"\x52\x02\0\x02", "", b"\x62\x02\0\x02"),
            (b"\x60\x02\0\x09", "", b"\x70\x02\0\x09"),
            (b"\x63\x02\0\x09", "", b"\x70\x02\0\x09"),
            (b"\x78\x02\0\x03", "PubComp 3 00", b""),
            (b"\x92\x04\0\x04\0\0", "SubAck 4 [00, 00]", b""),
            (b"\xB2\x02\0\x05", "UnsubAck 5 []", b""),
        ],
    );
    row(
        "UnsubAckCodes",
        OLD,
        busy,
        |stats| stats.foreign_acks,
        trailing,
        &[
            (b"\xB0\x04\0\x05\0\0", "UnsubAck 5 [00, 00]", b""),
            (b"\xB0\x04\0\x05\x11\x87", "UnsubAck 5 [11, 87]", b""),
            (b"\xB0\x03\0\x05\0", "UnsubAck 5 []", b""),
            (b"\xB0\x05\0\x05\0\x11\x11", "UnsubAck 5 []", b""), // a broker that speaks 5.0 inside
        ],
    );
    let bare = &[(b"\xB0\x03\0\x05\0".as_slice(), "UnsubAck 5 []", b"".as_slice())];
    row("BareUnsubAck", V5, busy, |stats| stats.foreign_acks, Violation::EmptyList.into(), bare);
    let bare = &[(b"\xB0\x02\0\x05".as_slice(), "UnsubAck 5 []", b"".as_slice())];
    row("BareUnsubAck", V5, busy, |stats| stats.foreign_acks, Malformed::Truncated.into(), bare);
    row(
        "UnlistedReason",
        V5,
        busy,
        |stats| stats.unlisted_reasons,
        reason,
        &[
            (b"\x40\x04\0\x01\x9B\0".as_slice(), "PubAck 1 9B", b"".as_slice()),
            (b"\x40\x03\0\x01\xFF", "PubAck 1 FF", b""),
            (b"\x50\x03\0\x02\x92", "PubRec 2 92", b""),
            (b"\x62\x03\0\x09\x80", "", b"\x70\x02\0\x09"),
            (b"\x70\x03\0\x03\x83", "PubComp 3 83", b""),
            (b"\x90\x05\0\x04\0\x00\x92", "SubAck 4 [00, 92]", b""),
            (b"\xB0\x05\0\x05\0\x92\xFF", "UnsubAck 5 [92, FF]", b""),
        ],
    );
    let suback = &[(b"\x90\x04\0\x04\0\x87".as_slice(), "SubAck 4 [00, 87]", b"".as_slice())];
    row("UnlistedReason", OLD, busy, |stats| stats.unlisted_reasons, reason, suback);
    let aliases = &[
        (b"\x30\x07\0\x01t\x03\x23\0\x01".as_slice(), TOPIC, b"".as_slice()),
        (b"\x30\x07\0\x01t\x03\x23\xFF\xFF", TOPIC, b""),
    ];
    row("AliasAboveMaximum", V5, busy, |stats| stats.ignored_aliases, Violation::TopicAlias.into(), aliases);
    let release = &[(b"\x62\x02\0\x09".as_slice(), "", b"\x70\x02\0\x09".as_slice())];
    row("EarlyRelease", ALL, received, |stats| stats.early_releases, unexpected, release);
    let unknown: ConnectionError = Violation::UnknownPacketId.into();
    let acks = &[(b"\x40\x02\0\x63".as_slice(), "", b"".as_slice()), (b"\x70\x02\0\x63", "", b"")];
    row("UnknownAck", ALL, busy, |stats| stats.unknown_acks, unknown, acks);
    let requests = &[(b"\x90\x03\0\x63\0".as_slice(), "", b"".as_slice()), (b"\xB0\x02\0\x63", "", b"")];
    row("UnknownAck", OLD, busy, |stats| stats.unknown_acks, unknown, requests);
    let requests = &[(b"\x90\x04\0\x63\0\0".as_slice(), "", b"".as_slice()), (b"\xB0\x04\0\x63\0\0", "", b"")];
    row("UnknownAck", V5, busy, |stats| stats.unknown_acks, unknown, requests);
    let record = &[(b"\x50\x02\0\x63".as_slice(), "", b"\x62\x02\0\x63".as_slice())];
    row("UnknownAck", OLD, busy, |stats| stats.unknown_acks, unknown, record);
    let record = &[(b"\x50\x02\0\x63".as_slice(), "", b"\x62\x03\0\x63\x92".as_slice())];
    row("UnknownAck", V5, busy, |stats| stats.unknown_acks, unknown, record);
    // `bad_topic` has more.
    let topic: ConnectionError = Malformed::Utf8.into();
    let text = "Some(Discarded(Discarded { topic: [255], length: 5, qos: AtMostOnce, retain: false, id: None, why: BadTopic }))";
    let message = &[(b"\x30\x03\0\x01\xFF".as_slice(), text, b"".as_slice())];
    row("BadTopic", OLD, busy, |stats| stats.discarded_messages, topic, message);
    let text = "Some(Discarded(Discarded { topic: [255], length: 6, qos: AtMostOnce, retain: false, id: None, why: BadTopic }))";
    let message = &[(b"\x30\x04\0\x01\xFF\0".as_slice(), text, b"".as_slice())];
    row("BadTopic", V5, busy, |stats| stats.discarded_messages, topic, message);
    let dup: ConnectionError = Violation::DupAtQoS0.into();
    let message = &[(b"\x38\x03\0\x01t".as_slice(), TOPIC, b"".as_slice())];
    row("DupAtQoS0", OLD, busy, |stats| stats.dup_at_qos0, dup, message);
    let message = &[(b"\x38\x04\0\x01t\0".as_slice(), TOPIC, b"".as_slice())];
    row("DupAtQoS0", V5, busy, |stats| stats.dup_at_qos0, dup, message);
    cases
}

#[test]
fn by_default_nothing_of_it_ends_the_link_and_each_is_counted() {
    for case in cases() {
        for version in case.versions {
            let what = format!("{} {version:?} {:02x?}", case.row, case.bytes);
            let mut mqtt = up(Heap::new(), Limits::DEFAULT, *version);
            (case.setup)(&mut mqtt);
            assert_eq!((case.count)(&mqtt.stats()), 0, "{what}");
            // Byte by byte as well: nothing may be refused before it is whole.
            for shown in 1..case.bytes.len() {
                let partial = mqtt.handle_input(NOW, &case.bytes[..shown]);
                assert!(
                    matches!(partial, Ok(pure_mqtt::Received::Partial { .. })),
                    "{what}: {partial:?} after {shown}"
                );
            }
            assert_eq!(taken(&mut mqtt, case.bytes).map(told).as_deref(), Ok(case.told), "{what}");
            assert_eq!(sent(&mut mqtt), case.sent, "{what}");
            assert_eq!((case.count)(&mqtt.stats()), 1, "{what}");
            assert!(mqtt.is_connected());
        }
    }
}

#[test]
fn strictly_each_ends_the_link_and_changes_nothing() {
    for case in cases() {
        for version in case.versions {
            let what = format!("{} {version:?} {:02x?}", case.row, case.bytes);
            let mut mqtt = up(Heap::new(), STRICT, *version);
            (case.setup)(&mut mqtt);
            let pending = mqtt.pending();
            assert_eq!(taken(&mut mqtt, case.bytes).map(told), Err(case.fault), "{what}");
            let farewell = [0xE0, 1, case.fault.reason().0];
            let expected: &[u8] = if *version == Version::V5 { &farewell } else { &[] };
            assert_eq!(sent(&mut mqtt), expected, "{what}");
            assert_eq!((mqtt.pending(), (case.count)(&mqtt.stats())), (pending, 0), "{what}");
            assert!(mqtt.should_close());
        }
    }
}

/// `KeptSession` concerns CONNACK: see `links`.
#[test]
fn every_row_of_the_page_is_tried_in_all_its_versions() {
    let page = include_str!("../../../docs/tolerances.md");
    let rows: Vec<_> = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| row")).collect();
    assert!(rows.len() > 8);
    let cases = cases();
    for line in rows {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let versions: &[Version] = match cells[2] {
            "all" => ALL,
            "3.1, 3.1.1" => OLD,
            "5.0" => V5,
            "3.1.1" => &[Version::V311],
            other => panic!("{other}"),
        };
        let is_tried = |version: &Version| {
            cases.iter().any(|case| case.row == cells[1] && case.versions.contains(version))
                || cells[1] == "KeptSession"
        };
        assert!(versions.iter().all(is_tried), "{line}");
    }
}
