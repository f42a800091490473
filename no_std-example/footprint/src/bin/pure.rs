//! The standard program: connect, subscribe at QoS 2, answer each message at QoS 2, keep the session over cuts.

#![no_std]
#![no_main]

use core::hint::black_box;
use core::ptr;

use pure_mqtt::{
    Clock32, Connect, Connection, Event, Fixed, Instant, Limits, Publish, QoS, Received, RxBuffer, Subscribe,
    Subscription, TopicFilter, TopicName, Version,
};

type Mqtt = Connection<Fixed<1024, 8, 8, 128>>;

static mut MQTT: Mqtt = Mqtt::new(Fixed::new(), Limits::DEFAULT);
static mut RX: RxBuffer<256> = RxBuffer::new();

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    // SAFETY: the only references to the statics, in a function that runs once.
    let (mqtt, rx) = unsafe { (&mut *ptr::addr_of_mut!(MQTT), &mut *ptr::addr_of_mut!(RX)) };
    mqtt.set_limits(Limits { inline_max: 256, ..Limits::DEFAULT });
    let mut clock = Clock32::new();
    loop {
        let now = clock.now(footprint::tick());
        let connect = Connect::new(black_box(VERSION), "board-7").clean_start(false);
        if mqtt.open(now, &connect).is_ok() {
            run(mqtt, rx, &mut clock);
        }
        mqtt.handle_close(now);
        rx.clear();
    }
}

const COMMAND: TopicFilter<'_> = TopicFilter::from_static("board-7/command");
const ANSWER: TopicName<'_> = TopicName::from_static("board-7/answer");
const VERSION: Version = if cfg!(feature = "v5") { Version::V5 } else { Version::V311 };

/// One link, from CONNECT to its end.
fn run(mqtt: &mut Mqtt, rx: &mut RxBuffer<256>, clock: &mut Clock32) {
    while !mqtt.should_close() {
        let now = clock.now(footprint::tick());
        let count = footprint::read(rx.room());
        rx.filled(count);
        while let Ok(Received::Packet { consumed, event }) = mqtt.handle_input(now, rx.bytes()) {
            match event {
                Some(Event::ConnAck(_)) => subscribe(mqtt, now),
                Some(Event::Message(message)) => answer(mqtt, now, message.payload),
                _ => {}
            }
            rx.consume(consumed);
        }
        let _ = mqtt.handle_timeout(now);
        let mut transmit = mqtt.transmit(now);
        let count = footprint::write(transmit.chunk());
        transmit.advance(count);
        while mqtt.poll_outcome().is_some() {}
    }
}

fn subscribe(mqtt: &mut Mqtt, now: Instant) {
    let _ = mqtt.subscribe(now, &Subscribe::new(&[Subscription::new(COMMAND, QoS::ExactlyOnce)]));
}

fn answer(mqtt: &mut Mqtt, now: Instant, payload: &[u8]) {
    let _ = mqtt.publish(now, &Publish::new(ANSWER, payload).qos(QoS::ExactlyOnce));
}
