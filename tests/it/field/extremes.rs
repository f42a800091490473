//! Extremes are ordinary: the longest strings, the least and the greatest of every limit, sums above 4 GiB, and as many messages as there can be.

use super::rig::{Durable, Field, QOS0, QOS1, QOS2, V5, V311, borrowed, count, message};
use pure_mqtt::storage::{Borrowed, Buffers};
use pure_mqtt::{
    Ack, Auth, Connect, Disconnect, Fixed, Heap, Limits, OnSessionLoss, OpenError, Overflow, Payload, Property,
    Publish, PublishError, ReasonCode, RequestError, Subscribe, Subscription, TopicFilter, TopicName, Unsubscribe,
    Version, Will,
};

const LONGEST: usize = 65_535;

/// Correlation Data of a protocol above, longer than a field can be: refused, not sent with a length that has wrapped.
#[test]
fn a_property_that_is_too_long_is_refused() {
    for version in Version::ALL {
        for length in [LONGEST + 1, 70_000, 131_072, 200_000] {
            let long = "x".repeat(length);
            let topic = TopicName::new("t").unwrap();
            let mut field = Field::up(version, Limits::DEFAULT);
            let mut publish = Publish::new(topic, b"x").qos(QOS1);
            publish.correlation_data = Some(long.as_bytes());
            let result = field.mqtt.publish(field.at(), &publish);
            assert!(
                matches!(result, Err(PublishError::Property(_))) || version != V5 && result.is_ok(),
                "{version:?} {result:?}"
            );
            for property in [
                Property::ContentType(&long),
                Property::ResponseTopic(&long),
                Property::CorrelationData(long.as_bytes()),
                Property::UserProperty((&long, "")),
                Property::UserProperty(("", &long)),
            ] {
                let list = [property];
                let result = field.mqtt.publish(field.at(), &Publish::new(topic, b"x").qos(QOS1).properties(&list));
                let is_refused = matches!(result, Err(PublishError::Property(_)));
                assert!(is_refused || version != V5 && result.is_ok(), "{version:?} {result:?}");
            }
        }
    }
}

/// The longest that a field can have is no special case, in all of them together.
#[test]
fn the_longest_properties_leave_whole() {
    let long = "x".repeat(LONGEST);
    let properties = [
        Property::ContentType(&long),
        Property::ResponseTopic(&long),
        Property::UserProperty((&long, &long)),
        Property::UserProperty((&long, &long)),
    ];
    let mut field = Field::up(V5, Limits::DEFAULT);
    let mut publish = Publish::new(TopicName::new(&long).unwrap(), b"end").qos(QOS1).properties(&properties);
    publish.correlation_data = Some(long.as_bytes());
    field.mqtt.publish(field.at(), &publish).unwrap();
    let sent = field.sent();
    assert_eq!(sent.len(), 1 + 3 + 2 + LONGEST + 2 + 3 + 3 * (3 + LONGEST) + 2 * (5 + 2 * LONGEST) + 3);
    assert!(sent.ends_with(b"end"));
    field.hear(b"\x40\x02\0\x01").only("PubAck 1 0x00");
}

/// The other commands of 5.0.
#[test]
fn a_request_with_a_property_that_is_too_long_is_refused() {
    let long = "x".repeat(LONGEST + 1);
    let user = [Property::UserProperty(("k", &long))];
    let reason = [Property::ReasonString(&long)];
    let mut field = Field::up(V5, Limits { manual_acks: true, ..Limits::DEFAULT });
    let now = field.at();
    let filters = [Subscription::new(TopicFilter::new("a").unwrap(), QOS1)];
    let subscribed = field.mqtt.subscribe(now, &Subscribe::new(&filters).properties(&user));
    assert!(matches!(subscribed, Err(RequestError::Property(_) | RequestError::TooLarge)), "{subscribed:?}");
    let filters = [TopicFilter::new("a").unwrap()];
    let unsubscribed = field.mqtt.unsubscribe(now, &Unsubscribe::new(&filters).properties(&user));
    assert!(matches!(unsubscribed, Err(RequestError::Property(_) | RequestError::TooLarge)), "{unsubscribed:?}");
    field.hear(&message(V5, 1, 9, "t", b"x"));
    let ack = field.acks.remove(0);
    let error = field.mqtt.acknowledge(now, ack, &Ack::SUCCESS.properties(&reason)).unwrap_err();
    assert!(matches!(error.error, RequestError::Property(_) | RequestError::TooLarge), "{error:?}");
    let mut disconnect = Disconnect::default();
    disconnect.properties = (&reason).into();
    let result = field.mqtt.disconnect(now, &disconnect);
    assert!(matches!(result, Err(RequestError::Property(_) | RequestError::TooLarge)) || result.is_ok(), "{result:?}");
    let sent = field.sent();
    assert!(sent.is_empty() || sent.starts_with(b"\xE0"), "{sent:02X?}");
    let data = [Property::AuthenticationMethod("m"), Property::AuthenticationData(long.as_bytes())];
    let mut field = Field::with(V5, Limits::DEFAULT);
    let opened = field.mqtt.open(field.at(), &Connect::new(V5, "c").properties(&data));
    assert!(opened.is_err(), "{opened:?}");
    let method = [Property::AuthenticationMethod("m")];
    field.mqtt.open(field.at(), &Connect::new(V5, "c").properties(&method)).unwrap();
    field.sent();
    field.hear(b"\xF0\x06\x18\x04\x15\0\x01m").only("Auth 0x18");
    let answered = field.mqtt.authenticate(field.at(), &Auth::continue_with(&data));
    assert!(answered.is_err(), "{answered:?}");
}

