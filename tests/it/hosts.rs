//! Hosts of several kinds, as programs have them: they must compile, and they must work.

use crate::common::broker::{Broker, Config, LinkId};
use pure_mqtt::{
    Ack, Clock32, Connect, Connection, Event, Fixed, Handle, Heap, Instant, Limits, Publish, QoS, Received, RxBuffer,
    State, Storage, Subscribe, Subscription, TopicFilter, TopicName, Version,
};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

type Firmware = Connection<Fixed<1024, 8, 8, 64>>;

fn assert_send<T: Send + 'static>() {}

#[test]
fn connections_can_be_sent_to_other_threads() {
    assert_send::<Firmware>();
    assert_send::<Connection<Heap>>();
    fn borrowed(connection: Connection<pure_mqtt::storage::Borrowed<'_>>) {
        fn is_send(_: impl Send) {}
        is_send(connection);
    }
    let _ = borrowed;
}

/// A modem on a serial line, behind it the broker.
struct Modem {
    broker: Broker,
    link: LinkId,
    inbox: Vec<u8>,
}

impl Modem {
    fn dial(mut broker: Broker) -> Self {
        let link = broker.accept();
        Self { broker, link, inbox: Vec::new() }
    }

    /// What a UART has by now: a few bytes.
    fn read(&mut self, room: &mut [u8]) -> usize {
        self.inbox.extend(self.broker.output(self.link));
        let count = room.len().min(self.inbox.len()).min(11);
        room[..count].copy_from_slice(&self.inbox[..count]);
        self.inbox.drain(..count);
        count
    }

    /// What a UART's queue takes: a few bytes.
    fn write(&mut self, bytes: &[u8]) -> usize {
        let count = bytes.len().min(5);
        self.broker.input(self.link, &bytes[..count]);
        count
    }
}

/// A connection, its buffer and its clock in a `static`, without an allocator and without an executor.
struct Device {
    mqtt: Firmware,
    rx: RxBuffer<128>,
    clock: Clock32,
    switched_on: bool,
    answered: u32,
}

static DEVICE: Mutex<Device> = Mutex::new(Device {
    mqtt: Connection::new(Fixed::new(), Limits { inline_max: 128, ..Limits::DEFAULT }),
    rx: RxBuffer::new(),
    clock: Clock32::new(),
    switched_on: false,
    answered: 0,
});

impl Device {
    /// One turn of the main loop; false once the link is over.
    fn turn(&mut self, modem: &mut Modem, tick: u32) -> bool {
        let now = self.clock.now(tick);
        let count = modem.read(self.rx.room());
        self.rx.filled(count);
        while let Ok(Received::Packet { consumed, event }) = self.mqtt.handle_input(now, self.rx.bytes()) {
            if let Some(Event::Message(message)) = event {
                self.switched_on = message.payload == b"on";
                let state = Publish::new(TopicName::new("lamp/state").unwrap(), message.payload);
                self.mqtt.publish(now, &state.qos(QoS::AtLeastOnce)).unwrap();
                self.answered += 1;
            }
            self.rx.consume(consumed);
        }
        let _ = self.mqtt.handle_timeout(now);
        let mut transmit = self.mqtt.transmit(now);
        while !transmit.chunk().is_empty() {
            match modem.write(transmit.chunk()) {
                0 => break,
                count => transmit.advance(count),
            }
        }
        while self.mqtt.poll_outcome().is_some() {}
        !self.mqtt.should_close()
    }
}

#[test]
fn firmware_with_a_static() {
    let mut device = DEVICE.lock().unwrap();
    let mut modem = Modem::dial(Broker::new(Config::default()));
    let mut tick = u32::MAX - 40; // about to wrap
    let now = device.clock.now(tick);
    device.mqtt.open(now, &Connect::new(Version::V311, "lamp").keep_alive(1)).unwrap();
    let filters = [Subscription::new(TopicFilter::new("lamp/set").unwrap(), QoS::ExactlyOnce)];
    device.mqtt.subscribe(now, &Subscribe::new(&filters)).unwrap();
    for turn in 0..300 {
        tick = tick.wrapping_add(50);
        modem.broker.tick(turn * 50);
        if turn % 30 == 10 {
            modem.broker.publish("lamp/set", if turn % 60 == 10 { b"on" } else { b"off" }, 2, false);
        }
        assert!(device.turn(&mut modem, tick), "{}", device.mqtt.close_reason());
    }
    assert_eq!((device.answered, device.switched_on), (10, false));
    assert_eq!(modem.broker.released().len(), 10);
    assert_eq!(modem.broker.violations(), &[] as &[String]);
    assert!(device.mqtt.is_idle());
}

/// What a task of an asynchronous program waits for, all at once.
enum Wake {
    Bytes(Vec<u8>),
    Command(Vec<u8>),
    Stop,
}

