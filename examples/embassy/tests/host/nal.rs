//! The station over the network stack of this PC, behind the traits of embedded-nal-async.

use std::sync::Mutex;

use embedded_nal_async::{AddrType, Dns};
use pure_mqtt_embassy::nal::DialError;
use pure_mqtt_embassy::{Event, LinkEnd, Version};
use pure_mqtt_embassy_examples::{host, nal};
use std_embedded_nal_async::Stack;

use crate::peer::{Ear, Mouth};
use crate::play::{CLIENT, Stage, options};
use crate::server::{Mosquitto, free_port};

const SOME: u32 = 20;

#[test]
fn messages_go_both_ways() {
    for (version, host) in [(Version::V311, "localhost"), (Version::V5, "127.0.0.1")] {
        let (stage, broker) = (Stage::new(), Mosquitto::start());
        let (server, options) = ((host, broker.port), options(version));
        let links = async || {
            let stack = Stack::default();
            nal::links(
                &stage.mqtt,
                (&stack, &stack),
                server,
                &options,
                host::random,
                |_| {},
            )
            .await
        };
        stage.play(links, || {
            broker.await_log(&format!("Sending SUBACK to {CLIENT}"));
            let mut ear = Ear::open(&broker, broker.port, version);
            for qos in 0..3 {
                let start = format!("QoS {qos} number ");
                Mouth::open(broker.port, version, qos).say(&start, 0..SOME);
                ear.hear(&start, SOME as usize);
                assert_eq!(ear.counts(&start), vec![1; SOME as usize]);
            }
        });
    }
}

/// Only `Name` or `Connect`, for two dials or more.
fn failures(host: &str, port: u16) -> Vec<&'static str> {
    let (stage, failures) = (Stage::new(), Mutex::new(Vec::new()));
    let links = async || {
        let stack = Stack::default();
        let on_failure = |error: &DialError<_, _>| {
            let name = match error {
                DialError::Name(_) => "name",
                DialError::Connect(_) => "connect",
            };
            failures.lock().unwrap().push(name);
        };
        nal::links(
            &stage.mqtt,
            (&stack, &stack),
            (host, port),
            &options(Version::V5),
            host::random,
            on_failure,
        )
        .await
    };
    stage.play(links, || {
        for _ in 0..2 {
            stage.await_event(|event| *event == Event::Disconnected(LinkEnd::NotDialed));
        }
    });
    failures.into_inner().unwrap()
}

#[test]
fn a_name_without_an_address_is_told() {
    let failures = failures("broker.invalid", 1883);
    assert!(
        failures.len() >= 2 && failures.iter().all(|failure| *failure == "name"),
        "{failures:?}"
    );
}

#[test]
fn a_port_where_nobody_listens_is_told() {
    let failures = failures("localhost", free_port());
    assert!(
        failures.len() >= 2 && failures.iter().all(|failure| *failure == "connect"),
        "{failures:?}"
    );
}

/// Two addresses for one name, the first of which nobody listens at.
struct Twice;

impl Dns for Twice {
    type Error = ();

    async fn get_host_by_name(
        &self,
        _: &str,
        kind: AddrType,
    ) -> Result<std::net::IpAddr, ()> {
        let address = if kind == AddrType::IPv4 { "127.0.0.1" } else { "::1" };
        address.parse().map_err(|_| ())
    }

    async fn get_host_by_address(
        &self,
        _: std::net::IpAddr,
        _: &mut [u8],
    ) -> Result<usize, ()> {
        Err(())
    }
}

#[test]
fn the_other_kind_of_address_is_tried() {
    let (stage, broker) = (Stage::new(), Mosquitto::start()); // it listens at 127.0.0.1 alone
    let (server, options) = (("broker.test", broker.port), options(Version::V5));
    let links = async || {
        let stack = Stack::default();
        nal::links(&stage.mqtt, (&stack, &Twice), server, &options, host::random, |_| {})
            .await
    };
    stage.play(links, || broker.await_log(&format!("Sending SUBACK to {CLIENT}")));
}
