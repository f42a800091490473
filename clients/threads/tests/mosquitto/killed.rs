//! Programs and servers that end by SIGKILL, at any place.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pure_mqtt_client::pure_mqtt::{Cause, Property, Publish, QoS, TopicName, Version};
use pure_mqtt_client::{CleanStart, Client, NotPublished, Options, WaitError};

use crate::server::Mosquitto;
use crate::support::{Ear, PATIENCE};

const TOPIC: &str = "meter/reading";
/// So often the program is killed, each time at another place.
const KILLS: u64 = 25;
/// In the environment of the program that is killed: folder, port, and the first number to publish.
const CHILD: &str = "PURE_MQTT_CLIENT_CHILD";

/// The program that is killed: not a test of its own. It tells each number before it publishes it, and once it is delivered.
#[test]
#[ignore = "is started by the test below"]
fn the_program_that_is_killed() {
    let Ok(said) = std::env::var(CHILD) else { return };
    let [folder, port, first] = said.split('|').collect::<Vec<_>>().try_into().unwrap();
    let client = Client::open(folder, Options::new("meter").version(Version::V5)).unwrap();
    client.connect(("127.0.0.1", port.parse().unwrap())).unwrap();
    client.loop_start().unwrap();
    let topic = TopicName::new(TOPIC).unwrap();
    let mut under_way: Vec<_> = client.recovered().into_iter().map(|(info, tag)| (tag, info)).collect();
    for number in first.parse::<u64>().unwrap().. {
        println!("tries {number}");
        let text = number.to_string();
        let info = client.publish_tagged(&Publish::new(topic, text.as_str()).qos(QoS::ExactlyOnce), number).unwrap();
        under_way.push((number, info));
        if under_way.len() > 20 {
            let (number, info) = under_way.remove(0);
            info.wait_for_publish(PATIENCE).unwrap();
            println!("delivered {number}");
        }
    }
}

/// QoS 2 outward is exactly once over any number of ends of the program.
#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn a_program_that_is_killed_again_and_again_delivers_exactly_once() {
    let broker = Mosquitto::start();
    let reader = Client::with(Options::new("reader"));
    let ear = Ear::of(&reader);
    reader.subscribe(TOPIC, QoS::ExactlyOnce).unwrap();
    reader.connect(("127.0.0.1", broker.port)).unwrap();
    reader.loop_start().unwrap();
    ear.until(|told| !told.subscribed.is_empty());

    let folder = std::env::temp_dir().join(format!("pure-mqtt-killed-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let (mut tried, mut delivered) = (0, BTreeSet::new());
    for kill in 0..KILLS {
        let said = format!("{}|{}|{}", folder.display(), broker.port, tried + 1);
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "killed::the_program_that_is_killed", "--ignored", "--nocapture"])
            .env(CHILD, said)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let until = tried + 1 + kill * 7; // another place each time
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        for line in lines {
            if let Some(number) = line.rsplit_once("tries ").map(|(_, number)| number.parse::<u64>().unwrap()) {
                tried = number;
                if number == until {
                    child.kill().unwrap();
                }
            }
            delivered.extend(line.strip_prefix("delivered ").map(|number| number.parse::<u64>().unwrap()));
        }
        child.wait().unwrap();
    }
    let last = Client::open(&folder, Options::new("meter").version(Version::V5)).unwrap();
    last.connect(("127.0.0.1", broker.port)).unwrap();
    last.loop_start().unwrap();
    for (info, tag) in last.recovered() {
        info.wait_for_publish(PATIENCE).unwrap();
        delivered.insert(tag);
    }
    last.publish(TOPIC, "0", QoS::ExactlyOnce, false).unwrap().wait_for_publish(PATIENCE).unwrap();
    last.disconnect();
    last.loop_stop();
    drop(last);
    ear.until(|told| told.texts().contains(&"0"));
    let numbers: Vec<u64> = ear.told().texts().iter().map(|text| text.parse().unwrap()).collect();
    let once: BTreeSet<_> = numbers.iter().copied().collect();
    assert_eq!(once.len(), numbers.len(), "some arrived twice");
    let lost: Vec<_> = delivered.difference(&once).collect();
    assert!(lost.is_empty(), "told as delivered, and lost: {lost:?}");
    assert!(numbers.iter().all(|number| *number <= tried));
    assert!(delivered.len() as u64 > KILLS, "it got little done: {}", delivered.len());
    reader.disconnect();
    reader.loop_stop();
    std::fs::remove_dir_all(&folder).unwrap();
}

