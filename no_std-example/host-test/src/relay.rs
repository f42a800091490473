//! The line between the board and the broker, with a pair of pliers beside it.
//!
//! It stands for a modem: the board's side is always there, and a connection to the broker is made when the board says CONNECT after a silence.
//! Bytes for which there is no connection are lost, and nobody is told.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::PATIENCE;

/// A CONNECT after such a silence of the board's opens a new connection. The firmware keeps quiet for 1.2 seconds and more between two links.
const SILENCE: Duration = Duration::from_millis(700);

/// The first byte of CONNECT. Without looking at it a PINGREQ would do: a board that takes a long message is silent.
const CONNECT: u8 = 0x10;

/// The relay; it ends with the board.
pub struct Relay {
    /// Where the board connects to.
    pub port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    broker: u16,
    line: Mutex<Line>,
    changed: Condvar,
}

#[derive(Default)]
struct Line {
    board: Option<TcpStream>,
    broker: Option<TcpStream>,
    /// Connections that were made to the broker so far: the number of the present one.
    links: usize,
    is_cut: bool,
    /// So many bytes still pass towards the board, or towards the broker; then the line is cut.
    down_budget: Option<usize>,
    up_budget: Option<usize>,
    bytes_down: usize,
}

impl Relay {
    /// A line to the broker at this port.
    pub fn start(broker: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let shared = Arc::new(Shared { broker, line: Mutex::default(), changed: Condvar::new() });
        let relay = Self { port, shared: Arc::clone(&shared) };
        thread::spawn(move || {
            let Ok((board, _)) = listener.accept() else { return };
            let _ = board.set_nodelay(true);
            let _ = board.set_write_timeout(Some(PATIENCE));
            shared.line.lock().unwrap().board = board.try_clone().ok();
            shared.carry_up(board);
        });
        relay
    }

    /// Cuts the line, in the middle of whatever is on it.
    pub fn cut(&self) {
        self.shared.line.lock().unwrap().cut();
    }

    /// Cuts the line after so many more bytes towards the board.
    pub fn cut_down_after(&self, bytes: usize) {
        self.shared.line.lock().unwrap().down_budget = Some(bytes);
    }

    /// Cuts the line after so many more bytes towards the broker.
    pub fn cut_up_after(&self, bytes: usize) {
        self.shared.line.lock().unwrap().up_budget = Some(bytes);
    }

    /// Waits until the line is cut.
    pub fn await_cut(&self) {
        self.await_that("the cut", |line| line.is_cut);
    }

    /// Mends the line.
    pub fn restore(&self) {
        let mut line = self.shared.line.lock().unwrap();
        (line.is_cut, line.down_budget, line.up_budget) = (false, None, None);
    }

    /// Puts bytes onto the line, towards the board, as if they came from the broker.
    pub fn inject(&self, bytes: &[u8]) {
        let board = self.shared.line.lock().unwrap().board.as_ref().and_then(|board| board.try_clone().ok());
        board.expect("the board is there").write_all(bytes).expect("the board takes bytes");
    }

    /// How many connections to the broker were made so far.
    pub fn links(&self) -> usize {
        self.shared.line.lock().unwrap().links
    }

    /// Waits until that number has grown beyond `links`, and the broker has sent something on the newest.
    pub fn await_link_after(&self, links: usize) {
        self.await_that("a new link", |line| line.links > links && line.bytes_down > 0);
    }

    fn await_that(&self, what: &str, is_so: impl Fn(&Line) -> bool) {
        let line = self.shared.line.lock().unwrap();
        let (_line, waited) = self.shared.changed.wait_timeout_while(line, PATIENCE, |line| !is_so(line)).unwrap();
        assert!(!waited.timed_out(), "{what} never came");
    }
}

impl Shared {
    /// Carries what the board says to the broker, until the board is gone.
    fn carry_up(self: &Arc<Self>, mut board: TcpStream) {
        let mut last_word: Option<Instant> = None;
        let mut bytes = [0; 1024];
        while let Ok(count @ 1..) = board.read(&mut bytes) {
            let was_silent = last_word.is_none_or(|word| word.elapsed() >= SILENCE);
            last_word = Some(Instant::now());
            let mut line = self.line.lock().unwrap();
            if was_silent && bytes[0] == CONNECT && !line.is_cut {
                self.connect(&mut line);
            }
            let (passes, is_last) = spend(&mut line.up_budget, count);
            if let Some(broker) = &mut line.broker
                && broker.write_all(&bytes[..passes]).is_err()
            {
                line.broker = None;
            }
            if is_last {
                line.cut();
            }
            self.changed.notify_all();
        }
        self.line.lock().unwrap().cut();
    }

    /// Hangs up, and makes the next connection.
    fn connect(self: &Arc<Self>, line: &mut Line) {
        line.hang_up();
        let Ok(broker) = TcpStream::connect(("127.0.0.1", self.broker)) else { return };
        let _ = broker.set_nodelay(true);
        line.links += 1;
        line.bytes_down = 0;
        line.broker = broker.try_clone().ok();
        let (shared, link) = (Arc::clone(self), line.links);
        thread::spawn(move || shared.carry_down(broker, link));
    }

    /// Carries what the broker says to the board, while connection number `link` is the present one.
    fn carry_down(&self, mut broker: TcpStream, link: usize) {
        let mut bytes = [0; 1024];
        while let Ok(count @ 1..) = broker.read(&mut bytes) {
            let mut line = self.line.lock().unwrap();
            if line.links != link || line.broker.is_none() {
                return;
            }
            let (passes, is_last) = spend(&mut line.down_budget, count);
            line.bytes_down += passes;
            let board = line.board.as_ref().and_then(|board| board.try_clone().ok());
            if is_last {
                line.cut();
            }
            drop(line); // the board may take its time
            self.changed.notify_all();
            if board.is_none_or(|mut board| board.write_all(&bytes[..passes]).is_err()) {
                return;
            }
        }
        let mut line = self.line.lock().unwrap();
        if line.links == link {
            line.broker = None;
        }
    }
}

impl Line {
    fn cut(&mut self) {
        self.is_cut = true;
        self.hang_up();
    }

    fn hang_up(&mut self) {
        if let Some(broker) = self.broker.take() {
            let _ = broker.shutdown(Shutdown::Both);
        }
    }
}

/// How many of `count` bytes may pass, and whether they use the budget up.
fn spend(budget: &mut Option<usize>, count: usize) -> (usize, bool) {
    let Some(left) = budget else { return (count, false) };
    let passes = count.min(*left);
    *left -= passes;
    (passes, *left == 0)
}
