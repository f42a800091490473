//! The journal of an engine in a store: the session survives.

use pure_mqtt::{Connection, Heap, Instant, Limits, Publish, QoS, TopicName};

use super::*;

type Mqtt = Connection<Heap>;

const NOW: Instant = Instant::from_millis(0);

fn snapshot(mqtt: &mut Mqtt, store: &mut Store) -> Result<(), StoreError> {
    let mut bytes = Vec::new();
    assert!(mqtt.snapshot(&mut |part| bytes.extend_from_slice(part)));
    store.replace(&Snapshot { bytes: &bytes, sequence: 0, header: b"", wall_clock: 0 })
}

/// Makes durable what the engine has recorded.
fn save(mqtt: &mut Mqtt, store: &mut Store) -> Result<(), StoreError> {
    while !mqtt.journal().is_empty() {
        let length = mqtt.journal().len();
        store.append(mqtt.journal(), 0)?;
        store.commit()?;
        mqtt.journal_written(length);
    }
    Ok(())
}

/// Publishes until the power fails or it is enough; returns how many messages are accepted for good, and how many were tried.
fn live(disk: &Disk, random: &mut fastrand::Rng) -> (usize, usize) {
    let (store, recovered) = Store::over(disk.clone()).unwrap();
    let mut store = store.with_reserve(1_000);
    let log = recovered.concatenated();
    let (mut mqtt, found) = Mqtt::recover(Heap::with_journal(), Limits::DEFAULT, NOW, &log).unwrap();
    assert_eq!(found.used, log.len());
    let before = mqtt.pending();
    let (mut durable, mut tried) = (before, before);
    let mut steps = || -> Result<(), StoreError> {
        snapshot(&mut mqtt, &mut store)?;
        for _ in 0..20 {
            let topic = TopicName::new("meter/reading").unwrap();
            mqtt.publish(NOW, &Publish::new(topic, &[7; 50]).qos(QoS::ExactlyOnce)).unwrap();
            tried += 1;
            save(&mut mqtt, &mut store)?;
            durable = tried;
            if random.u8(..5) == 0 {
                snapshot(&mut mqtt, &mut store)?;
            }
        }
        Ok(())
    };
    let _ = steps();
    (durable, tried)
}

#[test]
fn a_session_survives_in_a_store() {
    for seed in 0..200 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut disk = Disk::new(seed);
        let (mut durable, mut tried) = (0, 0);
        for _ in 0..4 {
            disk.fail_after(random.u64(1..80));
            let (now_durable, now_tried) = live(&disk, &mut random);
            (durable, tried) = (now_durable.max(durable), now_tried.max(tried));
            disk = disk.lose_power(random.u64(..));
            let (_, recovered) = Store::over(disk.clone()).unwrap();
            let log = recovered.concatenated();
            let (mqtt, _) = Mqtt::recover(Heap::with_journal(), Limits::DEFAULT, NOW, &log).unwrap();
            assert!(
                (durable..=tried).contains(&mqtt.pending()),
                "seed {seed}: {durable}..={tried}, {}",
                mqtt.pending()
            );
        }
    }
}
