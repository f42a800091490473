//! Any bytes for a log, and any damage to a real one: recovery gives a session that works, or an error that says where the damage is.
#![no_main]

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use pure_mqtt::journal::RecoverError;
use pure_mqtt::storage::Journaled;
use pure_mqtt::{Connect, Connection, Fixed, Instant, Limits, Property, Publish, QoS, State, TopicName, Version};

type Mqtt = Connection<Journaled<Fixed<256, 8, 4, 64>, 256>>;

const NOW: Instant = Instant::from_millis(0);

#[derive(Arbitrary, Debug)]
enum Input<'a> {
    /// A log as it is.
    Raw(&'a [u8]),
    /// A life that writes a log, and what becomes of it.
    Life { steps: Vec<Step>, damage: Damage },
}

#[derive(Arbitrary, Debug)]
enum Step {
    Publish {
        qos: bool,
        length: u8,
    },
    /// Opens a link, with a clean start or without; the server answers with this Session Present.
    Open {
        clean: bool,
        present: bool,
    },
    /// The server sends PUBLISH, PUBACK, PUBREC, PUBREL or PUBCOMP.
    Say {
        kind: u8,
        id: u8,
    },
    Close,
    Cancel(u8),
    Forget,
    Snapshot,
    Fail,
}

#[derive(Arbitrary, Debug)]
enum Damage {
    None,
    Cut(u16),
    Flip { place: u16, bits: u8 },
    Erase(u16),
}

fuzz_target!(|input: Input<'_>| match input {
    Input::Raw(log) => check(log),
    Input::Life { steps, damage } => {
        let log = live(&steps);
        check(&hurt(log, &damage));
    }
});

fn new() -> Mqtt {
    Mqtt::new(Journaled::new(Fixed::new()), Limits { version: Version::V5, ..Limits::DEFAULT })
}

fn recover(log: &[u8]) -> Result<(Mqtt, usize), RecoverError> {
    let limits = Limits { version: Version::V5, ..Limits::DEFAULT };
    let (client, recovered) = Mqtt::recover(Journaled::new(Fixed::new()), limits, NOW, log)?;
    assert!(recovered.used <= log.len());
    Ok((client, recovered.used))
}

/// Whatever came back can go on, and its snapshot leads to the same.
fn check(log: &[u8]) {
    let Ok((mut client, _)) = recover(log) else { return };
    let mut snapshot: Vec<u8> = Vec::new();
    assert!(client.snapshot(&mut |bytes| snapshot.extend(bytes)));
    let (mut same, used) = recover(&snapshot).expect("a snapshot is a log");
    let mut again: Vec<u8> = Vec::new();
    assert!(same.snapshot(&mut |bytes| again.extend(bytes)));
    assert!(used == snapshot.len() && again == snapshot, "the snapshot leads elsewhere");
    let mut log = Vec::new();
    open(&mut client, &mut log, true, false);
    assert_eq!(client.state(), State::Connected, "{}", client.close_reason());
    save(&mut client, &mut log);
    drain(&mut client);
}

fn save(client: &mut Mqtt, log: &mut Vec<u8>) {
    log.extend(client.journal());
    client.journal_written(client.journal().len());
}

fn drain(client: &mut Mqtt) {
    let mut transmit = client.transmit(NOW);
    while !transmit.chunk().is_empty() || transmit.payload_request().is_some() {
        let count = transmit.payload_request().map_or(transmit.chunk().len(), |wanted| wanted.remaining as usize);
        transmit.advance(count);
    }
}

fn open(client: &mut Mqtt, log: &mut Vec<u8>, clean: bool, present: bool) {
    client.handle_close(NOW);
    let for_ever = [Property::SessionExpiryInterval(u32::MAX)];
    let connect = Connect::new(Version::V5, "fuzz").clean_start(clean).properties(&for_ever[..]);
    client.open(NOW, &connect).expect("everything is written");
    save(client, log);
    drain(client);
    let _ = client.handle_input(NOW, &[0x20, 3, present.into(), 0, 0]);
    save(client, log);
}

fn live(steps: &[Step]) -> Vec<u8> {
    let (mut client, mut log) = (new(), Vec::new());
    let topic = TopicName::new("t").expect("a topic");
    let mut handles = Vec::new();
    for step in steps {
        match *step {
            Step::Publish { qos, length } => {
                let qos = if qos { QoS::ExactlyOnce } else { QoS::AtLeastOnce };
                let payload = [b'x'; 255];
                let publish = Publish::new(topic, &payload[..usize::from(length % 64)]).qos(qos);
                handles.extend(client.publish(NOW, &publish).map(|delivery| delivery.handle));
            }
            Step::Open { clean, present } => open(&mut client, &mut log, clean, present),
            Step::Say { kind, id } => {
                let id = id % 8 + 1;
                let packet: &[u8] = match kind % 5 {
                    0 => &[0x34, 6, 0, 1, b't', 0, id, 0],
                    kind => &[[0x40, 0x50, 0x62, 0x70][usize::from(kind) - 1], 2, 0, id],
                };
                let _ = client.handle_input(NOW, packet);
            }
            Step::Close => client.handle_close(NOW),
            Step::Cancel(which) => {
                if let Some(handle) = handles.get(usize::from(which)) {
                    client.cancel(*handle);
                }
            }
            Step::Forget => {
                client.discard_session();
            }
            Step::Snapshot => {
                let mut snapshot = Vec::new();
                if client.snapshot(&mut |bytes| snapshot.extend(bytes)) {
                    log = snapshot;
                }
            }
            Step::Fail => {
                let (again, used) = recover(&log).expect("nothing hurt the log");
                assert_eq!(used, log.len());
                assert_eq!(again.pending(), kept(&client), "what is durable comes back");
                client = again;
            }
        }
        save(&mut client, &mut log);
        drain(&mut client);
        while client.poll_outcome().is_some() {}
    }
    log
}

/// All that is unfinished here are messages of QoS 1 and 2, and these are kept.
fn kept(client: &Mqtt) -> usize {
    client.pending()
}

fn hurt(mut log: Vec<u8>, damage: &Damage) -> Vec<u8> {
    match *damage {
        Damage::None => {}
        Damage::Cut(at) => log.truncate(at.into()),
        Damage::Flip { place, bits } => {
            if let Some(byte) = log.get_mut(usize::from(place)) {
                *byte ^= bits;
            }
        }
        Damage::Erase(at) => log.iter_mut().skip(at.into()).for_each(|byte| *byte = 0xFF),
    }
    log
}
