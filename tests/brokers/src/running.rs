//! A broker that runs: in a folder of its own, on free ports of 127.0.0.1, ended with its whole process group.

use std::fs::File;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use pure_mqtt_client::pure_mqtt::{Publish, QoS, TopicName, Version};
use pure_mqtt_client::{Options, publish};
use tempfile::TempDir;

use crate::brokers::{Broker, PASSWORD, USER};
use crate::groups;

/// The longest that a broker may take to end after SIGTERM.
const FAREWELL: Duration = Duration::from_secs(30);
/// Between two questions.
const PAUSE: Duration = Duration::from_millis(20);

/// Where a broker keeps what is its own.
pub struct Site {
    /// Removed at the end.
    pub folder: PathBuf,
    /// Where npm or pip have installed it.
    pub tools: PathBuf,
    /// The first is that of MQTT.
    pub ports: [u16; 4],
}

impl Site {
    pub fn port(&self) -> u16 {
        self.ports[0]
    }

    /// Writes a file of the broker's configuration.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf, String> {
        let path = self.folder.join(name);
        std::fs::write(&path, text).map_err(|error| format!("{} cannot be written: {error}.", path.display()))?;
        Ok(path)
    }
}

pub struct Running {
    broker: &'static Broker,
    site: Site,
    helpers: Vec<Child>,
    server: Child,
    _folder: TempDir,
}

impl Running {
    /// Starts `broker`, and waits until it accepts an MQTT client.
    pub fn start(broker: &'static Broker, tools: PathBuf) -> Result<Self, String> {
        let folder = TempDir::with_prefix("pure-mqtt-broker-").map_err(|error| format!("no folder: {error}."))?;
        groups::add_folder(folder.path());
        let site = Site { folder: folder.path().to_owned(), tools, ports: free_ports()? };
        (broker.configure)(&site)?;
        let helpers =
            (broker.helpers)(&site).iter_mut().map(|helper| spawn(&site, helper)).collect::<Result<_, _>>()?;
        let server = spawn(&site, &mut (broker.command)(&site))?;
        let mut running = Self { broker, site, helpers, server, _folder: folder };
        running.await_readiness()?;
        Ok(running)
    }

    /// The port for clients of a version.
    pub fn port(&self, version: Version) -> u16 {
        let index = if version == Version::V5 { self.broker.v5_port } else { 0 };
        self.site.ports.get(index).copied().unwrap_or(self.site.port())
    }

    pub fn is_alive(&mut self) -> bool {
        matches!(self.server.try_wait(), Ok(None))
    }

    /// Ends the broker by SIGTERM or SIGKILL, and starts it again on its folder and port. True if it ended in time by itself.
    pub fn restart(&mut self, signal: Signal) -> Result<bool, String> {
        let ended = end(&mut self.server, signal);
        self.server = spawn(&self.site, &mut (self.broker.command)(&self.site))?;
        self.await_readiness()?;
        Ok(ended)
    }

    fn await_readiness(&mut self) -> Result<(), String> {
        let start = Instant::now();
        while !self.accepts() {
            let name = self.broker.name;
            if !self.is_alive() {
                return Err(format!("{name} ended at its start. It said:\n{}", self.log()));
            }
            if start.elapsed() > self.broker.patience {
                return Err(format!(
                    "{name} accepted no client within {:?}. It said:\n{}",
                    self.broker.patience,
                    self.log()
                ));
            }
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// Whether a client can connect and publish.
    fn accepts(&self) -> bool {
        let options = Options::new("readiness").user_name(USER).password(PASSWORD.as_bytes());
        let Ok(topic) = TopicName::new("readiness") else { return false };
        let message = Publish::new(topic, "?").qos(QoS::AtMostOnce);
        publish::single(("127.0.0.1", self.site.port()), options, &message).is_ok()
    }

    /// The end of what it has printed.
    pub fn log(&self) -> String {
        let text = std::fs::read(self.site.folder.join(LOG)).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let lines: Vec<_> = text.lines().collect();
        lines.iter().skip(lines.len().saturating_sub(30)).fold(String::new(), |all, line| all + line + "\n")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        end(&mut self.server, Signal::SIGKILL);
        for helper in &mut self.helpers {
            end(helper, Signal::SIGKILL);
        }
    }
}

const LOG: &str = "printed.log";

/// Starts a process in a group of its own.
fn spawn(site: &Site, command: &mut Command) -> Result<Child, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let start = || -> std::io::Result<Child> {
        let log = File::options().create(true).append(true).open(site.folder.join(LOG))?;
        command.current_dir(&site.folder).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        command.process_group(0).spawn()
    };
    let mut start = start;
    let child = start().map_err(|error| format!("{program} could not be started: {error}."))?;
    groups::add(child.id());
    Ok(child)
}

/// Ends a process with its group. True if the signal was enough.
fn end(child: &mut Child, signal: Signal) -> bool {
    let group = Pid::from_raw(child.id().cast_signed());
    let _ = killpg(group, signal);
    let start = Instant::now();
    while matches!(child.try_wait(), Ok(None)) && start.elapsed() < FAREWELL {
        thread::sleep(PAUSE);
    }
    let has_ended = !matches!(child.try_wait(), Ok(None));
    let _ = killpg(group, Signal::SIGKILL); // who is left of the group, if anybody
    let _ = child.wait();
    groups::remove(child.id());
    has_ended
}

/// Ports that nobody listens on now.
fn free_ports() -> Result<[u16; 4], String> {
    let port = |listener: &TcpListener| listener.local_addr().map(|address| address.port());
    let ports = || -> std::io::Result<[u16; 4]> {
        let bind = || TcpListener::bind("127.0.0.1:0");
        let listeners = [bind()?, bind()?, bind()?, bind()?];
        let [a, b, c, d] = &listeners;
        Ok([port(a)?, port(b)?, port(c)?, port(d)?])
    };
    ports().map_err(|error| format!("there is no free port: {error}."))
}
