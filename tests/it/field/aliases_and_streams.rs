//! Topic aliases and payloads in pieces, where one meets the other or something that ends a message half-way.

use super::rig::{
    Durable, Field, Offered, QOS0, QOS1, QOS2, V5, in_every_storage, message, message_with, packet, packets,
};
use pure_mqtt::wire::Violation;
use pure_mqtt::{
    Ack, Auth, Connect, ConnectionError, Disconnect, Fixed, Handle, Heap, Instant, Limits, Payload, Property, Publish,
    QoS, TopicName, Version,
};
use std::collections::BTreeMap;

const TOPIC: &str = "plant/boiler/temperature";

/// Topic Alias Maximum 10, in CONNACK.
const ALIASES: &[u8] = b"\x22\0\x0A";

const LIMITS: Limits = Limits { outbound_aliases: 4, ..Limits::DEFAULT };

/// A server that resolves aliases.
#[derive(Default)]
struct Server {
    names: BTreeMap<u16, Vec<u8>>,
}

impl Server {
    /// Topic and payload of each PUBLISH. Fails at an alias that stands for nothing.
    #[track_caller]
    fn messages(&mut self, bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
        let packets: Vec<&[u8]> = packets(bytes).into_iter().filter(|packet| packet[0] & 0xF0 == 0x30).collect();
        packets.into_iter().map(|packet| self.message(packet)).collect()
    }

    #[track_caller]
    fn message(&mut self, packet: &[u8]) -> (String, Vec<u8>) {
        let mut rest = &packet[1 + packet[1..].iter().take_while(|byte| **byte & 0x80 != 0).count() + 1..];
        let mut cut = |count: usize| {
            let (head, tail) = rest.split_at(count);
            rest = tail;
            head.to_vec()
        };
        let length = u16::from_be_bytes(cut(2).try_into().unwrap());
        let mut topic = cut(length.into());
        if packet[0] & 6 != 0 {
            cut(2);
        }
        let length = cut(1)[0];
        let properties = cut(length.into());
        if let [0x23, high, low, ..] = properties[..] {
            let alias = u16::from_be_bytes([high, low]);
            if topic.is_empty() {
                topic = self.names.get(&alias).unwrap_or_else(|| panic!("alias {alias} stands for nothing")).clone();
            } else {
                self.names.insert(alias, topic.clone());
            }
        }
        (String::from_utf8(topic).unwrap(), rest.to_vec())
    }
}

fn up<S: Durable>(storage: S, limits: Limits) -> Field<S> {
    Field::new(storage, V5, limits).accepted_with(ALIASES)
}

/// A camera image is staged under an alias; before a byte of it has left the application gives it up. What comes next must leave intact.
#[test]
fn giving_up_a_staged_message_leaves_the_next_one_intact() {
    in_every_storage!(storage => {
        for qos in [QOS0, QOS1, QOS2] {
            for is_bound in [false, true] {
                for next in [&b"next"[..], b""] {
                    let (mut field, mut server) = (up(storage(), LIMITS), Server::default());
                    if is_bound {
                        field.publish(TOPIC, b"bind", QOS0);
                        assert_eq!(server.messages(&field.sent()).len(), 1);
                    }
                    let image = field.publish_streamed(TOPIC, 1_000, qos).handle;
                    field.publish(TOPIC, next, QOS1);
                    field.publish("other/topic/as/long/as/that", b"last", QOS0);
                    assert!(!field.shown().is_empty());
                    assert!(field.mqtt.abandon(field.at(), image));
                    assert_eq!(field.mqtt.transmit(Instant::from_millis(0)).payload_request(), None);
                    let sent = field.sent();
                    let expected = [(TOPIC, next), ("other/topic/as/long/as/that", b"last")];
                    let expected = expected.map(|(topic, payload)| (topic.to_string(), payload.to_vec()));
                    assert_eq!(server.messages(&sent), expected, "{qos:?}, bound {is_bound}");
                    assert!(field.mqtt.is_connected());
                    field.publish(TOPIC, b"again", QOS0);
                    assert_eq!(server.messages(&field.sent()), [(TOPIC.to_string(), b"again".to_vec())]);
                }
            }
        }
    });
}

