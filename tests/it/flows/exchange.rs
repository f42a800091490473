//! Requests and responses, and payloads that are shared instead of copied.

use crate::common::broker::{Prop, prop_id};
use crate::common::pair::Pair;
use pure_mqtt::{Event, Property, Publish, QoS, Received, TopicName, Version};

/// The handler answers while it holds the request.
#[test]
fn a_request_is_answered_from_its_handler() {
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let mut pair = Pair::connected(Version::V5);
        let now = pair.now();
        let flags = 0x30 | qos.bits() << 1;
        let mut packet = vec![flags, 0, 0, 1, b't'];
        if qos != QoS::AtMostOnce {
            packet.extend([0, 9]);
        }
        packet.extend(b"\x0f\x08\x00\x05reply\x09\x00\x04\x00\x01\xFEc?");
        packet[1] = packet.len() as u8 - 2;
        let Ok(Received::Packet { event: Some(Event::Message(request)), .. }) = pair.client.handle_input(now, &packet)
        else {
            panic!("{packet:02x?}");
        };
        let response = Publish::reply_to(&request, "answer").unwrap();
        assert_eq!(response.qos, qos);
        pair.client.publish(now, &response.properties(&[Property::ContentType("text")][..])).unwrap();
        let twice = [Property::CorrelationData(b"another")];
        assert!(pair.client.publish(now, &response.properties(&twice[..])).is_err());
        assert_eq!(request.payload, b"?");
        pair.is_well_behaved = false; // the broker knows nothing of the request
        pair.drive();
        let got = &pair.broker.released()[0];
        assert_eq!((got.topic.as_str(), got.qos, got.payload.as_slice()), ("reply", qos.bits(), &b"answer"[..]));
        assert!(got.props.contains(&(prop_id::CORRELATION_DATA, Prop::Bytes(vec![0, 1, 0xFE, b'c']))));
    }
}

#[test]
fn a_message_without_a_response_topic_has_no_response() {
    let mut pair = Pair::connected(Version::V311);
    let now = pair.now();
    let Ok(Received::Packet { event: Some(Event::Message(request)), .. }) =
        pair.client.handle_input(now, b"\x30\x04\x00\x01t?")
    else {
        panic!();
    };
    assert_eq!(Publish::reply_to(&request, "answer"), None);
}

#[test]
fn a_conversation_of_two() {
    let mut pair = Pair::connected(Version::V5);
    pair.subscribe("answers/me", QoS::AtLeastOnce);
    pair.drive();
    let properties = [Property::ResponseTopic("answers/me"), Property::CorrelationData(b"17")];
    let request = Publish::new(TopicName::new("questions").unwrap(), "?").properties(&properties[..]);
    pair.try_publish(&request).unwrap();
    pair.drive();
    let asked = pair.broker.released()[0].clone();
    let topic = asked.props.iter().find_map(|(id, value)| match value {
        Prop::Text(text) if *id == prop_id::RESPONSE_TOPIC => Some(text.clone()),
        _ => None,
    });
    let correlation = asked.props.iter().find(|(id, _)| *id == prop_id::CORRELATION_DATA).cloned();
    pair.broker.publish_with(&topic.unwrap(), b"!", 1, false, &[correlation.unwrap()]);
    pair.drive();
    let answer = pair.arrived()[0];
    assert_eq!(answer.properties, ["CorrelationData([49, 55])"]);
    assert_eq!(answer.topic, "answers/me");
}

#[cfg(feature = "bytes")]
mod shared {
    use super::*;
    use crate::common::broker::Config;
    use crate::common::pair::{Start, Wire, text};
    use bytes::Bytes;
    use pure_mqtt::{BytesBuffer, Fixed, Heap, Limits, Overflow, PublishError, Storage};

