//! One run: a cluster, two clients, two losses, and what came of it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::PATIENCE;
use crate::clients::{Kind, Running, Task, WINDOW};
use crate::nats::Nats;
use crate::node::{Process, await_that};
use crate::rabbitmq::RabbitMq;
use crate::tally::Tally;

/// Three nodes.
pub trait Cluster {
    /// Where they listen for MQTT.
    fn ports(&self) -> [u16; 3];
    fn node(&mut self, index: usize) -> &mut Process;
    /// A node that was killed begins again.
    fn restart(&mut self, index: usize) -> Result<(), String>;
    /// All nodes serve, and have caught up, so that any one may be lost.
    fn await_whole(&mut self) -> Result<(), String>;
}

/// A cluster that can be started.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    name: &'static str,
    start: fn(&Path) -> Result<Box<dyn Cluster>, String>,
    /// It keeps sessions over the loss of a node.
    keeps_sessions: bool,
}

pub const CLUSTERS: [Known; 3] = [
    Known { name: "nats", start: |folder| Ok(Box::new(Nats::start(folder)?)), keeps_sessions: true },
    Known {
        name: "rabbitmq-quorum",
        start: |folder| Ok(Box::new(RabbitMq::start(folder, "quorum")?)),
        keeps_sessions: true,
    },
    Known {
        name: "rabbitmq-classic",
        start: |folder| Ok(Box::new(RabbitMq::start(folder, "classic")?)),
        keeps_sessions: false,
    },
];

pub fn cluster(name: &str) -> Result<Known, String> {
    let found = CLUSTERS.into_iter().find(|known| known.name == name);
    found.ok_or_else(|| format!("There is no cluster {name}: nats, rabbitmq-quorum and rabbitmq-classic are known."))
}

/// How a node is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// By SIGKILL.
    Kill,
    /// By SIGSTOP.
    Freeze,
}

pub fn loss(name: &str) -> Result<Loss, String> {
    match name {
        "kill" => Ok(Loss::Kill),
        "freeze" => Ok(Loss::Freeze),
        _ => Err(format!("A node can't be lost by {name}: kill and freeze are known.")),
    }
}

pub struct Trial {
    pub cluster: Known,
    pub client: Kind,
    pub loss: Loss,
    pub messages: usize,
    pub keep_alive: Option<u16>,
    pub keeps_folder: bool,
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let loss = if self.loss == Loss::Kill { "killed" } else { "frozen" };
        write!(f, "{}, nodes {loss}, {}", self.cluster.name, self.client)
    }
}

impl Trial {
    /// 1.5 keep alives and 5 seconds.
    fn limit(&self) -> Duration {
        Duration::from_millis(u64::from(self.keep_alive.unwrap_or(60)) * 1_500 + 5_000)
    }

    pub fn run(&self) -> Result<Verdict, String> {
        let mut folder = tempfile::tempdir().map_err(|error| format!("no folder: {error}"))?;
        folder.disable_cleanup(self.keeps_folder);
        if self.keeps_folder {
            eprintln!("{self}: {}", folder.path().display());
        }
        let mut cluster = (self.cluster.start)(folder.path())?;
        self.play(&mut *cluster)
    }

    fn play(&self, cluster: &mut dyn Cluster) -> Result<Verdict, String> {
        let tally = Arc::new(Tally::default());
        let (ports, keep_alive, messages) = (cluster.ports(), self.keep_alive, self.messages);
        let task = Task { ports, keep_alive, messages, tally: Arc::clone(&tally) };
        let consumer = task.consume(self.client)?;
        let publisher = task.publish(self.client)?;
        // Time enough for the clients, and for the node to come back.
        let patience = self.limit() + Duration::from_secs(60);
        let third = self.messages / 3;
        let mut is_alive = true;
        for (part, client) in [&consumer, &publisher].into_iter().enumerate() {
            // The node is lost with a window of messages in flight, and while it is, more are published.
            let half = third * part + third / 2;
            tally.allow(half + WINDOW);
            is_alive &= tally.await_progress(half, patience);
            let lost = node_of(cluster, &**client)?;
            self.lose(cluster.node(lost));
            tally.allow(third * (part + 1));
            is_alive &= tally.await_progress(third * (part + 1), patience);
            if !is_alive {
                return Ok(self.verdict(&tally, is_alive)); // what is missing now does not come any more
            }
            if part == 0 {
                self.bring_back(cluster, lost)?;
                tally.allow(third + third / 4); // replicas catch up while there is traffic
                cluster.await_whole()?;
            }
        }
        tally.allow(self.messages);
        is_alive &= tally.await_progress(self.messages, patience);
        Ok(self.verdict(&tally, is_alive))
    }

    fn lose(&self, node: &mut Process) {
        match self.loss {
            Loss::Kill => node.kill(),
            Loss::Freeze => node.freeze(),
        }
    }

    fn bring_back(&self, cluster: &mut dyn Cluster, node: usize) -> Result<(), String> {
        match self.loss {
            Loss::Kill => cluster.restart(node)?,
            Loss::Freeze => cluster.node(node).thaw(),
        }
        Ok(())
    }

    fn verdict(&self, tally: &Tally, is_alive: bool) -> Verdict {
        let state = tally.lock();
        Verdict {
            published: state.accepted,
            received: state.received.len(),
            is_complete: is_alive && state.acknowledged == self.messages,
            doubled: state.doubled,
            consumer: if is_alive { state.messages.longest } else { state.messages.so_far() },
            publisher: if is_alive { state.acks.longest } else { state.acks.so_far() },
        }
    }
}

/// The node that a client is connected to.
fn node_of(cluster: &dyn Cluster, client: &dyn Running) -> Result<usize, String> {
    let mut found = None;
    await_that("the client was connected", PATIENCE, || {
        found = client.port().and_then(|port| cluster.ports().iter().position(|one| *one == port));
        found.is_some()
    })?;
    found.ok_or_else(|| "the client is connected to no node".into())
}

/// What came of it.
pub struct Verdict {
    published: usize,
    received: usize,
    /// Everything was published, and acknowledged.
    is_complete: bool,
    doubled: usize,
    /// The longest silence of each.
    consumer: Duration,
    publisher: Duration,
}

impl Verdict {
    pub const HEAD: &str = "\
| cluster | nodes | client | published | lost | received once more | longest silence of the consumer | of the publisher | limit |
|---|---|---|---|---|---|---|---|---|";

    pub fn row(&self, trial: &Trial) -> String {
        let loss = if trial.loss == Loss::Kill { "killed" } else { "frozen" };
        let silence = |silence: Duration| format!("{:.1} s", silence.as_secs_f64());
        format!(
            "| {} | {loss} | {} | {} | {} | {} | {} | {} | {} |",
            trial.cluster.name,
            trial.client,
            self.published,
            self.published - self.received,
            self.doubled,
            silence(self.consumer),
            silence(self.publisher),
            silence(trial.limit()),
        )
    }

    /// A cluster that keeps no sessions shows it by messages that are lost.
    pub fn is_as_expected(&self, trial: &Trial) -> bool {
        let is_in_time = self.consumer.max(self.publisher) <= trial.limit();
        !trial.cluster.keeps_sessions || self.is_complete && self.published == self.received && is_in_time
    }
}
