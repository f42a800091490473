//! What can go wrong with flash beside the power: single scenes, and what they are made of.

use std::cell::RefCell;

use pure_mqtt_embassy::{
    Connect, Delivery, Fixed, FlashJournal, JournalError, Journaled, Mqtt, Options, Publish, QoS, RxBuffer,
    TopicFilter, TopicName, Version, raw::NoopRawMutex,
};
use pure_mqtt_test_broker::sans_io::Config;

use crate::chip::{Chip, Refused};
use crate::executor::Executor;
use crate::life::{Habits, World};
use crate::net::{Net, Trouble};
use crate::program::pass_time;
use crate::time::Time;

pub type Sized<const ARENA: usize> = Mqtt<NoopRawMutex, Time, Journaled<Fixed<ARENA, 4, 4, 64>, 160>, 400, 6, 2, 8>;
type Device = Sized<256>;
pub type SmallChip = Chip<4, 1024>;

pub fn device<const ARENA: usize>(time: &Time) -> Sized<ARENA> {
    Mqtt::new(time.clone(), Journaled::new(Fixed::new()))
}

pub fn journal<const LOG: usize>(chip: &SmallChip) -> FlashJournal<SmallChip, LOG> {
    FlashJournal::new(chip.clone(), 0..4096).expect("the region is right")
}

/// Keeps the journal until `play` is over; the error, if that ends before.
pub fn keep<const LOG: usize, const ARENA: usize>(
    mqtt: &Sized<ARENA>,
    journal: &mut FlashJournal<SmallChip, LOG>,
    play: impl Future<Output = ()>,
) -> Option<JournalError<Refused>> {
    let error = RefCell::new(None);
    let mut executor = Executor::default();
    executor.spawn("keep", async {
        let Err(ended) = mqtt.keep(journal).await;
        *error.borrow_mut() = Some(ended);
    });
    executor.spawn("play", play);
    while executor.has("play") && executor.has("keep") {
        assert!(executor.step(), "nothing will ever happen again");
    }
    drop(executor);
    error.into_inner()
}

/// Publishes until so many messages are in flash.
pub async fn publish<const ARENA: usize>(mqtt: &Sized<ARENA>, count: usize, length: usize) {
    let payload = vec![b'x'; length];
    let message = Publish::new(TopicName::from_static("up"), &payload[..]).qos(QoS::ExactlyOnce);
    let mut deliveries: Vec<Delivery<'_, Sized<ARENA>>> = Vec::new();
    for _ in 0..count {
        deliveries.push(mqtt.publish(&message).await.expect("it can be published"));
        deliveries.last_mut().expect("it was accepted").stored().await;
    }
}

#[test]
fn a_foreign_region_is_left_alone_until_it_is_erased() {
    let time = Time::default();
    let chip = SmallChip::new(&time, 4);
    chip.with_bytes(|bytes| bytes[700..710].fill(7));
    let mqtt = device::<256>(&time);
    let mut journal = journal::<560>(&chip);
    assert_eq!(keep(&mqtt, &mut journal, publish(&mqtt, 1, 10)), Some(JournalError::Foreign));
    assert_eq!(chip.counts().moments, 0);
    embassy_futures::block_on(journal.erase()).expect("it can be erased");
    assert_eq!(keep(&mqtt, &mut journal, publish(&mqtt, 1, 10)), None);
}

#[test]
fn sizes_that_do_not_fit_are_told() {
    let time = Time::default();
    let chip = SmallChip::new(&time, 4);
    type Journal = FlashJournal<SmallChip, 700>;
    assert_eq!(Journal::new(chip.clone(), 0..1500).err(), Some(JournalError::NotPages));
    assert_eq!(Journal::new(chip.clone(), 0..8192).err(), Some(JournalError::NotPages));
    let needed = Journal::REGION;
    assert_eq!(Journal::new(chip.clone(), 0..1024).err(), Some(JournalError::RegionTooSmall { needed }));
    assert!(Journal::new(chip.clone(), 1024..1024 + needed).is_ok());
    let mqtt = device::<256>(&time);
    let ended = keep(&mqtt, &mut journal::<400>(&chip), mqtt.stored());
    assert_eq!(ended, Some(JournalError::BufferTooSmall { needed: 480 }));
    assert_eq!(keep(&mqtt, &mut journal::<480>(&chip), mqtt.stored()), None);
    const { assert!(480 <= pure_mqtt_embassy::ram::log(256, 4, 4)) };
}

