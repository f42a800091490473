//! The conversation with a proxy, until it has connected to the server.

mod connect;
mod socks;

use bytes::{Bytes, BytesMut};

use self::connect::Connect;
use self::socks::Socks;
use crate::failure::Failure;
use crate::server::{Endpoint, HostPort, Proxy, ProxyKind, Server};

/// A proxy that is being asked.
pub(super) enum ProxyHandshake {
    Http(Connect),
    Socks(Socks),
}

impl ProxyHandshake {
    /// `None` if there is none on the way to `server`; else its first request is written into `out`.
    pub(super) fn new(server: &Server, out: &mut BytesMut) -> Result<Option<Self>, Failure> {
        server.proxy_on_the_way().map(|proxy| Self::start(proxy, server, out)).transpose()
    }

    fn start(proxy: &Proxy, server: &Server, out: &mut BytesMut) -> Result<Self, Failure> {
        let Endpoint::Tcp { host, port } = server.endpoint() else { return Err(Failure::ProxyToUnixSocket) };
        match proxy.kind {
            ProxyKind::Http => {
                let target = HostPort(host, *port).to_string();
                Ok(Self::Http(Connect::start(&target, proxy.login.as_ref(), out)))
            }
            ProxyKind::Socks5 => Socks::start(host, *port, proxy.login.clone(), out).map(Self::Socks),
        }
    }

    /// Takes the proxy's bytes from the front of `input`; true once it has connected, and what is left in `input` is the
    /// server's.
    pub(super) fn received(&mut self, input: &mut Bytes, out: &mut BytesMut) -> Result<bool, Failure> {
        let result = match self {
            Self::Http(connect) => connect.received(input),
            Self::Socks(socks) => socks.received(input, out),
        };
        result.map_err(Failure::Proxy)
    }
}
