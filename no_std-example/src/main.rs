//! MQTT on a microcontroller: no allocator, the connection in a `static`, bytes through a UART's registers.
#![no_std]
#![no_main]

use core::ptr;

use cortex_m_rt::entry;
use panic_halt as _;
use pure_mqtt::{
    Clock32, Connect, Connection, Event, Fixed, Limits, Publish, QoS, Received, RxBuffer, Subscribe, Subscription,
    TopicFilter, TopicName, Version,
};

type Mqtt = Connection<Fixed<1024, 8, 8, 128>>;

/// Zero-initialised, so it takes RAM but no flash.
static mut MQTT: Mqtt = Mqtt::new(Fixed::new(), Limits::DEFAULT);

/// The registers of a UART as most have them: data, status.
const UART: *mut u32 = 0x4000_C000 as *mut u32;
const STATUS: *const u32 = 0x4000_C018 as *const u32;
const TICK: *const u32 = 0xE000_E018 as *const u32;
const EMPTY: u32 = 1 << 4;
const FULL: u32 = 1 << 5;

fn read(room: &mut [u8]) -> usize {
    let mut count = 0;
    for place in room {
        if unsafe { ptr::read_volatile(STATUS) } & EMPTY != 0 {
            break;
        }
        *place = unsafe { ptr::read_volatile(UART) } as u8;
        count += 1;
    }
    count
}

fn write(bytes: &[u8]) -> usize {
    let mut count = 0;
    for byte in bytes {
        if unsafe { ptr::read_volatile(STATUS) } & FULL != 0 {
            break;
        }
        unsafe { ptr::write_volatile(UART, u32::from(*byte)) };
        count += 1;
    }
    count
}

#[entry]
fn main() -> ! {
    // The only reference to the static: `main` runs once.
    let mqtt: &mut Mqtt = unsafe { &mut *ptr::addr_of_mut!(MQTT) };
    mqtt.set_limits(Limits { inline_max: 256, ..Limits::DEFAULT });
    let mut clock = Clock32::new();
    let mut rx = RxBuffer::<256>::new();
    loop {
        let now = clock.now(unsafe { ptr::read_volatile(TICK) });
        let connect = Connect::new(Version::V311, "board-7").clean_start(false);
        if mqtt.open(now, &connect).is_ok() {
            run(mqtt, &mut rx, &mut clock);
        }
        mqtt.closed(now);
        rx.clear();
    }
}

/// One link, from CONNECT to its end.
fn run(mqtt: &mut Mqtt, rx: &mut RxBuffer<256>, clock: &mut Clock32) {
    while !mqtt.should_close() {
        let now = clock.now(unsafe { ptr::read_volatile(TICK) });
        let count = read(rx.room());
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
        let count = write(transmit.chunk());
        transmit.advance(count);
        while mqtt.poll_outcome().is_some() {}
    }
}

fn subscribe(mqtt: &mut Mqtt, now: pure_mqtt::Instant) {
    if let Ok(filter) = TopicFilter::new("board-7/command") {
        let _ = mqtt.subscribe(now, &Subscribe::new(&[Subscription::new(filter, QoS::ExactlyOnce)]));
    }
}

fn answer(mqtt: &mut Mqtt, now: pure_mqtt::Instant, payload: &[u8]) {
    if let Ok(topic) = TopicName::new("board-7/answer") {
        let _ = mqtt.publish(now, &Publish::new(topic, payload).qos(QoS::ExactlyOnce));
    }
}
