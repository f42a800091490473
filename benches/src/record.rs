//! What a recorder costs: nanoseconds and bytes of trace per QoS 1 message with its acknowledgement, the best of several rounds.

use std::hint::black_box;
use std::time::Instant as Clock;

use pure_mqtt_trace::{Recorder, Redact, TraceSink};
use pure_mqtt::{Connect, Connection, Heap, Instant, Limits, Publish, QoS, TopicName, Version};

const NOW: Instant = Instant::from_millis(0);
const MESSAGES: u32 = 100_000;
const ROUNDS: u32 = 7;
static PAYLOAD: [u8; 64] = [7; 64];

/// Counts and forgets.
struct Count(u64);

impl TraceSink for Count {
    fn write(&mut self, bytes: &[u8]) {
        self.0 += black_box(bytes).len() as u64;
    }
}

/// The same calls for a connection and for a recorder.
macro_rules! exchange {
    ($mqtt:ident) => {{
        $mqtt.open(NOW, &Connect::new(Version::V311, "bench")).expect("CONNECT");
        let length = $mqtt.transmit(NOW).remaining();
        $mqtt.transmit(NOW).advance(length);
        let _ = $mqtt.handle_input(NOW, b"\x20\x02\x00\x00").expect("CONNACK");
        let topic = TopicName::new("0123456789abcdef").expect("a topic");
        let publish = Publish::new(topic, &PAYLOAD).qos(QoS::AtLeastOnce);
        let started = Clock::now();
        for _ in 0..MESSAGES {
            let [high, low] = $mqtt.publish(NOW, &publish).expect("room").id.expect("QoS 1").get().to_be_bytes();
            let mut transmit = $mqtt.transmit(NOW);
            let length = black_box(transmit.chunk()).len();
            transmit.advance(length);
            let _ = $mqtt.handle_input(NOW, &[0x40, 2, high, low]).expect("PUBACK");
        }
        started.elapsed().as_secs_f64() * 1e9 / f64::from(MESSAGES)
    }};
}

fn plain() -> f64 {
    let mut mqtt = Connection::new(Heap::new(), Limits::DEFAULT);
    exchange!(mqtt)
}

/// Nanoseconds, and bytes of trace.
fn recorded(redact: Redact) -> (f64, u64) {
    let mut mqtt = Recorder::redacting(Heap::new(), Limits::DEFAULT, Count(0), redact);
    let nanos = exchange!(mqtt);
    (nanos, mqtt.sink().0 / u64::from(MESSAGES))
}

fn main() {
    let best = |measure: &dyn Fn() -> f64| (0..ROUNDS).map(|_| measure()).fold(f64::MAX, f64::min);
    println!("plain:              {:>6.1} ns per message", best(&plain));
    for (name, redact) in [("recorded:          ", Redact::NOTHING), ("recorded, redacted:", Redact::ALL)] {
        let nanos = best(&|| recorded(redact).0);
        println!("{name} {nanos:>6.1} ns and {} bytes of trace per message", recorded(redact).1);
    }
}
