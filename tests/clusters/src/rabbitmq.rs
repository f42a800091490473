//! Three nodes of RabbitMQ, whose MQTT sessions are quorum queues or classic ones.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::PATIENCE;
use crate::node::{Process, await_that};
use crate::ports;
use crate::trial::Cluster;

/// Where Debian has the scripts; those in the path change the user, and with it the process.
const SCRIPTS: &str = "/usr/lib/rabbitmq/bin";

pub struct RabbitMq {
    folder: PathBuf,
    epmd: u16,
    /// For MQTT, AMQP and Erlang's distribution.
    mqtt: [u16; 3],
    amqp: [u16; 3],
    dist: [u16; 3],
    nodes: Vec<Process>,
    _names: Process,
}

impl RabbitMq {
    pub fn start(folder: &Path, queues: &str) -> Result<Self, String> {
        let [epmd, m1, m2, m3, a1, a2, a3, d1, d2, d3] = ports::free()?;
        let mut names = Command::new("epmd");
        names.args(["-port", &epmd.to_string(), "-address", "127.0.0.1"]);
        let _names = Process::start(&mut names, &folder.join("epmd.log"))?;
        let (mqtt, amqp, dist) = ([m1, m2, m3], [a1, a2, a3], [d1, d2, d3]);
        let mut cluster = Self { folder: folder.into(), epmd, mqtt, amqp, dist, nodes: Vec::new(), _names };
        cluster.write("rabbitmq.enabled", "[rabbitmq_mqtt].\n")?;
        cluster.write("env.conf", "")?;
        cluster.write(".erlang.cookie", "PUREMQTTCLUSTERS")?;
        for index in 0..3 {
            cluster.write(&format!("r{index}.conf"), &cluster.config(index, queues))?;
            let node = cluster.launch(index)?;
            cluster.nodes.push(node);
            cluster.await_start(index)?; // a node joins one that runs
        }
        cluster.await_whole()?;
        Ok(cluster)
    }

    fn config(&self, index: usize, queues: &str) -> String {
        let peers =
            (0..3).map(|peer| format!("cluster_formation.classic_config.nodes.{} = r{peer}@localhost\n", peer + 1));
        format!(
            "listeners.tcp.1 = 127.0.0.1:{}\nmqtt.listeners.tcp.1 = 127.0.0.1:{}\n\
             mqtt.durable_queue_type = {queues}\nlog.console = true\nlog.console.level = info\nlog.file = false\n\
             cluster_partition_handling = autoheal\n\
             cluster_formation.peer_discovery_backend = classic_config\n\
             cluster_formation.randomized_startup_delay_range.min = 0\n\
             cluster_formation.randomized_startup_delay_range.max = 1\n{}",
            self.amqp[index],
            self.mqtt[index],
            peers.collect::<String>(),
        )
    }

    fn write(&self, name: &str, text: &str) -> Result<(), String> {
        use std::os::unix::fs::PermissionsExt;
        let path = self.folder.join(name);
        let written =
            fs::write(&path, text).and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o600)));
        written.map_err(|error| format!("{}: {error}", path.display()))
    }

    /// A script of RabbitMQ, for this node.
    fn script(&self, name: &str, index: usize) -> Command {
        let mut command = Command::new(format!("{SCRIPTS}/{name}"));
        let file = |name: String| self.folder.join(name);
        command
            .env("HOME", &self.folder)
            .env("ERL_EPMD_PORT", self.epmd.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_CONF_ENV_FILE", file("env.conf".into()))
            .env("RABBITMQ_NODENAME", format!("r{index}@localhost"))
            .env("RABBITMQ_CONFIG_FILE", file(format!("r{index}.conf")))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", file("rabbitmq.enabled".into()))
            .env("RABBITMQ_MNESIA_BASE", file(format!("r{index}.mnesia")))
            .env("RABBITMQ_LOG_BASE", file(format!("r{index}.logs")))
            .env("RABBITMQ_GENERATED_CONFIG_DIR", file(format!("r{index}.generated")))
            .env("RABBITMQ_PID_FILE", file(format!("r{index}.pid")))
            .env("RABBITMQ_DIST_PORT", self.dist[index].to_string())
            .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-kernel inet_dist_use_interface {127,0,0,1}");
        command
    }

    fn launch(&self, index: usize) -> Result<Process, String> {
        let mut command = self.script("rabbitmq-server", index);
        // With this the script becomes the node, instead of waiting for it beside it.
        command.env("RABBITMQ_ALLOW_INPUT", "1").arg("-noinput");
        Process::start(&mut command, &self.folder.join(format!("r{index}.log")))
    }

    /// Whether a command of RabbitMQ's tools ends well.
    fn asks(&self, script: &str, index: usize, arguments: &[&str]) -> bool {
        let mut command = self.script(script, index);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }

    fn await_start(&mut self, index: usize) -> Result<(), String> {
        let mut has_ended = false;
        await_that(&format!("node {index} of RabbitMQ had started"), PATIENCE, || {
            has_ended = self.nodes[index].has_ended();
            has_ended || std::net::TcpStream::connect(("127.0.0.1", self.mqtt[index])).is_ok()
        })?;
        if has_ended { Err(format!("node {index} of RabbitMQ has ended")) } else { Ok(()) }
    }
}

impl Cluster for RabbitMq {
    fn ports(&self) -> [u16; 3] {
        self.mqtt
    }

    fn node(&mut self, index: usize) -> &mut Process {
        &mut self.nodes[index]
    }

    fn restart(&mut self, index: usize) -> Result<(), String> {
        self.nodes[index] = self.launch(index)?;
        Ok(())
    }

    /// All nodes run, and each queue with replicas can do without any one of them.
    fn await_whole(&mut self) -> Result<(), String> {
        (0..3).try_for_each(|index| self.await_start(index))?;
        await_that("the queues of RabbitMQ had all their replicas", PATIENCE, || {
            (0..3).all(|index| self.asks("rabbitmq-queues", index, &["check_if_node_is_quorum_critical"]))
        })
    }
}