/// A binding that never left binds nothing: the message that was to carry it is cancelled, replaced, has expired or was dropped.
#[test]
fn an_alias_is_bound_once_its_message_has_left() {
    in_every_storage!(storage => {
        for end in 0..4 {
            let limits = Limits { max_queued: if end == 3 { 2 } else { 0 }, overflow: pure_mqtt::Overflow::DropOldest, ..LIMITS };
            let (mut field, mut server) = (up(storage(), limits), Server::default());
            let expiry = [Property::MessageExpiryInterval(1)];
            let topic = TopicName::new(TOPIC).unwrap();
            let first = Publish::new(topic, b"first").qos(QOS1).properties(if end == 2 { &expiry[..] } else { &[] });
            let first = field.mqtt.publish(field.at(), &first).unwrap().handle;
            assert!(!field.shown().is_empty());
            let second = Publish::new(topic, b"second").qos(QOS1);
            match end {
                0 => drop(field.mqtt.cancel(first)), // it may be refused: another task may be writing what was shown
                1 => drop(field.mqtt.replace(field.at(), first, &second)),
                2 => field.tick(2_000).unwrap(),
                _ => drop(field.publish("other/topic/as/long/as/that", b"x", QOS1)),
            }
            for payload in [b"third", b"forth"] {
                field.publish(TOPIC, payload, QOS1);
            }
            let messages = server.messages(&field.sent());
            assert_eq!(messages.last().unwrap(), &(TOPIC.to_string(), b"forth".to_vec()), "{end}");
            assert!(field.mqtt.is_connected());
        }
    });
}

/// Some of it is out: then the link ends with it, and nothing else leaves, whatever the next message is.
#[test]
fn giving_up_a_message_that_is_half_out_ends_the_link_with_it() {
    in_every_storage!(storage => {
        for taken in [1, 2, 10, 30, 31, 32, 500, 1_020] {
            let mut field = up(storage(), LIMITS);
            let image = field.publish_streamed(TOPIC, 1_000, QOS1).handle;
            field.publish(TOPIC, b"next", QOS1);
            assert_eq!(field.take(taken).len(), taken);
            assert!(field.mqtt.abandon(field.at(), image));
            assert_eq!(field.mqtt.close_reason(), ConnectionError::Abandoned);
            assert_eq!(field.sent(), b"");
            assert!(field.mqtt.should_close());
        }
    });
}

/// What is in the control area (acknowledgements, PINGREQ) leaves before, and is not cut.
#[test]
fn giving_up_a_staged_message_leaves_acknowledgements_intact() {
    in_every_storage!(storage => {
        for taken in 0..5 {
            let (mut field, mut server) = (up(storage(), LIMITS), Server::default());
            field.hear_over(&message(V5, 1, 9, "t", b"x"), 0);
            let image = field.publish_streamed(TOPIC, 1_000, QOS1).handle;
            field.publish(TOPIC, b"next", QOS1);
            let mut sent = field.take(taken);
            let is_begun = taken > 4;
            assert!(field.mqtt.abandon(field.at(), image));
            sent.extend(field.sent());
            if !is_begun {
                assert_eq!(sent[..4], [0x40, 2, 0, 9]);
                assert_eq!(server.messages(&sent), [(TOPIC.to_string(), b"next".to_vec())], "{taken} bytes were taken");
            }
        }
    });
}

/// The same where both wait in one piece, with an AUTH behind the message: that moves up, and is not cut either.
#[test]
fn giving_up_a_staged_message_leaves_what_is_around_it_intact() {
    fn give_up<S: Durable>(mut field: Field<S>, taken: usize) {
        let method = [Property::AuthenticationMethod("m")];
        field.mqtt.open(field.at(), &Connect::new(V5, "c").properties(&method)).unwrap();
        field.sent();
        field.hear(b"\x20\x0A\0\0\x07\x22\0\x0A\x15\0\x01m").only("ConnAck 0x00 New");
        assert!(field.offer(&message(V5, 1, 9, "t", b"x")).is_ok());
        let image = field.publish_streamed(TOPIC, 1_000, QOS1).handle;
        let shown = field.shown();
        assert!(shown.starts_with(b"\x40\x02\0\x09\x32") && shown.len() > 20, "{shown:02X?}");
        field.mqtt.authenticate(field.at(), &Auth::re_authenticate(&method)).unwrap();
        let mut sent = field.take(taken);
        assert!(field.mqtt.abandon(field.at(), image));
        sent.extend(field.sent());
        assert_eq!(sent, b"\x40\x02\0\x09\xF0\x06\x19\x04\x15\0\x01m", "{taken} bytes were taken");
    }
    for taken in 0..=4 {
        in_every_storage!(storage => { give_up(Field::new(storage(), V5, LIMITS), taken) });
        give_up(Field::new(Fixed::<1024, 8, 8, 64, 4, 40>::new(), V5, LIMITS), taken); // with just room for all of it
    }
}

