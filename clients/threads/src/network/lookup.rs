//! The addresses of a name. The look-up may block, so it has its own thread.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;

use pure_mqtt_net::Endpoint;

use crate::transport::Address;

pub(crate) enum Lookup {
    /// The addresses were known at once.
    Done(Vec<Address>),
    Running(Receiver<io::Result<Vec<SocketAddr>>>),
}

impl Lookup {
    /// Starts a look-up; `wake` is called when it is complete.
    pub(crate) fn begin(endpoint: &Endpoint, wake: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let (host, port) = match endpoint {
            Endpoint::Tcp { host, port } => (host.clone(), *port),
            #[cfg(unix)]
            Endpoint::Unix(path) => return Ok(Self::Done(vec![Address::Unix(path.clone())])),
            #[cfg(not(unix))]
            Endpoint::Unix(_) => return Err(io::ErrorKind::Unsupported.into()),
        };
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(Self::Done(vec![Address::Tcp((address, port).into())]));
        }
        let (answer, answers) = channel();
        thread::Builder::new().name("mqtt-lookup".into()).spawn(move || {
            let found = (host.as_str(), port).to_socket_addrs().map(Iterator::collect);
            let _ = answer.send(found); // the receiver is gone if the attempt was given up
            wake();
        })?;
        Ok(Self::Running(answers))
    }

    pub(crate) const fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }

    /// Returns the addresses, once; `None` during the look-up.
    pub(crate) fn poll(&mut self) -> io::Result<Option<Vec<Address>>> {
        match self {
            Self::Done(addresses) => Ok(Some(std::mem::take(addresses))),
            Self::Running(answers) => match answers.try_recv() {
                Ok(found) => Ok(Some(in_turn(found?))),
                Err(TryRecvError::Empty) => Ok(None),
                Err(TryRecvError::Disconnected) => Err(io::ErrorKind::NotFound.into()),
            },
        }
    }
}

/// Alternates IPv6 and IPv4, so that one that does not work is followed by the other.
fn in_turn(found: Vec<SocketAddr>) -> Vec<Address> {
    let (mut sixes, mut fours): (Vec<_>, Vec<_>) = found.into_iter().partition(SocketAddr::is_ipv6);
    sixes.reverse();
    fours.reverse();
    let mut addresses = Vec::new();
    while let Some(address) = sixes.pop().or_else(|| fours.pop()) {
        addresses.push(Address::Tcp(address));
        std::mem::swap(&mut sixes, &mut fours);
    }
    addresses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_addresses_take_turns() {
        let found = ["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1"].map(|address| address.parse().unwrap());
        let shown: Vec<_> = in_turn(found.to_vec()).iter().map(|address| format!("{address:?}")).collect();
        assert_eq!(shown.join(" "), "Tcp([::1]:1) Tcp(1.1.1.1:1) Tcp([::2]:1) Tcp([::3]:1)");
    }
}
