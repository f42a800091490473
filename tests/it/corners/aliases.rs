//! Topic aliases where there is no room for them.

use super::rig::{NOW, message, sent, taken, up_with};
use pure_mqtt::wire::{Decoded, Packet, Rules};
use pure_mqtt::{
    Connection, Disconnect, Event, Fixed, Limits, Property, Publish, ReasonCode, Storage, TopicName, Version,
};

const ALIASES: Limits = Limits { outbound_aliases: 2, topic_alias_maximum: 2, ..Limits::DEFAULT };

fn publish<S: Storage>(client: &mut Connection<S>, topic: &str) -> Vec<u8> {
    client.publish(NOW, &Publish::new(TopicName::new(topic).unwrap(), b"payload")).unwrap();
    sent(client)
}

#[test]
fn an_alias_that_does_not_fit_the_control_area_is_not_bound() {
    // The start of PUBLISH with topic and alias takes 2 + 2 + topic + 4 bytes.
    let mut client = up_with(Fixed::<128, 4, 4, 32, 2, 40>::new(), ALIASES, Version::V5, &[0x22, 0, 2]);
    let [fits, longer] = ["x".repeat(24), "y".repeat(25)];
    for _ in 0..2 {
        let bytes = publish(&mut client, &longer);
        assert_eq!(bytes.len(), 2 + 2 + 25 + 1 + 7, "the whole name, no alias");
    }
    assert_eq!(publish(&mut client, &fits).len(), 2 + 2 + 24 + 4 + 7, "the name and its alias");
    assert_eq!(publish(&mut client, &fits).len(), 2 + 2 + 4 + 7, "the alias alone");
}

#[test]
fn a_packet_that_an_alias_would_make_too_long_goes_without() {
    let limits = [0x22, 0, 2, 0x27, 0, 0, 0, 20];
    let mut client = up_with(Fixed::<128, 4, 4, 32, 2, 40>::new(), ALIASES, Version::V5, &limits);
    // 2 + 2 + topic + 1 + 7: with the alias three more.
    assert_eq!(publish(&mut client, "12345678").len(), 20);
    assert_eq!(publish(&mut client, "12345678").len(), 20);
}

#[test]
fn a_name_as_long_as_the_store_is_kept_and_a_longer_one_is_not() {
    let mut client = up_with(Fixed::<128, 4, 4, 64, 2, 8>::new(), ALIASES, Version::V5, &[0x22, 0, 2]);
    assert_eq!(publish(&mut client, "12345678").len(), 2 + 2 + 8 + 4 + 7);
    assert_eq!(publish(&mut client, "12345678").len(), 2 + 2 + 4 + 7);
    assert_eq!(publish(&mut client, "123456789").len(), 2 + 2 + 9 + 1 + 7);
    assert_eq!(publish(&mut client, "123456789").len(), 2 + 2 + 9 + 1 + 7);
    // The other way.
    let packet = b"\x30\x0E\0\x0812345678\x03\x23\0\x01";
    assert!(matches!(taken(&mut client, packet), Ok(Some(Event::Message(_)))));
    let Ok(Some(Event::Message(message))) = taken(&mut client, b"\x30\x06\0\0\x03\x23\0\x01") else { panic!() };
    assert_eq!(client.topic(&message.topic).map(|name| name.as_str().to_owned()).as_deref(), Some("12345678"));
}

