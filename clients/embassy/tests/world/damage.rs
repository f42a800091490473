//! Flash whose bits decay, and contents that somebody has made up.

use pure_mqtt_embassy::{
    Fixed, FlashJournal, JournalError, Journaled, Mqtt, Publish, QoS, TopicName, Version, raw::NoopRawMutex,
};

use crate::flash::{SmallChip, device, journal, keep, publish};
use crate::life::{Habits, World};
use crate::time::Time;

/// Whatever bit decays, and whether it is in what is written last or not: the session is recovered, or it is told that it can't be.
#[test]
fn damage_is_told() {
    let time = Time::default();
    let chip = SmallChip::new(&time, 4);
    let mqtt = device::<256>(&time);
    assert_eq!(keep(&mqtt, &mut journal::<560>(&chip), publish(&mqtt, 4, 40)), None);
    let whole = chip.with_bytes(|bytes| bytes.clone());
    let used = whole.iter().rposition(|byte| *byte != 0xFF).expect("something is written") + 1;
    let (mut told, mut recovered) = (0, 0);
    for place in 0..used {
        chip.with_bytes(|bytes| {
            bytes.clone_from(&whole);
            bytes[place] ^= 0x10;
        });
        let mqtt = device::<256>(&time);
        match keep(&mqtt, &mut journal::<560>(&chip), mqtt.stored()) {
            None => recovered += 1,
            Some(JournalError::Damaged { .. } | JournalError::Foreign) => told += 1,
            Some(other) => panic!("at {place}: {other}"),
        }
    }
    println!("{used} bytes: {told} told, {recovered} taken for a write that was cut off");
    assert!(told > used / 2);
}

/// Where the latest log is damaged at its start, the one before does not count again.
#[test]
fn no_older_log_is_taken_for_the_latest() {
    const PAGE: usize = 1024;
    let world = World::<4, PAGE>::new(Habits::calm(Version::V5, 12), 4);
    assert!(world.live::<560>());
    let whole = world.chip.with_bytes(|bytes| bytes.clone());
    let sequence = |page: usize| u32::from_le_bytes(whole[page + 16..page + 20].try_into().expect("four bytes"));
    let pages = (0..whole.len()).step_by(PAGE).filter(|page| whole[*page] != 0xFF);
    let latest = pages.max_by_key(|page| sequence(*page)).expect("there is a log");
    assert!(sequence(latest) > 1, "it is not the first");
    for place in latest..latest + 24 {
        world.chip.with_bytes(|bytes| {
            bytes.clone_from(&whole);
            bytes[place] ^= 1;
        });
        let mqtt = device::<256>(&world.time);
        let ended = keep(&mqtt, &mut journal::<560>(&world.chip), mqtt.stored());
        assert!(matches!(ended, Some(JournalError::Damaged { .. })), "at {place}: {ended:?}");
    }
}

/// Whoever chooses what the device publishes can't make it look like the start of a newer log, where a page begins in the middle of an area.
#[test]
fn no_payload_is_taken_for_a_log() {
    type Device = Mqtt<NoopRawMutex, Time, Journaled<Fixed<2048, 4, 4, 64>, 1600>, 100, 2, 1, 8>;
    let new = |time: &Time| Device::new(time.clone(), Journaled::new(Fixed::new()));
    let (time, region) = (Time::default(), 0..8 * 1024);
    let keep = |mqtt: &Device, chip: &SmallChip, payload: &[u8]| {
        let mut journal = FlashJournal::<_, 2500>::new(chip.clone(), region.clone()).expect("the region is right");
        let publish = Publish::new(TopicName::from_static("up"), payload).qos(QoS::ExactlyOnce);
        let stored = async {
            mqtt.stored().await;
            if !payload.is_empty() {
                mqtt.publish(&publish).await.expect("it can be published").stored().await;
            }
        };
        let ended = embassy_futures::block_on(embassy_futures::select::select(mqtt.keep(&mut journal), stored));
        assert!(matches!(ended, embassy_futures::select::Either::Second(())), "a forged log");
    };
    // The start of an area with a sequence number that is not the first.
    let (chip, mqtt) = (SmallChip::new(&time, 8), new(&time));
    for _ in 0..4 {
        keep(&mqtt, &chip, b"x");
    }
    let starts = chip.with_bytes(|bytes| [bytes[..24].to_vec(), bytes[3072..3072 + 24].to_vec()]);
    let start = starts.iter().max_by_key(|start| start[16]).expect("two");
    assert!((3..9).contains(&start[16]), "{start:?}");
    for shift in 0..24 {
        let (chip, mqtt) = (SmallChip::new(&time, 8), new(&time));
        let payload: Vec<u8> = start.iter().copied().cycle().skip(shift).take(1400).collect();
        keep(&mqtt, &chip, &payload);
        keep(&new(&time), &chip, b"");
    }
}
