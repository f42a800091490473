//! The rest of the packets, and what happens over several links: H95 to H110.

use crate::rig::{
    ALL, DEFAULT, LASTING, NEW, OLD, Played, Rig, Setup, V5, block, busy, describe, idle, message, packet, strict,
    waiting,
};
use crate::table::{accept, close, end, run};
use pure_mqtt::wire::{Malformed, Violation};
use pure_mqtt::{
    Ack, Auth, Cause, Command, Connection, ConnectionError, Fixed, Instant, Limits, OnSessionLoss, Property, Publish,
    PublishError, QoS, ReasonCode, Received, RequestError, Subscribe, Subscription, TopicError, TopicFilter, TopicName,
    Unsubscribe, Version,
};

const UNEXPECTED: Violation = Violation::UnexpectedPacket;

fn authenticated(version: Version) -> Rig {
    let properties = &[Property::AuthenticationMethod("m"), LASTING];
    Rig::connected(version, Setup { properties, connack: b"\x15\x00\x01m", ..DEFAULT })
}

/// A re-authentication is going on.
fn authenticating(version: Version) -> Rig {
    let mut rig = authenticated(version);
    let list = [Property::AuthenticationMethod("m")];
    rig.mqtt.authenticate(rig.at(), &Auth::re_authenticate(&list)).unwrap();
    assert_eq!(rig.drain(), b"\xF0\x06\x19\x04\x15\x00\x01m");
    rig
}

#[test]
fn what_only_clients_send() {
    run(vec![
        close("H95", ALL, busy, b"\x10\x0D\x00\x04MQTT\x04\x02\x00\x3C\x00\x01c", UNEXPECTED, 0x82),
        close("H95", ALL, busy, b"\x10\x00", UNEXPECTED, 0x82),
        close("H95", ALL, busy, b"\x82\x06\x00\x01\x00\x01a\x00", UNEXPECTED, 0x82),
        close("H95", ALL, busy, b"\xA2\x05\x00\x01\x00\x01a", UNEXPECTED, 0x82),
        close("H95", ALL, busy, b"\xC0\x00", UNEXPECTED, 0x82),
    ]);
}

#[test]
fn the_servers_disconnect() {
    // [MQTT-3.1.4-3] [MQTT-3.14.2-1] [MQTT-4.13.2-1]
    let mut rows = vec![close("H96", OLD, busy, b"\xE0\x00", UNEXPECTED, 0x82)];
    for (bytes, told, code) in [
        (&b"\xE0\x00"[..], "Disconnect 0x00", 0),
        (b"\xE0\x01\x00", "Disconnect 0x00", 0),
        (b"\xE0\x01\x8E", "Disconnect 0x8E", 0x8E),
        (b"\xE0\x02\x8B\x00", "Disconnect 0x8B", 0x8B),
        (b"\xE0\x06\x9D\x04\x1C\x00\x01s", "Disconnect 0x9D", 0x9D),
    ] {
        rows.push(end("H96", V5, busy, bytes, told, ConnectionError::ServerDisconnect(ReasonCode(code))));
    }
    for code in [0x01, 0x04, 0x10, 0x7F] {
        rows.push(close("H97", V5, busy, [0xE0, 1, code], Violation::ReasonCode, 0x82));
    }
    for code in [0x84, 0x92, 0xFF] {
        let told = format!("Disconnect {code:#04X}").leak();
        rows.push(end("H97", V5, busy, [0xE0, 1, code], told, ConnectionError::ServerDisconnect(ReasonCode(code))));
        rows.push(close("H97", V5, strict, [0xE0, 1, code], Violation::ReasonCode, 0x82));
    }
    run(rows);
}

