//! The station on embassy-net, over an Ethernet in memory. `src/bin/ethernet.rs` is the same over a TAP device.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use embassy_futures::select::{Either4, select4};
use embassy_net::dns::DnsSocket;
use embassy_net::tcp::client::{TcpClient, TcpClientState};
use embassy_net::{Stack, StackResources};
use pure_mqtt_embassy::{Event, RunError, Version};
use pure_mqtt_embassy_examples::{ethernet, host, nal};

use crate::cable::cable;
use crate::gateway::{self, SERVER};
use crate::peer::{Ear, Mouth};
use crate::play::{CLIENT, Stage, options};
use crate::server::Mosquitto;

/// How many commands are given at a time: the station has room for twice as many.
const SOME: u32 = 15;

/// The station's links over one end of a cable whose other end leads to mosquitto.
pub async fn wired<L>(
    stage: &Stage,
    broker: SocketAddr,
    links: impl FnOnce(Stack<'static>) -> L,
) -> Result<(), RunError>
where
    L: Future<Output = Result<(), RunError>>,
{
    let [near, far] = cable(&stage.is_unplugged);
    let (near_memory, far_memory) = (
        Box::leak(Box::new(StackResources::<4>::new())),
        Box::leak(Box::new(StackResources::<6>::new())),
    );
    let (stack, mut network) = embassy_net::new(
        near,
        gateway::config(2),
        near_memory,
        u64::from(host::random()),
    );
    let (far_stack, mut far_network) =
        embassy_net::new(far, gateway::config(1), far_memory, u64::from(host::random()));
    let gateway = gateway::serve(far_stack, broker, &stage.cuts);
    match select4(links(stack), network.run(), far_network.run(), gateway).await {
        Either4::First(end) => end,
        _ => panic!("a network has no end"),
    }
}

fn play(version: Version, script: impl FnOnce(&Stage, &Mosquitto)) {
    let (stage, broker) = (Stage::new(), Mosquitto::start());
    let address = broker.address().parse().unwrap();
    let links = async || {
        let options = options(version);
        wired(&stage, address, async |stack| {
            ethernet::links(&stage.mqtt, stack, SERVER, &options, host::random).await
        })
        .await
    };
    stage.play(links, || {
        broker.await_log(&format!("Sending SUBACK to {CLIENT}"));
        script(&stage, &broker);
    });
}

const VERSIONS: [Version; 2] = [Version::V311, Version::V5];

#[test]
fn messages_go_both_ways() {
    for version in VERSIONS {
        play(version, |_, broker| {
            let mut ear = Ear::open(broker, broker.port, version);
            for qos in 0..3 {
                let start = format!("{version:?} QoS {qos} number ");
                Mouth::open(broker.port, version, qos).say(&start, 0..SOME);
                ear.hear(&start, SOME as usize);
                assert_eq!(ear.counts(&start), vec![1; SOME as usize]);
            }
        });
    }
}

/// By `TcpClient` and `DnsSocket` of embassy-net, which are what embedded-nal-async wants.
#[test]
fn messages_go_both_ways_through_nal() {
    let (stage, broker, version) = (Stage::new(), Mosquitto::start(), Version::V5);
    let address = broker.address().parse().unwrap();
    let server = (SERVER.addr.to_string(), SERVER.port);
    let links = async || {
        wired(&stage, address, async |stack| {
            let state = TcpClientState::<1, 1024, 1024>::new();
            let (tcp, dns) = (TcpClient::new(stack, &state), DnsSocket::new(stack));
            let server = (server.0.as_str(), server.1);
            nal::links(
                &stage.mqtt,
                (&tcp, &dns),
                server,
                &options(version),
                host::random,
                |_| {},
            )
            .await
        })
        .await
    };
    stage.play(links, || {
        broker.await_log(&format!("Sending SUBACK to {CLIENT}"));
        let mut ear = Ear::open(&broker, broker.port, version);
        let mut mouth = Mouth::open(broker.port, version, 2);
        mouth.say("number ", 0..SOME);
        ear.hear("number ", SOME as usize);
        stage.cut();
        mouth.say("number ", SOME..2 * SOME);
        ear.hear("number ", 2 * SOME as usize);
        assert_eq!(ear.counts("number "), vec![1; 2 * SOME as usize]);
    });
}

#[test]
fn nothing_is_lost_or_doubled_over_a_cut() {
    for version in VERSIONS {
        play(version, |stage, broker| {
            let mut ear = Ear::open(broker, broker.port, version);
            let mut mouths =
                [1, 2].map(|qos| (qos, Mouth::open(broker.port, version, qos)));
            for round in 1..=3 {
                for (qos, mouth) in &mut mouths {
                    mouth.say(
                        &format!("QoS {qos} number "),
                        (round - 1) * SOME..round * SOME,
                    );
                }
                ear.hear("QoS ", ((round - 1) * 2 * SOME + SOME / 2) as usize); // in the middle
                stage.cut();
                stage.await_event(|event| matches!(event, Event::Disconnected(_)));
                ear.hear("QoS ", (round * 2 * SOME) as usize);
            }
            assert_eq!(ear.counts("QoS 2"), vec![1; 3 * SOME as usize]);
        });
    }
}

#[test]
fn a_cable_that_is_unplugged_is_noticed_and_nothing_is_lost() {
    for version in VERSIONS {
        play(version, |stage, broker| {
            let mut ear = Ear::open(broker, broker.port, version);
            stage.is_unplugged.store(true, Ordering::Relaxed);
            let mut mouths =
                [1, 2].map(|qos| (qos, Mouth::open(broker.port, version, qos)));
            for (qos, mouth) in &mut mouths {
                mouth.say(&format!("QoS {qos} number "), 0..SOME);
            }
            stage.await_event(|event| matches!(event, Event::Disconnected(_)));
            assert!(!stage.mqtt.is_connected());
            stage.is_unplugged.store(false, Ordering::Relaxed);
            ear.hear("QoS ", 2 * SOME as usize);
            assert_eq!(ear.counts("QoS 2"), vec![1; SOME as usize]);
        });
    }
}
