//! Writes the seeds of `decode` and `connection` anew, from the packets that stand in the tests, and those of `trace` from short recordings. Run it in
//! the folder `fuzz`.

use std::collections::BTreeSet;
use std::path::Path;

use pure_mqtt_trace::Recorder;
use pure_mqtt_trace::Trace;
use pure_mqtt::wire::{Decoded, Packet, Rules};
use pure_mqtt::{
    Ack, Auth, Connect, Disconnect, Event, Heap, Instant, Limits, Message, Property, Publish, QoS, Received, Storage,
    Subscribe, Subscription, TopicFilter, TopicName, Unsubscribe, Version, Will,
};
use pure_mqtt_fuzz::trace::{Small, assemble, disassemble, limits};

/// So many packets make one life of a connection.
const LIFE: usize = 6;

fn main() -> std::io::Result<()> {
    let golden = literals(Path::new("../tests/wire/golden.rs"))?;
    let mut files: Vec<_> = std::fs::read_dir("../tests/hostile")?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.sort();
    let mut hostile = BTreeSet::new();
    for file in files {
        hostile.extend(literals(&file)?);
    }

    let mut seeds = Vec::new();
    for packet in golden.iter().chain(&hostile) {
        let good = [(2u8, Version::V5), (1, Version::V311), (0, Version::V31)]
            .into_iter()
            .find(|(_, version)| is_good(packet, *version));
        if let Some((number, _)) = good {
            seeds.push([&[number], &packet[..]].concat());
        }
    }
    seeds.truncate(120);
    write("decode", &seeds)?;

    let packets: Vec<_> = hostile.into_iter().filter(|packet| packet.len() < 90).collect();
    let mut lives = Vec::new();
    for version in 0..3u8 {
        for packets in packets.chunks(LIFE) {
            let mut life = vec![version];
            for packet in packets {
                let commands = [0x00, 0x11, 0x21, 0x02, 0x05]; // a link, QoS 1, QoS 2, SUBSCRIBE, and all of it leaves
                life.extend(commands);
                life.extend([0x0F, packet.len() as u8]);
                life.extend(packet);
            }
            lives.push(life);
        }
    }
    lives.truncate(110);
    write("connection", &lives)?;

    let recordings = (0..4).map(|choice| {
        let version = if choice < 2 { Version::V5 } else { Version::V311 };
        let trace = match choice % 2 {
            0 => recording(Heap::new(), version),
            _ => recording(Small::new(), version),
        };
        let seed = disassemble(choice, &trace);
        assert_eq!(Trace::read(&assemble(&seed)).map(|trace| trace.replay(|_, _| {})), Ok(Ok(())));
        seed
    });
    write("trace", &recordings.collect::<Vec<_>>())
}

/// A short life with every kind of call.
fn recording<S: Storage>(storage: S, version: Version) -> Vec<u8> {
    let at = Instant::from_millis;
    let mut mqtt = Recorder::new(storage, limits(), Vec::new());
    let topic = TopicName::new("t").expect("a topic");
    let filter = TopicFilter::new("t/#").expect("a filter");
    let old = mqtt.publish(at(1), &Publish::new(topic, "old").qos(QoS::AtLeastOnce)).expect("room");
    let new = mqtt.replace(at(2), old.handle, &Publish::new(topic, "new").qos(QoS::ExactlyOnce)).expect("room");
    mqtt.cancel(new.handle);
    let will = Will::new(topic, b"gone");
    let properties = [Property::SessionExpiryInterval(9)];
    let connect = Connect::new(version, "c").will(will).user_name("u").password(b"p").properties(&properties);
    mqtt.open(at(3), &connect).expect("it fits");
    drain(&mut mqtt);
    let properties: &[u8] = if version == Version::V5 { &[0] } else { &[] };
    let connack = [&[0x20, 2 + properties.len() as u8, 0, 0], properties].concat();
    let message = [&[0x32, 6 + properties.len() as u8, 0, 1, b't', 0, 7], properties, b"x"].concat();
    let _ = mqtt.handle_input(at(4), &connack);
    let _ = mqtt.publish(at(5), &Publish::new(topic, "one").qos(QoS::AtLeastOnce));
    let _ = mqtt.subscribe(at(6), &Subscribe::new(&[Subscription::new(filter, QoS::ExactlyOnce)]));
    let _ = mqtt.unsubscribe(at(7), &Unsubscribe::new(&[filter]));
    drain(&mut mqtt);
    let pending = match mqtt.handle_input(at(8), &message) {
        Ok(Received::Packet { event: Some(Event::Message(Message { ack, .. })), .. }) => ack,
        _ => None,
    };
    let _ = pending.map(|pending| mqtt.acknowledge(at(9), pending, &Ack::SUCCESS));
    let _ = mqtt.handle_input(at(10), &message[..3]);
    let _ = mqtt.handle_timeout(at(60_020));
    let _ = mqtt.authenticate(at(60_021), &Auth::re_authenticate(&[][..]));
    let _ = mqtt.disconnect(at(60_022), &Disconnect::default());
    drain(&mut mqtt);
    mqtt.handle_close(at(60_023));
    while mqtt.poll_outcome().is_some() {}
    mqtt.set_limits(Limits { version, ..limits() });
    mqtt.discard_session();
    mqtt.adopt_session();
    mqtt.shrink();
    mqtt.into_parts().1
}

fn drain<S: Storage>(mqtt: &mut Recorder<S, Vec<u8>>) {
    let mut transmit = mqtt.transmit(Instant::from_millis(0));
    while !transmit.chunk().is_empty() {
        transmit.advance(40);
    }
}

fn is_good(packet: &[u8], version: Version) -> bool {
    matches!(Packet::decode(packet, Rules::new(version)), Ok(Decoded::Packet { length, .. }) if length == packet.len())
}

fn write(target: &str, seeds: &[Vec<u8>]) -> std::io::Result<()> {
    let folder = Path::new("seeds").join(target);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder)?;
    for (number, seed) in seeds.iter().enumerate() {
        std::fs::write(folder.join(format!("{number:03}")), seed)?;
    }
    println!("{}: {} seeds", folder.display(), seeds.len());
    Ok(())
}

/// All byte strings of a source file that are long enough to be packets.
fn literals(file: &Path) -> std::io::Result<BTreeSet<Vec<u8>>> {
    let text = std::fs::read_to_string(file)?;
    let mut found = BTreeSet::new();
    for rest in text.split("b\"").skip(1) {
        let bytes = unescape(rest);
        if bytes.len() >= 2 && bytes[0] >= 0x10 {
            found.insert(bytes);
        }
    }
    Ok(found)
}

/// The bytes of a literal up to its closing quote.
fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match (c, c == '\\') {
            ('"', _) => break,
            (_, false) => bytes.push(c as u8),
            _ => match rest.next() {
                Some('x') => {
                    let digits: String = rest.by_ref().take(2).collect();
                    bytes.extend(u8::from_str_radix(&digits, 16));
                }
                Some('0') => bytes.push(0),
                Some('n') => bytes.push(b'\n'),
                Some('\n') => {
                    let left = rest.as_str().trim_start();
                    rest = left.chars();
                }
                Some(other) => bytes.push(other as u8),
                None => break,
            },
        }
    }
    bytes
}
