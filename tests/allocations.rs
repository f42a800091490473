//! Allocations per message: none ever with storage of a fixed size, and none on the heap once it is warm.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "allocations/counting.rs"]
mod counting;

use counting::{HELD, allocations};
use pure_mqtt::router::{FixedRouter, Router};
use pure_mqtt::storage::{Borrowed, Buffers};
use pure_mqtt::subscriptions::{FixedList, Subscriptions};
use pure_mqtt::{
    Ack, Connect, Connection, Event, Fixed, Heap, Instant, Limits, PendingAck, Property, Publish, QoS, Received,
    Storage, Subscribe, Subscription, TopicFilter, TopicName, Unsubscribe, Version,
};

/// A connection with a server that answers as the test says, all on the stack.
struct Talk<'c, S: Storage> {
    client: &'c mut Connection<S>,
    version: Version,
    now: u64,
    held: Option<PendingAck>,
    messages: u32,
    ends: u32,
}

impl<'c, S: Storage> Talk<'c, S> {
    fn new(client: &'c mut Connection<S>, version: Version) -> Self {
        Self { client, version, now: 1_000, held: None, messages: 0, ends: 0 }
    }

    fn now(&self) -> Instant {
        Instant::from_millis(self.now)
    }

    /// Everything that waits leaves.
    fn flush(&mut self) {
        let mut transmit = self.client.transmit(Instant::from_millis(self.now));
        while !transmit.chunk().is_empty() {
            let count = transmit.chunk().len().div_ceil(2);
            transmit.advance(count);
        }
    }

    /// A packet arrives.
    fn hear(&mut self, packet: &[u8]) {
        let now = self.now();
        match self.client.handle_input(now, packet) {
            Ok(Received::Packet { consumed, event }) => {
                assert_eq!(consumed, packet.len());
                match event {
                    Some(Event::Message(message)) => {
                        self.messages += 1;
                        self.held = message.ack;
                    }
                    Some(Event::ConnAck(_)) => assert!(self.client.is_connected()),
                    Some(_) => self.ends += 1,
                    None => {}
                }
            }
            other => panic!("{packet:02x?}: {other:?}"),
        }
        self.flush();
    }

    fn open(&mut self, resumes: bool) {
        let forever = [Property::SessionExpiryInterval(u32::MAX)];
        let connect = Connect::new(self.version, "client").clean_start(!resumes).properties(&forever[..]);
        self.client.open(self.now(), &connect).unwrap();
        self.flush();
        let present = u8::from(resumes && self.version != Version::V31);
        match self.version {
            Version::V5 => self.hear(&[0x20, 6, present, 0, 3, 0x22, 0, 4]),
            _ => self.hear(&[0x20, 2, present, 0]),
        }
    }

    fn publish(&mut self, qos: QoS) -> [u8; 2] {
        let topic = TopicName::new("a/topic").unwrap();
        let properties = [Property::ContentType("text"), Property::MessageExpiryInterval(1_000)];
        let publish = Publish::new(topic, "a payload").qos(qos).properties(&properties[..]);
        let delivery = self.client.publish(self.now(), &publish).unwrap();
        delivery.id.map_or([0; 2], |id| id.get().to_be_bytes())
    }

    /// An acknowledgement of the server's.
    fn answer(&mut self, packet: u8, [high, low]: [u8; 2]) {
        self.hear(&[packet, 2, high, low]);
    }

    /// A message of the server's.
    fn message(&mut self, qos: u8, id: u8) {
        let flags = 0x30 | qos << 1;
        let mut packet = [flags, 0, 0, 1, b't', 0, 0, 0, 0, 0, 0, 0];
        let mut length = 5;
        if qos > 0 {
            packet[length + 1] = id;
            length += 2;
        }
        length += usize::from(self.version == Version::V5); // no properties
        packet[length] = b'x';
        packet[1] = length as u8 - 1;
        self.hear(&packet[..=length]);
        if let Some(pending) = self.held.take() {
            let properties = [Property::ReasonString("why not")];
            let ack = Ack::SUCCESS.properties(&properties[..]);
            self.client.acknowledge(self.now(), pending, &ack).unwrap();
            self.flush();
        }
    }

