//! A minimal host: one connection, one TCP socket, one thread. It does only what the page of [`Connection`] requires.
#![allow(dead_code)] // two examples share it, and neither uses all of it

mod error;

use std::io::{Error, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::time::Duration;

use pure_mqtt::{Connect, Connection, Disconnect, Event, Heap, Instant, Limits, Outcome, Received};

pub use error::HostError;

/// The connection of these examples.
pub type Mqtt = Connection<Heap>;

/// What the program does with what happens.
pub trait App {
    /// A packet came that means something. The connection may be used at once, to answer for instance.
    fn event(&mut self, mqtt: &mut Mqtt, now: Instant, event: Event<'_>);
    /// A command has ended without a packet.
    fn outcome(&mut self, outcome: Outcome);
}

/// Moves bytes between a connection and a socket.
pub struct Host {
    pub mqtt: Mqtt,
    stream: Option<TcpStream>,
    /// What was read and not taken yet.
    rx: Vec<u8>,
    epoch: std::time::Instant,
}

/// What became of the first packet in the receive buffer.
enum Step {
    Taken,
    Starved,
    Blocked,
}

/// How long a full socket may hold up reading.
const WRITE_PATIENCE: Duration = Duration::from_millis(50);
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
const FAREWELL_PATIENCE: Duration = Duration::from_secs(1);

impl Host {
    pub fn new(limits: Limits) -> Self {
        Self {
            mqtt: Connection::new(Heap::new(), limits),
            stream: None,
            rx: Vec::new(),
            epoch: std::time::Instant::now(),
        }
    }

    /// The time as the connection wants it.
    pub fn now(&self) -> Instant {
        Instant::from_millis(millis(self.epoch.elapsed()))
    }

    /// Connects to `address` (`host:port`) and sends CONNECT. The answer comes while driving.
    pub fn open(&mut self, address: &str, connect: &Connect<'_>) -> Result<(), HostError> {
        let unreachable = |cause| HostError::Unreachable { address: address.to_owned(), cause };
        let stream = dial(address).map_err(unreachable)?;
        self.mqtt.open(self.now(), connect).map_err(HostError::Open)?;
        self.stream = Some(stream);
        self.send()
    }

    /// Drives the connection until `done` holds, which is asked after every packet. False if that takes longer than `patience`.
    ///
    /// # Errors
    /// The link is over, and the connection knows it: `open` may follow at once.
    pub fn drive_until<A: App>(
        &mut self,
        app: &mut A,
        patience: Duration,
        mut done: impl FnMut(&A, &Mqtt) -> bool,
    ) -> Result<bool, HostError> {
        let deadline = self.now().after_millis(millis(patience));
        loop {
            let step = self.take_packet(app);
            if !matches!(step, Step::Taken) {
                let _ = self.mqtt.handle_timeout(self.now()); // an error shows in `should_close`
                self.send()?;
            }
            while let Some(outcome) = self.mqtt.poll_outcome() {
                app.outcome(outcome);
            }
            if done(app, &self.mqtt) {
                return Ok(true);
            }
            match step {
                Step::Taken => continue,
                _ if self.mqtt.should_close() => {
                    let reason = self.mqtt.close_reason();
                    self.close();
                    return Err(HostError::Mqtt(reason));
                }
                _ if self.now() >= deadline => return Ok(false),
                Step::Blocked => {} // what was sent has made room
                Step::Starved => self.read(deadline)?,
            }
        }
    }

    /// Sends what can be sent, says DISCONNECT and closes the socket. What is not finished stays with the session.
    pub fn leave(&mut self, disconnect: &Disconnect<'_>) -> Result<(), HostError> {
        self.send()?;
        self.mqtt.disconnect(self.now(), disconnect).map_err(HostError::Disconnect)?;
        self.send()?;
        self.close();
        Ok(())
    }

    /// Closes the socket in order. One that is closed over unread bytes is reset, and what was written last is lost.
    fn close(&mut self) {
        let end = self.epoch.elapsed() + FAREWELL_PATIENCE;
        if let Some(stream) = &mut self.stream {
            let _ = stream.shutdown(Shutdown::Write);
            let _ = stream.set_read_timeout(Some(FAREWELL_PATIENCE));
            while self.epoch.elapsed() < end && stream.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {}
        }
        self.cut();
    }

    /// Drops the socket without a word.
    pub fn cut(&mut self) {
        self.stream = None;
        self.rx.clear();
        self.mqtt.handle_close(self.now());
    }

    /// Offers the first packet of what was read.
    fn take_packet(&mut self, app: &mut impl App) -> Step {
        let now = self.now();
        match self.mqtt.handle_input(now, &self.rx) {
            Ok(Received::Packet { consumed, event }) => {
                if let Some(event) = event {
                    app.event(&mut self.mqtt, now, event);
                }
                self.rx.drain(..consumed);
                Step::Taken
            }
            Ok(Received::Blocked) => Step::Blocked,
            Ok(Received::Partial { .. }) => Step::Starved,
            Err(_) => Step::Blocked, // there is nothing to wait for: `should_close`
        }
    }

    /// Writes what waits; what a full socket doesn't take goes later.
    fn send(&mut self) -> Result<(), HostError> {
        let now = self.now();
        let Some(stream) = &mut self.stream else { return Ok(()) };
        let mut transmit = self.mqtt.transmit(now);
        while !transmit.chunk().is_empty() {
            match stream.write(transmit.chunk()) {
                Ok(0) => return Err(self.lose(HostError::Transport(ErrorKind::WriteZero.into()))),
                Ok(count) => transmit.advance(count),
                Err(error) if is_timeout(&error) => break,
                Err(error) => return Err(self.lose(HostError::Transport(error))),
            }
        }
        Ok(())
    }

    /// Waits for bytes, until the connection wants to be woken or `deadline` has come.
    fn read(&mut self, deadline: Instant) -> Result<(), HostError> {
        let now = self.now();
        let wake = self.mqtt.poll_timeout().map_or(deadline, |due| due.min(deadline));
        let is_sending = self.mqtt.transmit(now).remaining() > 0;
        let wait = if is_sending { 1 } else { wake.millis_since(now).max(1) };
        let Some(stream) = &mut self.stream else { return Err(HostError::ClosedByServer) };
        let mut room = [0; 16 * 1024];
        let count = stream.set_read_timeout(Some(Duration::from_millis(wait))).and_then(|()| stream.read(&mut room));
        match count {
            Ok(0) => Err(self.lose(HostError::ClosedByServer)),
            Ok(count) => {
                self.rx.extend(room.iter().take(count));
                Ok(())
            }
            Err(error) if is_timeout(&error) => Ok(()),
            Err(error) => Err(self.lose(HostError::Transport(error))),
        }
    }

    /// The link is over, for this reason.
    fn lose(&mut self, reason: HostError) -> HostError {
        self.cut();
        reason
    }
}

/// The first address behind the name that answers.
fn dial(address: &str) -> Result<TcpStream, Error> {
    let mut result = Err(ErrorKind::NotFound.into());
    for address in address.to_socket_addrs()? {
        result = TcpStream::connect_timeout(&address, CONNECT_PATIENCE);
        if result.is_ok() {
            break;
        }
    }
    let stream = result?;
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(WRITE_PATIENCE))?;
    Ok(stream)
}

/// Nothing is wrong with the socket, it only isn't time yet.
pub fn is_timeout(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A random number, as far as the standard library has one.
pub fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish()
}
