//! A dial: tries the server's addresses one by one, and performs the handshakes on the first that connects.

use std::io;
use std::time::{Duration, Instant};

use mio::{Registry, Token};
use pure_mqtt_agent::LinkId;
use pure_mqtt_net::Server;

use super::lookup::Lookup;
use crate::error::ConnectError;
use crate::transport::{Address, Socket, Transport};

pub(crate) struct Dial {
    /// The agent's id of the attempt.
    pub(crate) link: LinkId,
    pub(crate) server: Server,
    timeout: Duration,
    /// The time-out of the current address.
    pub(crate) deadline: Instant,
    lookup: Lookup,
    /// Addresses not tried yet, the next one last; `None` during the look-up.
    addresses: Option<Vec<Address>>,
    stage: Stage,
    failure: ConnectError,
}

/// The longest time-out: an instant can't be arbitrarily far away.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

enum Stage {
    /// The next address must be tried.
    Idle,
    Connecting(Socket),
    Greeting(Box<Transport>),
}

impl Dial {
    /// Starts a dial; another thread calls `wake` when the addresses are known.
    pub(crate) fn new(
        link: LinkId,
        server: Server,
        timeout: Duration,
        wake: impl FnOnce() + Send + 'static,
    ) -> io::Result<Self> {
        let timeout = timeout.min(LONGEST);
        let failure = io::Error::new(io::ErrorKind::NotFound, "it has no address").into();
        let lookup = Lookup::begin(&server.dial_target(), wake)?;
        let first = if lookup.is_done() { Duration::ZERO } else { timeout }; // the first address is tried at once
        let deadline = Instant::now() + first;
        Ok(Self { link, server, timeout, deadline, lookup, addresses: None, stage: Stage::Idle, failure })
    }

    /// Does what can be done now. `None` while the server has not answered.
    pub(crate) fn step(&mut self, registry: &Registry, token: Token) -> Result<Option<Transport>, ConnectError> {
        loop {
            match self.try_step(registry, token) {
                Ok(Some(transport)) => return Ok(Some(transport)),
                Ok(None) if Instant::now() < self.deadline => return Ok(None),
                Ok(None) => self.failure = ConnectError::TimedOut,
                Err(error) => self.failure = error,
            }
            self.stage = Stage::Idle;
            if self.addresses.as_ref().is_none_or(Vec::is_empty) {
                return Err(self.failure.clone());
            }
        }
    }

    fn try_step(&mut self, registry: &Registry, token: Token) -> Result<Option<Transport>, ConnectError> {
        if let Stage::Idle = self.stage {
            let Some(address) = self.next_address()? else { return Ok(None) };
            self.deadline = Instant::now() + self.timeout;
            self.stage = Stage::Connecting(Socket::connect(&address, registry, token)?);
        }
        if let Stage::Connecting(socket) = &self.stage {
            if !socket.is_connected()? {
                return Ok(None);
            }
            let Stage::Connecting(socket) = std::mem::replace(&mut self.stage, Stage::Idle) else { return Ok(None) };
            self.stage = Stage::Greeting(Box::new(Transport::new(socket, &self.server)?));
        }
        if let Stage::Greeting(transport) = &mut self.stage {
            if !transport.handshake()? {
                return Ok(None);
            }
        }
        match std::mem::replace(&mut self.stage, Stage::Idle) {
            Stage::Greeting(transport) => Ok(Some(*transport)),
            _ => Ok(None),
        }
    }

    /// Returns the next address; `None` during the look-up.
    fn next_address(&mut self) -> Result<Option<Address>, ConnectError> {
        if self.addresses.is_none() {
            let Some(mut addresses) = self.lookup.poll()? else { return Ok(None) };
            addresses.reverse();
            self.addresses = Some(addresses);
        }
        let next = self.addresses.as_mut().and_then(Vec::pop);
        next.map(Some).ok_or_else(|| io::Error::from(io::ErrorKind::AddrNotAvailable).into())
    }
}
