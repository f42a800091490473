//! What lies on the stream, from the bottom up: a proxy until it has connected, TLS, WebSocket.

use bytes::{Bytes, BytesMut};

use super::closed::Closed;
use super::{ProxyHandshake, TlsLayer, WebSocketLayer};
use crate::failure::{Failure, Stage};
use crate::server::{Endpoint, HostPort, Server};

/// The layers. Each is there only if the server wants it.
pub(super) struct Layers {
    proxy: Option<Box<ProxyHandshake>>,
    tls: Option<Box<TlsLayer>>,
    websocket: Option<Box<WebSocketLayer>>,
    /// What is ready for the socket.
    pub(super) wire: BytesMut,
}

impl Layers {
    pub(super) fn new(server: &Server) -> Result<Self, Failure> {
        check_host(server.endpoint())?;
        let mut wire = BytesMut::new();
        let mut layers = Self {
            proxy: ProxyHandshake::new(server, &mut wire)?.map(Box::new),
            tls: TlsLayer::new(server)?.map(Box::new),
            websocket: WebSocketLayer::new(server).map(Box::new),
            wire,
        };
        layers.start_above_proxy();
        Ok(layers)
    }

    /// What is under way.
    pub(super) fn stage(&self) -> Stage {
        if self.proxy.is_some() {
            Stage::Proxy
        } else if self.tls.as_ref().is_some_and(|tls| tls.is_handshaking()) {
            Stage::Tls
        } else if self.websocket.as_ref().is_some_and(|websocket| websocket.is_handshaking()) {
            Stage::WebSocket
        } else {
            Stage::Up
        }
    }

    /// Nothing lies on the stream (any more): bytes pass as they are.
    pub(super) const fn is_bare(&self) -> bool {
        self.proxy.is_none() && self.tls.is_none() && self.websocket.is_none()
    }

    /// How the server has said that nothing more comes, if it has.
    pub(super) fn closed(&self) -> Option<Closed> {
        let of_tls = self.tls.as_ref().filter(|tls| tls.has_peer_closed()).map(|_| Closed::Tls);
        self.websocket.as_ref().and_then(|websocket| websocket.closed()).or(of_tls)
    }

    /// Takes what came from the socket; `give` gets what it says to MQTT.
    pub(super) fn received(&mut self, mut input: Bytes, give: &mut dyn FnMut(Bytes)) -> Result<(), Failure> {
        if let Some(proxy) = &mut self.proxy {
            if !proxy.received(&mut input, &mut self.wire)? {
                return Ok(());
            }
            self.proxy = None;
            self.start_above_proxy();
        }
        if self.tls.is_some() { self.received_tls(&input, give) } else { self.received_plain(input, give) }
    }

    /// Like [`received`](Self::received); copies only what has to be shared later.
    pub(super) fn received_slice(&mut self, input: &[u8], give: &mut dyn FnMut(Bytes)) -> Result<(), Failure> {
        if self.proxy.is_none() && self.tls.is_some() {
            self.received_tls(input, give)
        } else {
            self.received(Bytes::copy_from_slice(input), give)
        }
    }

    fn received_tls(&mut self, input: &[u8], give: &mut dyn FnMut(Bytes)) -> Result<(), Failure> {
        let Some(tls) = &mut self.tls else { return Ok(()) };
        let was_handshaking = tls.is_handshaking();
        let mut plain = BytesMut::new();
        let result = tls.received(input, &mut plain);
        if was_handshaking && !tls.is_handshaking() {
            self.start_websocket();
        }
        self.flush(); // what the handshake goes on with, or why it doesn't
        let above = self.received_plain(plain.freeze(), give); // what came before something wrong was right
        result.and(above)
    }

    fn received_plain(&mut self, input: Bytes, give: &mut dyn FnMut(Bytes)) -> Result<(), Failure> {
        match &mut self.websocket {
            _ if input.is_empty() => Ok(()),
            Some(websocket) => websocket.received(input, give),
            None => {
                give(input);
                Ok(())
            }
        }
    }

    fn start_above_proxy(&mut self) {
        if self.tls.is_none() {
            self.start_websocket(); // else when TLS is agreed on
        }
        self.flush();
    }

    fn start_websocket(&mut self) {
        if self.proxy.is_some() {
            return;
        }
        if let Some(request) = self.websocket.as_mut().map(|websocket| websocket.take_request()) {
            self.lower(&[&request]);
        }
    }

    /// Puts the layers around what MQTT sends, and around what they say of themselves.
    pub(super) fn send(&mut self, outgoing: &mut BytesMut) {
        match &mut self.websocket {
            None if outgoing.is_empty() => {}
            None => self.lower(&[outgoing]),
            Some(websocket) => {
                let reply = websocket.take_reply();
                let header = websocket.frame(outgoing);
                reply.iter().for_each(|reply| self.lower(&[reply]));
                header.iter().for_each(|header| self.lower(&[header, outgoing]));
            }
        }
        outgoing.clear();
        self.flush();
    }

    /// Says that no more will be sent.
    pub(super) fn finish(&mut self) {
        if let Some(close) = self.websocket.as_mut().and_then(|websocket| websocket.finish()) {
            self.lower(&[&close]);
        }
        if let Some(tls) = &mut self.tls {
            tls.finish();
        }
        self.flush();
    }

    /// Puts TLS, if there is any, around bytes that belong together.
    fn lower(&mut self, parts: &[&[u8]]) {
        match &mut self.tls {
            Some(tls) => tls.send(parts),
            None => parts.iter().for_each(|part| self.wire.extend_from_slice(part)),
        }
    }

    /// Moves what TLS has to say to the wire, but not to a proxy.
    fn flush(&mut self) {
        match &mut self.tls {
            Some(tls) if self.proxy.is_none() => tls.write_to(&mut self.wire),
            _ => {}
        }
    }
}

/// A host is written into requests: it must not be able to add a line to them.
fn check_host(endpoint: &Endpoint) -> Result<(), Failure> {
    let Endpoint::Tcp { host, port } = endpoint else { return Ok(()) };
    let is_good = http::uri::Authority::try_from(HostPort(host, *port).to_string()).is_ok();
    // The zone of a link-local address is no part of a URL and good for the system.
    if is_good && !host.is_empty() && !host.contains('@') || is_scoped(host) { Ok(()) } else { Err(Failure::Host) }
}

fn is_scoped(host: &str) -> bool {
    let Some((address, zone)) = host.split_once('%') else { return false };
    address.parse::<std::net::Ipv6Addr>().is_ok() && zone.chars().all(|c| c.is_ascii_alphanumeric())
}
