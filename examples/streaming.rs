//! A message larger than RAM: `cargo run --example streaming -- [BYTES]`.
//!
//! It starts a small broker in a thread, and sends a file of a few megabytes through it to itself, at QoS 2, over real TCP. The client has a buffer of 512 bytes for input and
//! one of 256 bytes for output. The payload is read from its file while it is sent, and written to another file as it arrives. The connection is cut during the upload, so the
//! broker gets the message in two attempts, and the client receives it once.

#[path = "streaming/file.rs"]
mod file;
mod support;

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use file::{Source, Target};
use pure_mqtt::{
    Connect, Connection, Disconnect, Event, Fixed, Fragment, Instant, Limits, Payload, Property, Publish, QoS,
    Received, RxBuffer, SessionState, Subscribe, Subscription, TopicFilter, TopicName, Version,
};
use pure_mqtt_test_broker::Broker;
use support::is_timeout;

type Mqtt = Connection<Fixed<256, 4, 4>>;
type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

const TOPIC: &str = "backup/file";
const DEFAULT_BYTES: u32 = 3_000_000;
/// A broker on this machine answers sooner.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a read waits before the client looks whether it may write.
const TURN: Duration = Duration::from_millis(1);

struct Client {
    mqtt: Mqtt,
    rx: RxBuffer<512>,
    source: Source,
    target: Target,
    /// The whole message has come.
    is_complete: bool,
    epoch: std::time::Instant,
}

fn main() -> Result {
    let bytes = match std::env::args().nth(1) {
        Some(text) => text.parse().map_err(|_| format!("{text} is no number of bytes"))?,
        None => DEFAULT_BYTES,
    };
    let limits = Limits { version: Version::V5, inline_max: 512, stream_max: u32::MAX, ..Limits::DEFAULT };
    let mut client = Client {
        mqtt: Mqtt::new(Fixed::new(), limits),
        rx: RxBuffer::new(),
        source: Source::of(bytes)?,
        target: Target::new()?,
        is_complete: false,
        epoch: std::time::Instant::now(),
    };
    let broker = Broker::start()?;
    println!("connection   {} bytes in all, for a message of {bytes}", size_of::<Mqtt>() + size_of::<RxBuffer<512>>());

    client.run_link(broker.address(), |client| client.source.sent() > u64::from(bytes) / 2)?;
    println!("cut          after {} bytes", client.source.sent());
    client.run_link(broker.address(), |client| client.is_complete && client.mqtt.is_idle())?;
    println!("sent         {} bytes in two attempts", client.source.sent());
    if client.target.sum() != client.source.sum() {
        return Err("what came is not what was sent".into());
    }
    println!("received     {} bytes, the same", client.target.length());
    match broker.violations().as_slice() {
        [] => Ok(()),
        violations => Err(violations.join("; ").into()),
    }
}

impl Client {
    fn now(&self) -> Instant {
        Instant::from_millis(self.epoch.elapsed().as_millis() as u64)
    }

    /// One link, until `done`; then it is dropped without a word, or in order if nothing is unfinished.
    fn run_link(&mut self, address: SocketAddr, done: impl Fn(&Self) -> bool) -> Result {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(TURN))?;
        let keep_for_a_minute = [Property::SessionExpiryInterval(60)];
        let connect = Connect::new(Version::V5, "backup").clean_start(false).properties(&keep_for_a_minute);
        self.mqtt.open(self.now(), &connect)?;
        let end = self.epoch.elapsed() + PATIENCE;
        while !done(self) {
            if self.mqtt.should_close() || self.epoch.elapsed() > end {
                return Err(format!("the link is over: {}", self.mqtt.close_reason()).into());
            }
            self.write(&mut stream, &done)?;
            self.read(&mut stream)?;
            let _ = self.mqtt.handle_timeout(self.now()); // an error shows in `should_close`
        }
        if self.mqtt.is_idle() {
            self.mqtt.disconnect(self.now(), &Disconnect::default())?;
            self.write(&mut stream, &done)?;
        }
        self.mqtt.handle_close(self.now());
        self.rx.clear();
        Ok(())
    }

    /// The payload is only announced; it is asked for when its turn has come.
    fn publish(&mut self, now: Instant) -> Result {
        let publish = Publish::new(TopicName::new(TOPIC)?, Payload::Streamed(self.source.length()));
        self.mqtt.publish(now, &publish.qos(QoS::ExactlyOnce))?;
        Ok(())
    }

    /// Payloads come from the file, everything else from the connection. A few kilobytes at a time, so that reading has its turn.
    fn write(&mut self, stream: &mut TcpStream, done: &impl Fn(&Self) -> bool) -> Result {
        let mut piece = [0; 1024];
        for _ in 0..16 {
            let mut transmit = self.mqtt.transmit(self.now());
            if let Some(wanted) = transmit.payload_request() {
                let count = piece.len().min(wanted.remaining as usize);
                let piece = piece.get_mut(..count).unwrap_or_default();
                self.source.read(wanted.offset, piece)?;
                stream.write_all(piece)?;
                transmit.advance(count);
            } else if !transmit.chunk().is_empty() {
                let count = stream.write(transmit.chunk())?;
                transmit.advance(count);
            } else {
                return Ok(());
            }
            if done(self) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn read(&mut self, stream: &mut TcpStream) -> Result {
        match stream.read(self.rx.room()) {
            Ok(0) => return Err("the broker has closed the connection".into()),
            Ok(count) => self.rx.filled(count),
            Err(error) if is_timeout(&error) => {}
            Err(error) => return Err(error.into()),
        }
        let now = self.now();
        while let Ok(Received::Packet { consumed, event }) = self.mqtt.handle_input_streaming(now, self.rx.bytes()) {
            match event {
                Some(Event::ConnAck(connack)) if connack.session != SessionState::Resumed => {
                    let filters = [Subscription::new(TopicFilter::new(TOPIC)?, QoS::ExactlyOnce)];
                    self.mqtt.subscribe(now, &Subscribe::new(&filters))?;
                }
                // What is published before would go first.
                Some(Event::SubAck(_)) => self.publish(now)?,
                Some(Event::Fragment(fragment)) => self.is_complete = keep(&mut self.target, &fragment)?,
                _ => {}
            }
            self.rx.consume(consumed);
        }
        Ok(())
    }
}

/// A piece has come; true if it was the last. After a cut the message begins anew.
fn keep(target: &mut Target, fragment: &Fragment<'_>) -> io::Result<bool> {
    target.write(fragment.offset, fragment.payload)?;
    Ok(fragment.is_last)
}
