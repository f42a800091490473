//! One connection: its socket, and what is on its way out.

use std::io::{ErrorKind, Read, Write};

use mio::net::TcpStream;

use crate::sans_io::{Broker, LinkId};

/// Read at a time. Small enough for all connections to have their turn.
const PIECE: usize = 16 * 1024;
/// A client that takes nothing while the broker has more than this for it loses its connection.
const MOST_UNSENT: usize = 64 << 20;

/// A connection, as the thread of the broker has it.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) stream: TcpStream,
    pub(crate) link: LinkId,
    /// Whether the operating system has said that there may be something to read.
    pub(crate) is_readable: bool,
    /// Whether the operating system has said that something may be written.
    pub(crate) is_writable: bool,
    unsent: Vec<u8>,
    sent: usize,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream, link: LinkId) -> Self {
        let _ = stream.set_nodelay(true); // what the script cuts into pieces is to leave in pieces
        Self { stream, link, is_readable: false, is_writable: true, unsent: Vec::new(), sent: 0 }
    }

    /// Reads one piece, if there may be one. Returns false when the connection has ended.
    pub(crate) fn read(&mut self, core: &mut Broker) -> bool {
        if !self.may_read(core) {
            return true;
        }
        let mut room = [0; PIECE];
        match self.stream.read(&mut room) {
            Ok(0) => return false,
            Ok(count) => core.input(self.link, room.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.is_readable = false,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
        true
    }

    /// Whether there may be more to read at once.
    pub(crate) fn may_read(&self, core: &Broker) -> bool {
        self.is_readable && core.hears(self.link)
    }

    /// Writes what the socket takes. Returns false when the connection has ended.
    pub(crate) fn write(&mut self, core: &mut Broker) -> bool {
        if core.is_gone(self.link) {
            return false;
        }
        while self.is_writable {
            if self.unsent.is_empty() {
                self.unsent = core.output(self.link);
                self.sent = 0;
            }
            let rest = self.unsent.get(self.sent..).unwrap_or_default();
            if rest.is_empty() {
                return !core.wants_close(self.link);
            }
            match self.stream.write(rest) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.is_writable = false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
            if self.sent == self.unsent.len() {
                self.unsent.clear();
            }
        }
        core.unsent(self.link) <= MOST_UNSENT
    }
}