/// A task in the style of `select!`: it sleeps until there are bytes, a command, or a deadline. Whatever the host drops on the way, nothing
/// is lost, since the connection keeps it.
fn task(wakes: &Receiver<Wake>, network: &Sender<Vec<u8>>, acknowledged: &Sender<Handle>) -> Connection<Heap> {
    let start = std::time::Instant::now();
    let now = || Instant::from_millis(start.elapsed().as_millis() as u64);
    let mut mqtt = Connection::new(Heap::new(), Limits::DEFAULT);
    mqtt.open(now(), &Connect::new(Version::V5, "task").keep_alive(3600)).unwrap();
    let mut rx = Vec::new();
    loop {
        let mut transmit = mqtt.transmit(now());
        while !transmit.chunk().is_empty() {
            let count = transmit.chunk().len().min(100);
            network.send(transmit.chunk()[..count].to_vec()).unwrap();
            transmit.advance(count);
        }
        if mqtt.should_close() {
            return mqtt;
        }
        let patience = mqtt.poll_timeout().map_or(1000, |at| at.millis_since(now()));
        match wakes.recv_timeout(Duration::from_millis(patience.min(1000))) {
            Ok(Wake::Bytes(bytes)) => rx.extend(bytes),
            Ok(Wake::Command(payload)) => {
                let topic = TopicName::new("t").unwrap();
                mqtt.publish(now(), &Publish::new(topic, &payload).qos(QoS::ExactlyOnce)).unwrap();
            }
            Ok(Wake::Stop) => mqtt.disconnect(now(), &Default::default()).unwrap(),
            Err(RecvTimeoutError::Timeout) => {
                let _ = mqtt.handle_timeout(now());
            }
            Err(RecvTimeoutError::Disconnected) => return mqtt,
        }
        loop {
            match mqtt.handle_input(now(), &rx) {
                Ok(Received::Packet { consumed, event }) => {
                    if let Some(Event::PubComp(done)) = event {
                        acknowledged.send(done.handle).unwrap();
                    }
                    rx.drain(..consumed);
                }
                Ok(Received::Partial { .. } | Received::Blocked) => break,
                Err(_) => break rx.clear(),
            }
        }
    }
}

#[test]
fn a_task_that_selects() {
    let (wake, wakes) = channel();
    let (network, from_task) = channel();
    let (acknowledged, acknowledgements) = channel();
    let task = std::thread::spawn(move || task(&wakes, &network, &acknowledged));
    for number in 0..50_u8 {
        wake.send(Wake::Command(vec![number])).unwrap();
    }
    let mut broker = Broker::new(Config::default());
    let link = broker.accept();
    let (mut done, mut said_stop) = (0, false);
    while let Ok(bytes) = from_task.recv_timeout(Duration::from_secs(20)) {
        broker.input(link, &bytes);
        let answer = broker.output(link);
        if !answer.is_empty() {
            let _ = wake.send(Wake::Bytes(answer));
        }
        done += acknowledgements.try_iter().count();
        if broker.released().len() == 50 && broker.idle() && !said_stop {
            said_stop = true;
            wake.send(Wake::Stop).unwrap();
        }
    }
    let mqtt = task.join().unwrap();
    done += acknowledgements.try_iter().count();
    assert!(said_stop);
    assert_eq!(done, 50);
    let payloads: Vec<u8> = broker.released().iter().map(|message| message.payload[0]).collect();
    assert_eq!(payloads, (0..50).collect::<Vec<u8>>());
    assert_eq!(broker.violations(), &[] as &[String]);
    assert_eq!(mqtt.pending(), 0);
}

/// A handler takes the connection and the message at once: it publishes, subscribes, acknowledges and says goodbye while it reads.
fn handle<S: Storage>(mqtt: &mut Connection<S>, now: Instant, event: Event<'_>) -> Option<Vec<u8>> {
    let Event::Message(message) = event else { return None };
    let topic = mqtt.topic(&message.topic)?.as_str().to_owned();
    let echo = Publish::new(TopicName::new("echo").unwrap(), message.payload).qos(message.qos);
    mqtt.publish(now, &echo).unwrap();
    let filters = [Subscription::new(TopicFilter::new(&topic).unwrap(), QoS::AtMostOnce)];
    mqtt.subscribe(now, &Subscribe::new(&filters)).unwrap();
    if let Some(pending) = message.ack {
        mqtt.acknowledge(now, pending, &Ack::SUCCESS).unwrap();
    }
    if message.payload == b"stop" {
        mqtt.disconnect(now, &Default::default()).unwrap();
    }
    Some(message.payload.to_vec())
}

#[test]
fn a_handler_with_the_message_in_its_hands() {
    for version in Version::ALL {
        let limits = Limits { manual_acks: true, topic_alias_maximum: 2, ..Limits::DEFAULT };
        let config = Config { use_aliases: true, ..Config::default() };
        let mut pair = crate::common::pair::Pair::with(Heap::new(), limits, config).up(version);
        pair.subscribe("in/#", QoS::ExactlyOnce);
        pair.drive();
        for (number, payload) in ["a", "b", "c", "stop"].into_iter().enumerate() {
            pair.broker.publish("in/x", payload.as_bytes(), 1 + number as u8 % 2, false);
        }
        let link = pair.link();
        let mut input = pair.broker.output(link);
        let mut handled = Vec::new();
        while !input.is_empty() {
            let now = pair.now();
            let Ok(Received::Packet { consumed, event }) = pair.client.handle_input(now, &input) else {
                panic!("{input:02x?}");
            };
            handled.extend(event.and_then(|event| handle(&mut pair.client, now, event)));
            input.drain(..consumed);
        }
        assert_eq!(handled, [&b"a"[..], b"b", b"c", b"stop"]);
        pair.drive();
        assert_eq!(pair.client.state(), State::Closed);
        assert_eq!(pair.client.pending(), 8, "four messages and four requests wait for the next link");
    }
}
