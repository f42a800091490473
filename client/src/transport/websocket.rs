//! MQTT in the binary frames of WebSocket (§6), by tungstenite.

use std::io::{self, ErrorKind, Read, Write};

use tungstenite::handshake::client::{ClientHandshake, Request, generate_key};
use tungstenite::handshake::{HandshakeError, MidHandshake};
use tungstenite::http::header::{HeaderName, HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Bytes, Error, Message};

use crate::server::{Place, Server, WebSocketRequest};
use crate::transport::secure::Secure;

/// So many bytes go in one frame at most, so that little is kept twice.
const LONGEST_FRAME: usize = 64 * 1024;
const SUBPROTOCOL: HeaderValue = HeaderValue::from_static("mqtt"); // [MQTT-6.0.0-3]

/// WebSocket on a stream that never waits.
pub(crate) struct WebSocket {
    stage: Stage,
    /// What is left of the frame that came last. Packets needn't keep to frames `[MQTT-6.0.0-2]`.
    rest: Bytes,
    /// A frame is not written in full.
    is_flushing: bool,
}

enum Stage {
    Greeting(MidHandshake<ClientHandshake<Secure>>),
    Open(Box<tungstenite::WebSocket<Secure>>),
    Failed,
}

impl WebSocket {
    pub(crate) fn new(stream: Secure, server: &Server, request: &WebSocketRequest) -> io::Result<Self> {
        let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
        let request = write_request(server, request).map_err(io_error)?;
        let handshake = ClientHandshake::start(stream, request, Some(config)).map_err(io_error)?;
        Ok(Self { stage: Stage::Greeting(handshake), rest: Bytes::new(), is_flushing: false })
    }

    /// Goes on with the handshake; true when it is over.
    pub(crate) fn shake_hands(&mut self) -> io::Result<bool> {
        match std::mem::replace(&mut self.stage, Stage::Failed) {
            Stage::Greeting(handshake) => match handshake.handshake() {
                Ok((websocket, response)) => {
                    if response.headers().get(SEC_WEBSOCKET_PROTOCOL) != Some(&SUBPROTOCOL) {
                        return Err(io::Error::new(
                            ErrorKind::InvalidData,
                            "the server doesn't speak MQTT over WebSocket",
                        ));
                    }
                    self.stage = Stage::Open(Box::new(websocket));
                    Ok(true)
                }
                Err(HandshakeError::Interrupted(handshake)) => {
                    self.stage = Stage::Greeting(handshake);
                    Ok(false)
                }
                Err(HandshakeError::Failure(error)) => Err(io_error(error)),
            },
            stage => {
                self.stage = stage;
                Ok(true)
            }
        }
    }

    /// Says that nothing more will be sent.
    pub(crate) fn finish(&mut self) {
        if let Stage::Open(websocket) = &mut self.stage {
            let _ = websocket.close(None).and_then(|()| websocket.flush()); // if it can't be said now, closing the stream has to do
            websocket.get_mut().finish();
        }
    }

    fn open(&mut self) -> io::Result<&mut tungstenite::WebSocket<Secure>> {
        match &mut self.stage {
            Stage::Open(websocket) => Ok(websocket),
            _ => Err(ErrorKind::NotConnected.into()),
        }
    }
}

fn write_request(server: &Server, wanted: &WebSocketRequest) -> Result<Request, Error> {
    let authority = match &server.place {
        Place::Tcp { .. } => server.to_string(),
        #[cfg(unix)]
        Place::Unix(_) => "localhost".to_owned(),
    };
    let mut request = Request::builder()
        .uri(format!("{}://{authority}{}", scheme(server), wanted.path))
        .header("Host", authority)
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", generate_key())
        .header(SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL)
        .body(())?;
    for (name, value) in &wanted.headers {
        let name = HeaderName::try_from(name.as_str()).map_err(tungstenite::http::Error::from)?;
        let value = HeaderValue::try_from(value.as_str()).map_err(tungstenite::http::Error::from)?;
        request.headers_mut().insert(name, value);
    }
    Ok(request)
}

fn scheme(server: &Server) -> &'static str {
    #[cfg(feature = "tls")]
    if server.tls.is_some() {
        return "wss";
    }
    let _ = server;
    "ws"
}

fn io_error(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        Error::ConnectionClosed | Error::AlreadyClosed => ErrorKind::UnexpectedEof.into(),
        other => io::Error::new(ErrorKind::InvalidData, other),
    }
}

impl Read for WebSocket {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            match self.open()?.read().map_err(io_error)? {
                Message::Binary(bytes) => self.rest = bytes,
                Message::Close(_) => return Ok(0),
                Message::Text(_) => {
                    // [MQTT-6.0.0-1]
                    return Err(io::Error::new(ErrorKind::InvalidData, "the server sent a frame of text"));
                }
                _ => {} // pings are answered by the next write
            }
        }
        let count = room.len().min(self.rest.len());
        let taken = self.rest.split_to(count);
        if let Some(room) = room.get_mut(..count) {
            room.copy_from_slice(&taken);
        }
        Ok(count)
    }
}

impl Write for WebSocket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_flushing {
            self.flush()?;
        }
        let frame = bytes.get(..LONGEST_FRAME).unwrap_or(bytes);
        self.open()?.write(Message::Binary(Bytes::copy_from_slice(frame))).map_err(io_error)?;
        self.is_flushing = true;
        match self.flush() {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(frame.len()), // the rest of the frame goes with the next `write` or `flush`
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.open()?.flush().map_err(io_error)?;
        self.is_flushing = false;
        Ok(())
    }
}
