//! Brokers begin and end as values do.

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use pure_mqtt_client::pure_mqtt::{QoS, Version};
use pure_mqtt_test_broker::{Act, Broker, Message, Packet, When};

use crate::rig::{Rig, options, until};

#[test]
fn two_brokers_know_nothing_of_each_other() {
    let (one, other) = (Broker::start().unwrap(), Broker::start().unwrap());
    one.script(When::sends(Packet::PubAck), Act::Lose);
    let (first, second) = (Rig::connected(&one, options(Version::V5)), Rig::connected(&other, options(Version::V5)));
    first.subscribe("in", QoS::AtMostOnce);
    second.subscribe("in", QoS::AtMostOnce);
    assert_eq!((one.publish(&Message::new("in", "1")), other.publish(&Message::new("in", "2"))), (1, 1));
    first.ear.until(|told| told.texts() == ["1"]);
    second.ear.until(|told| told.texts() == ["2"]);
    second.deliver("3", QoS::AtLeastOnce);
    assert_eq!((one.texts("out").len(), other.texts("out").len()), (0, 1));
}

/// Connections end, the port is free, and no thread is left: also with connections that stall, and while bytes come.
#[test]
fn dropped_it_leaves_nothing_behind() {
    for act in [None, Some(Act::Stall), Some(Act::StopReading)] {
        let broker = Broker::start().unwrap();
        act.into_iter().for_each(|act| broker.script(When::opens(), act));
        let mut sockets: Vec<_> = (0..20).map(|_| TcpStream::connect(broker.address()).unwrap()).collect();
        until(&broker, |seen| seen.accepted() == 20);
        let address = broker.address();
        let started = Instant::now();
        drop(broker);
        assert!(started.elapsed() < Duration::from_secs(2));
        for socket in &mut sockets {
            socket.set_read_timeout(Some(crate::support::PATIENCE)).unwrap();
            assert!(matches!(socket.read(&mut [0]), Ok(0) | Err(_)));
        }
        assert!(TcpStream::connect(address).is_err());
        TcpListener::bind(address).unwrap();
    }
}

#[test]
#[cfg(target_os = "linux")]
fn threads_and_descriptors_are_given_back() {
    let count = |folder: &str| std::fs::read_dir(folder).unwrap().count();
    // Other tests of this process come and go: what a hundred brokers would leave is more than they have.
    let before = count("/proc/self/fd");
    for _ in 0..300 {
        let broker = Broker::start().unwrap();
        let _socket = TcpStream::connect(broker.address()).unwrap();
        until(&broker, |seen| seen.accepted() == 1);
    }
    let after = count("/proc/self/fd");
    assert!(after < before + 150, "{before} descriptors before, {after} after");
    assert!(count("/proc/self/task") < 150);
}

#[test]
fn a_wait_without_an_end_says_what_has_happened() {
    let broker = Broker::start().unwrap();
    let _rig = Rig::connected(&broker, options(Version::V311));
    let error = broker.wait_for(Duration::from_millis(20), |seen| seen.received("#").count() > 0).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("the condition did not become true within 20ms"), "{text}");
    assert!(text.contains("link 1 -> CONNECT V311 id=\"meter\"") && text.contains("link 1 <- CONNACK"), "{text}");
}
