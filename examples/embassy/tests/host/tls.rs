//! The station with embedded-tls, over sockets of this PC and over embassy-net, against a mosquitto with certificates.

use std::net::{SocketAddr, TcpListener};
use std::sync::Mutex;

use embedded_tls::TlsError;
use pure_mqtt_embassy::{Event, LinkEnd, Version};
use pure_mqtt_embassy_examples::secure::Tls;
use pure_mqtt_embassy_examples::{ethernet, host};
use rand_core::OsRng;

use crate::certificates::{Authority, SecureBroker};
use crate::ethernet::wired;
use crate::gateway::SERVER;
use crate::peer::{Ear, Mouth};
use crate::play::{CLIENT, Stage, options};

const NAME: &str = "broker.test";

/// A year in which the certificates of the tests are valid.
const VALID: i32 = 4000;

const SOME: u32 = 20;

/// Messages both ways, and once more over a new link.
fn talk(broker: &SecureBroker, version: Version) {
    broker.mosquitto.await_log(&format!("Sending SUBACK to {CLIENT}"));
    let mut ear = Ear::open(&broker.mosquitto, broker.mosquitto.port, version);
    for qos in 0..3 {
        let start = format!("{version:?} QoS {qos} number ");
        Mouth::open(broker.mosquitto.port, version, qos).say(&start, 0..SOME);
        ear.hear(&start, SOME as usize);
        assert_eq!(ear.counts(&start), vec![1; SOME as usize]);
    }
}

#[test]
fn messages_go_both_ways_over_a_socket_of_the_host() {
    for version in [Version::V311, Version::V5] {
        let authority = Authority::new();
        let broker = authority.broker(NAME, VALID);
        let (stage, address) = (Stage::new(), broker.secure);
        let links = async || {
            let (mut received, mut unsent) = ([0; 16_640], [0; 1024]);
            let on_failure = |error| panic!("{error:?}");
            let records = (&mut received[..], &mut unsent[..]);
            let mut tls =
                Tls::new(NAME, &authority.certificate, OsRng, records, &on_failure);
            host::secure_links(
                &stage.mqtt,
                address,
                &options(version),
                &mut tls,
                host::random,
            )
            .await
        };
        stage.play(links, || talk(&broker, version));
    }
}

#[test]
fn messages_go_both_ways_over_embassy_net_and_over_a_cut() {
    let (authority, version) = (Authority::new(), Version::V5);
    let broker = authority.broker(NAME, VALID);
    let (stage, address) = (Stage::new(), broker.secure);
    let links = async || {
        let (mut received, mut unsent) = ([0; 16_640], [0; 1024]);
        let records = (&mut received[..], &mut unsent[..]);
        let mut tls = Tls::new(NAME, &authority.certificate, OsRng, records, &|_| {});
        wired(&stage, address, async |stack| {
            ethernet::secure_links(
                &stage.mqtt,
                stack,
                SERVER,
                &options(version),
                &mut tls,
                host::random,
            )
            .await
        })
        .await
    };
    stage.play(links, || {
        talk(&broker, version);
        stage.cut();
        stage.await_event(|event| matches!(event, Event::Disconnected(_)));
        let mut ear = Ear::open(&broker.mosquitto, broker.mosquitto.port, version);
        let mut mouth = Mouth::open(broker.mosquitto.port, version, 2);
        mouth.say("after the cut ", 0..SOME);
        ear.hear("after the cut ", SOME as usize);
        assert_eq!(ear.counts("after the cut "), vec![1; SOME as usize]);
    });
}

