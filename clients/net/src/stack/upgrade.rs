//! The handshake of WebSocket (RFC 6455 §4).

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::{
    CONNECTION, HOST, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_PROTOCOL, UPGRADE,
};
use tungstenite::handshake::client::generate_key;
use tungstenite::handshake::derive_accept_key;

use crate::failure::WebSocketFailure;
use crate::server::WebSocketRequest;
use crate::stack::head::{Head, HeadReader};

pub(super) struct Upgrade {
    request: Bytes,
    /// What the server makes of our key.
    accept: String,
    answer: HeadReader,
}

impl Upgrade {
    pub(super) fn new(request: &WebSocketRequest, host: &str) -> Self {
        let key = generate_key();
        Self {
            request: write(request, host, &key),
            accept: derive_accept_key(key.as_bytes()),
            answer: HeadReader::default(),
        }
    }

    /// The request, to be sent once the way to the server is there.
    pub(super) fn take_request(&mut self) -> Bytes {
        std::mem::take(&mut self.request)
    }

    /// Takes the answer from the front of `input`; true once the server has agreed.
    pub(super) fn received(&mut self, input: &mut Bytes) -> Result<bool, WebSocketFailure> {
        match self.answer.received(input).map_err(WebSocketFailure::Http)? {
            Some(head) => self.judge(&head).map(|()| true),
            None => Ok(false),
        }
    }

    fn judge(&self, head: &Head) -> Result<(), WebSocketFailure> {
        if head.code != 101 {
            return Err(WebSocketFailure::Status(head.status()));
        }
        let accept = head.headers.get(SEC_WEBSOCKET_ACCEPT).map(|value| value.as_bytes().trim_ascii());
        let has_agreed = has_token(&head.headers, &UPGRADE, "websocket")
            && has_token(&head.headers, &CONNECTION, "upgrade")
            && accept == Some(self.accept.as_bytes());
        if !has_agreed {
            return Err(WebSocketFailure::NoUpgrade);
        }
        if head.headers.get(SEC_WEBSOCKET_EXTENSIONS).is_some_and(|value| !value.is_empty()) {
            return Err(WebSocketFailure::Extension);
        }
        judge_subprotocol(&head.headers)
    }
}

/// The server should choose `mqtt` [MQTT-6.0.0-4]. Some choose nothing, or the name that 3.1 had, and speak MQTT all the same.
fn judge_subprotocol(headers: &HeaderMap) -> Result<(), WebSocketFailure> {
    let Some(chosen) = headers.get(SEC_WEBSOCKET_PROTOCOL) else { return Ok(()) };
    let chosen = String::from_utf8_lossy(chosen.as_bytes().trim_ascii());
    match chosen.to_ascii_lowercase().as_str() {
        "" | "mqtt" | "mqttv3.1" => Ok(()),
        _ => Err(WebSocketFailure::Subprotocol(chosen.chars().filter(char::is_ascii_graphic).take(50).collect())),
    }
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|found| found.trim().eq_ignore_ascii_case(token))
}

fn write(wanted: &WebSocketRequest, host: &str, key: &str) -> Bytes {
    let mut out = BytesMut::with_capacity(256);
    let mut line = |parts: &[&[u8]]| {
        parts.iter().for_each(|part| out.extend_from_slice(part));
        out.extend_from_slice(b"\r\n");
    };
    line(&[b"GET ", wanted.path.as_bytes(), b" HTTP/1.1"]);
    if !wanted.headers.contains_key(HOST) {
        line(&[b"Host: ", host.as_bytes()]);
    }
    line(&[b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13"]);
    line(&[b"Sec-WebSocket-Key: ", key.as_bytes()]);
    line(&[b"Sec-WebSocket-Protocol: mqtt"]); // [MQTT-6.0.0-3]
    for (name, value) in &wanted.headers {
        line(&[name.as_str().as_bytes(), b": ", value.as_bytes()]);
    }
    line(&[]);
    out.freeze()
}
