//! What a recorder keeps out of a trace: each kind of secret by itself, and nothing beside it.

use crate::NOW;
use pure_mqtt::{Auth, Connect, Heap, Limits, Payload, Property, Publish, QoS, TopicName, Version, Will};
use pure_mqtt_trace::{Call, Trace};
use pure_mqtt_trace::{Recorder, Redact};

type Mqtt = Recorder<Heap, Vec<u8>>;

/// A packet of 5.0: `before` the properties, these, and what comes behind.
fn packet(first: u8, before: &[u8], properties: &[u8], behind: &[u8]) -> Vec<u8> {
    let body = [before, &[properties.len() as u8], properties, behind].concat();
    [&[first, body.len() as u8], &body[..]].concat()
}

fn method_and_data(data: &str) -> Vec<u8> {
    [&b"\x15\0\x01m\x16\0"[..], &[data.len() as u8], data.as_bytes()].concat()
}

fn send(mqtt: &mut Mqtt) {
    let mut transmit = mqtt.transmit(NOW);
    while !transmit.chunk().is_empty() {
        let count = transmit.chunk().len();
        transmit.advance(count);
    }
}

/// The trace, which a replay follows to its end.
fn trace(mqtt: Mqtt) -> Vec<u8> {
    let bytes = mqtt.into_parts().1;
    let result = Trace::read(&bytes).unwrap().replay(|_, _| {});
    assert_eq!(result, Ok(()));
    bytes
}

fn has(trace: &[u8], text: &str) -> bool {
    trace.windows(text.len()).any(|window| window == text.as_bytes())
}

/// A link with secrets of every kind, in both directions.
fn recording(redact: Redact) -> Vec<u8> {
    let limits = Limits { version: Version::V5, ..Limits::DEFAULT };
    let mut mqtt = Recorder::redacting(Heap::new(), limits, Vec::new(), redact);
    let topic = TopicName::new("t").unwrap();
    let data = |data| [Property::AuthenticationMethod("m"), Property::AuthenticationData(data)];
    let shown = [Property::UserProperty(("shown", "in the will"))];
    let will = Will::new(topic, b"payload of the will").properties(&shown[..]);
    let first = data(b"data in CONNECT");
    let connect = Connect::new(Version::V5, "shown as identifier").will(will);
    let connect = connect.user_name("shown as name").password(b"the password");
    mqtt.open(NOW, &connect.properties(&first[..])).unwrap();
    send(&mut mqtt);
    let asked = packet(0xF0, &[0x18], &method_and_data("data the server asks with"), b"");
    assert!(mqtt.handle_input(NOW, &asked).is_ok());
    let answer = data(b"data in the answer");
    mqtt.authenticate(NOW, &Auth::continue_with(&answer[..])).unwrap();
    send(&mut mqtt);
    let accepted = packet(0x20, &[0, 0], &method_and_data("data in CONNACK"), b"");
    assert!(mqtt.handle_input(NOW, &accepted).is_ok());
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce] {
        let publish = Publish::new(topic, "payload that leaves").qos(qos);
        mqtt.publish(NOW, &publish.properties(&[Property::ContentType("shown beside it")])).unwrap();
    }
    send(&mut mqtt);
    let properties = b"\x03\0\x0Fshown beside it";
    assert!(mqtt.handle_input(NOW, &packet(0x30, b"\0\x01t", properties, b"payload that comes")).is_ok());
    assert!(mqtt.handle_input(NOW, &packet(0x32, b"\0\x01t\0\x07", properties, b"payload that comes")).is_ok());
    send(&mut mqtt);
    trace(mqtt)
}

#[test]
fn each_kind_of_secret_is_hidden_wherever_it_stands() {
    for (passwords, payloads) in [(false, false), (false, true), (true, false), (true, true)] {
        let bytes = recording(Redact { passwords, payloads });
        let of_passwords = ["the password", "data in CONNECT", "data the server asks with", "data in the answer"];
        for text in of_passwords.into_iter().chain(["data in CONNACK"]) {
            assert_eq!(has(&bytes, text), !passwords, "{text}");
        }
        for text in ["payload of the will", "payload that leaves", "payload that comes"] {
            assert_eq!(has(&bytes, text), !payloads, "{text}");
        }
        for text in ["shown as identifier", "shown as name", "in the will", "shown beside it"] {
            assert!(has(&bytes, text), "{text}");
        }
    }
}

#[test]
fn what_is_hidden_keeps_its_length_and_nothing_else_is() {
    // A check value may look like a hidden byte, but not like many.
    let runs = |bytes: &[u8]| bytes.split(|byte| *byte != b'*').map(<[u8]>::len).filter(|run| *run > 4).sum::<usize>();
    let whole = recording(Redact::NOTHING);
    let hidden = recording(Redact::ALL);
    assert_eq!((whole.len(), runs(&whole)), (hidden.len(), 0));
    let secrets =
        ["the password", "data in CONNECT", "data the server asks with", "data in the answer", "data in CONNACK"];
    let payloads = ["payload of the will", "payload that leaves", "payload that leaves", "payload that comes"];
    let told: usize = secrets.iter().chain(&payloads).map(|secret| secret.len()).sum();
    // What leaves stands there twice, in the call and in the output; the second message that comes has its payload too.
    let twice = "the password".len() + "data in CONNECT".len() + "payload of the will".len();
    let twice = twice + "data in the answer".len() + 2 * "payload that leaves".len() + "payload that comes".len();
    assert_eq!(runs(&hidden), told + twice);
}