#[test]
fn authentication() {
    let method = Violation::AuthenticationMethod;
    run(vec![
        close("H98", OLD, busy, b"\xF0\x00", Malformed::PacketType, 0x81),
        close("H98", V5, busy, b"\xF0\x06\x18\x04\x15\x00\x01m", UNEXPECTED, 0x82),
        close("H98", V5, busy, b"\xF0\x00", UNEXPECTED, 0x82),
        close("H98", V5, busy, b"\xF0\x02\x18\x00", method, 0x82),
        close("H98", V5, busy, b"\xF0\x06\x01\x04\x15\x00\x01m", Violation::ReasonCode, 0x82),
        // There is a method, but nothing is going on.
        close("H98", V5, authenticated, b"\xF0\x06\x18\x04\x15\x00\x01m", UNEXPECTED, 0x82),
        close("H98", V5, authenticated, b"\xF0\x06\x19\x04\x15\x00\x01m", UNEXPECTED, 0x82),
        close("H98", V5, authenticating, b"\xF0\x06\x19\x04\x15\x00\x01m", UNEXPECTED, 0x82),
        close("H98", V5, authenticating, b"\xF0\x06\x18\x04\x15\x00\x01n", method, 0x82),
        close("H98", V5, authenticating, b"\xF0\x06\x00\x04\x15\x00\x01n", method, 0x82),
        close("H98", V5, authenticating, b"\xF0\x00", method, 0x82),
        close("H98", V5, authenticating, b"\xF0\x02\x00\x00", method, 0x82),
        accept("H98", V5, authenticating, b"\xF0\x06\x00\x04\x15\x00\x01m", &["Auth 0x00"], b""),
        accept("H98", V5, authenticating, b"\xF0\x06\x18\x04\x15\x00\x01m", &["Auth 0x18"], b""),
    ]);
    // In W: success and re-authentication are not the server's to send.
    let properties = &[Property::AuthenticationMethod("m"), LASTING];
    let asking = Rig::waiting(Version::V5, Setup { properties, connack: b"\x15\x00\x01m", ..DEFAULT });
    for code in [0x00, 0x19] {
        let played = asking.clone().play(&[0xF0, 6, code, 4, 0x15, 0, 1, b'm']);
        assert_eq!(played.end, Some(UNEXPECTED.into()));
    }
    for bytes in [&b"\xF0\x06\x18\x04\x15\x00\x01n"[..], b"\xF0\x02\x18\x00"] {
        assert_eq!(asking.clone().play(bytes).end, Some(method.into()));
    }
}

#[test]
fn pingresp_unasked() {
    run(vec![accept("H100", ALL, busy, b"\xD0\x00", &[], b"")]);
    for version in ALL {
        let mut rig = idle(*version);
        let due = rig.mqtt.poll_timeout();
        for step in 1..=50_000 {
            rig.now = 1_000 + step;
            let taken = Received::Packet { consumed: 2, event: None };
            assert_eq!(rig.mqtt.handle_input(rig.at(), b"\xD0\x00"), Ok(taken));
        }
        assert_eq!(rig.mqtt.poll_timeout(), due, "what the server sends does not spare our own sign of life");
    }
}

#[test]
fn a_storm_of_reconnects() {
    // H102: a link that ends right after CONNACK leaves nothing behind, however often.
    for version in ALL {
        let mut rig = busy(*version);
        rig.reconnect();
        while rig.mqtt.poll_outcome().is_some() {}
        let (first, quota, pending) = (rig.clone(), rig.mqtt.send_quota(), rig.mqtt.pending());
        let mut last = Vec::new();
        for round in 0..2_000 {
            let sent = rig.reconnect();
            assert!(round == 0 || sent == last, "each link sends the same");
            last = sent;
            assert_eq!((rig.mqtt.send_quota(), rig.mqtt.pending()), (quota, pending));
            assert_eq!(rig.mqtt.poll_outcome(), None);
        }
        assert!(rig.mqtt == first.mqtt);
    }
}

