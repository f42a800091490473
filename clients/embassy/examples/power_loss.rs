//! A device whose power fails again and again, and whose readings arrive exactly once all the same.
//!
//! `cargo run -p pure-mqtt-embassy --features flash --example power_loss` plays it on a host, over TCP with a broker of its own. The flash is simulated
//! (`power_loss/chip.rs`); what is in this file is as in firmware.

#[path = "power_loss/chip.rs"]
mod chip;
#[path = "power_loss/line.rs"]
mod line;

use std::cell::RefCell;
use std::error::Error;
use std::net::SocketAddr;

use embassy_futures::select::{Either, Either3, select, select3};
use pure_mqtt_embassy::raw::NoopRawMutex;
use pure_mqtt_embassy::{
    Connect, Fixed, FlashJournal, Journaled, Mqtt, Options, Publish, QoS, RxBuffer, TopicName, Version, ram,
};
use pure_mqtt_test_broker::Broker;

use chip::Chip;
use line::{HostClock, Line};

/// 1 kB for what is on its way to the server, in up to 8 packets; and 320 bytes for records on their way to flash.
type Storage = Journaled<Fixed<1024, 8, 8, 128>, 320>;
type Client = Mqtt<NoopRawMutex, HostClock, Storage, 256, 4, 1, 4>;

/// The buffer of the journal: room for the longest session, and half of it again.
const LOG: usize = ram::log(1024, 8, 8) * 3 / 2;
const FAILURES: u32 = 25;
const READINGS: usize = 100;

/// One life of the device: from power to no power.
async fn live(chip: &Chip, server: SocketAddr, life: u32, stored: &RefCell<Vec<String>>) -> Result<(), Box<dyn Error>> {
    let mqtt = Client::new(HostClock::new(), Journaled::new(Fixed::new()));
    let mut journal = FlashJournal::<_, LOG>::new(chip.clone(), 0..chip::SIZE)?;

    // Three tasks: one keeps the session in flash, one keeps the connection, and one takes readings.
    let keep = async { mqtt.keep(&mut journal).await.map(|_| ()) };
    let run = async {
        let options = Options::new(Connect::new(Version::V5, "meter-7").clean_start(false)).backoff(10, 100);
        let mut rx = RxBuffer::<256>::new();
        mqtt.run(&mut rx, &options, || 0x8000_0000, async || Line::dial(server)).await
    };
    let read = async {
        let mut number = 0;
        while stored.borrow().len() < READINGS {
            let reading = format!("life {life}, reading {number}");
            let publish = Publish::new(TopicName::from_static("meter-7/reading"), reading.as_bytes());
            let mut delivery = mqtt.publish(&publish.qos(QoS::ExactlyOnce)).await?;
            delivery.stored().await; // from here on it can't be lost any more
            stored.borrow_mut().push(reading);
            number += 1;
        }
        mqtt.flush().await;
        Ok::<_, pure_mqtt_embassy::PublishError>(())
    };
    match select3(keep, run, read).await {
        Either3::First(ended) => Ok(ended?),
        Either3::Second(ended) => Ok(ended?),
        Either3::Third(ended) => Ok(ended?),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let broker = Broker::start()?;
    let (chip, stored) = (Chip::new(), RefCell::new(Vec::new()));
    let mut life = 0;
    loop {
        chip.power_on((life < FAILURES).then(|| 20 + life * 37 % 200));
        let power_fails = chip.power_fails();
        match embassy_futures::block_on(select(live(&chip, broker.address(), life, &stored), power_fails)) {
            Either::First(done) => break done?,
            Either::Second(()) => life += 1,
        }
    }
    let stored = stored.into_inner();
    let is_there = |texts: &[String]| stored.iter().all(|reading| texts.contains(reading));
    let arrived = broker.texts("meter-7/reading");
    let mut once = arrived.clone();
    once.sort();
    once.dedup();
    println!("the power failed {life} times; {} readings were stored, {} arrived", stored.len(), arrived.len());
    println!("written: {} bytes of flash; erased: {} pages", chip.written(), chip.erased());
    if once.len() != arrived.len() || !is_there(&arrived) {
        return Err("a reading was lost or doubled".into());
    }
    Ok(())
}
