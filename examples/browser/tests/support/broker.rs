//! A mosquitto that listens for WebSockets.

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{Killed, PATIENCE, start};

pub struct Broker {
    pub port: u16,
    _mosquitto: Killed,
    config: PathBuf,
}

impl Broker {
    /// A broker for everybody on this machine, on a free port.
    pub fn start() -> Self {
        let [port, unused] = free_ports();
        let config = std::env::temp_dir().join(format!("pure-mqtt-browser-{port}.conf"));
        std::fs::write(&config, configuration(port, unused))
            .expect("the configuration can be written");
        let path = format!(
            "{}:/usr/sbin:/usr/local/sbin",
            std::env::var("PATH").unwrap_or_default()
        );
        let mut command = Command::new("mosquitto");
        command
            .arg("-c")
            .arg(&config)
            .env("PATH", path)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let broker = Self { port, _mosquitto: start(&mut command, "mosquitto"), config };
        broker.wait();
        broker
    }

    /// Until it listens.
    fn wait(&self) {
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(
                Instant::now() < deadline,
                "mosquitto doesn't listen; has it WebSockets?"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// mosquitto 2.0.11 ends if it listens for nothing but WebSockets, and listens on all
/// interfaces unless the socket's domain is named.
fn configuration(port: u16, unused: u16) -> String {
    format!(
        "listener {unused} 127.0.0.1\n\
         listener {port} 127.0.0.1\nsocket_domain ipv4\nprotocol websockets\n\
         allow_anonymous true\n"
    )
}

/// Two that nobody has, at least now.
fn free_ports() -> [u16; 2] {
    let sockets = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a port"));
    sockets.map(|socket| socket.local_addr().expect("it is bound").port())
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.config);
    }
}
