//! The journal in NOR flash, through the traits of `embedded-storage`: two areas in turn, words that are written once, and power that fails
//! at any word. The host in `nor_flash/host.rs` is made to be copied.

#![cfg(feature = "journal")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::expect_used)]

#[path = "nor_flash/chip.rs"]
mod chip;
#[path = "nor_flash/host.rs"]
mod host;

use chip::Chip;
use host::Host;
use pure_mqtt::storage::Journaled;
use pure_mqtt::{
    Connect, Connection, Event, Fixed, Handle, Instant, Limits, Publish, QoS, Received, TopicName, Version,
};

type Mqtt = Connection<Journaled<Fixed<256, 8, 4, 64>, 256>>;

const NOW: Instant = Instant::from_millis(0);
const MESSAGES: u32 = 60;

fn limits() -> Limits {
    Limits { version: Version::V311, ..Limits::DEFAULT }
}

/// What a device knows of the messages that were accepted and not acknowledged.
#[derive(Default)]
struct Ledger {
    /// The handles whose records are durable, and that of a message whose record was being written.
    durable: Vec<Handle>,
    doubtful: Option<Handle>,
    /// The handle whose acknowledgement came, if that was being written.
    ending: Option<Handle>,
    accepted: u32,
}

/// Publishes and is acknowledged until the power fails, or until everything is done.
fn work(chip: &mut Chip, ledger: &mut Ledger) -> Result<(), chip::PowerLost> {
    let mut buffer = [0; 4096];
    let (mut host, log) = Host::open(chip, &mut buffer)?;
    let (mut mqtt, recovered) = Mqtt::recover(Journaled::new(Fixed::new()), limits(), NOW, log).unwrap();
    check(&mqtt, ledger);
    // What was torn can't be written behind: the other area begins anew.
    if recovered.used < log.len() || log.is_empty() {
        host.replace(|write| assert!(mqtt.snapshot(write)))?;
    }
    mqtt.open(NOW, &Connect::new(Version::V311, "c").clean_start(false)).unwrap();
    save(&mut mqtt, &mut host)?;
    hear(&mut mqtt, &[0x20, 2, u8::from(ledger.accepted > 0), 0]);
    save(&mut mqtt, &mut host)?;
    while ledger.accepted < MESSAGES || mqtt.pending() > 0 {
        if ledger.accepted < MESSAGES && mqtt.pending() < 4 {
            let publish = Publish::new(TopicName::new("t").unwrap(), b"some reading").qos(QoS::AtLeastOnce);
            ledger.accepted += 1;
            ledger.doubtful = Some(mqtt.publish(NOW, &publish).unwrap().handle);
            save(&mut mqtt, &mut host)?;
            ledger.durable.extend(ledger.doubtful.take());
        } else {
            let length = mqtt.transmit(NOW).remaining();
            mqtt.transmit(NOW).advance(length);
            // The server acknowledges the oldest.
            let (handle, id) = oldest(&mqtt);
            let [high, low] = id.to_be_bytes();
            ledger.ending = Some(handle);
            hear(&mut mqtt, &[0x40, 2, high, low]);
            save(&mut mqtt, &mut host)?;
            ledger.durable.retain(|durable| *durable != handle);
            ledger.ending = None;
        }
    }
    Ok(())
}

/// The handles and identifiers of what is unfinished, as a copy of the connection tells when everything is forgotten.
fn unfinished(mqtt: &Mqtt) -> Vec<(Handle, u16)> {
    let mut copy = mqtt.clone();
    copy.handle_close(NOW);
    assert!(copy.discard_session());
    std::iter::from_fn(|| copy.poll_outcome()).map(|outcome| (outcome.handle, outcome.id.get())).collect()
}

fn oldest(mqtt: &Mqtt) -> (Handle, u16) {
    unfinished(mqtt)[0]
}

/// What came back is what was durable; one more or one less where the power failed while its record was written.
fn check(mqtt: &Mqtt, ledger: &mut Ledger) {
    let back: Vec<Handle> = unfinished(mqtt).into_iter().map(|(handle, _)| handle).collect();
    let mut expected = ledger.durable.clone();
    if let Some(handle) = ledger.doubtful.take() {
        match back.contains(&handle) {
            true => expected.push(handle),
            false => ledger.accepted -= 1, // it was never accepted, and is published again
        }
    }
    if let Some(handle) = ledger.ending.take().filter(|handle| !back.contains(handle)) {
        expected.retain(|kept| *kept != handle);
    }
    assert_eq!(back, expected);
    ledger.durable = back;
}

fn hear(mqtt: &mut Mqtt, bytes: &[u8]) {
    let length = mqtt.transmit(NOW).remaining();
    mqtt.transmit(NOW).advance(length);
    let received = mqtt.handle_input(NOW, bytes).unwrap();
    assert!(matches!(received, Received::Packet { event: Some(Event::ConnAck(_) | Event::PubAck(_)), .. }));
}

fn save(mqtt: &mut Mqtt, host: &mut Host<'_, Chip>) -> Result<(), chip::PowerLost> {
    while !mqtt.journal().is_empty() && host.has_room(mqtt.journal().len()) {
        host.append(mqtt.journal())?;
        mqtt.journal_written(mqtt.journal().len());
    }
    if mqtt.journal().is_empty() {
        return Ok(());
    }
    // A snapshot holds everything, but it wants the journal to be empty: the records go to the old area's last bytes, kept for this.
    host.append_last(mqtt.journal())?;
    mqtt.journal_written(mqtt.journal().len());
    host.replace(|write| assert!(mqtt.snapshot(write)))
}

#[test]
fn the_power_fails_after_every_word() {
    let mut whole = Chip::new(u64::MAX);
    work(&mut whole, &mut Ledger::default()).unwrap();
    let words = whole.words;
    assert!(words > 1_000 && whole.erased > 4, "{words} words, {} erased", whole.erased);
    for supply in 0..words {
        let (mut chip, mut ledger) = (Chip::new(supply), Ledger::default());
        work(&mut chip, &mut ledger).unwrap_err();
        chip.supply = u64::MAX;
        work(&mut chip, &mut ledger).unwrap();
        assert!(ledger.durable.is_empty() && ledger.accepted == MESSAGES, "after {supply} words");
    }
    println!("the power failed after each of {words} words");
}

#[test]
fn the_power_fails_again_and_again() {
    let given = std::env::var("PURE_MQTT_SEED").ok().map(|text| text.parse::<u64>().unwrap());
    for seed in given.map_or(1..300, |seed| seed..seed + 1) {
        let mut rng = fastrand::Rng::with_seed(seed);
        let (mut chip, mut ledger) = (Chip::new(0), Ledger::default());
        for _ in 0..20 {
            chip.supply = rng.u64(0..200);
            if work(&mut chip, &mut ledger).is_ok() {
                break;
            }
        }
        chip.supply = u64::MAX;
        assert!(work(&mut chip, &mut ledger).is_ok(), "PURE_MQTT_SEED={seed}");
    }
}