/// Packets leave in pieces that don't end where they do, and payloads come from elsewhere: where each packet begins is known all the same.
#[test]
fn secrets_are_found_behind_pieces_and_supplied_payloads() {
    let publish = |topic: &'static str, payload| Publish::new(TopicName::new(topic).unwrap(), payload);
    for piece in 1..60 {
        let mut mqtt = Recorder::redacting(Heap::new(), Limits::DEFAULT, Vec::new(), Redact::ALL);
        mqtt.open(NOW, &Connect::new(Version::V311, "c")).unwrap();
        send(&mut mqtt);
        assert!(mqtt.handle_input(NOW, b"\x20\x02\0\0").is_ok());
        for number in 0..3 {
            mqtt.publish(NOW, &publish("shown/topic", "the first secret".into())).unwrap();
            if number == 1 {
                mqtt.publish(NOW, &publish("shown/too", Payload::Streamed(7))).unwrap();
            }
        }
        let mut transmit = mqtt.transmit(NOW);
        loop {
            let left = transmit.payload_request().map_or(transmit.chunk().len(), |wanted| wanted.remaining as usize);
            if left == 0 {
                break;
            }
            transmit.advance(left.min(piece));
        }
        let bytes = trace(mqtt);
        assert!(!has(&bytes, "secret") && !has(&bytes, "first"), "in pieces of {piece}");
        let outputs = Trace::read(&bytes).unwrap().entries().filter_map(|entry| match entry.unwrap().call {
            Call::Output(output) => Some(output.to_vec()),
            _ => None,
        });
        let sent = outputs.collect::<Vec<_>>().concat();
        assert_eq!(sent.windows(11).filter(|window| *window == b"shown/topic").count(), 3, "in pieces of {piece}");
        assert!(has(&sent, "shown/too"));
    }
}

/// A payload that is marked as text and isn't is answered so, in the replay as well.
#[test]
fn a_hidden_payload_is_text_if_it_was() {
    for (payload, is_text) in [("Fahrvergnügen".as_bytes(), true), (b"\xFFahr", false)] {
        for check_payload_format in [true, false] {
            let limits = Limits { check_payload_format, version: Version::V5, ..Limits::DEFAULT };
            let mut mqtt = Recorder::redacting(Heap::new(), limits, Vec::new(), Redact::ALL);
            mqtt.open(NOW, &Connect::new(Version::V5, "c")).unwrap();
            send(&mut mqtt);
            assert!(mqtt.handle_input(NOW, b"\x20\x03\0\0\0").is_ok());
            let message = packet(0x32, b"\0\x01t\0\x07", b"\x01\x01", payload);
            let received = mqtt.handle_input(NOW, &message);
            let is_told = format!("{received:?}").contains("Message");
            assert_eq!(is_told, is_text || !check_payload_format, "{received:?}");
            send(&mut mqtt);
            let bytes = trace(mqtt);
            assert!(!has(&bytes, "ahr"));
        }
    }
}

/// Also where the whole message fits the buffer of a host that takes long ones in pieces.
#[test]
fn a_hidden_payload_that_is_no_text_is_none_for_a_streaming_host_either() {
    let limits = Limits { check_payload_format: true, version: Version::V5, ..Limits::DEFAULT };
    let mut mqtt = Recorder::redacting(Heap::new(), limits, Vec::new(), Redact::ALL);
    mqtt.open(NOW, &Connect::new(Version::V5, "c")).unwrap();
    send(&mut mqtt);
    assert!(mqtt.handle_input_streaming(NOW, b"\x20\x03\0\0\0").is_ok());
    let message = packet(0x32, b"\0\x01t\0\x07", b"\x01\x01", b"\xFFahr");
    assert!(mqtt.handle_input_streaming(NOW, &message).is_ok());
    send(&mut mqtt);
    assert!(!has(&trace(mqtt), "ahr"));
}

/// A piece of a message that is given to the wrong method ends the link, and is a payload all the same.
#[test]
fn a_piece_is_hidden_wherever_it_goes() {
    let limits = Limits { inline_max: 32, stream_max: 200, ..Limits::DEFAULT };
    let mut mqtt = Recorder::redacting(Heap::new(), limits, Vec::new(), Redact::ALL);
    mqtt.open(NOW, &Connect::new(Version::V311, "c")).unwrap();
    send(&mut mqtt);
    assert!(mqtt.handle_input_streaming(NOW, b"\x20\x02\0\0").is_ok());
    let looks_like_a_packet = b"\x90\x0A\0\x01 secret!".repeat(8);
    let message = [&b"\x30\x63\0\x01t"[..], &looks_like_a_packet].concat();
    assert!(mqtt.handle_input_streaming(NOW, &message[..29]).is_ok());
    assert!(mqtt.handle_input(NOW, &message[29..]).is_err());
    assert!(!has(&trace(mqtt), "secret"));
}
