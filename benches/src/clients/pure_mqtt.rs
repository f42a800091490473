use bytes::Bytes;
use pure_mqtt::{
    BytesBuffer, Connect, Connection, Event, Handle, Heap, Instant, Limits, Overflow, Property, Publish, PublishError,
    QoS, Received, RxBuffer, Subscribe, Subscription, TopicFilter, TopicName, Version,
};

use crate::client::{self, Client, Message, Setup, Sink, TOPIC};
use crate::clients::{CONTENT_TYPE, EXPIRY, USER_PROPERTY, boxed, connack};
use crate::rows::Press;

const NOW: Instant = Instant::from_millis(0);
const PROPERTIES: [Property<'static>; 3] = [
    Property::MessageExpiryInterval(EXPIRY),
    Property::ContentType(CONTENT_TYPE),
    Property::UserProperty(USER_PROPERTY),
];

/// A host with a buffer of `N` bytes that is used over and over. One buffer serves all connections of a host that reads them in turn, so it
/// is made at the first byte, and an idle connection has none.
struct Copying<const N: usize> {
    mqtt: Connection<Heap>,
    setup: Setup,
    rx: Option<Box<RxBuffer<N>>>,
    /// The topics and the handles of what waits in a full queue.
    queue: Vec<(String, Handle)>,
}

/// A host whose payloads are handed on without a copy.
struct Sharing {
    mqtt: Connection<Heap>,
    rx: BytesBuffer,
}

pub fn open(setup: &Setup) -> Option<Box<dyn Client>> {
    let version = if setup.version == client::Version::V5 { Version::V5 } else { Version::V311 };
    let aliases = if setup.alias { 8 } else { 0 };
    let limits = Limits {
        version,
        max_inflight: 0,
        inline_max: 2 << 20,
        topic_alias_maximum: aliases,
        outbound_aliases: aliases,
        alias_name_max: 32,
        ..Limits::DEFAULT
    };
    let mut mqtt = Connection::new(Heap::new(), limits);
    connect(&mut mqtt, setup, false);
    if setup.shared {
        return boxed(Sharing { mqtt, rx: BytesBuffer::new(2 << 20) });
    }
    if setup.payload > 4_096 {
        return boxed(Copying::<{ 2 << 20 }> { mqtt, setup: *setup, rx: None, queue: Vec::new() });
    }
    boxed(Copying::<{ 8 << 10 }> { mqtt, setup: *setup, rx: None, queue: Vec::new() })
}

fn connect(mqtt: &mut Connection<Heap>, setup: &Setup, resumes: bool) {
    let version = if setup.version == client::Version::V5 { Version::V5 } else { Version::V311 };
    let forever = [Property::SessionExpiryInterval(u32::MAX)];
    let connect = Connect::new(version, "bench").clean_start(!resumes).properties(&forever);
    mqtt.open(NOW, &connect).expect("CONNECT");
    send(mqtt, &mut Sink::default());
    let _ = mqtt.handle_input(NOW, connack(setup, resumes)).expect("CONNACK");
}

fn publish(mqtt: &mut Connection<Heap>, message: &Message<'_>) -> u16 {
    let topic = TopicName::new(TOPIC).expect("a topic");
    let qos = QoS::from_bits(message.qos).expect("a quality of service");
    let mut publish = match message.shared {
        Some(payload) => Publish::new(topic, payload),
        None => Publish::new(topic, message.payload),
    }
    .qos(qos);
    if message.properties {
        publish = publish.properties(&PROPERTIES[..]);
    }
    mqtt.publish(NOW, &publish).expect("room").id.map_or(0, |id| id.get())
}

/// So many of a queue were not in flight when the link was lost.
const FRESH: usize = 100;

fn put(mqtt: &mut Connection<Heap>, topic: &str) -> Result<Handle, PublishError> {
    let topic = TopicName::new(topic).expect("a topic");
    Ok(mqtt.publish(NOW, &Publish::new(topic, b"21.5").qos(QoS::AtLeastOnce))?.handle)
}

/// A place in the queue, a different one each time.
fn any(queue: &mut [(String, Handle)], turn: usize) -> &mut (String, Handle) {
    let place = turn * 7_919 % queue.len();
    &mut queue[place]
}

fn subscribe(mqtt: &mut Connection<Heap>, filter: &str) -> u16 {
    let filters = [Subscription::new(TopicFilter::new(filter).expect("a filter"), QoS::ExactlyOnce)];
    mqtt.subscribe(NOW, &Subscribe::new(&filters)).expect("room").id.get()
}

fn send(mqtt: &mut Connection<Heap>, sink: &mut Sink) {
    let mut transmit = mqtt.transmit(NOW);
    loop {
        let length = transmit.chunk().len();
        if length == 0 {
            return;
        }
        sink.take(transmit.chunk());
        transmit.advance(length);
    }
}

