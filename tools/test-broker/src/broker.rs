//! The broker that a test starts: its thread, its address, and how it is stopped and comes back.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crate::sans_io::Config;
use crate::server::{Door, Server, Shared, listen};
use crate::sessions::Keep;

/// An MQTT broker on a free port of this machine, with a thread of its own. It ends when it is dropped: its connections are closed, its thread has
/// ended, and its port is free.
///
/// ```
/// use pure_mqtt_test_broker::Broker;
///
/// fn main() -> std::io::Result<()> {
///     let broker = Broker::start()?;
///     println!("a program under test may connect to {}", broker.url());
///     Ok(())
/// }
/// ```
pub struct Broker {
    pub(crate) shared: Arc<Shared>,
    address: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

impl Broker {
    /// Starts a well-behaved broker with all features, in all versions.
    ///
    /// # Errors
    ///
    /// What the operating system says if it has no port, thread or descriptor.
    ///
    /// ```
    /// use pure_mqtt_test_broker::Broker;
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     assert_ne!(broker.port(), 0);
    ///     Ok(())
    /// }
    /// ```
    pub fn start() -> io::Result<Self> {
        Self::start_with(Config::default())
    }

    /// Starts a broker with these limits, credentials and features.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    ///
    /// ```
    /// use pure_mqtt_test_broker::{Broker, Config};
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let credentials = Some(("meter".into(), b"secret".to_vec()));
    ///     let broker = Broker::start_with(Config { receive_maximum: Some(1), credentials, ..Config::default() })?;
    ///     println!("{}", broker.url());
    ///     Ok(())
    /// }
    /// ```
    pub fn start_with(config: Config) -> io::Result<Self> {
        let listener = listen((Ipv4Addr::LOCALHOST, 0).into())?;
        let address = listener.local_addr()?;
        let (shared, poll) = Shared::new(config, listener)?;
        let server = Server::new(Arc::clone(&shared), poll);
        let thread = thread::Builder::new().name("test broker".into()).spawn(|| server.run())?;
        Ok(Self { shared, address, thread: Some(thread) })
    }

    /// The address that clients connect to.
    ///
    /// ```
    /// use pure_mqtt_test_broker::Broker;
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     let _socket = std::net::TcpStream::connect(broker.address())?;
    ///     Ok(())
    /// }
    /// ```
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port of 127.0.0.1 that clients connect to.
    ///
    /// ```
    /// use pure_mqtt_test_broker::Broker;
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let (one, other) = (Broker::start()?, Broker::start()?);
    ///     assert_ne!(one.port(), other.port());
    ///     Ok(())
    /// }
    /// ```
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The address as a URL, such as `mqtt://127.0.0.1:40123`.
    ///
    /// ```
    /// use pure_mqtt_test_broker::Broker;
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     assert_eq!(broker.url(), format!("mqtt://127.0.0.1:{}", broker.port()));
    ///     Ok(())
    /// }
    /// ```
    pub fn url(&self) -> String {
        format!("mqtt://{}", self.address)
    }

    /// Goes down: connections are cut without wills, and new ones are refused by the operating system until [`resume`](Self::resume). When this returns,
    /// the port is closed.
    ///
    /// ```
    /// use pure_mqtt_test_broker::{Broker, Keep};
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     broker.stop(Keep::Sessions);
    ///     assert!(std::net::TcpStream::connect(broker.address()).is_err());
    ///     broker.resume()
    /// }
    /// ```
    pub fn stop(&self, keep: Keep) {
        self.shared.change(|inside| {
            inside.core.restart();
            if keep == Keep::Nothing {
                inside.core.forget();
            }
            inside.door = Door::Closing;
        });
        let mut inside = self.shared.lock();
        while matches!(inside.door, Door::Closing) && !self.has_ended() {
            inside = self.shared.wait(inside);
        }
    }

    /// Comes back on the same port after [`stop`](Self::stop). A broker that is up stays as it is.
    ///
    /// # Errors
    ///
    /// What the operating system says if another program has taken the port.
    ///
    /// ```
    /// use pure_mqtt_test_broker::{Broker, Keep};
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     broker.stop(Keep::Nothing);
    ///     broker.resume()?;
    ///     let _socket = std::net::TcpStream::connect(broker.address())?;
    ///     Ok(())
    /// }
    /// ```
    pub fn resume(&self) -> io::Result<()> {
        if matches!(self.shared.lock().door, Door::Closed) {
            let listener = listen(self.address)?;
            self.shared.change(|inside| inside.door = Door::Opening(listener));
        }
        Ok(())
    }

    /// [`stop`](Self::stop) and [`resume`](Self::resume).
    ///
    /// # Errors
    ///
    /// As [`resume`](Self::resume).
    ///
    /// ```
    /// use pure_mqtt_test_broker::{Broker, Keep};
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     broker.restart(Keep::Sessions) // clients find their sessions again
    /// }
    /// ```
    pub fn restart(&self, keep: Keep) -> io::Result<()> {
        self.stop(keep);
        self.resume()
    }

    fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.shared.change(|inside| inside.is_over = true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // a panic of it was printed
        }
    }
}
