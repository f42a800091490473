//! A stack and its server, for everything that can lie on a stream.

use std::sync::Arc;

use pure_mqtt_net::{Proxy, Stack, Tls, TlsOptions};
use rustls::ServerConfig;

use super::server::Expect;
use super::{Server, pki};

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Through {
    Nothing,
    Http,
    Socks,
}

/// What lies on the stream.
#[derive(Clone, Copy, Debug)]
pub struct Chain {
    pub through: Through,
    pub tls: bool,
    pub websocket: bool,
}

pub fn all() -> impl Iterator<Item = Chain> {
    let ways = [Through::Nothing, Through::Http, Through::Socks];
    ways.into_iter().flat_map(|through| {
        [(false, false), (false, true), (true, false), (true, true)].into_iter().map(move |(tls, websocket)| Chain {
            through,
            tls,
            websocket,
        })
    })
}

pub struct World {
    tls: Tls,
    config: Arc<ServerConfig>,
}

impl World {
    pub fn new() -> Self {
        let authority = pki::authority("own");
        let config = pki::signed(pki::params(&["broker.example"]), &authority).server();
        Self { tls: TlsOptions::new().ca_pem(authority.pem()).build().unwrap(), config }
    }

    pub fn pair(&self, chain: Chain) -> (Stack, Server) {
        let mut address = pure_mqtt_net::Server::tcp("broker.example", 443);
        let mut server = Server::new(chain.tls.then(|| self.config.clone()), chain.websocket);
        if chain.tls {
            address = address.tls(self.tls.clone());
        }
        if chain.websocket {
            address = address.websocket("/mqtt").unwrap();
        }
        match chain.through {
            Through::Nothing => {}
            Through::Http => {
                address = address.proxy(Proxy::http("proxy.example", 3128));
                server =
                    server.behind([(Expect::Head, b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n".to_vec())]);
            }
            Through::Socks => {
                address = address.proxy(Proxy::socks5("proxy.example", 1080).login("ada", "secret").unwrap());
                server = server.behind([
                    (Expect::Exactly(b"\x05\x02\x00\x02".to_vec()), b"\x05\x02".to_vec()),
                    (Expect::Exactly(b"\x01\x03ada\x06secret".to_vec()), b"\x01\x00".to_vec()),
                    (
                        Expect::Exactly(b"\x05\x01\x00\x03\x0ebroker.example\x01\xbb".to_vec()),
                        b"\x05\x00\x00\x03\x04host\x00\x01".to_vec(),
                    ),
                ]);
            }
        }
        (Stack::new(&address).unwrap(), server)
    }
}
