//! A mosquitto of our own on a free port of loopback.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// It ends when this is dropped.
pub struct Broker {
    child: Child,
    port: u16,
}

const PATIENCE: Duration = Duration::from_secs(10);

impl Broker {
    pub fn start() -> Result<Self, String> {
        let port = free_port().map_err(|error| format!("no free port: {error}"))?;
        let settings = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 0\nmax_queued_messages 0\n\
             set_tcp_nodelay true\nlog_type none\n"
        );
        let path = std::env::temp_dir().join(format!("pure-mqtt-bench-{port}.conf"));
        std::fs::write(&path, settings).map_err(|error| format!("{}: {error}", path.display()))?;
        let program = if cfg!(unix) && std::path::Path::new("/usr/sbin/mosquitto").exists() {
            "/usr/sbin/mosquitto"
        } else {
            "mosquitto"
        };
        let child = Command::new(program).arg("-c").arg(&path).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let broker = Self { child: child.map_err(|error| format!("mosquitto can't be started: {error}"))?, port };
        broker.wait()?;
        let _ = std::fs::remove_file(path);
        Ok(broker)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Until it takes connections.
    fn wait(&self) -> Result<(), String> {
        let start = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            if start.elapsed() > PATIENCE {
                return Err("mosquitto doesn't listen".to_owned());
            }
            std::thread::yield_now();
        }
        Ok(())
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