/// A message is half out, and one that waits behind it is given up: the first goes on where it was.
#[test]
fn giving_up_a_message_behind_one_that_is_half_out_leaves_that_whole() {
    in_every_storage!(storage => {
        for version in Version::ALL {
            for taken in [1, 50, 107] {
                let mut field = Field::new(storage(), version, Limits::DEFAULT).accepted();
                field.publish("t", &[b'a'; 100], QOS1);
                let image = field.publish_streamed("t", 500, QOS1).handle;
                let mut sent = field.take(taken);
                assert!(field.mqtt.abandon(field.at(), image));
                sent.extend(field.sent());
                assert_eq!(sent, message(version, 1, 1, "t", &[b'a'; 100]), "{version:?} {taken}");
                assert!(field.mqtt.is_connected());
            }
        }
    });
}

/// The server knows the alias, and whatever becomes of another message it is used again.
#[test]
fn an_alias_that_has_left_stays_bound() {
    in_every_storage!(storage => {
        let mut field = up(storage(), LIMITS);
        field.publish(TOPIC, b"bind", QOS0);
        assert!(field.sent().len() > TOPIC.len());
        let other = field.publish("other", b"x", QOS1).handle;
        assert!(field.mqtt.cancel(other));
        field.publish(TOPIC, &[b'y'; 40], QOS0);
        assert_eq!(field.sent(), message_with(V5, 0x30, 0, "", b"\x23\0\x01", &[b'y'; 40]));
    });
}

/// A broker binds an alias to a topic longer than the limit of the table, and then uses the alias. On the heap there is no reason to forget it.
#[test]

fn the_heap_remembers_a_name_of_any_length_behind_an_alias() {
    for length in [1, 2, 127, 128, 129, 130, 200, 1_000, 65_535] {
        for version_of_streaming in [false, true] {
            let limits = Limits { topic_alias_maximum: 10, ..Limits::DEFAULT };
            let mut field = Field::up(V5, limits);
            field.streaming = version_of_streaming;
            let topic = "n".repeat(length);
            let shown = if length > 20 { format!("({length} bytes)") } else { topic.clone() };
            let bind = message_with(V5, 0x30, 0, &topic, b"\x23\0\x07", b"x");
            field.hear(&bind).only(&format!("Message {shown} x q0 0"));
            for payload in [b"y", b"z"] {
                let alone = message_with(V5, 0x30, 0, "", b"\x23\0\x07", payload);
                let payload = char::from(payload[0]);
                field.hear(&alone).only(&format!("Message {shown} {payload} q0 0"));
            }
            // Bound to a short one, and to a long one again.
            for name in ["s", &topic] {
                field.hear(&message_with(V5, 0x30, 0, name, b"\x23\0\x07", b"x"));
                let shown = if name.len() > 20 { format!("({length} bytes)") } else { name.to_string() };
                field
                    .hear(&message_with(V5, 0x30, 0, "", b"\x23\0\x07", b"x"))
                    .only(&format!("Message {shown} x q0 0"));
            }
        }
    }
}

/// All of the aliases that were announced, each with a long name.
#[test]