    /// All that a connection does in its life, except to begin.
    fn live(&mut self) {
        self.open(true);
        let filters = [Subscription::new(TopicFilter::new("#").unwrap(), QoS::ExactlyOnce)];
        let [high, low] = self.client.subscribe(self.now(), &Subscribe::new(&filters)).unwrap().id.get().to_be_bytes();
        self.flush();
        let is_v5 = self.version == Version::V5;
        if is_v5 {
            self.hear(&[0x90, 4, high, low, 0, 2])
        } else {
            self.hear(&[0x90, 3, high, low, 2])
        }
        for round in 1..=20 {
            self.now += 10;
            self.publish(QoS::AtMostOnce);
            let first = self.publish(QoS::AtLeastOnce);
            let second = self.publish(QoS::ExactlyOnce);
            self.flush();
            self.message(0, 0);
            self.message(1, round);
            self.answer(0x40, first);
            self.answer(0x50, second);
            self.message(2, round);
            self.answer(0x62, [0, round]);
            self.answer(0x70, second);
        }
        self.run_timers();
        let filters = [TopicFilter::new("#").unwrap()];
        let unsubscribe = Unsubscribe::new(&filters);
        let [high, low] = self.client.unsubscribe(self.now(), &unsubscribe).unwrap().id.get().to_be_bytes();
        self.flush();
        if is_v5 {
            self.hear(&[0xB0, 4, high, low, 0, 0])
        } else {
            self.hear(&[0xB0, 2, high, low])
        }
        self.cut_and_resume();
        self.client.disconnect(self.now(), &Default::default()).unwrap();
        self.flush();
        assert!(self.client.should_close());
        self.client.handle_close(self.now());
        assert!(self.client.is_idle());
    }

    /// PINGREQ and PINGRESP.
    fn run_timers(&mut self) {
        self.now = self.client.poll_timeout().unwrap().as_millis();
        self.client.handle_timeout(self.now()).unwrap();
        self.flush();
        self.hear(&[0xD0, 0]);
    }

    fn cut_and_resume(&mut self) {
        let first = self.publish(QoS::AtLeastOnce);
        let second = self.publish(QoS::ExactlyOnce);
        let third = self.publish(QoS::ExactlyOnce);
        self.flush();
        self.answer(0x50, third);
        self.client.handle_close(self.now());
        let offline = self.publish(QoS::AtLeastOnce);
        self.open(true);
        self.flush();
        self.answer(0x70, third);
        self.answer(0x40, first);
        self.answer(0x50, second);
        self.answer(0x70, second);
        self.answer(0x40, offline);
    }
}

const LIMITS: [Limits; 2] = [
    Limits { topic_alias_maximum: 4, outbound_aliases: 4, ..Limits::DEFAULT },
    Limits { topic_alias_maximum: 4, outbound_aliases: 4, manual_acks: true, ..Limits::DEFAULT },
];

/// Begins the session, lives once, and tells what each of both took.
fn cost<S: Storage>(client: &mut Connection<S>, version: Version) -> (usize, usize) {
    let mut talk = Talk::new(client, version);
    let first = allocations(|| {
        talk.open(false);
        talk.client.handle_close(Instant::from_millis(1_000));
        talk.live();
    });
    assert_eq!((talk.messages, talk.ends), (60, 2 + 40 + 1 + 4), "{version:?}");
    (first, allocations(|| talk.live()))
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1)))), 1);
    assert_eq!(allocations(|| ()), 0);
}

#[test]
fn storage_of_a_fixed_size_never_allocates() {
    for version in Version::ALL {
        for limits in LIMITS {
            let mut client = Connection::new(Fixed::<512, 8, 8, 128, 4, 16>::new(), limits);
            assert_eq!(cost(&mut client, version), (0, 0), "{version:?}");
        }
    }
}

#[test]
fn borrowed_storage_never_allocates() {
    for version in Version::ALL {
        let (mut send, mut receive) = ([Default::default(); 8], [Default::default(); 8]);
        let (mut arena, mut control) = ([0; 512], [0; 128]);
        let buffers = Buffers {
            send: &mut send,
            receive: &mut receive,
            arena: &mut arena,
            control: &mut control,
            ..Buffers::default()
        };
        let mut client = Connection::new(Borrowed::new(buffers), LIMITS[0]);
        assert_eq!(cost(&mut client, version), (0, 0), "{version:?}");
    }
}

#[test]
fn the_heap_allocates_only_until_it_is_warm() {
    for version in Version::ALL {
        for limits in LIMITS {
            let mut client = Connection::new(Heap::new(), limits);
            let (cold, warm) = cost(&mut client, version);
            assert!((1..30).contains(&cold), "{version:?}: {cold}");
            assert_eq!(warm, 0, "{version:?}");
        }
    }
}

/// An idle connection costs what its storage says, and nothing else.
#[test]
fn a_connection_that_does_nothing_allocates_nothing() {
    let count = allocations(|| {
        let client = std::hint::black_box(Connection::new(Heap::new(), Limits::DEFAULT));
        drop(client.clone());
    });
    assert_eq!(count, 0);
}

/// The table of received messages and the arena stay as they are, whatever a server sends.
#[test]
fn a_flood_does_not_make_the_heap_grow_for_ever() {
    let mut client = Connection::new(Heap::new(), Limits { receive_maximum: 16, ..Limits::DEFAULT });
    let mut talk = Talk::new(&mut client, Version::V311);
    talk.open(false);
    for id in 1..=15 {
        talk.message(2, id);
    }
    let mut flood = |rounds| {
        for _ in 0..rounds {
            talk.message(0, 0);
            talk.message(1, 200);
            talk.answer(0x62, [9, 9]);
            talk.answer(0x40, [9, 9]);
            talk.answer(0x50, [9, 9]);
            talk.answer(0x70, [9, 9]);
            talk.message(2, 3);
        }
    };
    flood(1);
    assert_eq!(allocations(|| flood(1_000)), 0);
}

