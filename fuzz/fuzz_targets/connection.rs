//! Any bytes from a server, in pieces, between commands, ticks and cuts: a connection never panics, and a failed link can always be opened anew.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pure_mqtt::{
    Connect, Connection, Fixed, Instant, Limits, Publish, QoS, Received, Subscribe, Subscription, TopicFilter,
    TopicName, Version,
};

type Mqtt = Connection<Fixed<256, 4, 4, 64, 2, 8>>;

fuzz_target!(|data: &[u8]| {
    let Some((&choice, mut data)) = data.split_first() else { return };
    let version = Version::ALL[usize::from(choice & 0x3F) % 3];
    let limits = Limits {
        manual_acks: choice & 0x40 != 0,
        strict: choice & 0x80 != 0,
        topic_alias_maximum: 2,
        outbound_aliases: 2,
        inline_max: 512,
        ..Limits::DEFAULT
    };
    let mut mqtt = Mqtt::new(Fixed::new(), limits);
    let mut now = Instant::from_millis(0);
    let mut pending = Vec::new();
    while let Some((&step, rest)) = data.split_first() {
        data = rest;
        match step % 8 {
            0 => {
                mqtt.closed(now);
                let _ = mqtt.open(now, &Connect::new(version, "fuzz").clean_start(step & 0x80 != 0));
                let length = mqtt.transmit(now).remaining();
                mqtt.transmit(now).advance(length);
                let _ = mqtt.handle_input(now, if version == Version::V5 { b"\x20\x03\x00\x00\x00" } else { b"\x20\x02\x00\x00" });
            }
            1 => {
                let topic = TopicName::new("t").expect("a topic");
                let qos = QoS::from_bits(step >> 6).unwrap_or_default();
                let _ = mqtt.publish(now, &Publish::new(topic, &data[..data.len().min(9)]).qos(qos));
            }
            2 => {
                let filters = [Subscription::new(TopicFilter::new("#").expect("a filter"), QoS::ExactlyOnce)];
                let _ = mqtt.subscribe(now, &Subscribe::new(&filters));
            }
            3 => {
                now = now.after_millis(u64::from(step) * 500);
                let _ = mqtt.handle_timeout(now);
            }
            4 => {
                let mut transmit = mqtt.transmit(now);
                let count = transmit.chunk().len().min(usize::from(step >> 3));
                transmit.advance(count);
            }
            5 => mqtt.closed(now),
            6 => {
                if let Some(ack) = pending.pop() {
                    let _ = mqtt.acknowledge(now, ack, &pure_mqtt::Ack::SUCCESS);
                }
            }
            _ => {
                let count = usize::from(step >> 3).min(data.len());
                let (mut input, rest) = data.split_at(count);
                data = rest;
                while let Ok(Received::Packet { consumed, event }) = mqtt.handle_input(now, input) {
                    if let Some(pure_mqtt::Event::Message(message)) = event {
                        pending.extend(message.ack);
                    }
                    input = &input[consumed..];
                }
            }
        }
        while mqtt.poll_outcome().is_some() {}
    }
});