fn the_heap_remembers_as_many_long_names_as_it_announced() {
    let limits = Limits { topic_alias_maximum: 40, ..Limits::DEFAULT };
    let mut field = Field::up(V5, limits);
    for alias in 1..=40_u16 {
        let topic = format!("{alias:03}").repeat(100);
        let property = [0x23, 0, alias as u8];
        assert_eq!(field.hear(&message_with(V5, 0x30, 0, &topic, &property, b"x")).end, None);
    }
    for alias in (1..=40_u16).rev() {
        let property = [0x23, 0, alias as u8];
        let bytes = message_with(V5, 0x30, 0, "", &property, b"x");
        let now = field.at();
        let received = field.mqtt.handle_input(now, &bytes).unwrap();
        let pure_mqtt::Received::Packet { event: Some(pure_mqtt::Event::Message(message)), .. } = received else {
            panic!()
        };
        let expected = format!("{alias:03}").repeat(100);
        assert_eq!(field.mqtt.topic(&message.topic).map(|topic| topic.as_str()), Some(&*expected));
    }
}

/// Each name is kept apart from the others, in both directions, up to the length that there is room for; and on the next link none is known.
#[test]
fn names_are_kept_apart_and_are_gone_with_the_link() {
    in_every_storage!(storage => {
        let limits = Limits { topic_alias_maximum: 4, outbound_aliases: 4, alias_name_max: 40, ..Limits::DEFAULT };
        let mut field = Field::new(storage(), V5, limits).accepted_with(ALIASES);
        for alias in 1..=4_u8 {
            let bind = message_with(V5, 0x30, 0, format!("name/{alias}"), &[0x23, 0, alias], b"x");
            field.hear(&bind).only(&format!("Message name/{alias} x q0 0"));
        }
        let alone = |alias| message_with(V5, 0x30, 0, "", &[0x23, 0, alias], b"y");
        for alias in 1..=4_u8 {
            field.hear(&alone(alias)).only(&format!("Message name/{alias} y q0 0"));
        }
        for is_known in [false, true] {
            for alias in 1..=4_u8 {
                let topic = format!("{alias}").repeat(40);
                field.publish(&topic, &[b'p'; 50], QOS0);
                let shown = if is_known { "" } else { &topic };
                assert_eq!(field.sent(), message_with(V5, 0x30, 0, shown, &[0x23, 0, alias], &[b'p'; 50]));
            }
        }
        let topic = "n".repeat(41);
        field.publish(&topic, &[b'p'; 50], QOS0);
        assert_eq!(field.sent(), message_with(V5, 0x30, 0, &topic, &[], &[b'p'; 50]), "there is no room for its name");
        for alias in 1..=4_u8 {
            field.again(true).only("ConnAck 0x00 Resumed");
            assert_eq!(field.hear(&alone(alias)).end, Some(Violation::UnknownTopicAlias.into()));
        }
    });
}

/// A table of a fixed size can't: the message beside the name is delivered, and the alias alone ends the link with a code that doesn't blame the server.
#[test]
fn a_fixed_table_says_that_a_name_was_too_long_for_it() {
    let limits = Limits { topic_alias_maximum: 10, ..Limits::DEFAULT };
    let mut field = Field::new(Fixed::<1024, 8, 8, 256, 4, 40>::new(), V5, limits).accepted();
    for length in [39, 40] {
        let topic = "n".repeat(length);
        field.hear(&message_with(V5, 0x30, 0, &topic, b"\x23\0\x02", b"x"));
        assert_eq!(field.hear(&message_with(V5, 0x30, 0, "", b"\x23\0\x02", b"y")).told.len(), 1);
    }
    let topic = "n".repeat(41);
    assert_eq!(field.hear(&message_with(V5, 0x30, 0, &topic, b"\x23\0\x02", b"x")).told.len(), 1);
    let heard = field.hear(&message_with(V5, 0x30, 0, "", b"\x23\0\x02", b"y"));
    assert_eq!(heard.end, Some(Violation::ForgottenTopicAlias.into()));
    assert_eq!(heard.end.map(ConnectionError::reason), Some(pure_mqtt::ReasonCode::IMPLEMENTATION_SPECIFIC_ERROR));
    // The next link would end in the same way: so the server gets no aliases there, until the settings are set anew.
    for _ in 0..3 {
        field.lose();
        field.open();
        assert!(!field.sent().windows(3).any(|bytes| bytes == b"\x22\0\x04"));
        let connack = field.connack(true, &[]);
        assert_eq!(field.hear(&connack).end, None);
        assert_eq!(field.hear(&message_with(V5, 0x30, 0, &topic, b"", b"y")).told.len(), 1);
    }
    field.lose();
    assert!(field.mqtt.set_limits(limits));
    field.open();
    assert!(field.sent().windows(3).any(|bytes| bytes == b"\x22\0\x04"));
}