/// The parts beside the connection work without an allocator where they say so.
#[test]
fn routing_and_subscribing_without_an_allocator() {
    let count = allocations(|| {
        let filter = |text| TopicFilter::new(text).unwrap();
        let mut router = FixedRouter::<u32, 4>::new();
        router.try_insert(filter("a/+"), 1).unwrap();
        let mut subscriptions = Subscriptions::new(FixedList::<4>::new());
        subscriptions.subscribe(Subscription::new(filter("a/+"), QoS::AtLeastOnce)).unwrap();

        let now = Instant::from_millis(0);
        let mut mqtt = Connection::new(Fixed::<512, 4, 4>::new(), Limits::DEFAULT);
        mqtt.open(now, &Connect::new(Version::V311, "client").user_name("me").password(b"secret")).unwrap();
        drain(&mut mqtt, now);
        let mut found = 0;
        let input = b"\x20\x02\x00\x00\x90\x03\x00\x01\x01\x30\x07\x00\x03a/bhi";
        let mut rest = &input[..];
        while !rest.is_empty() {
            let Ok(Received::Packet { consumed, event: Some(event) }) = mqtt.handle_input(now, rest) else { panic!() };
            rest = &rest[consumed..];
            subscriptions.on_event(&event);
            if let Event::Message(message) = &event {
                found += router.matches(mqtt.topic(&message.topic).unwrap()).count();
            }
            subscriptions.sync(now, &mut mqtt);
            drain(&mut mqtt, now);
        }
        assert_eq!((found, subscriptions.is_settled()), (1, true));
    });
    assert_eq!(count, 0);
}

fn drain<S: Storage>(mqtt: &mut Connection<S>, now: Instant) {
    let mut transmit = mqtt.transmit(now);
    while !transmit.chunk().is_empty() {
        transmit.advance(7);
    }
}

/// Matching asks for no memory, however many filters match and however long the topic is.
#[test]
fn a_router_matches_without_an_allocation() {
    let mut router = Router::new();
    for number in 0..1_000_u32 {
        router.insert(TopicFilter::new(&format!("plant/{number}/temperature")).unwrap(), number);
        router.insert(TopicFilter::new(&format!("+{}", "/+".repeat(number as usize))).unwrap(), number);
    }
    router.insert(TopicFilter::new("#").unwrap(), 0);
    let long = "/".repeat(999);
    let mut found = 0;
    let count = allocations(|| {
        for name in ["plant/7/temperature", "elsewhere", &long] {
            let topic = TopicName::new(name).unwrap();
            found += router.matches(topic).count();
            router.dispatch(topic, |value| found += usize::from(*value < u32::MAX));
        }
    });
    assert_eq!((count, found), (0, 2 * (3 + 2 + 2)));
}
/// What a connection holds on the heap and is by itself, in bytes.
fn footprint(client: &Connection<Heap>, held: i64) -> i64 {
    size_of_val(client) as i64 + held
}

/// A gateway holds a million of these.
#[test]
fn an_idle_connection_on_the_heap_is_small() {
    for version in [Version::V311, Version::V5] {
        let before = HELD.get();
        let mut client = Connection::new(Heap::new(), Limits::DEFAULT);
        Talk::new(&mut client, version).open(false);
        let fresh = footprint(&client, HELD.get() - before);
        assert!(fresh <= 512, "{version:?}: {fresh} bytes after CONNACK");

        let mut talk = Talk::new(&mut client, version);
        let ids: [_; 50] = std::array::from_fn(|_| talk.publish(QoS::AtLeastOnce));
        talk.flush();
        for id in 1..=50 {
            talk.message(2, id);
        }
        let busy = footprint(talk.client, HELD.get() - before);
        assert!(busy > 2_048, "{version:?}: {busy} bytes while busy");
        for (id, received) in ids.into_iter().zip(1..) {
            talk.answer(0x40, id);
            talk.answer(0x62, [0, received]);
        }
        client.shrink();
        let shrunk = footprint(&client, HELD.get() - before);
        assert!(shrunk <= 512, "{version:?}: {shrunk} bytes after shrink");

        // It works as before.
        let mut talk = Talk::new(&mut client, version);
        let id = talk.publish(QoS::ExactlyOnce);
        talk.flush();
        talk.message(1, 7);
        talk.answer(0x50, id);
        talk.answer(0x70, id);
        assert_eq!((talk.messages, talk.ends), (1, 1));
        assert!(client.is_idle());
    }
}