#[test]
fn an_exchange_cut_at_every_byte() {
    // H103: the link is lost after each byte of what the server sends; the next link finishes everything, once.
    for version in ALL {
        let script = [
            packet(0x40, b"\x00\x01"),
            packet(0x50, b"\x00\x02"),
            message(*version, 0x34, 9, "i", b"once"),
            packet(0x70, b"\x00\x02"),
            packet(0x62, b"\x00\x09"),
        ];
        let total = script.concat().len();
        for cut in 0..=total {
            let mut rig = idle(*version);
            rig.publish("o/1", QoS::AtLeastOnce);
            rig.publish("o/2", QoS::ExactlyOnce);
            rig.drain();
            let mut told = Vec::new();
            let mut given = 0;
            // The first link takes `cut` bytes, the second everything that is still unanswered.
            for packet in &script {
                let part = packet.len().min(cut - given);
                told.extend(play_part(&mut rig, &packet[..part]));
                given += part;
                if part < packet.len() {
                    break;
                }
            }
            let sent = rig.reconnect();
            assert_eq!(rig.mqtt.poll_outcome(), None, "nothing ends by losing a link");
            told.extend(finish(&mut rig, sent));
            // The server begins again where it must think that we are. Once PUBREL was taken, the identifier is a new message's.
            told.extend(rig.play(&message(*version, 0x3C, 9, "i", b"once")).told);
            rig.play(&packet(0x62, b"\x00\x09"));
            told.iter_mut().for_each(|line| *line = line.trim_end_matches(" dup").to_string());
            told.sort();
            let mut expected = vec!["Message \"i\" \"once\" q2 9"; if cut == total { 2 } else { 1 }];
            expected.extend(["PubAck 1 0x00", "PubComp 2 0x00"]);
            assert_eq!(told, expected, "{version:?} cut after {cut} bytes");
            assert!(rig.mqtt.is_idle());
        }
    }
}

fn play_part(rig: &mut Rig, bytes: &[u8]) -> Vec<String> {
    let mut played = Played::default();
    let mut rest = bytes;
    rig.take_all(&mut rest, &mut played);
    assert_eq!(played.end, None);
    played.told
}

/// Answers what is sent until nothing more is.
fn finish(rig: &mut Rig, sent: Vec<u8>) -> Vec<String> {
    let (mut told, mut sent) = (Vec::new(), sent);
    while !sent.is_empty() {
        let mut next = Vec::new();
        let mut rest = &sent[..];
        while !rest.is_empty() {
            let (packet, behind) = rest.split_at(2 + usize::from(rest[1]));
            rest = behind;
            let answer = match packet[0] >> 4 {
                3 => {
                    let topic = 4 + usize::from(packet[3]);
                    let id = &packet[topic..topic + 2];
                    [&[if packet[0] & 2 != 0 { 0x40 } else { 0x50 }, 2], id].concat()
                }
                6 => [&[0x70, 2], &packet[2..4]].concat(),
                _ => continue,
            };
            let played = rig.play(&answer);
            told.extend(played.told);
            next.extend(played.sent);
        }
        sent = next;
    }
    told
}

#[test]
fn a_session_lost_while_everything_is_full() {
    // H104
    for on_session_loss in [OnSessionLoss::Republish, OnSessionLoss::Abort] {
        for version in NEW {
            let limits = Limits { on_session_loss, ..Limits::DEFAULT };
            let mut mqtt: Connection<Fixed<512, 4, 4>> = Connection::new(Fixed::new(), limits);
            let now = Instant::from_millis(5);
            let connect = pure_mqtt::Connect::new(*version, "c").clean_start(false);
            let good: &[u8] = if *version == Version::V5 { b"\x20\x03\x00\x00\x00" } else { b"\x20\x02\x00\x00" };
            let topic = TopicName::new("t").unwrap();
            let publish = Publish::new(topic, b"p").qos(QoS::ExactlyOnce);
            let mut handles = Vec::new();
            let mut ended = Vec::new();
            mqtt.open(now, &connect).unwrap();
            drain(&mut mqtt, now);
            assert!(matches!(mqtt.handle_input(now, good), Ok(Received::Packet { .. })));
            for _ in 0..4 {
                handles.push(mqtt.publish(now, &publish).unwrap().handle);
            }
            assert_eq!(mqtt.publish(now, &publish), Err(PublishError::Full));
            drain(&mut mqtt, now);
            // One is released, one is done and its identifier waits to be used again.
            assert!(mqtt.handle_input(now, b"\x50\x02\x00\x01").is_ok());
            for _ in 0..20 {
                mqtt.handle_close(now);
                mqtt.open(now, &connect).unwrap();
                drain(&mut mqtt, now);
                assert!(mqtt.handle_input(now, good).is_ok());
                drain(&mut mqtt, now);
                while let Some(outcome) = mqtt.poll_outcome() {
                    assert_eq!(outcome.command, Command::Publish);
                    ended.push((outcome.handle, outcome.cause));
                }
            }
            let lost = ended.iter().filter(|(_, cause)| *cause == Cause::SessionLost).count();
            let released = ended.iter().filter(|(_, cause)| *cause == Cause::Released).count();
            match on_session_loss {
                OnSessionLoss::Republish => assert_eq!((lost, released, mqtt.pending()), (0, 1, 3)),
                OnSessionLoss::Abort => assert_eq!((lost, released, mqtt.pending()), (3, 1, 0)),
            }
            assert!(mqtt.publish(now, &publish).is_ok(), "there is room again");
        }
    }
}

