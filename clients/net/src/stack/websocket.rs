//! WebSocket: first its handshake, then its frames.

use bytes::{Bytes, BytesMut};
use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};

use super::closed::Closed;
use super::frames::{self, Frames, Payload};
use super::upgrade::Upgrade;
use crate::failure::Failure;
use crate::server::{Endpoint, HostPort, Server};

pub(super) struct WebSocketLayer {
    upgrade: Option<Upgrade>,
    frames: Frames,
    has_said_goodbye: bool,
}

impl WebSocketLayer {
    /// `None` if `server` wants no WebSocket.
    pub(super) fn new(server: &Server) -> Option<Self> {
        let upgrade = Upgrade::new(server.websocket_request()?, &host(server));
        Some(Self { upgrade: Some(upgrade), frames: Frames::default(), has_said_goodbye: false })
    }

    pub(super) const fn is_handshaking(&self) -> bool {
        self.upgrade.is_some()
    }

    pub(super) fn take_request(&mut self) -> Bytes {
        self.upgrade.as_mut().map(Upgrade::take_request).unwrap_or_default()
    }

    /// Takes what came; `give` gets the payload.
    pub(super) fn received(&mut self, mut input: Bytes, give: &mut dyn FnMut(Bytes)) -> Result<(), Failure> {
        if let Some(upgrade) = &mut self.upgrade {
            if !upgrade.received(&mut input).map_err(Failure::WebSocket)? {
                return Ok(());
            }
            self.upgrade = None;
        }
        let mut payload = Payload::default();
        let result = self.frames.received(input, &mut payload);
        payload.seal();
        payload.pieces.into_iter().for_each(give);
        result.map_err(Failure::WebSocket)
    }

    /// The answer to the last ping, or to the server's close.
    pub(super) fn take_reply(&mut self) -> Option<Bytes> {
        if self.frames.close.is_some() {
            return self.finish();
        }
        let ping = self.frames.ping.take()?;
        (!self.has_said_goodbye).then(|| frames::control(Control::Pong, &ping))
    }

    /// A close frame, once.
    pub(super) fn finish(&mut self) -> Option<Bytes> {
        if self.upgrade.is_some() || std::mem::replace(&mut self.has_said_goodbye, true) {
            return None;
        }
        // An answer repeats the code (§5.5.1), if it was one that may be sent.
        let code = match &self.frames.close {
            None => Some(CloseCode::Normal),
            Some(close) => close.code.map(CloseCode::from).filter(|code| code.is_allowed()),
        };
        let code = code.map(u16::from).map(u16::to_be_bytes);
        Some(frames::control(Control::Close, code.as_ref().map_or(&[], |code| &code[..])))
    }

    /// How the server has closed, if it has.
    pub(super) fn closed(&self) -> Option<Closed> {
        self.frames.close.clone().map(|close| Closed::WebSocket { code: close.code, reason: close.reason })
    }

    /// The header of the frame that these bytes go in, which are masked. `None` if there are none, or if a close frame was
    /// sent: nothing follows it (§5.5.1).
    pub(super) fn frame(&self, outgoing: &mut BytesMut) -> Option<Bytes> {
        let is_to_go = !outgoing.is_empty() && !self.has_said_goodbye;
        is_to_go.then(|| frames::frame(OpCode::Data(Data::Binary), outgoing))
    }
}

/// The value of `Host`: a default port is left out.
fn host(server: &Server) -> String {
    match server.endpoint() {
        Endpoint::Unix(_) => "localhost".into(),
        Endpoint::Tcp { host, port } => {
            let default = if server.is_secure() { 443 } else { 80 };
            let full = HostPort(host, *port).to_string();
            match full.strip_suffix(&format!(":{default}")) {
                Some(host) if *port == default => host.to_owned(),
                _ => full,
            }
        }
    }
}