/// The server is asked for short records, so that a message of 4,000 bytes, which the station discards, passes through a buffer of 1,280.
#[test]
fn a_small_buffer_is_enough() {
    let (authority, version) = (Authority::new(), Version::V311);
    let broker = authority.broker(NAME, VALID);
    let stage = Stage::new();
    let links = async || {
        let (mut received, mut unsent) = ([0; 1_280], [0; 256]);
        let on_failure = |error| panic!("{error:?}");
        let records = (&mut received[..], &mut unsent[..]);
        let mut tls = Tls::new(NAME, &authority.certificate, OsRng, records, &on_failure);
        host::secure_links(
            &stage.mqtt,
            broker.secure,
            &options(version),
            &mut tls,
            host::random,
        )
        .await
    };
    stage.play(links, || {
        talk(&broker, version);
        Mouth::open(broker.mosquitto.port, version, 1).say(&"long ".repeat(800), 0..1);
        stage.await_event(|event| {
            matches!(event, Event::Discarded { length: 4_000.., .. })
        });
        let mut ear = Ear::open(&broker.mosquitto, broker.mosquitto.port, version);
        Mouth::open(broker.mosquitto.port, version, 2).say("at last ", 0..1);
        ear.hear("at last ", 1);
        assert_eq!(stage.mqtt.stats().links, 1);
    });
}

/// Also if the issuer is only a server itself: what embedded-tls does not look at, as the README says.
#[test]
fn a_chain_is_accepted() {
    for may_sign in [true, false] {
        let (authority, stage) = (Authority::new(), Stage::new());
        let broker = authority.broker_of_another(NAME, VALID, may_sign);
        let links = async || {
            let (mut received, mut unsent) = ([0; 16_640], [0; 1024]);
            let on_failure = |error| panic!("{error:?}");
            let records = (&mut received[..], &mut unsent[..]);
            let mut tls =
                Tls::new(NAME, &authority.certificate, OsRng, records, &on_failure);
            host::secure_links(
                &stage.mqtt,
                broker.secure,
                &options(Version::V5),
                &mut tls,
                host::random,
            )
            .await
        };
        stage.play(links, || {
            broker.mosquitto.await_log(&format!("Sending SUBACK to {CLIENT}"))
        });
    }
}

/// The station dials a server that is not the right one again and again, and its program hears why.
fn is_refused(server: SocketAddr, trusted: &Authority) -> Vec<TlsError> {
    let (stage, failures) = (Stage::new(), Mutex::new(Vec::new()));
    let links = async || {
        let (mut received, mut unsent) = ([0; 16_640], [0; 1024]);
        let on_failure = |error| failures.lock().unwrap().push(error);
        let records = (&mut received[..], &mut unsent[..]);
        let mut tls = Tls::new(NAME, &trusted.certificate, OsRng, records, &on_failure);
        let options = options(Version::V5).dial_timeout(2_000);
        host::secure_links(&stage.mqtt, server, &options, &mut tls, host::random).await
    };
    stage.play(links, || {
        for _ in 0..3 {
            stage.await_event(|event| *event == Event::Disconnected(LinkEnd::NotDialed));
        }
        assert_eq!(stage.mqtt.stats().links, 0);
    });
    failures.into_inner().unwrap()
}

#[test]
fn the_certificate_of_another_authority_is_refused() {
    let (authority, other) = (Authority::new(), Authority::new());
    let broker = authority.broker(NAME, VALID);
    let failures = is_refused(broker.secure, &other);
    assert!(failures.len() >= 3);
    assert!(
        failures.iter().all(|error| matches!(error, TlsError::InvalidCertificate)),
        "{failures:?}"
    );
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let authority = Authority::new();
    let broker = authority.broker("other.test", VALID);
    let failures = is_refused(broker.secure, &authority);
    assert!(failures.len() >= 3);
    assert!(
        failures.iter().all(|error| matches!(error, TlsError::InvalidCertificate)),
        "{failures:?}"
    );
}

#[test]
fn a_certificate_that_has_expired_is_refused() {
    let authority = Authority::new();
    let broker = authority.broker(NAME, 2001);
    let failures = is_refused(broker.secure, &authority);
    assert!(failures.len() >= 3);
    assert!(
        failures.iter().all(|error| matches!(error, TlsError::InvalidCertificate)),
        "{failures:?}"
    );
}

#[test]
fn a_server_that_says_nothing_does_not_stop_the_station() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap(); // takes connections, and leaves them alone
    let failures = is_refused(listener.local_addr().unwrap(), &Authority::new());
    assert!(failures.is_empty(), "{failures:?}");
}
