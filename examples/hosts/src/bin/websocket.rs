//! One connection over WebSocket, with tungstenite on a TCP socket that waits in `read`.
//!
//! MQTT takes the payloads of binary frames as one stream of bytes: packets and frames
//! needn't begin or end together `[MQTT-6.0.0-2]`.

use std::io::{Error, ErrorKind};
use std::net::TcpStream;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use bytes::{Buf, Bytes};
use pure_mqtt::{BytesBuffer, Connection, Heap, Instant};
use pure_mqtt_hosts::clock::{Clock, earlier};
use pure_mqtt_hosts::failure::{Failure, end_of, exit};
use pure_mqtt_hosts::pauses::Pauses;
use pure_mqtt_hosts::station::{LIMITS, Station};
use pure_mqtt_hosts::{Mqtt, args, pump, sockets};
use tungstenite::{ClientRequestBuilder, HandshakeError, Message, WebSocket, client};

const USAGE: &str =
    "websocket: publishes readings over WebSocket, and prints them as they come back

  --broker URL       default: ws://localhost:8080/mqtt
";

/// The longest frame that is written, in bytes.
const LONGEST_FRAME: usize = 16 * 1024;
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    exit("websocket", run())
}

fn run() -> Result<(), Failure> {
    let Some(options) = args::parse(USAGE, "ws://localhost:8080/mqtt", args::none)?
    else {
        return Ok(());
    };
    let mut host = Host {
        mqtt: Connection::new(Heap::new(), LIMITS),
        station: Station::new(options)?,
        pauses: Pauses::new(100, 30_000),
        clock: Clock::start(),
    };
    loop {
        match host.link() {
            Err(failure) if failure.is_passing() && host.station.is_known() => {
                host.pause(&failure)
            }
            result => return result,
        }
    }
}

struct Host {
    mqtt: Mqtt,
    station: Station,
    pauses: Pauses,
    clock: Clock,
}

impl Host {
    /// One link, from CONNECT to its end. It is well if the station is done.
    fn link(&mut self) -> Result<(), Failure> {
        let mut socket = dial(&self.station.options().broker)?;
        let mut rx = BytesBuffer::new(LIMITS.inline_max);
        self.mqtt.open(self.clock.now(), &self.station.connect())?;
        loop {
            // What came in frames goes into the connection …
            let now = self.clock.now();
            let taken = pump::take(&mut self.mqtt, now, &rx, |mqtt, event| {
                self.station.on_event(mqtt, &event)
            });
            rx.buffer().advance(taken.consumed);
            let _ = self.mqtt.handle_timeout(now); // an error shows in `should_close`
            while let Some(outcome) = self.mqtt.poll_outcome() {
                self.station.on_outcome(&outcome);
            }
            // … the program does what it has to do …
            if self.mqtt.is_connected() {
                self.pauses.accepted(now);
            }
            self.station.act(&mut self.mqtt, now)?;
            // … and what the connection has to say goes out in frames.
            let is_full = send(&mut self.mqtt, now, &mut socket)?;
            if self.station.is_done(&self.mqtt) {
                self.mqtt.disconnect(now, &self.station.goodbye())?;
                continue;
            }
            if self.mqtt.should_close() {
                close(&mut socket);
                return end_of(&self.mqtt);
            }
            if taken.is_blocked {
                continue; // there may be room now: what holds up a station is a full socket alone
            }
            // Now there is nothing to do but wait: for a frame, or for the next deadline.
            // A full socket is tried again soon.
            let wake = earlier(self.mqtt.poll_timeout(), self.station.due(&self.mqtt))
                .map(|due| self.clock.until(due));
            socket.get_ref().set_read_timeout(if is_full {
                Some(Duration::from_millis(1))
            } else {
                wake
            })?;
            if let Some(bytes) = receive(&mut socket)? {
                rx.extend(&bytes);
            }
        }
    }

    /// Waits before the next attempt, longer after each failure.
    fn pause(&mut self, failure: &Failure) {
        self.mqtt.handle_close(self.clock.now());
        thread::sleep(failure.announce("websocket", self.pauses.next(self.clock.now())));
    }
}

/// Connects, and asks for the subprotocol `mqtt` `[MQTT-6.0.0-3]`. A server that doesn't
/// speak it is refused.
fn dial(url: &str) -> Result<WebSocket<TcpStream>, Failure> {
    let wrong =
        |what: &str| Failure::Arguments(format!("{url:?} cannot be used: {what}"));
    let uri: tungstenite::http::Uri =
        url.parse().map_err(|_| wrong("it is not a URL"))?;
    if uri.scheme_str() != Some("ws") {
        return Err(wrong("this host speaks ws:// alone"));
    }
    let host = uri.host().ok_or_else(|| wrong("it names no host"))?;
    let stream = sockets::dial(&format!("{host}:{}", uri.port_u16().unwrap_or(80)))?;
    stream.set_read_timeout(Some(HANDSHAKE_PATIENCE))?;
    match client(ClientRequestBuilder::new(uri).with_sub_protocol("mqtt"), stream) {
        Ok((socket, _)) => Ok(socket),
        Err(HandshakeError::Interrupted(_)) => {
            Err(Failure::Unreachable(url.to_owned(), ErrorKind::TimedOut.into()))
        }
        Err(HandshakeError::Failure(error)) => {
            Err(Failure::Unreachable(url.to_owned(), Error::other(error)))
        }
    }
}

/// Writes what waits as binary frames `[MQTT-6.0.0-1]`. True if the socket doesn't take
/// it all.
fn send(
    mqtt: &mut Mqtt,
    now: Instant,
    socket: &mut WebSocket<TcpStream>,
) -> Result<bool, Failure> {
    let mut transmit = mqtt.transmit(now);
    loop {
        // A frame that was begun is finished before another one is made.
        match socket.flush() {
            Ok(()) => {}
            Err(error) => return pending(error).map(|()| true),
        }
        let count = transmit.chunk().len().min(LONGEST_FRAME);
        if count == 0 {
            return Ok(false);
        }
        let frame = Message::Binary(Bytes::copy_from_slice(
            transmit.chunk().get(..count).unwrap_or_default(),
        ));
        let written = socket.write(frame);
        transmit.advance(count); // tungstenite keeps what the socket doesn't take
        written.or_else(pending)?;
    }
}

/// Waits for a frame. `None` if none came in time, or one that is WebSocket's own
/// business.
fn receive(socket: &mut WebSocket<TcpStream>) -> Result<Option<Bytes>, Failure> {
    match socket.read() {
        Ok(Message::Binary(bytes)) => Ok(Some(bytes)),
        Ok(Message::Text(_)) => {
            Err(Error::new(ErrorKind::InvalidData, "the broker sent text").into())
        }
        Ok(_) => Ok(None),
        Err(error) => pending(error).map(|()| None),
    }
}

/// Whether it only isn't time yet.
fn pending(error: tungstenite::Error) -> Result<(), Failure> {
    use tungstenite::Error::{AlreadyClosed, ConnectionClosed, Io};
    match error {
        Io(error) if pump::is_pending(&error) => Ok(()),
        Io(error) => Err(error.into()),
        ConnectionClosed | AlreadyClosed => Err(pump::closed_by_broker().into()),
        error => Err(Error::other(error).into()),
    }
}

/// Closes in order: first WebSocket, then TCP.
fn close(socket: &mut WebSocket<TcpStream>) {
    let _ = socket.close(None);
    let _ = socket.flush();
    sockets::close(socket.get_mut());
}
