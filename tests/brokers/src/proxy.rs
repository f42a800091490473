//! A proxy of the test's own between client and broker: it cuts links after a random number of bytes, or swallows what comes.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use crate::tap::{Handshakes, Tap};

/// What becomes of a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Pass,
    /// Each new link is cut after a random number of bytes, counted in both directions together.
    Cut,
    /// All bytes are taken, and none is passed on.
    Hole,
}

pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

struct Shared {
    target: u16,
    mode: Mutex<Mode>,
    random: Mutex<fastrand::Rng>,
    links: Mutex<Vec<Arc<Link>>>,
    accepted: AtomicU32,
    cuts: AtomicU32,
    is_v5: bool,
    handshakes: Mutex<Handshakes>,
    is_over: AtomicBool,
}

/// Two sockets.
struct Link {
    client: TcpStream,
    broker: TcpStream,
    /// So many bytes pass until it is cut; `u64::MAX` for any number.
    left: AtomicU64,
    /// It has swallowed something, and so passes nothing on any more.
    is_hole: AtomicBool,
}

impl Proxy {
    /// A proxy in front of a port of 127.0.0.1.
    pub fn start(target: u16, is_v5: bool, seed: u64) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            target,
            mode: Mutex::new(Mode::Pass),
            random: Mutex::new(fastrand::Rng::with_seed(seed)),
            links: Mutex::default(),
            accepted: AtomicU32::new(0),
            cuts: AtomicU32::new(0),
            is_v5,
            handshakes: Mutex::default(),
            is_over: AtomicBool::new(false),
        });
        let of_thread = Arc::clone(&shared);
        let listener = thread::spawn(move || of_thread.accept(&listener));
        Ok(Self { address, shared, listener: Some(listener) })
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Holds for what comes from now on; links that have swallowed something stay as they are.
    pub fn set(&self, mode: Mode) {
        *lock(&self.shared.mode) = mode;
    }

    /// How many links were cut so far.
    pub fn cuts(&self) -> u32 {
        self.shared.cuts.load(Ordering::Relaxed)
    }

    /// How many links clients have made so far.
    pub fn accepted(&self) -> u32 {
        self.shared.accepted.load(Ordering::Relaxed)
    }

    /// Payloads at QoS 2 that the broker has published again after PUBREL.
    pub fn repeated(&self) -> Vec<Vec<u8>> {
        lock(&self.shared.handshakes).repeated.clone()
    }

    /// Packet identifiers that the broker has answered by PUBREC, and not by PUBCOMP.
    pub fn taken(&self) -> BTreeSet<u16> {
        lock(&self.shared.handshakes).taken.clone()
    }

    /// Cuts all links that are up.
    pub fn cut_all(&self) {
        lock(&self.shared.links).drain(..).for_each(|link| link.close());
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address); // wakes the listener
        if let Some(thread) = self.listener.take() {
            let _ = thread.join();
        }
        self.cut_all();
    }
}

impl Shared {
    fn accept(self: Arc<Self>, listener: &TcpListener) {
        for client in listener.incoming().map_while(Result::ok) {
            if self.is_over.load(Ordering::Relaxed) {
                return;
            }
            self.accepted.fetch_add(1, Ordering::Relaxed);
            let _ = self.pair(client); // a broker that is away has the client's link closed
        }
    }

    /// Makes the other half of a link, and two threads that copy.
    fn pair(self: &Arc<Self>, client: TcpStream) -> std::io::Result<()> {
        let broker = TcpStream::connect(("127.0.0.1", self.target))?;
        for socket in [&client, &broker] {
            socket.set_nodelay(true)?;
        }
        let (from_client, from_broker) = (client.try_clone()?, broker.try_clone()?);
        let left = AtomicU64::new(self.budget());
        let link = Arc::new(Link { client, broker, left, is_hole: AtomicBool::new(false) });
        let mut links = lock(&self.links);
        links.retain(|link| link.left.load(Ordering::Relaxed) > 0);
        links.push(Arc::clone(&link));
        drop(links);
        let there = (from_client.try_clone()?, from_broker.try_clone()?, None);
        for (from, to, tap) in [there, (from_broker, from_client, Some(Tap::default()))] {
            let (shared, link) = (Arc::clone(self), Arc::clone(&link));
            thread::spawn(move || shared.copy(&link, from, to, tap));
        }
        Ok(())
    }

    /// Few bytes as often as many: cuts fall into CONNECT as well as behind many messages.
    fn budget(&self) -> u64 {
        if *lock(&self.mode) != Mode::Cut {
            return u64::MAX;
        }
        let mut random = lock(&self.random);
        let most = 1 << random.u32(4..13);
        random.u64(1..=most)
    }

    fn copy(&self, link: &Link, mut from: TcpStream, mut to: TcpStream, mut tap: Option<Tap>) {
        let mut room = [0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut room) {
            if *lock(&self.mode) == Mode::Hole {
                link.is_hole.store(true, Ordering::Relaxed);
            }
            if link.is_hole.load(Ordering::Relaxed) {
                continue;
            }
            let passed = link.take(count);
            let bytes = room.get(..passed).unwrap_or_default();
            if let Some(tap) = &mut tap {
                tap.take(bytes, self.is_v5, &mut lock(&self.handshakes));
            }
            if to.write_all(bytes).is_err() {
                break;
            }
            if passed < count {
                self.cuts.fetch_add(1, Ordering::Relaxed);
                break;
            }
        }
        link.close();
    }
}

impl Link {
    /// How many of `count` bytes may pass.
    fn take(&self, count: usize) -> usize {
        let count = count as u64;
        let take = |left: u64| Some(if left == u64::MAX { left } else { left.saturating_sub(count) });
        let before = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).unwrap_or(0);
        before.min(count) as usize
    }

    fn close(&self) {
        self.left.store(0, Ordering::Relaxed);
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.broker.shutdown(Shutdown::Both);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