/// A token of 64 KiB as password: clouds hand out such.
#[test]
fn the_heap_takes_the_longest_connect() {
    let long = "x".repeat(LONGEST);
    for version in [V311, V5] {
        let will = Will::new(TopicName::new(&long).unwrap(), long.as_bytes());
        let plain = Connect::new(version, "c").user_name("u");
        for (connect, lengths) in [
            (plain.password(long.as_bytes()), 1),
            (Connect::new(version, &long), 1),
            (Connect::new(version, "c").user_name(&long), 1),
            (plain.will(will), 2),
            (Connect::new(version, &long).will(will).user_name(&long).password(long.as_bytes()), 5),
        ] {
            let mut field = Field::with(version, Limits::DEFAULT);
            field.mqtt.open(field.at(), &connect).unwrap();
            let sent = field.sent();
            assert!(sent.len() > lengths * LONGEST && sent.len() < lengths * LONGEST + 100, "{}", sent.len());
            let mut remaining = 0;
            for (place, byte) in sent[1..5].iter().enumerate() {
                remaining |= usize::from(byte & 0x7F) << (7 * place);
                if byte & 0x80 == 0 {
                    assert_eq!(sent.len(), 2 + place + remaining);
                    break;
                }
            }
            let connack = field.connack(false, &[]);
            assert_eq!(field.hear(&connack).told.len(), 1);
            field.publish("t", b"x", QOS1);
            assert_eq!(count(&field.sent(), 0x32), 1);
            field.lose();
            field.mqtt.shrink();
            field.mqtt.open(field.at(), &connect).unwrap();
            assert_eq!(field.sent(), sent, "it is the same again");
        }
    }
}

/// One byte more than a field can have, and more than a fixed storage has.
#[test]
fn a_connect_that_is_too_long_is_refused_with_what_is_wrong() {
    let long = "x".repeat(LONGEST + 1);
    for version in [V311, V5] {
        let mut field = Field::with(version, Limits::DEFAULT);
        for connect in [
            Connect::new(version, "c").user_name("u").password(long.as_bytes()),
            Connect::new(version, &long),
            Connect::new(version, "c").user_name(&long),
            Connect::new(version, "c").will(Will::new(TopicName::new("t").unwrap(), long.as_bytes())),
        ] {
            let opened = field.mqtt.open(field.at(), &connect);
            assert!(matches!(opened, Err(OpenError::Field | OpenError::ClientId)), "{opened:?}");
        }
        let mut small = Field::new(Fixed::<64, 2, 2, 32>::new(), version, Limits::DEFAULT);
        let connect = Connect::new(version, "c").user_name("u").password(&[7; 100]);
        let opened = small.mqtt.open(small.at(), &connect);
        assert!(matches!(opened, Err(OpenError::TooLarge { needed }) if needed > 100), "{opened:?}");
    }
}

