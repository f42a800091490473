//! What holds with any choice of the features `v3` and `v5`: a version that is compiled in works, any other is refused. The other tests have
//! both; CI runs this one with each alone.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]

use pure_mqtt::wire::{Malformed, Packet, Properties, Rules, Violation};
use pure_mqtt::{
    Ack, Auth, Connect, Connection, ConnectionError, Event, Fixed, Instant, Limits, OpenError, Overflow, Payload,
    Property, Publish, QoS, Received, RequestError, Subscribe, Subscription, TopicFilter, TopicName, Version,
};

type Mqtt = Connection<Fixed<256, 4, 4, 128, 2, 8>>;

const NOW: Instant = Instant::from_millis(1_000);
const LIMITS: Limits = Limits { outbound_aliases: 2, topic_alias_maximum: 2, manual_acks: true, ..Limits::DEFAULT };

fn is_compiled_in(version: Version) -> bool {
    match version {
        Version::V31 | Version::V311 => cfg!(feature = "v3"),
        Version::V5 => cfg!(feature = "v5"),
    }
}

fn supported() -> impl Iterator<Item = Version> {
    Version::ALL.into_iter().filter(|version| is_compiled_in(*version))
}

fn sent(client: &mut Mqtt) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut transmit = client.transmit(NOW);
    while !transmit.chunk().is_empty() {
        bytes.extend(transmit.chunk());
        let length = transmit.chunk().len();
        transmit.advance(length);
    }
    bytes
}

fn taken<'i>(client: &mut Mqtt, packet: &'i [u8]) -> Result<Option<Event<'i>>, ConnectionError> {
    match client.handle_input(NOW, packet)? {
        Received::Packet { consumed, event } if consumed == packet.len() => Ok(event),
        other => panic!("{other:?}"),
    }
}

/// A packet whose body has an empty property block at `place` in 5.0.
fn packet(version: Version, first: u8, body: &[u8], place: usize) -> Vec<u8> {
    let block: &[u8] = if version == Version::V5 { &[0] } else { &[] };
    let length = (body.len() + block.len()) as u8;
    [&[first, length], &body[..place], block, &body[place..]].concat()
}

fn up(client: &mut Mqtt, version: Version, is_present: bool) {
    let for_ever = [Property::SessionExpiryInterval(u32::MAX)];
    client.open(NOW, &Connect::new(version, "c").clean_start(false).properties(&for_ever[..])).unwrap();
    assert_eq!(sent(client)[0], 0x10);
    let connack = packet(version, 0x20, &[is_present.into(), 0], 2);
    assert!(matches!(taken(client, &connack), Ok(Some(Event::ConnAck(_)))));
}

#[test]
fn versions_are_those_that_the_features_name() {
    for version in Version::ALL {
        assert_eq!(version.is_supported(), is_compiled_in(version));
        let opened = Mqtt::new(Fixed::new(), LIMITS).open(NOW, &Connect::new(version, "c"));
        let expected = if is_compiled_in(version) { Ok(()) } else { Err(OpenError::Version) };
        assert_eq!(opened, expected, "{version:?}");
    }
}

