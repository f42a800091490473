//! A fleet of clients: nobody comes in swarms, and nobody stays with a node that fails again and again.

use crate::net::{Cluster, State, listed};
use pure_mqtt_agent::{Bytes, Options};

fn cluster(seed: u64) -> Cluster {
    Cluster::new(Options { servers: listed([0, 1, 2]), ..Options::new("a", seed) }, 3)
}

const CLIENTS: u64 = 3_000;

#[test]
fn clients_spread_over_the_nodes_at_first_and_after_the_loss_of_one() {
    let (mut first, mut second, mut tenths) = ([0; 3], [0; 3], [0; 10]);
    for seed in 0..CLIENTS {
        let mut cluster = cluster(seed);
        cluster.run();
        first[cluster.here()] += 1;
        if cluster.here() == 0 {
            cluster.kill(0);
            let pause = cluster.pass_until(5_001, |cluster| cluster.agent.is_connected());
            second[cluster.here()] += 1;
            tenths[(pause / 501) as usize] += 1;
        }
    }
    println!("at first {first:?}, after the loss of node 0 {second:?}, in tenths of 5 s {tenths:?}");
    assert!(first.iter().all(|count| (900..1_100).contains(count)), "{first:?}");
    let lost = first[0];
    assert!(second[0] == 0 && second[1..].iter().all(|count| (lost * 4 / 10..lost * 6 / 10).contains(count)));
    assert!(tenths.iter().all(|count| (lost / 20..lost / 6).contains(count)), "{tenths:?}");
}

#[test]
fn the_whole_cluster_restarts_and_no_second_has_more_than_its_share() {
    let mut seconds = vec![0; 40];
    for seed in 0..CLIENTS {
        let mut cluster = cluster(seed);
        cluster.run();
        let here = cluster.here();
        cluster.nodes = vec![State::Dead; 3];
        cluster.kill(here);
        cluster.pass(20_000);
        cluster.nodes = vec![State::Serves; 3];
        let back = cluster.pass_until(120_000, |cluster| cluster.agent.is_connected());
        seconds[(back / 1_000) as usize % 40] += 1;
    }
    println!("clients that are back by second: {seconds:?}");
    assert!(seconds.iter().all(|count| *count < CLIENTS / 8), "{seconds:?}");
}

/// A node that accepts links and ends them is not the one that is tried for ever.
#[test]
fn a_node_that_accepts_and_then_hangs_up_is_left() {
    for seed in 0..100 {
        let mut cluster = cluster(seed);
        cluster.run();
        let bad = cluster.here();
        let (link, _) = cluster.link.take().unwrap();
        cluster.server.hang_up();
        cluster.agent.closed(cluster.now, link, "closed by the server");
        cluster.pass(5_000);
        assert!(cluster.agent.is_connected());
        assert_ne!(cluster.here(), bad);
    }
}

/// A frozen node is passed over as long as another one serves, and tried again when none does.
#[test]
fn a_node_that_has_failed_rests() {
    let mut was_passed_over = 0;
    for seed in 0..100 {
        let mut cluster = cluster(seed);
        cluster.run();
        let frozen = cluster.here();
        cluster.nodes[frozen] = State::Frozen;
        cluster.pass_until(95_000, |cluster| cluster.link.is_some_and(|(_, node)| node != frozen));
        let (second, left_at) = (cluster.here(), cluster.now);
        cluster.dials.clear();
        cluster.kill(second);
        cluster.pass_until(30_000, |cluster| cluster.agent.is_connected());
        let third = cluster.here();
        let dials: Vec<_> = cluster.dials.iter().map(|(_, node)| *node).collect();
        assert!(third != second && !dials.contains(&frozen), "the frozen one was tried: {dials:?}");
        was_passed_over += u32::from(cluster.now.millis_since(left_at) < 10_000);
        cluster.nodes[frozen] = State::Serves;
        cluster.kill(third);
        cluster.pass(60_000);
        assert_eq!(cluster.here(), frozen);
    }
    assert!(was_passed_over > 50);
}

/// A link that grows long is not taken for a silent one: bytes come, and PINGRESP in time.
#[test]
fn a_node_that_answers_is_never_left() {
    let mut cluster = cluster(1);
    cluster.run();
    let here = cluster.here();
    for _ in 0..100 {
        cluster.pass(59_000);
        let (link, _) = cluster.link.unwrap();
        cluster.agent.received(cluster.now, link, Bytes::from_static(&[0x30, 3, 0, 1, b'x'][..0]));
    }
    assert_eq!((cluster.here(), cluster.dials.len()), (here, 1));
}