fn drain<S: pure_mqtt::Storage>(mqtt: &mut Connection<S>, now: Instant) -> Vec<u8> {
    let mut sent = Vec::new();
    let mut transmit = mqtt.transmit(now);
    while !transmit.chunk().is_empty() {
        sent.extend_from_slice(transmit.chunk());
        let count = transmit.chunk().len();
        transmit.advance(count);
    }
    sent
}

#[test]
fn a_server_that_takes_less_than_before() {
    // H105
    let mut rig = idle(Version::V5);
    for _ in 0..4 {
        rig.publish("o", QoS::AtLeastOnce);
    }
    let publish = |topic, qos, payload: &'static [u8]| Publish::new(TopicName::new(topic).unwrap(), payload).qos(qos);
    rig.mqtt.publish(rig.at(), &publish("two", QoS::ExactlyOnce, b"")).unwrap();
    rig.mqtt.publish(rig.at(), &publish("long", QoS::AtLeastOnce, &[b'.'; 60])).unwrap();
    rig.mqtt.publish(rig.at(), &publish("kept", QoS::AtLeastOnce, b"").retain(true)).unwrap();
    rig.drain();
    rig.lose();
    rig.open();
    // Receive Maximum 2, Maximum QoS 1, Retain Available 0, Maximum Packet Size 50.
    let properties = block(b"\x21\x00\x02\x24\x01\x25\x00\x27\x00\x00\x00\x32");
    let mut sent = rig.play(&packet(0x20, &[&[1, 0], &properties[..]].concat())).sent;
    let mut acknowledged = Vec::new();
    while !sent.is_empty() {
        let mut open = Vec::new();
        let mut rest = &sent[..];
        while !rest.is_empty() {
            let (packet, behind) = rest.split_at(2 + usize::from(rest[1]));
            assert!(packet.len() <= 50 && matches!(packet[0], 0x3A | 0x32), "{packet:02X?}");
            let id = 4 + usize::from(packet[3]);
            open.push(packet[id..id + 2].to_vec());
            rest = behind;
        }
        assert!(open.len() <= 2, "more than the Receive Maximum at once");
        sent = Vec::new();
        for id in open {
            let played = rig.play(&[&[0x40, 2], &id[..]].concat());
            acknowledged.extend(played.told);
            sent.extend(played.sent);
        }
    }
    assert_eq!(acknowledged, ["PubAck 1 0x00", "PubAck 2 0x00", "PubAck 3 0x00", "PubAck 4 0x00"]);
    let mut causes: Vec<_> = std::iter::from_fn(|| rig.mqtt.poll_outcome().map(|outcome| outcome.cause)).collect();
    causes.sort_by_key(|cause| format!("{cause:?}"));
    assert_eq!(causes, [Cause::QoSNotSupported, Cause::RetainNotSupported, Cause::TooLarge]);
    assert!(rig.mqtt.is_idle());
}

#[test]
fn releases_follow_the_order_of_pubrec() {
    // [MQTT-4.6.0-4]
    // H106
    for version in ALL {
        let mut rig = idle(*version);
        for _ in 0..5 {
            rig.publish("o", QoS::ExactlyOnce);
        }
        rig.drain();
        let order = [4, 2, 5, 1, 3];
        let expected: Vec<u8> = order.iter().flat_map(|id| [0x62, 2, 0, *id]).collect();
        let recs: Vec<u8> = order.iter().flat_map(|id| [0x50, 2, 0, *id]).collect();
        assert_eq!(rig.play(&recs).sent, expected);
        assert_eq!(rig.reconnect(), expected, "and again on the next link");
    }
}