/// A QoS 2 message is done but for its PUBCOMP, which waits for the transport; the server uses the identifier for the next one, which is long.
#[test]
fn a_message_in_pieces_under_an_identifier_that_is_being_freed_is_new() {
    in_every_storage!(storage => {
        for version in Version::ALL {
            for manual_acks in [false, true] {
                for qos in [1, 2] {
                    for taken in [None, Some(0), Some(1), Some(2), Some(3)] {
                        let limits = Limits { inline_max: 64, stream_max: 10_000, manual_acks, ..Limits::DEFAULT };
                        let mut field = Field::new(storage(), version, limits).accepted();
                        field.hear(&message(version, 2, 9, "t", b"x"));
                        acknowledge(&mut field);
                        assert_eq!(field.sent(), if manual_acks { &b"\x50\x02\0\x09"[..] } else { b"" });
                        let long = message(version, qos, 9, "t", &[7; 500]);
                        let case = format!("{version:?} q{qos}, manual {manual_acks}, {taken:?} bytes were taken");
                        let mut told = match taken {
                            None => field.hear_over(&[b"\x62\x02\0\x09", &long[..60]].concat(), 0).told, // one read
                            Some(taken) => {
                                field.hear_over(b"\x62\x02\0\x09", taken).nothing();
                                field.hear_over(&long[..60], 0).told
                            }
                        };
                        let mut heard = field.hear(&long[60..200]);
                        told.extend(std::mem::take(&mut heard.told));
                        assert_eq!(heard.end, None, "{case}");
                        heard = field.hear(&long[200..]);
                        told.extend(std::mem::take(&mut heard.told));
                        assert_eq!(heard.end, None, "{case}");
                        assert!(told.last().is_some_and(|told| told.ends_with("/500")), "{case}: {told:?}");
                        assert!(told[0].starts_with("Fragment 0+"), "{case}: {told:?}");
                        acknowledge(&mut field);
                        heard.sent.extend(field.sent());
                        let answer = if qos == 1 { 0x40 } else { 0x50 };
                        assert_eq!(heard.sent[heard.sent.len() - 4..], [answer, 2, 0, 9], "{case}");
                        if qos == 2 {
                            assert_eq!(field.hear(b"\x62\x02\0\x09").sent, b"\x70\x02\0\x09");
                        }
                        assert!(field.mqtt.is_idle(), "{case}");
                        field.hear(&message(version, 1, 10, "t", b"y"));
                        acknowledge(&mut field);
                        assert!(field.mqtt.is_connected());
                    }
                }
            }
        }
    });
}

fn acknowledge<S: Durable>(field: &mut Field<S>) {
    for ack in std::mem::take(&mut field.acks) {
        field.mqtt.acknowledge(field.at(), ack, &Ack::SUCCESS).unwrap();
    }
}

/// The same bytes as one packet and in pieces give the same acknowledgements, whatever was open under the identifier.
#[test]
fn in_pieces_or_whole_a_message_has_the_same_end() {
    for version in Version::ALL {
        for qos in [0, 1, 2] {
            for before in 0..5 {
                for room in [None, Some(0), Some(2), Some(4), Some(usize::MAX)] {
                    let [whole, pieces] = [false, true].map(|in_pieces| {
                        let inline_max = if in_pieces { 64 } else { 10_000 };
                        let limits = Limits { inline_max, stream_max: 10_000, ..Limits::DEFAULT };
                        let mut field = Field::up(version, limits);
                        let mut sent = Vec::new();
                        let mut read = Vec::new();
                        let steps = [message(version, 2, 9, "t", b"x"), b"\x62\x02\0\x09".to_vec()];
                        for (step, bytes) in steps.iter().enumerate() {
                            if before <= 2 * step {
                                continue;
                            }
                            match room {
                                None if step > 0 => read.extend(bytes), // it comes in one read with the next
                                Some(room) if before == 2 * step + 1 => sent.extend(field.hear_over(bytes, room).sent),
                                _ => sent.extend(field.hear(bytes).sent),
                            }
                        }
                        let long = [read, message(version, qos, 9, "t", &[7; 500])].concat();
                        let mut end = None;
                        let mut complete = 0;
                        for piece in long.chunks(if in_pieces { 50 } else { 1_000 }) {
                            let heard = field.hear(piece);
                            complete += heard.told.iter().filter(|told| is_end(told)).count();
                            sent.extend(heard.sent);
                            end = end.or(heard.end);
                        }
                        sent.extend(field.sent());
                        (complete, sent, end)
                    });
                    assert_eq!(whole, pieces, "{version:?} q{qos}, after {before} steps, {room:?} bytes");
                }
            }
        }
    }
}