/// Two of these names that have the same fingerprint of 16 bits.
fn look_alikes(names: &[String]) -> (&str, &str) {
    let short = |name: &str| {
        let hash = name.bytes().fold(0x811C_9DC5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        (hash ^ hash >> 16) as u16
    };
    let mut pairs = names.iter().enumerate().flat_map(|(index, a)| names[index + 1..].iter().map(move |b| (a, b)));
    let (a, b) = pairs.find(|(a, b)| short(a) == short(b)).expect("two of some thousands collide in 16 bits");
    (a, b)
}

/// Two names with the same fingerprint are two names.
#[test]
#[cfg_attr(miri, ignore = "takes minutes there")]
fn names_that_look_alike_from_afar_are_told_apart() {
    let names: Vec<String> = (0..2_000).map(|number| format!("n{number}")).collect();
    let (a, b) = look_alikes(&names);
    let mut client = up_with(Fixed::<128, 4, 4, 64, 2, 8>::new(), ALIASES, Version::V5, &[0x22, 0, 2]);
    let first = publish(&mut client, a);
    let second = publish(&mut client, b);
    assert!(first.windows(a.len()).any(|part| part == a.as_bytes()));
    assert!(second.windows(b.len()).any(|part| part == b.as_bytes()), "its own name, not the other's alias");
    assert_eq!(publish(&mut client, a)[2..8], [0, 0, 3, 0x23, 0, 1]);
    assert_eq!(publish(&mut client, b)[2..8], [0, 0, 3, 0x23, 0, 2]);
}

/// The acknowledgements that wait leave no room for the alias of a name that the server knows: the name goes in full, and stays known.
#[test]
fn a_known_alias_that_does_not_fit_the_control_area_stays_bound() {
    let mut client = up_with(Fixed::<128, 4, 8, 32, 2, 8>::new(), ALIASES, Version::V5, &[0x22, 0, 2]);
    assert_eq!(publish(&mut client, "12345678").len(), 2 + 2 + 8 + 4 + 7);
    for id in 1..=7 {
        assert!(matches!(taken(&mut client, &message(Version::V5, 1, id)), Ok(Some(Event::Message(_)))));
    }
    assert_eq!(publish(&mut client, "12345678").len(), 7 * 4 + 2 + 2 + 8 + 1 + 7);
    assert_eq!(publish(&mut client, "12345678").len(), 2 + 2 + 4 + 7);
}

/// Names with the same length and fingerprint, behind the same alias.
#[test]
#[cfg_attr(miri, ignore = "takes minutes there")]
fn connections_that_know_other_names_are_not_equal() {
    let up = |name: &str| {
        let mut client = up_with(Fixed::<128, 4, 4, 64, 2, 8>::new(), ALIASES, Version::V5, &[]);
        let length = name.len() as u8;
        let packet = [&[0x30, 2 + length + 4, 0, length], name.as_bytes(), &[3, 0x23, 0, 1]].concat();
        assert!(matches!(taken(&mut client, &packet), Ok(Some(Event::Message(_)))));
        client
    };
    let names: Vec<String> = (1_000..4_000).map(|number| format!("n{number}")).collect();
    let (a, b) = look_alikes(&names);
    assert!(up(a) == up(a) && up(a) != up(b));
}

/// A packet whose start stands in the control area, and of which nothing has left, is dropped like any other.
#[test]
fn a_packet_with_an_alias_that_was_not_begun_is_not_sent_before_disconnect() {
    let mut client = up_with(Fixed::<128, 4, 4, 64, 2, 8>::new(), ALIASES, Version::V5, &[0x22, 0, 2]);
    publish(&mut client, "topic");
    client.publish(NOW, &Publish::new(TopicName::new("topic").unwrap(), b"payload")).unwrap();
    assert_eq!(client.transmit(NOW).remaining(), 2 + 2 + 4 + 7);
    client.disconnect(NOW, &Disconnect::new(ReasonCode::SUCCESS)).unwrap();
    assert_eq!(sent(&mut client), b"\xE0\0");
}

#[test]
fn an_alias_may_fill_the_server_s_packets() {
    let limits = [0x22, 0, 2, 0x27, 0, 0, 0, 23];
    let mut client = up_with(Fixed::<128, 4, 4, 64, 2, 8>::new(), ALIASES, Version::V5, &limits);
    // `PUBLISH` may be five bytes longer than its remaining length, as far as is known beforehand.
    assert_eq!(publish(&mut client, "12345").len(), 2 + 2 + 5 + 4 + 7);
    assert_eq!(publish(&mut client, "12345").len(), 2 + 2 + 4 + 7);
}

#[test]
fn properties_stay_behind_an_alias() {
    let mut client = up_with(Fixed::<512, 4, 4, 64, 2, 8>::new(), ALIASES, Version::V5, &[0x22, 0, 2]);
    for length in [0, 30, 50, 110, 120, 130] {
        let text = "x".repeat(length);
        let list = [Property::UserProperty(("k", &text))];
        client.publish(NOW, &Publish::new(TopicName::new("t").unwrap(), b"payload").properties(&list[..])).unwrap();
        let bytes = sent(&mut client);
        let Ok(Decoded::Packet { packet: Packet::Publish(publish), length }) =
            Packet::decode(&bytes, Rules::new(Version::V5))
        else {
            panic!("{bytes:02X?}")
        };
        assert_eq!((length, publish.payload), (bytes.len(), &b"payload"[..]));
        let properties: Vec<_> = publish.properties.iter().collect();
        assert_eq!(properties, [Property::TopicAlias(1), list[0]]);
    }
}

/// Every alias that was announced has room for a name as long as may be.
#[test]
fn all_names_of_full_length_are_kept_at_once() {
    let limits = Limits { topic_alias_maximum: 6, alias_name_max: 40, ..Limits::DEFAULT };
    let mut client = up_with(pure_mqtt::Heap::new(), limits, Version::V5, &[]);
    let name = |alias: u8| format!("{alias}{}", "x".repeat(39));
    for is_named in [true, false] {
        for alias in 1..=6_u8 {
            let topic = if is_named { name(alias) } else { String::new() };
            let body = [&[0, topic.len() as u8], topic.as_bytes(), &[3, 0x23, 0, alias]].concat();
            let packet = [&[0x30, body.len() as u8], &body[..]].concat();
            let Ok(Some(Event::Message(message))) = taken(&mut client, &packet) else { panic!() };
            assert_eq!(client.topic(&message.topic).map(|topic| topic.as_str()), Some(&name(alias)[..]));
        }
    }
}