#[test]
fn acknowledgements_leave_in_the_order_of_arrival() {
    // [MQTT-4.6.0-2] [MQTT-4.6.0-3]
    // H107
    for version in ALL {
        let limits = Limits { manual_acks: true, ..Limits::DEFAULT };
        let mut rig = Rig::connected(*version, Setup { limits, ..DEFAULT });
        let kinds = [0x32, 0x34, 0x32, 0x34, 0x32];
        let mut handles: Vec<_> =
            (1..).zip(kinds).map(|(id, first)| rig.receive(&message(*version, first, id, "i", b""))).collect();
        let first = handles.remove(0);
        for handle in handles.into_iter().rev() {
            rig.mqtt.acknowledge(rig.at(), handle, &Ack::SUCCESS).unwrap();
            assert_eq!(rig.drain(), b"", "the first one holds all back");
        }
        rig.mqtt.acknowledge(rig.at(), first, &Ack::SUCCESS).unwrap();
        let expected: Vec<u8> =
            (1..).zip(kinds).flat_map(|(id, first)| [if first == 0x32 { 0x40 } else { 0x50 }, 2, 0, id]).collect();
        assert_eq!(rig.drain(), expected);
    }
}

#[test]
fn misuse_is_refused_and_changes_nothing() {
    // H109
    for (filter, error) in [
        ("", TopicError::Empty),
        ("a/#/b", TopicError::Wildcard),
        ("a+", TopicError::Wildcard),
        ("$share//x", TopicError::Share),
        ("$share/g/", TopicError::Share),
        ("$share/g", TopicError::Share),
    ] {
        assert_eq!(TopicFilter::new(filter), Err(error));
    }
    assert_eq!(TopicName::new(""), Err(TopicError::Empty));
    assert_eq!(TopicName::new("a/#"), Err(TopicError::Wildcard));
    assert_eq!(TopicName::new("+"), Err(TopicError::Wildcard));
    for version in ALL {
        for setup in [busy, idle, waiting] {
            let before = setup(*version);
            let mut rig = before.clone();
            assert_eq!(rig.mqtt.subscribe(rig.at(), &Subscribe::new(&[])), Err(RequestError::EmptyList));
            assert_eq!(rig.mqtt.unsubscribe(rig.at(), &Unsubscribe::new(&[])), Err(RequestError::EmptyList));
            if *version == Version::V5 {
                let shared = TopicFilter::new("$share/g/x").unwrap();
                let list = [Subscription::new(shared, QoS::AtMostOnce).no_local(true)];
                let error = RequestError::SharedNoLocal;
                assert_eq!(rig.mqtt.subscribe(rig.at(), &Subscribe::new(&list)), Err(error));
            }
            assert!(rig.mqtt == before.mqtt);
        }
    }
}

#[test]
fn a_transport_that_takes_one_byte_at_a_time() {
    // H110: a flood of messages at QoS 1 meets a very slow way out.
    for version in ALL {
        let limits = Limits { receive_maximum: 20, max_received: 20, ..Limits::DEFAULT };
        let mut rig = Rig::connected(*version, Setup { limits, ..DEFAULT });
        let flood: Vec<u8> = (1..=400).flat_map(|id| message(*version, 0x32, id, "i", b"p")).collect();
        let mut rest = &flood[..];
        let (mut messages, mut sent, mut blocked) = (0, Vec::new(), 0);
        for _ in 0..20_000 {
            // A server of 5.0 counts: it sends no more than 20 that are not acknowledged.
            let may_send = *version != Version::V5 || messages - sent.len() / 4 < 20;
            match if may_send { rig.mqtt.handle_input(rig.at(), rest) } else { Ok(Received::Blocked) } {
                Ok(Received::Packet { consumed, event }) => {
                    assert!(describe(&event.unwrap(), &rig.mqtt).starts_with("Message"));
                    (messages, rest) = (messages + 1, &rest[consumed..]);
                }
                Ok(Received::Blocked) => blocked += 1,
                Ok(Received::Partial { .. }) => assert!(rest.is_empty()),
                Err(error) => panic!("{error}"),
            }
            let mut transmit = rig.mqtt.transmit(Instant::from_millis(rig.now));
            sent.extend(transmit.chunk().first());
            transmit.advance(1);
        }
        let expected: Vec<u8> = (1..=400u16).flat_map(|id| packet(0x40, &id.to_be_bytes())).collect();
        assert_eq!((messages, sent), (400, expected));
        assert!(blocked > 0);
    }
}
