//! The outer loops of the documentation, from the same files; the random world has the inner ones.

#[path = "../../src/guide/hosts/client.rs"]
#[allow(dead_code, reason = "a page shows more than a test uses")]
mod client;
#[path = "../../src/guide/hosts/host.rs"]
#[allow(dead_code, clippy::new_without_default, reason = "a page shows more than a test uses")]
mod host;
/// The program that uses it; the page puts the line about `host` before it.
mod tcp {
    #![allow(dead_code, unused_imports, reason = "a page shows more than a test uses")]
    use super::host;
    include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/hosts/tcp.rs"));

    pub fn wrap(stream: TcpStream) -> impl Transport {
        Tcp(stream)
    }

    pub fn publish_to(address: &str) {
        publish(address).unwrap();
    }
}
#[path = "../../src/guide/pair.rs"]
#[allow(dead_code, reason = "a page shows more than a test uses")]
pub mod pair;
#[cfg(feature = "bytes")]
#[path = "../../src/guide/hosts/shared.rs"]
mod shared;

use pair::Server;
use pure_mqtt::{
    Connect, Connection, Disconnect, Event, Fixed, Heap, Instant, Limits, Outcome, Publish, QoS, TopicName, Version,
};
use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::time::Duration;

type Sensor = Connection<Fixed<1024, 8, 8>>;

/// Links that break after so many bytes; on the first CONNACK a reading is published, and when it has ended, the link.
struct Scripted {
    server: Server,
    links: Vec<usize>,
    carries: usize,
    now: u64,
    is_published: bool,
    /// When the host wanted to wake, at the latest.
    waits: Vec<Option<Instant>>,
}

impl Scripted {
    fn carry(&mut self, count: usize) -> usize {
        let count = count.min(self.carries).min(7);
        self.carries -= count;
        count
    }
}

impl client::World<Fixed<1024, 8, 8>> for Scripted {
    fn now(&self) -> Instant {
        Instant::from_millis(self.now)
    }

    fn dial(&mut self) -> bool {
        self.server.hang_up();
        self.carries = if self.links.is_empty() { 0 } else { self.links.remove(0) };
        self.carries > 0
    }

    fn read(&mut self, room: &mut [u8], wait: client::Wait) -> Option<usize> {
        self.waits.push(wait.until);
        assert!(self.waits.len() < 10_000, "it goes on for ever");
        let count = self.carry(room.len().min(self.server.output.len()));
        room[..count].copy_from_slice(&self.server.output[..count]);
        self.server.output.drain(..count);
        if count == 0 {
            self.now = wait.until.unwrap().as_millis(); // nothing comes: the deadline does
        }
        (self.carries > 0).then_some(count)
    }

    fn write(&mut self, bytes: &[u8]) -> Option<usize> {
        let count = self.carry(bytes.len());
        self.server.input(&bytes[..count]);
        (self.carries > 0).then_some(count)
    }

    fn event(&mut self, mqtt: &mut Sensor, event: Event<'_>) {
        let now = Instant::from_millis(self.now);
        match event {
            Event::ConnAck(_) if !std::mem::replace(&mut self.is_published, true) => {
                let reading = Publish::new(TopicName::from_static("sensor/1"), "21.5").qos(QoS::ExactlyOnce);
                mqtt.publish(now, &reading).unwrap();
            }
            Event::ConnAck(_) | Event::PubComp(_) if mqtt.pending() == 0 => {
                mqtt.disconnect(now, &Disconnect::default()).unwrap()
            }
            _ => {}
        }
    }

    fn outcome(&mut self, outcome: Outcome) {
        panic!("{outcome:?}");
    }
}

#[test]
fn the_loop_of_the_first_page_goes_from_link_to_link() {
    for carries in 1..200 {
        let links = vec![carries, carries + 3, usize::MAX];
        let server = Server::default();
        let mut world = Scripted { server, links, carries: 0, now: 0, is_published: false, waits: Vec::new() };
        client::sensor(&mut world).unwrap();
        assert_eq!(world.server.taken, [("sensor/1".to_owned(), b"21.5".to_vec())], "cut after {carries} bytes");
        assert!(world.waits.iter().all(Option::is_some));
    }
}

/// A line that takes a few bytes at a time, and breaks.
struct Line<'s> {
    server: &'s mut Server,
    carries: usize,
}

impl Line<'_> {
    fn carry(&mut self, count: usize) -> io::Result<usize> {
        let count = count.min(self.carries).min(7);
        self.carries -= count;
        if self.carries == 0 { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(count) }
    }
}

impl host::Transport for Line<'_> {
    fn read(&mut self, room: &mut [u8], patience: u64, _: bool) -> io::Result<usize> {
        assert!(!self.server.output.is_empty() || patience > 0, "it waits for nothing");
        let count = self.carry(room.len().min(self.server.output.len()))?;
        room[..count].copy_from_slice(&self.server.output[..count]);
        self.server.output.drain(..count);
        Ok(count)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.carry(bytes.len())?;
        self.server.input(&bytes[..count]);
        Ok(count)
    }
}

struct Meter;