/// The server is killed while messages go through it, and another one takes over, which knows nothing of the session: nothing is lost but what the first had
/// acknowledged and took with it. What may have been lost with it is told.
#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn another_server_takes_over_when_one_is_killed() {
    const MESSAGES: usize = 2_000;
    for version in [Version::V311, Version::V5] {
        let mut servers = vec![Mosquitto::start(), Mosquitto::start()];
        let readers: Vec<_> = servers.iter().map(|server| reader(server.port, version)).collect();
        let ports: Vec<_> = servers.iter().map(|server| server.port).collect();
        let options = Options::new("publisher")
            .version(version)
            .clean_start(CleanStart::First)
            .properties(&[Property::SessionExpiryInterval(60)])
            .reconnect_delay(Duration::from_millis(50), Duration::from_millis(500));
        let client = Client::with(options);
        // What the first server had acknowledged when it was killed it took with it.
        let acknowledged = Arc::new(Mutex::new((0, BTreeSet::new())));
        let links = Arc::clone(&acknowledged);
        client.on_connect(move |_, connack| links.lock().unwrap().0 += u32::from(connack.is_accepted()));
        let ends = Arc::clone(&acknowledged);
        client.on_publish(move |_, published| {
            let (links, before) = &mut *ends.lock().unwrap();
            if *links == 1 {
                before.insert(published.mid);
            }
        });
        client.connect_to(ports.iter().map(|port| ("127.0.0.1", *port))).unwrap();
        client.loop_start().unwrap();
        let mut infos = Vec::new();
        for number in 0..MESSAGES {
            let qos = if number % 2 == 0 { QoS::AtLeastOnce } else { QoS::ExactlyOnce };
            infos.push(client.publish("load", number.to_string(), qos, false).unwrap());
            if number == MESSAGES / 2 {
                infos[number / 2].wait_for_publish(PATIENCE).unwrap(); // it is in the middle of it
                drop(servers.remove(0)); // SIGKILL
            }
        }
        let killed = Instant::now();
        let mut unsure = BTreeSet::new();
        for (number, info) in infos.iter().enumerate() {
            match info.wait_for_publish(PATIENCE) {
                Ok(()) => {}
                // The killed server had taken it over, and the client no longer had it: whether it was passed on nobody knows.
                Err(WaitError::NotPublished(NotPublished::Ended(Cause::Released))) => drop(unsure.insert(number)),
                Err(error) => panic!("{number}: {error}"),
            }
        }
        assert!(unsure.len() <= 20, "more than were in flight: {unsure:?}");
        assert!(killed.elapsed() < PATIENCE);
        let (_, second) = &readers[1];
        second.until(|told| told.texts().contains(&"1999"));
        let mut arrived: BTreeSet<String> = second.told().texts().iter().map(|text| (*text).to_owned()).collect();
        arrived.extend(readers[0].1.told().texts().iter().map(|text| (*text).to_owned()));
        let before = acknowledged.lock().unwrap().1.clone();
        let is_lost = |number: &usize| {
            let is_known = arrived.contains(&number.to_string()) || unsure.contains(number);
            !is_known && !before.contains(&infos[*number].mid())
        };
        let lost: Vec<_> = (0..MESSAGES).filter(is_lost).collect();
        assert!(lost.is_empty(), "{version:?}: {lost:?}");
        client.disconnect();
        client.loop_stop();
        for (reader, _) in readers {
            reader.disconnect();
            reader.loop_stop();
        }
    }
}

fn reader(port: u16, version: Version) -> (Client, Ear) {
    let reader = Client::with(Options::new("reader").version(version));
    let ear = Ear::of(&reader);
    reader.subscribe("load", QoS::ExactlyOnce).unwrap();
    reader.connect(("127.0.0.1", port)).unwrap();
    reader.loop_start().unwrap();
    ear.until(|told| !told.subscribed.is_empty());
    (reader, ear)
}