/// A goodbye that ends the session, with `taken` bytes of what was under way out before it, and `room` bytes behind. Returns whether its Session
/// Expiry Interval left whole, and what the next link says of the session that the server has.
fn ends_session<S: Durable>(mut field: Field<S>, taken: usize, room: usize) -> Option<(bool, String)> {
    let properties = [Property::SessionExpiryInterval(0)];
    let mut disconnect = Disconnect::default();
    disconnect.properties = (&properties).into();
    field.take(taken);
    if field.mqtt.disconnect(field.at(), &disconnect).is_err() {
        return None; // refused: then nothing changed
    }
    let sent = field.take(room);
    let has_left = sent.windows(9).any(|window| window == b"\xE0\x07\0\x05\x11\0\0\0\0");
    let heard = field.again(true);
    assert_eq!(heard.end, None);
    let mut again = message(V5, 2, 9, "t", b"x");
    again[0] |= 8;
    let is_repetition = field.hear(&again).told.is_empty();
    assert_eq!(is_repetition, heard.told[0].ends_with("Resumed"));
    Some((has_left, heard.told[0].clone()))
}

/// The control area is full of a packet that is half out, so DISCONNECT leaves without its Session Expiry Interval: the server keeps the session, and so
/// do we.
#[test]
fn an_expiry_that_was_left_out_changes_nothing_here() {
    fn half_out<const CONTROL: usize>(kind: u8) -> Field<Fixed<1024, 8, 8, CONTROL, 4, 40>> {
        let limits = Limits { outbound_aliases: 4, ..Limits::DEFAULT };
        let mut field = Field::new(Fixed::new(), V5, limits);
        let method = [Property::AuthenticationMethod("m"), Property::SessionExpiryInterval(300)];
        let connect = Connect::new(V5, "c").clean_start(false).properties(&method);
        field.mqtt.open(field.at(), &connect).unwrap();
        field.sent();
        field.hear(b"\x20\x0A\0\0\x07\x15\0\x01m\x22\0\x04").only("ConnAck 0x00 New");
        field.hear(&message(V5, 2, 9, "t", b"x")).only("Message t x q2 9");
        let data = [Property::AuthenticationMethod("m"), Property::AuthenticationData(&[7; 24])];
        match kind {
            0 => field.mqtt.authenticate(field.at(), &Auth::re_authenticate(&data)).unwrap(),
            _ => drop(field.publish("plant/boiler/temperature/line", &[7; 100], QOS1)),
        }
        field
    }
    for kind in [0, 1] {
        for taken in [1, 2, 10, 30] {
            let outcomes = [
                ends_session(half_out::<40>(kind), taken, usize::MAX),
                ends_session(half_out::<44>(kind), taken, usize::MAX),
                ends_session(half_out::<48>(kind), taken, usize::MAX),
                ends_session(half_out::<256>(kind), taken, usize::MAX),
            ];
            for (has_left, told) in outcomes.into_iter().flatten() {
                if !has_left {
                    assert_eq!(told, "ConnAck 0x00 Resumed", "packet {kind}, {taken} bytes were taken");
                }
            }
        }
    }
}

/// The transport is lost before all of DISCONNECT has left: the server never saw that the session is to end.
#[test]
fn a_goodbye_that_was_cut_does_not_end_the_session() {
    for room in 0..9 {
        let mut field = Field::up(V5, Limits::DEFAULT);
        field.hear(&message(V5, 2, 9, "t", b"x")).only("Message t x q2 9");
        let (has_left, told) = ends_session(field, 0, room).unwrap();
        assert!(!has_left);
        assert_eq!(told, "ConnAck 0x00 Resumed", "{room} bytes of DISCONNECT were taken");
    }
}

/// Firmware images of a quarter of a gigabyte each, supplied as they are sent: together far more than 4 GiB.
#[test]
fn sums_above_four_gigabytes_are_right() {
    const LENGTH: u32 = 268_000_000;
    for version in Version::ALL {
        for qos in [QOS0, QOS1] {
            let mut field = Field::up(version, Limits { max_inflight: 0, ..Limits::DEFAULT });
            let handles: Vec<_> = (0..20).map(|_| field.publish_streamed("t", LENGTH, qos).handle).collect();
            let (mut wanted, now) = (Vec::new(), field.at());
            let mut transmit = field.mqtt.transmit(now);
            loop {
                if let Some(next) = transmit.payload_request() {
                    if next.offset == 0 {
                        wanted.push(next.handle);
                    }
                    transmit.advance((next.remaining as usize).min(100_000_000));
                } else if !transmit.chunk().is_empty() {
                    transmit.advance(transmit.chunk().len());
                } else {
                    break;
                }
            }
            assert_eq!(wanted, handles);
            let sent = field.mqtt.stats().bytes_sent;
            assert!(sent > 20 * u64::from(LENGTH) && sent < 20 * u64::from(LENGTH) + 1_000, "{sent}");
        }
    }
}

