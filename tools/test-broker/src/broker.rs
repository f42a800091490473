//! Starting, stopping and restarting a broker.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crate::sans_io::Config;
use crate::server::{Door, Server, Shared, listen};
use crate::sessions::Keep;

/// An MQTT broker on a free port of this machine, with its own thread. Dropping it closes its connections, ends its thread and frees its port.
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
    /// Starts a broker that behaves as the standard requires, with all features and versions.
    ///
    /// # Errors
    ///
    /// The error of the operating system if no port, thread or descriptor is available.
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
    /// Same errors as [`start`](Self::start).
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

    /// Returns the address that clients connect to.
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

    /// Returns the port on 127.0.0.1 that clients connect to.
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

    /// Returns the address as a URL, such as `mqtt://127.0.0.1:40123`.
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

    /// Stops the broker: connections are cut without wills, and the operating system refuses new ones until [`resume`](Self::resume). The port is closed when this returns.
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

    /// Starts the broker again on the same port after [`stop`](Self::stop). Does nothing if the broker is running.
    ///
    /// # Errors
    ///
    /// The error of the operating system if another program has taken the port.
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

    /// Calls [`stop`](Self::stop) and [`resume`](Self::resume).
    ///
    /// # Errors
    ///
    /// Same errors as [`resume`](Self::resume).
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
            let _ = thread.join(); // its panic was printed
        }
    }
}
