//! Recording asks for no memory.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../tests/allocations/counting.rs"]
mod counting;

use counting::allocations;
use pure_mqtt::{Connect, Fixed, Instant, Limits, Publish, QoS, Received, Storage, TopicName, Version};
use pure_mqtt_trace::{Recorder, Redact, TraceSink};

/// A trace that goes nowhere, as one on a UART does for the allocator.
struct Uart(usize);

impl TraceSink for Uart {
    fn write(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }
}

#[test]
fn recording_works_without_an_allocator() {
    let count = allocations(|| {
        let now = Instant::from_millis(0);
        let mut mqtt = Recorder::redacting(Fixed::<512, 4, 4>::new(), Limits::DEFAULT, Uart(0), Redact::ALL);
        mqtt.open(now, &Connect::new(Version::V311, "client").user_name("me").password(b"secret")).unwrap();
        drain(&mut mqtt, now);
        let topic = TopicName::new("a/b").unwrap();
        mqtt.publish(now, &Publish::new(topic, "hello").qos(QoS::AtLeastOnce)).unwrap();
        let mut rest = &b"\x20\x02\x00\x00\x30\x07\x00\x03a/bhi"[..];
        while !rest.is_empty() {
            let Ok(Received::Packet { consumed, .. }) = mqtt.handle_input(now, rest) else { panic!() };
            rest = &rest[consumed..];
            drain(&mut mqtt, now);
        }
        assert!(mqtt.sink().0 > 200);
    });
    assert_eq!(count, 0);
}

fn drain<S: Storage>(mqtt: &mut Recorder<S, Uart>, now: Instant) {
    let mut transmit = mqtt.transmit(now);
    while !transmit.chunk().is_empty() {
        transmit.advance(7);
    }
}