/// The same with payloads that are shared: the memory of one, counted for each.
#[cfg(all(feature = "bytes", target_pointer_width = "64"))]
#[test]
fn shared_payloads_may_be_more_than_four_gigabytes() {
    const LENGTH: usize = 268_000_000;
    let image = bytes::Bytes::from(vec![0; LENGTH]); // never looked at, so that it takes no memory
    let publish = Publish::new(TopicName::new("t").unwrap(), &image).qos(QOS1);
    for version in Version::ALL {
        // Without a limit, and sent.
        let mut field = Field::up(version, Limits { max_inflight: 0, ..Limits::DEFAULT });
        let handles: Vec<_> = (0..40).map(|_| field.mqtt.publish(field.at(), &publish).unwrap().handle).collect();
        assert!(field.mqtt.cancel(handles[20]));
        let now = field.at();
        let mut transmit = field.mqtt.transmit(now);
        while !transmit.chunk().is_empty() {
            let count = transmit.chunk().len();
            transmit.advance(count);
        }
        let sent = field.mqtt.stats().bytes_sent;
        assert!(sent > 39 * LENGTH as u64 && sent < 39 * LENGTH as u64 + 1_000, "{sent}");
        for id in (1..=40).filter(|id| *id != 21) {
            field.hear(&[0x40, 2, 0, id]).only(&format!("PubAck {id} 0x00"));
        }
        assert!(field.mqtt.is_idle());
        // With the greatest limit: 16 of them.
        for overflow in [Overflow::Reject, Overflow::DropOldest, Overflow::LatestPerTopic] {
            let mut field = Field::with(version, Limits { max_bytes: u32::MAX, overflow, ..Limits::DEFAULT });
            for _ in 0..16 {
                assert_eq!(field.mqtt.publish(field.at(), &publish).unwrap().dropped, None);
            }
            for _ in 0..20 {
                let result = field.mqtt.publish(field.at(), &publish);
                let dropped = result.map(|delivery| delivery.dropped.map_or(0, |dropped| dropped.count));
                assert_eq!(dropped, if overflow == Overflow::Reject { Err(PublishError::Full) } else { Ok(1) });
            }
            assert_eq!(field.mqtt.pending(), 16);
            assert!(field.mqtt.discard_session());
            while field.mqtt.poll_outcome().is_some() {}
            assert!(field.mqtt.is_idle());
        }
    }
}

/// A short life of a connection: whatever the limits are, no panic, no spin, and every command has its result.
fn short_life<S: Durable>(storage: S, version: Version, limits: Limits) {
    let mut field = Field::new(storage, version, limits);
    for present in [false, true] {
        field.lose();
        let connect = Connect::new(version, "c").clean_start(false);
        if field.mqtt.open(field.at(), &connect).is_err() {
            return;
        }
        field.sent();
        let connack = field.connack(present, &[]);
        field.hear(&connack);
        let topic = TopicName::new("t").unwrap();
        for qos in [QOS0, QOS1, QOS2] {
            for payload in [Payload::from(b"x"), Payload::Streamed(3)] {
                let _ = field.mqtt.publish(field.at(), &Publish::new(topic, payload).qos(qos));
            }
            field.hear(&message(version, qos.bits(), 7 + u16::from(qos.bits()), "t", b"y"));
        }
        let filters = [Subscription::new(TopicFilter::new("a").unwrap(), QOS1)];
        let _ = field.mqtt.subscribe(field.at(), &Subscribe::new(&filters));
        field.sent();
        field.hear(b"\x62\x02\0\x09");
        for ack in std::mem::take(&mut field.acks) {
            let _ = field.mqtt.acknowledge(field.at(), ack, &Ack::new(ReasonCode::UNSPECIFIED_ERROR));
        }
        for answer in [b"\x40\x02\0\x02", b"\x50\x02\0\x03", b"\x70\x02\0\x03"] {
            field.hear(answer);
        }
        field.wait(10_000);
        let _ = field.mqtt.disconnect(field.at(), &Disconnect::default());
        field.sent();
    }
    field.lose();
    assert!(field.mqtt.discard_session());
    while field.mqtt.poll_outcome().is_some() {}
    assert_eq!(field.mqtt.pending(), 0);
}

