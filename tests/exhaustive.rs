//! Every input of up to four bytes, in every version, before and after CONNACK: whatever a server begins with, the answer is a packet, a
//! wish for more, or a typed error.
//!
//! The suite tries those that consist of interesting bytes. All 4,294,967,296 for each of the six connections, which takes a while,
//!
//! ```text
//! PURE_MQTT_EXHAUSTIVE=all cargo test --release --test exhaustive -- --nocapture
//! ```
//!
//! or for one of them: `V31-connecting`, `V31-connected`, `V311-connecting`, and so on.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::expect_used)]

use indicatif::{ProgressBar, ProgressStyle};
use pure_mqtt::{
    Connect, Connection, ConnectionError, Fixed, Instant, Limits, Publish, QoS, Received, State, Subscribe,
    Subscription, TopicFilter, TopicName, Version,
};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

type Client = Connection<Fixed<64, 4, 2, 32>>;

const NOW: Instant = Instant::from_millis(0);
const VERSIONS: [Version; 3] = [Version::V31, Version::V311, Version::V5];

/// How the inputs ended.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
struct Counts {
    /// All bytes were taken.
    taken: u64,
    /// More bytes are asked for.
    partial: u64,
    /// The output is to be drained first.
    blocked: u64,
    malformed: u64,
    protocol: u64,
    refused: u64,
    disconnected: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.taken += other.taken;
        self.partial += other.partial;
        self.blocked += other.blocked;
        self.malformed += other.malformed;
        self.protocol += other.protocol;
        self.refused += other.refused;
        self.disconnected += other.disconnected;
    }
}

impl Counts {
    const fn sum(&self) -> u64 {
        self.taken + self.partial + self.blocked + self.malformed + self.protocol + self.refused + self.disconnected
    }
}

fn drain(client: &mut Client) {
    let mut transmit = client.transmit(NOW);
    while !transmit.chunk().is_empty() {
        let all = transmit.chunk().len();
        transmit.advance(all);
    }
}

fn connecting(version: Version) -> Client {
    let mut client = Client::new(Fixed::new(), Limits::DEFAULT);
    client.open(NOW, &Connect::new(version, "c")).unwrap();
    drain(&mut client);
    client
}

/// One with a message of each kind under way, and a SUBSCRIBE.
fn connected(version: Version) -> Client {
    let mut client = connecting(version);
    let connack: &[u8] = if version == Version::V5 { b"\x20\x03\0\0\0" } else { b"\x20\x02\0\0" };
    assert!(client.handle_input(NOW, connack).is_ok());
    let topic = TopicName::new("t").unwrap();
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        client.publish(NOW, &Publish::new(topic, b"").qos(qos)).unwrap();
    }
    let filters = [Subscription::new(TopicFilter::new("t").unwrap(), QoS::AtMostOnce)];
    client.subscribe(NOW, &Subscribe::new(&filters)).unwrap();
    drain(&mut client);
    client
}

/// Offers `input` to a copy of `client`, packet by packet.
fn offer(client: &Client, input: &[u8], counts: &mut Counts) {
    let mut client = client.clone();
    let mut rest = input;
    loop {
        if rest.is_empty() {
            counts.taken += 1;
            return;
        }
        match client.handle_input(NOW, rest) {
            Ok(Received::Packet { consumed, .. }) => rest = &rest[consumed..],
            Ok(Received::Partial { needed }) => {
                assert!(needed > 0);
                counts.partial += 1;
                return;
            }
            Ok(Received::Blocked) => {
                counts.blocked += 1;
                return;
            }
            Err(error) => {
                assert_eq!(client.state(), State::Closing);
                match error {
                    ConnectionError::Malformed(_) => counts.malformed += 1,
                    ConnectionError::Protocol(_) | ConnectionError::TooLong { .. } => counts.protocol += 1,
                    ConnectionError::Refused(_) => counts.refused += 1,
                    ConnectionError::ServerDisconnect(_) => counts.disconnected += 1,
                    other => panic!("{input:x?} gave {other:?}"),
                }
                return;
            }
        }
    }
}

/// The next byte of an input: all values, or a few.
const ALL: [u8; 256] = {
    let mut all = [0; 256];
    let mut value = 0;
    while value < 256 {
        all[value] = value as u8;
        value += 1;
    }
    all
};
const LENGTHS: [u8; 12] = [0, 1, 2, 3, 4, 5, 6, 0x7F, 0x80, 0x81, 0xFE, 0xFF];
const BYTES: [u8; 10] = [0, 1, 2, 3, 4, 0x18, 0x7F, 0x80, 0x97, 0xFF];

/// Every input of up to three bytes, and of four, from these bytes, that begins with `first`.
fn all_with(client: &Client, first: u8, [second, third, fourth]: [&[u8]; 3]) -> Counts {
    let mut counts = Counts::default();
    offer(client, &[first], &mut counts);
    for b in second {
        offer(client, &[first, *b], &mut counts);
        for c in third {
            offer(client, &[first, *b, *c], &mut counts);
            for d in fourth {
                offer(client, &[first, *b, *c, *d], &mut counts);
            }
        }
    }
    counts
}

/// Shares the first bytes out to as many threads as there are cores.
fn explore(client: &Client, bytes: [&[u8]; 3], bar: &ProgressBar) -> Counts {
    let (next, total) = (AtomicU32::new(0), Mutex::new(Counts::default()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Ok(first) = u8::try_from(next.fetch_add(1, Ordering::Relaxed)) {
                    let counts = all_with(client, first, bytes);
                    *total.lock().unwrap() += counts;
                    bar.inc(1);
                }
            });
        }
    });
    total.into_inner().unwrap()
}

#[test]
fn no_beginning_is_too_much() {
    let chosen = std::env::var("PURE_MQTT_EXHAUSTIVE").ok();
    let is_chosen = |name: &str| chosen.as_ref().is_none_or(|chosen| chosen == "all" || chosen == name);
    let clients = VERSIONS.iter().flat_map(|version| {
        [("connecting", connecting(*version)), ("connected", connected(*version))]
            .map(|(state, client)| (format!("{version:?}-{state}"), client))
    });
    let clients: Vec<(String, Client)> = clients.filter(|(name, _)| is_chosen(name)).collect();
    assert!(!clients.is_empty(), "no connection has the name {chosen:?}");
    let is_full = chosen.is_some();
    let bytes: [&[u8]; 3] = if is_full { [&ALL; 3] } else { [&LENGTHS, &BYTES, &BYTES] };
    let bar = if is_full { ProgressBar::new(clients.len() as u64 * 256) } else { ProgressBar::hidden() };
    bar.set_style(ProgressStyle::with_template("{wide_bar} {percent} %, {eta} left").unwrap());
    for (name, client) in clients {
        let counts = explore(&client, bytes, &bar);
        let [second, third, fourth] = bytes.map(|list| list.len() as u64);
        assert_eq!(counts.sum(), 256 * (1 + second * (1 + third * (1 + fourth))));
        bar.suspend(|| println!("{name}: {} inputs: {counts:?}", counts.sum()));
    }
}
