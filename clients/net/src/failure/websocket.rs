//! What goes wrong with WebSocket.

use std::fmt;

use super::{FailureClass, HttpProblem, HttpStatus};

/// Why WebSocket failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WebSocketFailure {
    /// The response to the handshake cannot be used.
    Http(HttpProblem),
    /// The response to the handshake has another status than 101.
    Status(HttpStatus),
    /// The response has status 101, and `Upgrade`, `Connection` or `Sec-WebSocket-Accept` is missing or wrong.
    NoUpgrade,
    /// The server chose a subprotocol that is not MQTT.
    Subprotocol(String),
    /// The server chose an extension that was not offered.
    Extension,
    /// The server sent a text frame `[MQTT-6.0.0-1]`.
    Text,
    /// The server sent an invalid frame (RFC 6455 §5).
    Frame(FrameProblem),
}

/// Why a frame is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FrameProblem {
    /// The frame is masked, which only a client may do.
    Masked,
    /// A reserved bit is set.
    ReservedBit,
    /// The opcode is unknown.
    Opcode,
    /// A control frame is fragmented, or longer than 125 bytes.
    Control,
    /// A new message starts inside a fragmented one, or a continuation has no start.
    Order,
    /// The length has its highest bit set.
    Length,
}

impl WebSocketFailure {
    pub(super) const fn class(&self) -> FailureClass {
        match self {
            Self::Status(status) => status.class(),
            _ => FailureClass::Lasting,
        }
    }
}

impl fmt::Display for WebSocketFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(problem) => write!(
                f,
                "the server sent {problem} to the handshake of WebSocket: perhaps this port has no WebSocket (mqtt:// or \
                 mqtts://), or wants TLS (wss://)"
            ),
            Self::Status(status) => refused(f, status),
            Self::NoUpgrade => f.write_str(
                "the server did not take part in the handshake of WebSocket: a proxy between may have removed its headers",
            ),
            Self::Subprotocol(found) => {
                write!(f, "the server speaks `{found}` over WebSocket and not MQTT: check the path")
            }
            Self::Extension => f.write_str("the server uses an extension of WebSocket that was not offered to it"),
            Self::Text => f.write_str("the server sent text over WebSocket, and MQTT is binary: check the path"),
            Self::Frame(problem) => write!(f, "the server broke the rules of WebSocket: {}", problem.text()),
        }
    }
}

fn refused(f: &mut fmt::Formatter<'_>, status: &HttpStatus) -> fmt::Result {
    let code = status.code;
    match (code, &status.location) {
        (300..=399, Some(location)) => {
            write!(f, "the server answered {code}: it is at {location} now; use that address")
        }
        _ => write!(f, "the server answered {code} to the handshake of WebSocket: {}", remedy(code)),
    }
}

const fn remedy(code: u16) -> &'static str {
    match code {
        200..=299 => "it is a web server without WebSocket at this path; many servers have MQTT at /mqtt",
        300..=399 => "it has moved somewhere else; ask its operator for the address",
        401 => "it requires authentication before MQTT starts; set a header, for example `Authorization`",
        403 => "access is denied; check headers, for example `Origin`, and the signature in the path",
        404 | 405 | 410 => "there is no WebSocket at this path; many servers have MQTT at /mqtt",
        400 | 426 => "it does not understand the request; perhaps this port wants TLS (wss://)",
        407 => "it is a proxy that wants a user name and password",
        429 => "too many requests; try again later",
        502..=504 => "the gateway cannot reach the broker; try again later",
        500.. => "the server has an internal error; try again later",
        _ => "it refuses",
    }
}

impl FrameProblem {
    const fn text(self) -> &'static str {
        match self {
            Self::Masked => "a frame is masked",
            Self::ReservedBit => "a reserved bit is set",
            Self::Opcode => "a frame is of no known kind",
            Self::Control => "a control frame is in fragments or too long",
            Self::Order => "a message begins within another one, or goes on without having begun",
            Self::Length => "a frame is longer than any can be",
        }
    }
}
