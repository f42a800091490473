//! Three nodes of NATS with JetStream; MQTT sessions and messages have three replicas.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::PATIENCE;
use crate::http;
use crate::node::{Process, await_that};
use crate::ports;
use crate::trial::Cluster;

/// When messages that went to the lost node are sent again. With the default of 30 seconds that time comes on top of the clients'.
const ACK_WAIT: &str = "2s";

/// After a loss, NATS 2.9 may say for minutes that a stream without traffic "is not current", although nothing is missing. The run goes on then: what is lost shows.
const CATCH_UP: Duration = Duration::from_secs(30);

pub struct Nats {
    folder: PathBuf,
    /// For MQTT.
    ports: [u16; 3],
    monitors: [u16; 3],
    nodes: Vec<Process>,
}

impl Nats {
    pub fn start(folder: &Path) -> Result<Self, String> {
        let [c1, c2, c3, r1, r2, r3, m1, m2, m3, h1, h2, h3] = ports::free()?;
        let (clients, routes, monitors) = ([c1, c2, c3], [r1, r2, r3], [h1, h2, h3]);
        let mut nats = Self { folder: folder.into(), ports: [m1, m2, m3], monitors, nodes: Vec::new() };
        for (index, client) in clients.into_iter().enumerate() {
            let config = nats.config(index, client, &routes);
            fs::write(nats.file(index, "conf"), config).map_err(|error| format!("the configuration: {error}"))?;
            let node = nats.launch(index)?;
            nats.nodes.push(node);
        }
        for index in 0..3 {
            nats.await_health(index, PATIENCE)?;
        }
        Ok(nats)
    }

    fn config(&self, index: usize, client: u16, routes: &[u16; 3]) -> String {
        let list: Vec<_> = routes.iter().map(|port| format!("\"nats://127.0.0.1:{port}\"")).collect();
        format!(
            "server_name: n{index}\nlisten: \"127.0.0.1:{client}\"\nhttp: \"127.0.0.1:{}\"\n\
             jetstream {{ store_dir: \"{}\" }}\n\
             mqtt {{ listen: \"127.0.0.1:{}\", stream_replicas: 3, ack_wait: \"{ACK_WAIT}\" }}\n\
             cluster {{ name: three, listen: \"127.0.0.1:{}\", routes: [{}] }}\n",
            self.monitors[index],
            self.file(index, "store").display(),
            self.ports[index],
            routes[index],
            list.join(", "),
        )
    }

    fn file(&self, index: usize, ending: &str) -> PathBuf {
        self.folder.join(format!("n{index}.{ending}"))
    }

    fn launch(&self, index: usize) -> Result<Process, String> {
        let mut command = Command::new("nats-server");
        Process::start(command.arg("-c").arg(self.file(index, "conf")), &self.file(index, "log"))
    }

    /// Its streams and consumers have caught up with their leaders.
    fn await_health(&mut self, index: usize, patience: Duration) -> Result<(), String> {
        let (port, node) = (self.monitors[index], &mut self.nodes[index]);
        let mut has_ended = false;
        await_that(&format!("node {index} of NATS was healthy"), patience, || {
            has_ended = node.has_ended();
            has_ended || http::is_ok(port, "/healthz")
        })?;
        if has_ended { Err(format!("node {index} of NATS has ended")) } else { Ok(()) }
    }
}

impl Cluster for Nats {
    fn ports(&self) -> [u16; 3] {
        self.ports
    }

    fn node(&mut self, index: usize) -> &mut Process {
        &mut self.nodes[index]
    }

    fn restart(&mut self, index: usize) -> Result<(), String> {
        self.nodes[index] = self.launch(index)?;
        Ok(())
    }

    fn await_whole(&mut self) -> Result<(), String> {
        (0..3).try_for_each(|index| {
            self.await_health(index, CATCH_UP).or_else(|sentence| {
                let runs = !self.nodes[index].has_ended();
                if runs { Ok(()) } else { Err(sentence) }
            })
        })
    }
}
