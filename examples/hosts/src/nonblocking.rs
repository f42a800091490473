//! One link over a non-blocking socket. Serve it when [`mio`] reports a change.

use std::io::Result;
use std::net::SocketAddr;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use pure_mqtt::{Event, Instant, RxBuffer};

use crate::{LONGEST_PACKET, Mqtt, pump};

/// A socket and what was read from it.
pub struct Link {
    stream: TcpStream,
    rx: Box<RxBuffer<LONGEST_PACKET>>,
}

impl Link {
    /// Begins to connect; whether that succeeds shows later. CONNECT may be waiting in the connection meanwhile.
    ///
    /// # Errors
    /// There can be no such socket.
    pub fn dial(registry: &Registry, address: SocketAddr, token: Token) -> Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self { stream, rx: Box::default() })
    }

    /// Moves bytes in both directions until the socket has no more, or takes no more, or the connection does. What is due is done on the way. True if
    /// there was anything to move.
    ///
    /// `mio` tells of a change once. So this goes on until the socket says that it would block: it is then that the next change will be told.
    ///
    /// # Errors
    /// The socket is broken, or the broker has closed it.
    pub fn turn(
        &mut self,
        mqtt: &mut Mqtt,
        now: Instant,
        mut on_event: impl FnMut(&mut Mqtt, Event<'_>),
    ) -> Result<bool> {
        let mut has_moved = false;
        loop {
            let taken = pump::take(mqtt, now, self.rx.bytes(), &mut on_event);
            self.rx.consume(taken.consumed);
            let _ = mqtt.handle_timeout(now); // an error shows in `should_close`
            let sent = pump::send(mqtt, now, &mut self.stream)?;
            has_moved |= taken.consumed + sent.bytes > 0;
            if mqtt.should_close() {
                return Ok(has_moved); // that the broker closes the socket now is no error
            }
            if taken.is_blocked && taken.consumed + sent.bytes > 0 {
                continue; // there may be room now
            }
            match pump::read(&mut self.stream, self.rx.room())? {
                Some(count) => self.rx.filled(count),
                None => return Ok(has_moved),
            }
        }
    }
}