/// The end of a message in pieces, or a whole one.
fn is_end(told: &str) -> bool {
    let whole = told.starts_with("Message");
    let last = told.strip_prefix("Fragment ").is_some_and(|numbers| {
        let parts: Vec<u32> = numbers.split(['+', '/']).map(|number| number.parse().unwrap()).collect();
        parts[0] + parts[1] == parts[2]
    });
    whole || last
}

/// An upload and an alias, over a transport that takes it byte by byte and is lost: what is sent again has the name, since a new link knows no alias.
#[test]
fn a_streamed_message_that_is_sent_again_has_its_name() {
    in_every_storage!(storage => {
        for taken in [0, 1, 20, 40, 500, 2_000] {
            let mut field = up(storage(), LIMITS);
            field.publish(TOPIC, b"bind", QOS0);
            field.publish_streamed(TOPIC, 1_000, QOS1);
            field.take(taken);
            field.lose();
            field.open();
            field.sent();
            let connack = packet(0x20, &[&[1, 0][..], &[ALIASES.len() as u8], ALIASES].concat());
            let sent = field.hear(&connack).sent;
            let messages = Server::default().messages(&sent);
            assert_eq!(messages.last().unwrap(), &(TOPIC.to_string(), vec![b's'; 1_000]));
        }
    });
}

/// A program that abandons twice, or what is no stream, or what has ended, changes nothing.
#[test]
fn giving_up_what_cannot_be_given_up_changes_nothing() {
    let mut field = up(Heap::new(), LIMITS);
    let plain = field.publish(TOPIC, b"x", QOS1).handle;
    let image = field.publish_streamed(TOPIC, 10, QOS1).handle;
    field.sent();
    for handle in [plain, image, Handle::default()] {
        assert!(!field.mqtt.abandon(field.at(), handle));
    }
    assert!(field.mqtt.is_connected());
    let refused = field.offer(b"\x40\x02\0\x02");
    assert_eq!(refused, Ok(Offered::Taken(4, Some("PubAck 2 0x00".into()))));
    let large = Publish::new(TopicName::new(TOPIC).unwrap(), Payload::Streamed(u32::MAX));
    assert!(field.mqtt.publish(field.at(), &large.qos(QoS::AtLeastOnce)).is_err());
}

/// AUTH waits behind a message that is half out under an alias, all of its head gone. The program says goodbye: only the rest of the message goes before.
#[test]
fn auth_behind_a_message_under_an_alias_is_no_part_of_it() {
    in_every_storage!(storage => {
        let method = [Property::AuthenticationMethod("m")];
        let mut field = Field::new(storage(), V5, LIMITS);
        field.mqtt.open(field.at(), &Connect::new(V5, "c").properties(&method)).unwrap();
        field.sent();
        field.hear(b"\x20\x0A\0\0\x07\x22\0\x0A\x15\0\x01m").only("ConnAck 0x00 New");
        field.publish(TOPIC, b"bind", QOS0);
        let head = field.shown().len();
        field.mqtt.authenticate(field.at(), &Auth::re_authenticate(&method)).unwrap();
        assert_eq!(field.take(head).len(), head);
        let rest = field.shown();
        field.mqtt.disconnect(field.at(), &Disconnect::default()).unwrap();
        assert_eq!(field.sent(), [&rest[..], b"\xE0\0"].concat());
    });
}