/// Every quality of service both ways, a request, a cut, and the same session again.
#[test]
fn a_version_that_is_compiled_in_works() {
    for version in supported() {
        let mut client = Mqtt::new(Fixed::new(), Limits { version, ..LIMITS });
        let topic = TopicName::new("t").unwrap();
        client.publish(NOW, &Publish::new(topic, b"early").qos(QoS::AtLeastOnce)).unwrap();
        up(&mut client, version, false);
        assert_eq!(sent(&mut client), packet(version, 0x32, b"\0\x01t\0\x01early", 5), "{version:?}");
        assert!(matches!(taken(&mut client, b"\x40\x02\0\x01"), Ok(Some(Event::PubAck(_)))));

        client.publish(NOW, &Publish::new(topic, b"0")).unwrap();
        client.publish(NOW, &Publish::new(topic, b"2").qos(QoS::ExactlyOnce)).unwrap();
        let filters = [Subscription::new(TopicFilter::new("t/#").unwrap(), QoS::ExactlyOnce)];
        client.subscribe(NOW, &Subscribe::new(&filters)).unwrap();
        let zero = packet(version, 0x30, b"\0\x01t0", 3);
        let two = packet(version, 0x34, b"\0\x01t\0\x032", 5);
        let subscribe = packet(version, 0x82, b"\0\x04\0\x03t/#\x02", 2);
        assert_eq!(sent(&mut client), [zero, two.clone(), subscribe].concat(), "{version:?}");
        assert!(matches!(taken(&mut client, &packet(version, 0x90, &[0, 4, 2], 2)), Ok(Some(Event::SubAck(_)))));

        let message = packet(version, 0x34, b"\0\x01t\0\x07in", 5);
        let Ok(Some(Event::Message(delivered))) = taken(&mut client, &message) else { panic!() };
        assert_eq!(delivered.payload, b"in");
        client.acknowledge(NOW, delivered.ack.unwrap(), &Ack::SUCCESS).unwrap();
        assert_eq!(sent(&mut client), b"\x50\x02\0\x07");
        assert_eq!(taken(&mut client, b"\x62\x02\0\x07"), Ok(None));
        assert_eq!(sent(&mut client), b"\x70\x02\0\x07");

        client.handle_close(NOW);
        up(&mut client, version, version != Version::V31);
        assert_eq!(sent(&mut client), [&[two[0] | 8], &two[1..]].concat(), "again, with DUP");
        assert_eq!(taken(&mut client, b"\x50\x02\0\x03"), Ok(None));
        assert_eq!(sent(&mut client), b"\x62\x02\0\x03");
        assert!(matches!(taken(&mut client, b"\x70\x02\0\x03"), Ok(Some(Event::PubComp(_)))));
        assert!(client.is_idle());
    }
}

/// Old messages make room where nothing is noted of their end, too: the other tests have the feature `journal`.
#[test]
fn the_overflow_policy_needs_no_journal() {
    let limits = Limits { overflow: Overflow::DropOldest, max_queued: 2, ..LIMITS };
    let mut client = Mqtt::new(Fixed::new(), limits);
    let publish = Publish::new(TopicName::new("t").unwrap(), b"x").qos(QoS::AtLeastOnce);
    let first = client.publish(NOW, &publish).unwrap();
    assert_eq!(client.publish(NOW, &publish).unwrap().dropped, None);
    let third = client.publish(NOW, &publish).unwrap();
    assert_eq!(third.dropped.map(|victims| (victims.first, victims.count)), Some((first.handle, 1)));
}

/// What only 5.0 has can't be sent and isn't taken where 5.0 isn't spoken; properties have no effect there.
#[test]
fn before_5_0_there_are_no_properties() {
    for version in supported().filter(|version| *version != Version::V5) {
        let base = || {
            let mut client = Mqtt::new(Fixed::new(), LIMITS);
            up(&mut client, version, false);
            client
        };
        let unexpected = ConnectionError::Protocol(Violation::UnexpectedPacket);
        assert_eq!(taken(&mut base(), b"\xE0\0"), Err(unexpected), "a server has no DISCONNECT");
        assert_eq!(taken(&mut base(), b"\xF0\0"), Err(ConnectionError::Malformed(Malformed::PacketType)));
        let mut client = base();
        assert_eq!(client.authenticate(NOW, &Auth::default()), Err(RequestError::State));
        let list = [Property::ContentType("text"), Property::MessageExpiryInterval(1)];
        let publish = Publish::new(TopicName::new("t").unwrap(), b"x").properties(&list[..]);
        client.publish(NOW, &publish).unwrap();
        client.publish(NOW, &publish).unwrap();
        assert_eq!(sent(&mut client), b"\x30\x04\0\x01tx".repeat(2), "no alias either");
        let Ok(Some(Event::Message(message))) = taken(&mut client, b"\x30\x04\0\x01tx") else { panic!() };
        assert_eq!((message.properties.content_type(), message.properties.iter().count()), (None, 0));
        let Ok(Some(Event::Message(message))) = taken(&mut client, b"\x3A\x06\0\x01t\0\x07x") else { panic!() };
        assert_eq!((message.properties.content_type(), message.payload), (None, &b"x"[..]), "sent again");
        let shared = TopicFilter::new("$share/g/t").unwrap();
        let filters = [Subscription::new(shared, QoS::AtLeastOnce).no_local(true)];
        let asked = client.subscribe(NOW, &Subscribe::new(&filters)).map(|asked| asked.reduced);
        match is_compiled_in(Version::V5) {
            true => assert_eq!(asked, Err(RequestError::SharedNoLocal), "a later link of 5.0 could not send it"),
            false => {
                assert!(asked.is_ok() && sent(&mut client).ends_with(b"$share/g/t\x01"), "no version has the option")
            }
        }
    }
}

