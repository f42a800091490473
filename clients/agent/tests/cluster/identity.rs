//! Which list of nodes is the same cluster after a restart.

use crate::net::{Cluster, State, listed};
use crate::scene::subscribe;
use pure_mqtt_agent::{Options, Outgoing, QoS, Version};

/// Whether the session goes on when the list changes from the one to the other over a restart.
fn goes_on(before: &[usize], after: &[usize], version: Version) -> bool {
    let options = |nodes: &[usize]| Options {
        servers: listed(nodes.iter().copied()),
        version,
        durable: true,
        ..Options::new("a", 5)
    };
    let mut cluster = Cluster::new(options(before), 6);
    subscribe(&mut cluster);
    cluster.run();
    assert!(cluster.agent.is_connected());
    cluster.server.connects.clear();
    cluster.loses_answers = true;
    cluster.agent.publish(cluster.now, Outgoing::new("up", "1").qos(QoS::ExactlyOnce)).unwrap();
    cluster.run();
    cluster.loses_answers = false;
    cluster.restart(options(after));
    subscribe(&mut cluster);
    cluster.run();
    assert!(cluster.agent.is_connected());
    let is_same = !cluster.server.connects.contains(&true);
    assert_eq!(cluster.server.taken.len(), if is_same { 1 } else { 2 }, "QoS 2 is exactly once within one session");
    is_same
}

#[test]
fn nodes_may_come_and_go_and_change_their_order_as_long_as_one_stays() {
    for version in [Version::V311, Version::V5] {
        let before = [0, 1, 2];
        for after in [&[0, 1, 2][..], &[2, 0, 1], &[1, 2], &[2], &[3, 0, 1, 2], &[0, 1, 2, 3], &[3, 4, 1]] {
            assert!(goes_on(&before, after, version), "{after:?}");
            assert!(goes_on(after, &before, version), "{after:?}");
        }
        for other in [&[3][..], &[3, 4], &[5, 3, 4]] {
            assert!(!goes_on(&before, other, version), "{other:?}");
            assert!(!goes_on(other, &before, version), "{other:?}");
        }
    }
}

/// Every address changes, one by one.
#[test]
fn a_cluster_can_be_moved_node_by_node() {
    let lists = [[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5]];
    let options = |nodes| Options { servers: listed(nodes), durable: true, ..Options::new("a", 5) };
    let mut cluster = Cluster::new(options(lists[0]), 6);
    cluster.run();
    cluster.server.connects.clear();
    for nodes in lists {
        cluster.restart(options(nodes));
        cluster.run();
        assert!(cluster.agent.is_connected());
    }
    assert_eq!(cluster.server.connects, [false; 4]);
}

/// Beside the cluster there is a server of its own, which knows nothing of the session.
#[test]
fn a_spare_server_beside_the_cluster_is_another_realm() {
    let mut servers = listed([0, 1, 3]);
    servers[2].cluster = None;
    let mut cluster = Cluster::new(Options { servers, ..Options::new("a", 3) }, 4);
    cluster.run();
    assert_ne!(cluster.here(), 3, "the cluster is tried first");
    cluster.server.connects.clear();
    [0, 1].iter().for_each(|node| cluster.nodes[*node] = State::Dead);
    cluster.kill(cluster.here());
    cluster.pass(10_000);
    assert_eq!((cluster.here(), &cluster.server.connects[..]), (3, &[true][..]));
}