    fn publish<'a>(payload: &'a Bytes, qos: QoS) -> Publish<'a> {
        Publish::new(TopicName::new("t").unwrap(), payload).qos(qos)
    }

    #[test]
    fn a_shared_payload_leaves_from_where_it_lies() {
        for version in Version::ALL {
            let mut pair = Pair::connected(version);
            let payload = Bytes::from(vec![b'p'; 10_000]);
            let now = pair.now();
            pair.try_publish(&publish(&payload, QoS::AtLeastOnce)).unwrap();
            for _ in 0..2 {
                let mut transmit = pair.client.transmit(now);
                let head = transmit.chunk().len();
                assert!(head < 20);
                transmit.advance(head);
                assert_eq!(transmit.chunk().as_ptr(), payload.as_ptr());
                assert_eq!(transmit.chunk().len(), 10_000);
                transmit.advance(4_000);
                assert_eq!(transmit.chunk().as_ptr(), payload[4_000..].as_ptr());
                pair.cut();
                pair.connect(version, Start::Resume);
                while !pair.client.is_connected() {
                    pair.step();
                }
            }
            pair.drive();
            assert_eq!(pair.broker.released()[0].payload, payload);
            pair.assert_idle();
        }
    }

    #[test]
    fn it_is_let_go_when_the_message_is_over() {
        let mut pair = Pair::with_config(Config { hold_acks: true, ..Config::default() }).up(Version::V5);
        let mut payload = Bytes::from(vec![b'p'; 1_000]);
        for (qos, is_done_with_bytes) in [(QoS::AtMostOnce, true), (QoS::AtLeastOnce, false), (QoS::ExactlyOnce, false)]
        {
            pair.try_publish(&publish(&payload, qos)).unwrap();
            pair.drive();
            assert_eq!(payload.is_unique(), is_done_with_bytes, "{qos:?}");
            pair.broker.release_acks(); // QoS 2: PUBREC is enough
            pair.drive();
            assert!(payload.is_unique(), "{qos:?}");
            pair.broker.release_acks();
            pair.drive();
            payload = payload.try_into_mut().unwrap().freeze();
        }
        let handle = pair.try_publish(&publish(&payload, QoS::AtLeastOnce)).unwrap().handle;
        assert!(!payload.is_unique());
        assert!(pair.client.cancel(handle));
        assert!(payload.is_unique());
    }

    /// Shared, copied, with limits, one byte at a time, in all storages and over changes of version.
    #[test]
    fn they_mix_with_copied_ones() {
        fn check<S: Storage>(storage: S, limits: Limits, wire: Wire) {
            let mut pair = Pair::with(storage, limits, Config { hold_acks: true, ..Config::default() });
            let mut expected = Vec::new();
            for number in 0..12_u32 {
                let length = [0, 10, 255, 256, 257, 400][number as usize % 6];
                let payload = Bytes::from(format!("{number:02}{}", "s".repeat(length)));
                let qos = QoS::from_bits(1 + number as u8 % 2).unwrap();
                pair.try_publish(&publish(&payload, qos)).unwrap();
                expected.push(text(&payload));
            }
            pair.wire = wire;
            for version in [Version::V5, Version::V311, Version::V5, Version::V31] {
                pair.connect(version, Start::Resume);
                for _ in 0..700 {
                    pair.step();
                }
                pair.cut();
            }
            pair.broker.config_mut().hold_acks = false;
            pair.connect(Version::V5, Start::Resume);
            pair.drive();
            let mut released = pair.released();
            released.sort();
            released.dedup();
            assert_eq!(released, expected);
            pair.assert_idle();
        }
        for outbound_aliases in [0, 3] {
            let limits = Limits { outbound_aliases, ..Limits::DEFAULT };
            for wire in [Wire::default(), Wire::byte_by_byte(), Wire { max_write: 100, ..Wire::default() }] {
                check(Heap::new(), limits, wire);
                check(Fixed::<8192, 16, 8, 128, 3, 8>::new(), limits, wire);
            }
        }
    }

    #[test]
    fn they_count_against_the_limit_of_bytes() {
        let limits = Limits { max_bytes: 2_000, overflow: Overflow::DropOldest, ..Limits::DEFAULT };
        let mut pair = Pair::with_limits(limits);
        let payload = Bytes::from(vec![0; 900]);
        for _ in 0..2 {
            assert_eq!(pair.try_publish(&publish(&payload, QoS::AtLeastOnce)).unwrap().dropped, None);
        }
        let dropped = pair.try_publish(&publish(&payload, QoS::AtLeastOnce)).unwrap().dropped.unwrap();
        assert_eq!(dropped.count, 1);
        let huge = Bytes::from(vec![0; 2_000]);
        assert_eq!(pair.try_publish(&publish(&huge, QoS::AtLeastOnce)), Err(PublishError::TooLarge));
    }

    /// What was given back comes out again, with what arrived since behind it.
    #[test]
    fn packets_given_back_come_again() {
        let mut pair =
            Pair::with(Fixed::<64, 2, 2>::new(), Limits { manual_acks: true, ..Limits::DEFAULT }, Config::default());
        pair = pair.up(Version::V311);
        let now = pair.now();
        let mut rx = BytesBuffer::new(1024);
        for id in 1..=6 {
            rx.extend(&[0x32, 6, 0, 1, b't', 0, id, b'0' + id]);
        }
        rx.extend(&[0x32, 6, 0]);
        let (mut payloads, mut held, mut rounds) = (Vec::new(), Vec::new(), 0);
        while let Some(packets) = rx.whole_packets() {
            let mut rest = &packets[..];
            while !rest.is_empty() {
                match pair.client.handle_input(now, rest) {
                    Ok(Received::Packet { consumed, event }) => {
                        if let Some(Event::Message(message)) = event {
                            payloads.push(packets.slice_ref(message.payload));
                            held.extend(message.ack);
                        }
                        rest = &rest[consumed..];
                    }
                    Ok(_) => {
                        rx.give_back(packets.slice_ref(rest));
                        break;
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            for pending in held.drain(..) {
                pair.client.acknowledge(now, pending, &pure_mqtt::Ack::SUCCESS).unwrap();
            }
            pair.is_well_behaved = false; // the broker sent nothing
            pair.write();
            rounds += 1;
        }
        assert_eq!((payloads.concat().as_slice(), rounds), (&b"123456"[..], 3));
        assert_eq!(&rx[..], [0x32, 6, 0]);
    }
}