/// Whether tables can grow or not: what needs no room in the window passes what does, once each, also after it was taken back.
#[test]
fn a_closed_window_holds_up_what_needs_it() {
    for version in supported() {
        let limits = Limits { version, max_inflight: 1, ..LIMITS };
        let mut client = Mqtt::new(Fixed::new(), limits);
        up(&mut client, version, false);
        let name = TopicName::new("t").unwrap();
        let publish = |client: &mut Mqtt, payload: &[u8], qos| {
            client.publish(NOW, &Publish::new(name, payload).qos(qos)).unwrap().handle
        };
        publish(&mut client, b"1", QoS::AtLeastOnce);
        publish(&mut client, b"2", QoS::AtLeastOnce);
        publish(&mut client, b"3", QoS::AtMostOnce);
        let last = publish(&mut client, b"4", QoS::AtMostOnce);
        assert!(!client.transmit(NOW).chunk().is_empty());
        assert!(client.cancel(last));
        let one = packet(version, 0x32, b"\0\x01t\0\x011", 5);
        let three = packet(version, 0x30, b"\0\x01t3", 3);
        assert_eq!(sent(&mut client), [one, three].concat(), "{version:?}");
        assert!(matches!(taken(&mut client, b"\x40\x02\0\x01"), Ok(Some(Event::PubAck(_)))));
        assert_eq!(sent(&mut client), packet(version, 0x32, b"\0\x01t\0\x022", 5));
    }
}

/// The application supplies a payload, with or without shared ones.
#[test]
fn a_payload_is_asked_for_behind_its_head() {
    for version in supported() {
        let mut client = Mqtt::new(Fixed::new(), Limits { version, ..LIMITS });
        up(&mut client, version, false);
        client.publish(NOW, &Publish::new(TopicName::new("t").unwrap(), Payload::Streamed(1_000))).unwrap();
        let head: &[u8] = if version == Version::V5 { b"\x30\xEC\x07\0\x01t\0" } else { b"\x30\xEB\x07\0\x01t" };
        assert_eq!(sent(&mut client), head);
        let mut transmit = client.transmit(NOW);
        assert_eq!(
            (transmit.chunk(), transmit.payload_request().map(|wanted| wanted.remaining)),
            (&b""[..], Some(1_000))
        );
        transmit.advance(1_000);
        assert!(transmit.payload_request().is_none());
    }
}

/// What a connection on the heap may come to counts shared payloads only where there are some.
#[cfg(feature = "std")]
#[test]
fn memory_is_counted_for_what_is_compiled_in() {
    let limits = Limits { max_bytes: 16 * 1024, ..LIMITS };
    let most = pure_mqtt::ram::heap(&limits, 64, 100);
    let shared = most - pure_mqtt::ram::heap(&Limits { max_bytes: 8 * 1024, ..limits }, 64, 100) > 12 * 1024;
    assert_eq!(shared, cfg!(feature = "bytes"));
}

/// CONNECT that is longer than the room for it is refused, and nothing is sent. (In 3.1 identifiers are not that long.)
#[test]
fn connect_has_room_or_is_refused() {
    for version in supported().filter(|version| *version != Version::V31) {
        let mut client = Mqtt::new(Fixed::new(), LIMITS);
        let long = "c".repeat(128);
        assert!(matches!(client.open(NOW, &Connect::new(version, &long)), Err(OpenError::TooLarge { .. })));
        assert_eq!(sent(&mut client), b"");
        up(&mut client, version, false);
    }
}

/// A packet that a program builds itself: properties go along in 5.0 only.
#[test]
fn the_codec_speaks_what_is_compiled_in() {
    let read = Properties::from_bytes(b"\x03\0\x01a").unwrap();
    assert_eq!(read.content_type(), is_compiled_in(Version::V5).then_some("a"));
    let list = [Property::ContentType("a")];
    for version in supported() {
        let properties = Properties::new(&list);
        let publish = Packet::Publish(pure_mqtt::wire::Publish {
            dup: false,
            qos: QoS::AtMostOnce,
            retain: false,
            topic: "t",
            id: None,
            properties,
            payload: b"x",
        });
        let mut bytes = [0; 32];
        let length = publish.encode(version, &mut bytes).unwrap();
        let expected: &[u8] =
            if version == Version::V5 { b"\x30\x09\0\x01t\x04\x03\0\x01ax" } else { b"\x30\x04\0\x01tx" };
        assert_eq!(&bytes[..length], expected);
        assert!(Packet::decode(&bytes[..length], Rules::new(version)).is_ok());
    }
}