/// Firmware is replaced by one with less room.
#[test]
fn a_session_that_does_not_fit_any_more_is_told() {
    let time = Time::default();
    let chip = SmallChip::new(&time, 4);
    let before = device::<256>(&time);
    assert_eq!(keep(&before, &mut journal::<1000>(&chip), publish(&before, 4, 50)), None);
    let smaller = device::<100>(&time);
    assert_eq!(keep(&smaller, &mut journal::<900>(&chip), smaller.stored()), Some(JournalError::StorageTooSmall));
}

/// And by one with a shorter buffer: the log fits, or it is told, and the buffer of before still reads it.
#[test]
fn a_log_that_does_not_fit_any_more_is_told() {
    let mut too_long = 0;
    for messages in 1..9 {
        fastrand::seed(5);
        let world = World::<4, 1024>::new(Habits::calm(Version::V5, messages), 4);
        assert!(world.live::<1000>());
        let shorter = device::<256>(&world.time);
        let ended = keep(&shorter, &mut journal::<480>(&world.chip), shorter.stored());
        assert!(matches!(ended, None | Some(JournalError::LogTooLong)), "{ended:?}");
        if ended.is_some() {
            too_long += 1;
            let same = device::<256>(&world.time);
            assert_eq!(keep(&same, &mut journal::<1000>(&world.chip), same.stored()), None);
        }
    }
    assert!(too_long > 0);
}

#[test]
fn a_journal_is_kept_once() {
    let time = Time::default();
    let chip = SmallChip::new(&time, 4);
    let mqtt = device::<256>(&time);
    let (mut one, mut other) = (journal::<560>(&chip), journal::<560>(&chip));
    let ended = keep(&mqtt, &mut one, async {
        mqtt.stored().await;
        let Err(error) = mqtt.keep(&mut other).await;
        assert_eq!(error, JournalError::AlreadyKept);
    });
    assert_eq!(ended, None);
}

/// The flash refuses a call, whichever: nothing leaves that depends on it, and a further `keep` goes on.
#[test]
fn the_flash_refuses_at_every_call() {
    for version in [Version::V311, Version::V5] {
        for calls in 0.. {
            fastrand::seed(3);
            let world = World::<4, 1024>::new(Habits::calm(version, 8), 2);
            world.chip.refuse_after(calls);
            assert!(world.live::<560>());
            world.check();
            if !world.chip.has_refused() {
                println!("{calls} calls");
                assert!(calls > 50);
                break;
            }
        }
    }
}

/// A write takes a minute: messages come meanwhile, and the link is kept alive.
#[test]
fn a_slow_flash_ends_no_link() {
    for version in [Version::V311, Version::V5] {
        let time = Time::default();
        let chip = SmallChip::new(&time, 4);
        let net = Net::new(Config::default(), Trouble::NONE);
        let mqtt: Device = device(&time);
        let mut journal = journal::<560>(&chip);
        let mut executor = Executor::default();
        executor.spawn("keep", async { mqtt.keep(&mut journal).await.map(|_| ()).expect("the flash is good") });
        executor.spawn("run", async {
            let options = Options::new(Connect::new(version, "device").keep_alive(10));
            let mut rx = RxBuffer::<200>::new();
            mqtt.run(&mut rx, &options, || 0, async || net.dial()).await.expect("the options are right");
        });
        executor.spawn("play", async {
            let mut receiver = mqtt.subscribe(TopicFilter::from_static("down"), QoS::ExactlyOnce).unwrap();
            receiver.granted().await.expect("it is granted");
            mqtt.stored().await;
            let links = mqtt.stats().links;
            chip.slow_down(60_000, 0);
            let publish = Publish::new(TopicName::from_static("up"), b"x").qos(QoS::ExactlyOnce);
            let mut delivery = mqtt.publish(&publish).await.unwrap();
            let begun = time.millis();
            for qos in [0, 1, 2] {
                net.with_broker(|broker| broker.publish("down", b"y", qos, false));
                receiver.recv().await;
            }
            assert!(time.millis() < begun + 60_000);
            delivery.confirmed().await.expect("it is delivered");
            assert!(time.millis() >= begun + 120_000, "PUBLISH and PUBREL each wait for a record");
            assert_eq!(mqtt.stats().links, links);
        });
        while executor.has("play") {
            if !net.step("device") && !executor.step() {
                pass_time(&net, &time, &executor);
            }
        }
    }
}
