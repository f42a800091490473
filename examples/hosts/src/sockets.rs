//! Opening and closing TCP sockets with short time-outs, for hosts without an event loop.

use std::io::{Error, ErrorKind};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::time::Duration;

use crate::failure::Failure;
use crate::pump;

const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
/// How long a full socket may hold up reading: a broker that waits for us to read may not read itself.
pub const WRITE_PATIENCE: Duration = Duration::from_millis(50);

/// Connects to `address` (`host:port`), and to the first address behind the name that answers.
///
/// # Errors
/// [`Failure::Unreachable`], with what the last address said.
pub fn dial(address: &str) -> Result<TcpStream, Failure> {
    let connect = || {
        let mut result = Err(Error::from(ErrorKind::NotFound));
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
    };
    connect().map_err(|error| Failure::Unreachable(address.to_owned(), error))
}

/// Closes in order: shuts down, then waits for the broker to do the same.
pub fn close(stream: &mut TcpStream) {
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.set_read_timeout(Some(pump::FAREWELL_PATIENCE));
    pump::await_end(stream);
}