/// A message at QoS 2 to `a/b`, as a program of 5.0 has noted it, with a Content Type.
#[cfg(feature = "journal")]
const LOG_OF_V5: &[u8] = b"PMQJ\x03\0\0\0\x01\x01(\x05\x1e\x88k\xf1\x07'S\x01\0\x01\0\0\0\0\0\x004\x1c\0\x03a/b\0\x01\r\x03\0\ntext/plainpayload/\xcc\x02!";
/// The same of 3.1.1, without the property.
#[cfg(feature = "journal")]
const LOG_OF_V311: &[u8] = b"PMQJ\x03\0\0\0\x01\x01(\x04\x88\xb8l\x86\x07\x19\xf8\x01\0\x01\0\0\0\0\0\x004\x0e\0\x03a/b\0\x01payload\xc0\xc0\x06\xe7";

/// Firmware is replaced by one that speaks other versions: a message in its journal is sent as it should be, or that it can't be is told.
#[cfg(feature = "journal")]
#[test]
fn a_journal_of_another_version() {
    use pure_mqtt::journal::RecoverError;
    use pure_mqtt::storage::Journaled;
    type Durable = Connection<Journaled<Fixed<256, 4, 4>, 256>>;

    for (log, written_in) in [(LOG_OF_V5, Version::V5), (LOG_OF_V311, Version::V311)] {
        for version in supported() {
            let limits = Limits { version, ..Limits::DEFAULT };
            let mut client = match Durable::recover(Journaled::new(Fixed::new()), limits, NOW, log) {
                Ok((client, _)) => client,
                Err(error) => {
                    assert!(!is_compiled_in(written_in));
                    assert_eq!(error, RecoverError::Version);
                    continue;
                }
            };
            assert!(is_compiled_in(written_in));
            client.open(NOW, &Connect::new(version, "c").clean_start(false)).unwrap();
            let connect = client.transmit(NOW).remaining();
            client.transmit(NOW).advance(connect);
            let connack = packet(version, 0x20, &[0, 0], 2);
            assert!(matches!(client.handle_input(NOW, &connack), Ok(Received::Packet { .. })));
            while !client.journal().is_empty() {
                client.journal_written(client.journal().len());
            }
            let mut bytes = Vec::new();
            let mut transmit = client.transmit(NOW);
            while !transmit.chunk().is_empty() {
                bytes.extend(transmit.chunk());
                let length = transmit.chunk().len();
                transmit.advance(length);
            }
            let has_property = version == Version::V5 && written_in == Version::V5;
            let properties: &[u8] = match version {
                Version::V5 if has_property => b"\x0d\x03\0\ntext/plain",
                Version::V5 => b"\0",
                _ => b"",
            };
            let publish = [b"\0\x03a/b\0\x01", properties, b"payload"].concat();
            assert!(bytes.ends_with(&[&[0x34, publish.len() as u8], &publish[..]].concat()), "{bytes:02X?}");
        }
    }
}

/// Until the first link nobody may have said which version it is: what a program has noted until then it can read.
#[cfg(feature = "journal")]
#[test]
fn a_journal_without_a_version() {
    use pure_mqtt::storage::Journaled;
    type Durable = Connection<Journaled<Fixed<256, 4, 4>, 256>>;

    for version in Version::ALL {
        let limits = Limits { version, ..Limits::DEFAULT };
        let mut client = Durable::new(Journaled::new(Fixed::new()), limits);
        client.publish(NOW, &Publish::new(TopicName::new("t").unwrap(), b"x").qos(QoS::AtLeastOnce)).unwrap();
        let mut log = client.journal().to_vec();
        client.journal_written(log.len());
        for _ in 0..2 {
            let (mut again, _) = Durable::recover(Journaled::new(Fixed::new()), limits, NOW, &log).unwrap();
            assert_eq!(again.pending(), 1);
            log.clear();
            assert!(again.snapshot(&mut |bytes| log.extend_from_slice(bytes)));
        }
    }
}