impl host::App<Heap> for Meter {
    fn event(&mut self, mqtt: &mut Connection<Heap>, now: Instant, event: Event<'_>) {
        if matches!(event, Event::PubComp(_)) && mqtt.pending() == 0 {
            let _ = mqtt.disconnect(now, &Disconnect::default());
        }
    }

    fn outcome(&mut self, outcome: Outcome) {
        panic!("no message ends like this here: {outcome:?}");
    }
}

fn readings() -> Connection<Heap> {
    let mut mqtt = Connection::new(Heap::new(), Limits { inline_max: host::PACKET as u32, ..Limits::DEFAULT });
    for reading in ["4711", "4712", "4713"] {
        let reading = Publish::new(TopicName::from_static("meter/reading"), reading).qos(QoS::ExactlyOnce);
        mqtt.publish(Instant::from_millis(0), &reading).unwrap();
    }
    mqtt
}

#[test]
fn the_host_of_the_guide_loses_nothing_over_links_that_break() {
    let (mut host, mut mqtt, mut server) = (host::Host::new(), readings(), Server::default());
    let connect = Connect::new(Version::V311, "meter-1").clean_start(false);
    for carries in [30, 75, 120, usize::MAX] {
        server.hang_up();
        let mut line = Line { server: &mut server, carries };
        let pause = host.drive(&mut mqtt, &mut line, || Instant::from_millis(0), &connect, &mut Meter).unwrap();
        assert!(pause >= 500);
    }
    assert!(mqtt.is_idle());
    assert_eq!(server.taken.len(), 3); // each of them once
}

/// A server that accepts, and hangs up at once: the pauses grow. After a link that stood they begin anew.
#[test]
fn the_host_of_the_guide_waits_longer_after_links_that_do_not_stand() {
    let (mut host, mut mqtt, mut server) = (host::Host::new(), readings(), Server::default());
    let connect = Connect::new(Version::V311, "meter-1").clean_start(false);
    let mut link = |lasts: u64| {
        server.hang_up();
        let mut now = Instant::from_millis(0);
        host.open(&mut mqtt, now, &connect).unwrap();
        for _ in 0..8 {
            let mut line = Line { server: &mut server, carries: usize::MAX };
            host.turn(&mut mqtt, &mut line, now, &mut Meter);
            let count = host::Transport::read(&mut line, host.rx.room(), 1, false).unwrap();
            host.rx.filled(count);
        }
        now = now.after_millis(lasts);
        host.close(&mut mqtt, now, &mut Meter)
    };
    let pauses: Vec<u32> = (0..8).map(|_| link(20)).collect();
    assert!(pauses.last().is_some_and(|pause| *pause >= 60_000), "{pauses:?}");
    assert!(link(3_600_000) <= 1_000);
}

/// A server on a socket, for one client after the other; the first connection breaks after some bytes.
fn serve(listener: &TcpListener, breaks: usize) -> Server {
    let mut server = Server::default();
    for mut carries in [breaks, usize::MAX] {
        let (mut stream, _) = listener.accept().unwrap();
        server.hang_up();
        let mut bytes = [0; 16];
        while let Ok(count @ 1..) = stream.read(&mut bytes) {
            server.input(&bytes[..count]);
            let output = std::mem::take(&mut server.output);
            if carries < count || stream.write_all(&output).is_err() {
                break;
            }
            carries -= count;
        }
    }
    server
}

#[test]
fn the_program_over_tcp_ends_well() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = std::thread::spawn(move || serve(&listener, 60));
    tcp::publish_to(&address);
    assert_eq!(server.join().unwrap().taken.len(), 3);
}

/// A packet that stays blocked, and a full buffer: the socket is not read, and the loop does not spin.
#[test]
fn a_full_buffer_over_tcp_is_no_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut peer, _) = listener.accept().unwrap();
    peer.write_all(b"waits").unwrap();
    let mut link = tcp::wrap(stream);
    let start = std::time::Instant::now();
    assert_eq!(host::Transport::read(&mut link, &mut [], 30, false).unwrap(), 0);
    assert!(start.elapsed() >= Duration::from_millis(30));
}

/// `Bytes` share the memory that was read.
#[cfg(feature = "bytes")]
#[test]
fn payloads_as_bytes_are_not_copied() {
    let now = Instant::from_millis(0);
    let mut mqtt = Connection::new(Heap::new(), Limits::DEFAULT);
    mqtt.open(now, &Connect::new(Version::V311, "gateway")).unwrap();
    let length = mqtt.transmit(now).remaining();
    mqtt.transmit(now).advance(length);
    let mut rx = pure_mqtt::BytesBuffer::new(Limits::DEFAULT.inline_max);
    rx.extend(b"\x20\x02\x00\x00\x30\x09\x00\x03a/bcold\x30\x09\x00"); // CONNACK, a message, a part of another
    let memory = rx.as_ptr_range();
    let mut payloads = Vec::new();
    assert!(!shared::read(&mut mqtt, &mut rx, now, |_, _, payload| payloads.extend(payload)));
    assert_eq!(payloads, ["cold"]);
    assert!(memory.contains(&payloads[0].as_ptr()));
}