/// The least and the greatest of every limit, alone, and all at once.
#[test]
fn every_limit_may_be_the_least_and_the_greatest() {
    let changes: [fn(&mut Limits, bool); 17] = [
        |limits, most| limits.max_inflight = if most { u16::MAX } else { 1 },
        |limits, most| limits.max_queued = if most { u32::MAX } else { 1 },
        |limits, most| limits.max_bytes = if most { u32::MAX } else { 1 },
        |limits, most| limits.receive_maximum = if most { u16::MAX } else { 1 },
        |limits, most| limits.max_received = if most { u16::MAX } else { 1 },
        |limits, most| limits.inline_max = if most { u32::MAX } else { 1 },
        |limits, most| limits.stream_max = if most { u32::MAX } else { 1 },
        |limits, most| limits.topic_alias_maximum = if most { u16::MAX } else { 1 },
        |limits, most| limits.outbound_aliases = if most { u16::MAX } else { 1 },
        |limits, most| limits.alias_name_max = if most { u16::MAX } else { 1 },
        |limits, most| limits.connack_timeout = if most { u32::MAX } else { 1 },
        |limits, most| limits.pingresp_timeout = if most { u32::MAX } else { 1 },
        |limits, most| limits.ack_timeout = if most { u32::MAX } else { 1 },
        |limits, most| limits.retry_interval = if most { u32::MAX } else { 1 },
        |limits, most| limits.manual_acks = most,
        |limits, most| limits.on_session_loss = if most { OnSessionLoss::Abort } else { OnSessionLoss::Republish },
        |limits, most| limits.overflow = if most { Overflow::DropOldest } else { Overflow::LatestPerTopic },
    ];
    for version in Version::ALL {
        for most in [false, true] {
            let mut all = Limits::DEFAULT;
            for change in changes {
                let mut limits = Limits::DEFAULT;
                change(&mut limits, most);
                change(&mut all, most);
                short_life(Heap::new(), version, limits);
                short_life(Fixed::<256, 4, 4, 64, 2, 8>::new(), version, limits);
                short_life(borrowed(), version, limits);
            }
            short_life(Heap::new(), version, all);
            short_life(Fixed::<256, 4, 4, 64, 2, 8>::new(), version, all);
        }
    }
}

/// The smallest storages: there is no room for most, and that is a typed error.
#[test]
fn the_smallest_storages_are_only_small() {
    for version in Version::ALL {
        short_life(Fixed::<0, 1, 1, 16>::new(), version, Limits::DEFAULT);
        short_life(Fixed::<1, 1, 1, 32>::new(), version, Limits::DEFAULT);
        short_life(Fixed::<16, 1, 1, 32, 1, 0>::new(), version, Limits { topic_alias_maximum: 1, ..Limits::DEFAULT });
        short_life(Fixed::<64, 2, 1, 64, 1, 1>::new(), version, Limits { outbound_aliases: 1, ..Limits::DEFAULT });
        short_life(Borrowed::new(Buffers::default()), version, Limits::DEFAULT);
        let control = Box::leak(Box::new([0; 64]));
        short_life(Borrowed::new(Buffers { control, ..Buffers::default() }), version, Limits::DEFAULT);
    }
}

/// Messages of every length that takes one byte or two, several in one buffer: each ends where it ends.
#[test]
fn messages_that_come_together_are_taken_one_by_one() {
    for version in Version::ALL {
        for length in (1..400).chain([2_000, 16_000, 16_370, 16_380, 16_390, 20_000]) {
            let mut field = Field::up(version, Limits::DEFAULT);
            let payloads = [vec![b'a'; length], vec![b'b'; length + 1], vec![b'c'; 1]];
            let bytes: Vec<u8> = (0..)
                .zip(&payloads)
                .flat_map(|(qos, payload)| message(version, qos, u16::from(qos), "t", payload))
                .collect();
            let heard = field.hear(&bytes);
            let shown = |payload: &[u8]| match payload.len() {
                0..=20 => String::from_utf8_lossy(payload).into_owned(),
                length => format!("({length} bytes)"),
            };
            let expected: Vec<String> = (0..)
                .zip(&payloads)
                .map(|(qos, payload)| format!("Message t {} q{qos} {qos}", shown(payload)))
                .collect();
            assert_eq!((heard.told, heard.end), (expected, None), "{version:?} {length}");
        }
    }
}
