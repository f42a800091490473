//! A node is lost in each way, in the middle of each kind of traffic.

use crate::net::{Cluster, State, listed};
use fastrand::Rng;
use pure_mqtt_agent::{
    AckMode, CleanStart, FilterOptions, Options, Outgoing, QoS, Qos0Queue, ReasonCode, Receiver, Version,
};
use std::collections::BTreeMap;

/// How the node of the client is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loss {
    Killed,
    Frozen,
    /// Killed, while another one is frozen: the client may run into it.
    KilledWithAnotherFrozen,
    FrozenWithAnotherDead,
    /// It sends its clients away, and refuses them.
    Busy,
    /// It names another server, which the client may not follow to.
    Moved,
}

const LOSSES: [Loss; 6] =
    [Loss::Killed, Loss::Frozen, Loss::KilledWithAnotherFrozen, Loss::FrozenWithAnotherDead, Loss::Busy, Loss::Moved];

/// Everything that differs between two scenes.
#[derive(Clone, Copy, Debug)]
struct Scene {
    loss: Loss,
    qos: QoS,
    version: Version,
    clean_start: CleanStart,
    /// The node after the loss has no session.
    loses_session: bool,
    /// The client has a log, and begins again with another list of nodes.
    is_restarted: bool,
    seed: u64,
}

impl Scene {
    fn all(seed: u64) -> impl Iterator<Item = Self> {
        let starts = [CleanStart::First, CleanStart::Always, CleanStart::Never];
        (0..6 * 2 * 2 * 3 * 2 * 2).map(move |number: usize| {
            let mut left = number;
            let mut draw = |count| {
                let drawn = left % count;
                left /= count;
                drawn
            };
            Self {
                loss: LOSSES[draw(6)],
                qos: [QoS::AtLeastOnce, QoS::ExactlyOnce][draw(2)],
                version: [Version::V311, Version::V5][draw(2)],
                clean_start: starts[draw(3)],
                loses_session: draw(2) == 1,
                is_restarted: draw(2) == 1,
                seed: seed * 1_000 + number as u64,
            }
        })
    }

    fn options(&self, rng: &mut Rng) -> Options {
        let mut nodes = [0, 1, 2];
        rng.shuffle(&mut nodes);
        Options {
            servers: listed(nodes),
            version: self.version,
            clean_start: self.clean_start,
            keep_alive: rng.u16(4..90),
            durable: self.is_restarted,
            ..Options::new("a", self.seed)
        }
    }

    fn keeps_session(&self) -> bool {
        !self.loses_session && self.clean_start != CleanStart::Always
    }

    fn play(&self) {
        let mut rng = Rng::with_seed(self.seed);
        let mut cluster = Cluster::new(self.options(&mut rng), 4);
        let receiver = subscribe(&mut cluster);
        cluster.run();
        let before = self.publish(&mut cluster, &mut rng);
        let failed = cluster.here();
        self.lose(&mut cluster, failed, &mut rng);
        cluster.loses_answers = false;
        let receiver = if self.is_restarted { self.restart(&mut cluster, failed, &mut rng) } else { receiver };
        cluster.server.route("down", b"while away", self.qos);
        let limit = u64::from(cluster.options.keep_alive) * 1_500 + 5_000;
        let is_elsewhere = |cluster: &Cluster| cluster.agent.is_connected() && cluster.here() != failed;
        let silence = cluster.pass_until(limit, is_elsewhere);
        assert!(is_elsewhere(&cluster), "no link after {silence} ms of {limit}: {:?}", cluster.dials);
        assert_eq!(cluster.nodes[cluster.here()], State::Serves);
        cluster.pass(1_000);
        cluster.server.route("down", b"later", self.qos);
        cluster.run();
        self.judge(&mut cluster, receiver, &before);
    }

    /// Some messages leave, and the answers to the last ones are lost.
    fn publish(&self, cluster: &mut Cluster, rng: &mut Rng) -> Vec<String> {
        let mut payloads = Vec::new();
        for number in 0..10 {
            let payload = format!("up {number}");
            let now = cluster.now;
            cluster.agent.publish(now, Outgoing::new("up", payload.clone()).qos(self.qos)).unwrap();
            payloads.push(payload);
            if number == 5 {
                cluster.run();
                cluster.loses_answers = true;
            }
            for _ in 0..rng.usize(0..3) {
                cluster.turn();
            }
        }
        payloads
    }