/// Feeds whole packets from the start of `input`; returns how many bytes were taken, and how much the application was told.
fn feed(mqtt: &mut Connection<Heap>, input: &[u8], mut sink: impl FnMut(&[u8])) -> (usize, usize) {
    let (mut taken, mut told) = (0, 0);
    loop {
        match mqtt.handle_input(NOW, &input[taken..]).expect("a good packet") {
            Received::Packet { consumed, event } => {
                taken += consumed;
                told += usize::from(event.is_some());
                if let Some(Event::Message(message)) = event {
                    std::hint::black_box(mqtt.topic(&message.topic));
                    sink(message.payload);
                }
            }
            Received::Partial { .. } | Received::Blocked => return (taken, told),
        }
    }
}

impl<const N: usize> Client for Copying<N> {
    fn publish(&mut self, message: &Message<'_>) -> u16 {
        publish(&mut self.mqtt, message)
    }

    fn subscribe(&mut self, filter: &str) -> u16 {
        subscribe(&mut self.mqtt, filter)
    }

    fn send(&mut self, sink: &mut Sink) {
        send(&mut self.mqtt, sink);
    }

    fn receive(&mut self, bytes: &[u8]) -> usize {
        let rx = self.rx.get_or_insert_with(|| Box::new(RxBuffer::new()));
        let (mut rest, mut told) = (bytes, 0);
        while !rest.is_empty() {
            let room = rx.room();
            let (read, later) = rest.split_at(rest.len().min(room.len()));
            room[..read.len()].copy_from_slice(read);
            rx.filled(read.len());
            rest = later;
            let (taken, count) = feed(&mut self.mqtt, rx.bytes(), |payload| {
                std::hint::black_box(payload);
            });
            rx.consume(taken);
            told += count;
        }
        told
    }

    fn resume(&mut self) -> bool {
        self.mqtt.handle_close(NOW);
        connect(&mut self.mqtt, &self.setup, true);
        true
    }

    fn fill(&mut self, press: Press, messages: usize) -> bool {
        let overflow = match press {
            Press::DropOldest | Press::DropOldestBehindSent => Overflow::DropOldest,
            Press::Latest | Press::LatestMissing => Overflow::LatestPerTopic,
            Press::Cancel | Press::Replace => Overflow::Reject,
        };
        self.mqtt.handle_close(NOW);
        let limits = Limits { overflow, max_queued: messages as u32, ..self.mqtt.limits() };
        assert!(self.mqtt.set_limits(limits));
        let fresh = if press == Press::DropOldestBehindSent { FRESH } else { messages };
        for number in 0..messages {
            if number == messages - fresh && number > 0 {
                connect(&mut self.mqtt, &self.setup, true);
                send(&mut self.mqtt, &mut Sink::default());
                self.mqtt.handle_close(NOW);
            }
            let topic = format!("plant/line/{number}");
            let handle = put(&mut self.mqtt, &topic).expect("room");
            self.queue.push((topic, handle));
        }
        true
    }

    fn press(&mut self, press: Press, turn: usize) {
        match press {
            Press::DropOldest | Press::DropOldestBehindSent => drop(put(&mut self.mqtt, TOPIC).expect("room")),
            Press::Latest => drop(put(&mut self.mqtt, &any(&mut self.queue, turn).0).expect("room")),
            Press::LatestMissing => assert_eq!(put(&mut self.mqtt, TOPIC), Err(PublishError::Full)),
            Press::Cancel => {
                let (topic, handle) = any(&mut self.queue, turn);
                assert!(self.mqtt.cancel(*handle));
                *handle = put(&mut self.mqtt, topic).expect("room");
            }
            Press::Replace => {
                let (topic, handle) = any(&mut self.queue, turn);
                let publish = Publish::new(TopicName::new(topic).expect("a topic"), b"21.5").qos(QoS::AtLeastOnce);
                *handle = self.mqtt.replace(NOW, *handle, &publish).expect("it waits").handle;
            }
        }
    }

    fn deadline(&self) -> Option<u64> {
        self.mqtt.poll_timeout().map(Instant::as_millis)
    }
}

impl Client for Sharing {
    fn publish(&mut self, message: &Message<'_>) -> u16 {
        publish(&mut self.mqtt, message)
    }

    fn subscribe(&mut self, filter: &str) -> u16 {
        subscribe(&mut self.mqtt, filter)
    }

    fn send(&mut self, sink: &mut Sink) {
        send(&mut self.mqtt, sink);
    }

    fn receive(&mut self, bytes: &[u8]) -> usize {
        self.rx.extend(bytes);
        let mut told = 0;
        while let Some(packets) = self.rx.whole_packets() {
            let mut payloads: Option<Bytes> = None;
            let (taken, count) = feed(&mut self.mqtt, &packets, |payload| payloads = Some(packets.slice_ref(payload)));
            std::hint::black_box(payloads);
            assert_eq!(taken, packets.len());
            told += count;
        }
        told
    }
}
