//! The broker of the tests behind a real TCP socket: a thread that listens, and one for each connection.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use crate::broker::{Broker, Config, LinkId};

/// A broker that lives as long as the program.
pub struct Loopback {
    pub address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
}

/// The broker, and the sockets of its links.
struct Shared {
    broker: Broker,
    sockets: BTreeMap<LinkId, TcpStream>,
    started: Instant,
}

impl Loopback {
    /// Listens on a free port of this machine.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let broker = Broker::new(Config::default());
        let shared = Shared { broker, sockets: BTreeMap::new(), started: Instant::now() };
        let shared = Arc::new(Mutex::new(shared));
        let for_threads = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&for_threads);
                thread::spawn(move || serve(&shared, stream));
            }
        });
        Ok(Self { address, shared })
    }

    /// Publishes at QoS 1 as if another client did.
    #[allow(dead_code)] // not every example needs it
    pub fn publish(&self, topic: &str, payload: &[u8]) {
        let mut shared = lock(&self.shared);
        shared.broker.publish(topic, payload, 1, false);
        shared.send();
    }

    /// Changes what the broker offers, demands and does wrong.
    #[allow(dead_code)] // as above
    pub fn configure(&self, change: impl FnOnce(&mut Config)) {
        change(lock(&self.shared).broker.config_mut());
    }

    /// The broker forgets a client.
    #[allow(dead_code)] // as above
    pub fn lose_session(&self, client_id: &str) {
        lock(&self.shared).broker.lose_session(client_id);
    }

    /// Publishes at QoS 2 if the client has a subscription; returns how many messages that makes.
    #[allow(dead_code)] // not every example that starts a broker wants it
    pub fn publish_if_subscribed(&self, client_id: &str, topic: &str, payload: &str) -> u32 {
        let mut shared = lock(&self.shared);
        if shared.broker.subscriptions(client_id).is_empty() {
            return 0;
        }
        shared.broker.publish(topic, payload.as_bytes(), 2, false);
        shared.send();
        1
    }

    /// The payloads that clients published to `topic`.
    #[allow(dead_code)]
    pub fn released(&self, topic: &str) -> Vec<String> {
        let shared = lock(&self.shared);
        let released = shared.broker.released().iter().filter(|message| message.topic == topic);
        released.map(|message| String::from_utf8_lossy(&message.payload).into_owned()).collect()
    }

    /// Nothing is under way.
    #[allow(dead_code)]
    pub fn is_idle(&self) -> bool {
        lock(&self.shared).broker.idle()
    }

    /// What clients did against the standard.
    pub fn violations(&self) -> Vec<String> {
        lock(&self.shared).broker.violations().to_vec()
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves one client until its socket is closed.
fn serve(shared: &Mutex<Shared>, mut stream: TcpStream) {
    let Ok(socket) = stream.try_clone() else { return };
    let link = lock(shared).accept(socket);
    let mut room = [0; 16 * 1024];
    while let Ok(count @ 1..) = stream.read(&mut room) {
        lock(shared).take(link, room.get(..count).unwrap_or_default());
    }
    lock(shared).cut(link);
}

impl Shared {
    fn accept(&mut self, socket: TcpStream) -> LinkId {
        let link = self.broker.accept();
        self.sockets.insert(link, socket);
        link
    }

    /// Bytes of one client may cause output for all.
    fn take(&mut self, link: LinkId, bytes: &[u8]) {
        self.tick();
        self.broker.input(link, bytes);
        self.send();
    }

    fn cut(&mut self, link: LinkId) {
        self.tick();
        self.broker.cut(link);
        self.sockets.remove(&link);
        self.send();
    }

    fn tick(&mut self) {
        let millis = self.started.elapsed().as_millis();
        self.broker.tick(u64::try_from(millis).unwrap_or(u64::MAX));
    }

    fn send(&mut self) {
        for (link, socket) in &mut self.sockets {
            let is_sent = socket.write_all(&self.broker.output(*link)).is_ok();
            if !is_sent || self.broker.wants_close(*link) {
                let _ = socket.shutdown(std::net::Shutdown::Both); // its thread does the rest
            }
        }
    }
}