    fn lose(&self, cluster: &mut Cluster, node: usize, rng: &mut Rng) {
        let other = (node + rng.usize(1..3)) % 3;
        if self.loses_session {
            cluster.server.lose_session();
        }
        match self.loss {
            Loss::Killed => cluster.kill(node),
            Loss::Frozen => cluster.nodes[node] = State::Frozen,
            Loss::KilledWithAnotherFrozen => {
                cluster.nodes[other] = State::Frozen;
                cluster.kill(node);
            }
            Loss::FrozenWithAnotherDead => {
                cluster.nodes[other] = State::Dead;
                cluster.nodes[node] = State::Frozen;
            }
            Loss::Busy => cluster.send_away(node, ReasonCode::SERVER_BUSY),
            Loss::Moved => cluster.send_away(node, ReasonCode::SERVER_MOVED),
        }
    }

    /// The failed node is taken off the list, one is added, and the order is another one.
    fn restart(&self, cluster: &mut Cluster, failed: usize, rng: &mut Rng) -> Receiver {
        let mut nodes: Vec<_> = (0..4).filter(|node| *node != failed).collect();
        rng.shuffle(&mut nodes);
        cluster.run();
        cluster.restart(Options { servers: listed(nodes), ..cluster.options.clone() });
        subscribe(cluster)
    }

    fn judge(&self, cluster: &mut Cluster, receiver: Receiver, before: &[String]) {
        let mut times = BTreeMap::new();
        for (_, payload) in &cluster.server.taken {
            *times.entry(String::from_utf8(payload.clone()).unwrap()).or_insert(0) += 1;
        }
        for payload in before {
            let count = times.get(payload).copied().unwrap_or(0);
            assert!(count > 0, "{payload} was lost");
            let is_once = self.qos == QoS::ExactlyOnce && self.keeps_session();
            assert!(!is_once || count == 1, "{payload} arrived {count} times");
        }
        assert_eq!(cluster.agent.stats().unfinished, 0);
        let cleans = &cluster.server.connects;
        let begins = if self.clean_start == CleanStart::First { 1 } else { 0 };
        let is_right = match self.clean_start {
            CleanStart::Always => cleans.iter().all(|is_clean| *is_clean),
            _ => cleans.iter().filter(|is_clean| **is_clean).count() == begins && !cleans[cleans.len() - 1],
        };
        assert!(is_right, "{cleans:?}");
        let received = taken(cluster, receiver);
        let is_there = |payload: &str| received.iter().filter(|one| *one == payload).count() == 1;
        assert!(!self.keeps_session() || is_there("while away"), "{received:?}");
        assert!(is_there("later"), "{received:?}");
    }
}

pub fn subscribe(cluster: &mut Cluster) -> Receiver {
    let receiver = cluster.agent.receiver(AckMode::OnNext, Qos0Queue::default());
    let (now, filters) = (cluster.now, [("down", QoS::ExactlyOnce)]);
    cluster.agent.subscribe(now, receiver, &filters, FilterOptions::default()).unwrap();
    receiver
}

fn taken(cluster: &mut Cluster, receiver: Receiver) -> Vec<String> {
    let mut taken = Vec::new();
    while let Some(message) = cluster.agent.next(cluster.now, receiver) {
        taken.push(String::from_utf8(message.payload.to_vec()).unwrap());
    }
    cluster.run();
    taken
}

/// How many seeds each mix has, unless the environment says otherwise.
const SEEDS: u64 = 20;

#[test]
fn a_session_goes_on_at_another_node_in_every_mix() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let seeds = match number("PURE_MQTT_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("PURE_MQTT_WORLDS").unwrap_or(SEEDS),
    };
    let mut played = 0;
    for scene in seeds.flat_map(Scene::all) {
        let result = std::panic::catch_unwind(|| scene.play());
        assert!(result.is_ok(), "{scene:?}; PURE_MQTT_SEED={} plays it again", scene.seed / 1_000);
        played += 1;
    }
    println!("{played} scenes");
}
