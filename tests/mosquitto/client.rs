//! The host of these tests: a connection, a TCP socket, and a record of all that came. The root of the tests says what the connection is, and what is
//! checked when a conversation is over.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use pure_mqtt::subscriptions::{HeapList, Subscriptions};
use pure_mqtt::wire::PacketType;
use pure_mqtt::{
    Ack, Connect, ConnectionError, Disconnect, Event, Handle, Instant, Limits, Message, Outcome, PendingAck, Property,
    Publish, QoS, ReasonCode, Received, SessionState, Subscribe, Subscription, TopicFilter, TopicName, Version,
};

use crate::server::Mosquitto;
use crate::{Mqtt, check_conversation, new_mqtt};

const PATIENCE: u64 = 10_000;
/// Of one packet, in both directions.
pub const LONGEST_PACKET: u32 = 2 << 20;

/// A client of the test's broker.
pub struct Client {
    pub mqtt: Mqtt,
    /// What is to be subscribed to again after a lost session.
    pub subscriptions: Subscriptions<HeapList>,
    pub seen: Seen,
    address: String,
    stream: Option<TcpStream>,
    rx: Vec<u8>,
    /// The next packet waits for room, not for bytes.
    is_blocked: bool,
    epoch: std::time::Instant,
}

/// How a link ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkEnd {
    /// The connection knows why.
    Told(ConnectionError),
    /// The broker closed the TCP connection.
    Silent,
}

/// All that came, in order.
#[derive(Debug, Default)]
pub struct Seen {
    /// The type of every packet that was taken.
    pub packets: Vec<PacketType>,
    pub connacks: Vec<(ReasonCode, SessionState)>,
    /// Topic Alias Maximum of the last CONNACK.
    pub topic_alias_maximum: Option<u16>,
    pub messages: Vec<Arrived>,
    pub pending: Vec<PendingAck>,
    pub ends: Vec<(Handle, ReasonCode)>,
    pub answers: Vec<Vec<ReasonCode>>,
    pub outcomes: Vec<Outcome>,
    pub disconnect: Option<ReasonCode>,
}

/// A message that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    pub topic: String,
    pub payload: Vec<u8>,
    pub qos: QoS,
    pub retain: bool,
    pub dup: bool,
}

impl Seen {
    /// The payloads as text, in the order in which they came.
    pub fn texts(&self) -> Vec<&str> {
        self.messages.iter().map(|message| std::str::from_utf8(&message.payload).unwrap()).collect()
    }

    pub fn count(&self, packet: PacketType) -> usize {
        self.packets.iter().filter(|seen| **seen == packet).count()
    }

    fn note(&mut self, topic: Option<String>, event: Event<'_>) {
        match event {
            Event::ConnAck(connack) => {
                self.connacks.push((connack.reason, connack.session));
                self.topic_alias_maximum = connack.properties.iter().find_map(|property| match property {
                    Property::TopicAliasMaximum(maximum) => Some(maximum),
                    _ => None,
                });
            }
            Event::Message(message) => self.note_message(topic.expect("the topic is known"), message),
            Event::PubAck(end) | Event::PubRec(end) | Event::PubComp(end) => self.ends.push((end.handle, end.reason)),
            Event::SubAck(answer) | Event::UnsubAck(answer) => self.answers.push(answer.reasons().collect()),
            Event::Disconnect(disconnect) => self.disconnect = Some(disconnect.reason),
            _ => {}
        }
    }

    fn note_message(&mut self, topic: String, message: Message<'_>) {
        let Message { payload, qos, retain, dup, ack, .. } = message;
        self.messages.push(Arrived { topic, payload: payload.to_vec(), qos, retain, dup });
        self.pending.extend(ack);
    }
}

/// The settings of most tests.
pub fn limits(version: Version) -> Limits {
    Limits { version, inline_max: LONGEST_PACKET, ..Limits::DEFAULT }
}

impl Drop for Client {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            check_conversation(&mut self.mqtt);
        }
    }
}

impl Client {
    /// A client without a link.
    pub fn new(broker: &Mosquitto, limits: Limits) -> Self {
        let mqtt = new_mqtt(limits);
        let epoch = std::time::Instant::now();
        Self {
            mqtt,
            subscriptions: Subscriptions::default(),
            seen: Seen::default(),
            address: broker.address(),
            stream: None,
            rx: Vec::new(),
            is_blocked: false,
            epoch,
        }
    }

    /// A client with a fresh session.
    pub fn clean(broker: &Mosquitto, version: Version, client_id: &str) -> Self {
        let mut client = Self::new(broker, limits(version));
        client.connect(&Connect::new(version, client_id));
        client
    }

    /// A client with a fresh session that outlives its links.
    pub fn lasting(broker: &Mosquitto, version: Version, client_id: &str) -> Self {
        let mut client = Self::clean(broker, version, client_id);
        client.leave();
        client.resume(version, client_id);
        client
    }

    pub fn now(&self) -> Instant {
        Instant::from_millis(self.epoch.elapsed().as_millis() as u64)
    }

    /// Makes a TCP connection and puts CONNECT into the output.
    pub fn open(&mut self, connect: &Connect<'_>) {
        let stream = TcpStream::connect(&self.address).expect("mosquitto listens");
        stream.set_nodelay(true).unwrap();
        self.stream = Some(stream);
        self.mqtt.open(self.now(), connect).expect("CONNECT is fine");
    }

    /// Connects, and says what became of the session.
    pub fn connect(&mut self, connect: &Connect<'_>) -> SessionState {
        self.open(connect);
        self.until(|client| client.mqtt.is_connected());
        self.seen.connacks.last().unwrap().1
    }

    /// Connects to a session that lives for a minute without us.
    pub fn resume(&mut self, version: Version, client_id: &str) -> SessionState {
        let expiry = [Property::SessionExpiryInterval(60)];
        self.connect(&Connect::new(version, client_id).clean_start(false).properties(&expiry))
    }

    pub fn subscribe(&mut self, filter: &str, qos: QoS) {
        let filters = [Subscription::new(TopicFilter::new(filter).unwrap(), qos)];
        self.mqtt.subscribe(self.now(), &Subscribe::new(&filters)).unwrap();
        let before = self.seen.answers.len();
        self.until(|client| client.seen.answers.len() > before);
        assert_eq!(self.seen.answers.last().unwrap()[..], [ReasonCode(qos.bits())], "SUBACK for {filter}");
    }

    /// Hands a message to the connection; nothing is written yet.
    pub fn publish(&mut self, topic: &str, payload: &[u8], qos: QoS) -> Handle {
        self.publish_with(Publish::new(TopicName::new(topic).unwrap(), payload).qos(qos))
    }

    pub fn publish_with(&mut self, publish: Publish<'_>) -> Handle {
        self.mqtt.publish(self.now(), &publish).unwrap().handle
    }

    /// Publishes and waits until the broker has it all.
    pub fn deliver(&mut self, topic: &str, payload: &[u8], qos: QoS) {
        self.publish(topic, payload, qos);
        self.settle();
    }

    /// Waits until nothing is unfinished.
    pub fn settle(&mut self) {
        self.until(|client| client.mqtt.is_idle());
    }

    pub fn acknowledge_all(&mut self) {
        let now = self.now();
        for pending in std::mem::take(&mut self.seen.pending) {
            self.mqtt.acknowledge(now, pending, &Ack::SUCCESS).unwrap();
        }
    }

    /// Drives the connection until `done`, which is asked after every packet and after everything was written.
    ///
    /// # Panics
    /// If the link ends or time runs out.
    #[track_caller]
    pub fn until(&mut self, done: impl Fn(&Self) -> bool) {
        if let Some(end) = self.until_or_over(done) {
            panic!("the link is over: {end:?} after {:?}", self.seen.packets);
        }
    }

    /// Drives the connection until the link is over.
    #[track_caller]
    pub fn until_over(&mut self) -> LinkEnd {
        self.until_or_over(|_| false).expect("it can only end")
    }

    /// Drives the connection until `done`, or until the link is over: then says why.
    ///
    /// # Panics
    /// If time runs out.
    #[track_caller]
    pub fn until_or_over(&mut self, done: impl Fn(&Self) -> bool) -> Option<LinkEnd> {
        let deadline = self.now().after_millis(PATIENCE);
        while !done(self) {
            if self.take().is_some() {
                continue;
            }
            self.send();
            if done(self) {
                break;
            }
            if self.mqtt.should_close() {
                let reason = self.mqtt.close_reason();
                self.close();
                return Some(LinkEnd::Told(reason));
            }
            assert!(self.now() < deadline, "nothing more comes after {:?}", self.seen.packets);
            if !self.read(deadline) {
                self.cut();
                return Some(LinkEnd::Silent);
            }
        }
        None
    }

    /// Takes packets, and writes nothing, until one of this type was taken.
    #[track_caller]
    pub fn take_until(&mut self, packet: PacketType) {
        let deadline = self.now().after_millis(PATIENCE);
        loop {
            match self.take() {
                Some(taken) if taken == packet => return,
                Some(_) => {}
                None => {
                    assert!(
                        self.now() < deadline && self.read(deadline),
                        "{packet:?} never came: {:?}",
                        self.seen.packets
                    );
                }
            }
        }
    }

    /// Writes all output.
    pub fn send(&mut self) {
        let now = self.now();
        self.subscriptions.sync(now, &mut self.mqtt);
        let mut transmit = self.mqtt.transmit(now);
        let stream = self.stream.as_mut().expect("there is a link");
        while !transmit.chunk().is_empty() {
            let count = stream.write(transmit.chunk()).expect("the broker takes bytes");
            transmit.advance(count);
        }
        while let Some(outcome) = self.mqtt.poll_outcome() {
            self.subscriptions.on_outcome(&outcome);
            self.seen.outcomes.push(outcome);
        }
    }

    /// Writes so many bytes of the output.
    pub fn send_only(&mut self, count: usize) {
        let now = self.now();
        let mut transmit = self.mqtt.transmit(now);
        let bytes = &transmit.chunk()[..count];
        self.stream.as_mut().expect("there is a link").write_all(bytes).expect("the broker takes bytes");
        transmit.advance(count);
    }

    /// The next link goes to another broker.
    pub fn move_to(&mut self, broker: &Mosquitto) {
        self.address = broker.address();
    }

    /// The link is gone without a word.
    pub fn cut(&mut self) {
        self.stream = None;
        self.rx.clear();
        self.mqtt.handle_close(self.now());
    }

    /// DISCONNECT, and the link is gone.
    pub fn leave(&mut self) {
        self.leave_with(&Disconnect::default());
    }

    pub fn leave_with(&mut self, disconnect: &Disconnect<'_>) {
        self.mqtt.disconnect(self.now(), disconnect).unwrap();
        self.send();
        assert!(self.mqtt.should_close());
        self.close();
    }

    /// Ends the stream in order. A socket that is closed over unread bytes is reset, and what was written last is lost.
    fn close(&mut self) {
        let stream = self.stream.as_mut().expect("there is a link");
        let _ = stream.shutdown(Shutdown::Write); // fails if the broker was first
        stream.set_read_timeout(Some(Duration::from_millis(PATIENCE))).unwrap();
        while stream.read(&mut [0; 64 * 1024]).is_ok_and(|count| count > 0) {}
        self.cut();
    }

    /// Takes the next packet from what was read, if there is a whole one that can be taken.
    fn take(&mut self) -> Option<PacketType> {
        let packet =
            PacketType::ALL.into_iter().find(|packet| self.rx.first().is_some_and(|byte| byte >> 4 == *packet as u8));
        let received = self.mqtt.handle_input(self.now(), &self.rx);
        self.is_blocked = matches!(received, Ok(Received::Blocked));
        let Ok(Received::Packet { consumed, event }) = received else { return None };
        if let Some(event) = event {
            let topic = match &event {
                Event::Message(message) => self.mqtt.topic(&message.topic).map(|name| name.as_str().to_owned()),
                _ => None,
            };
            self.subscriptions.on_event(&event);
            self.seen.note(topic, event);
        }
        self.rx.drain(..consumed);
        self.seen.packets.extend(packet);
        packet
    }

    /// Waits for bytes until something is due. False at the end of the stream.
    fn read(&mut self, deadline: Instant) -> bool {
        if self.is_blocked {
            return true; // what was sent has made room
        }
        let wake = self.mqtt.poll_timeout().map_or(deadline, |due| due.min(deadline));
        let wait = Duration::from_millis(wake.millis_since(self.now()).max(1));
        let stream = self.stream.as_mut().expect("there is a link");
        stream.set_read_timeout(Some(wait)).unwrap();
        let mut room = [0; 64 * 1024];
        match stream.read(&mut room) {
            Ok(0) => return false,
            Ok(count) => self.rx.extend(&room[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return false,
            Err(error) => panic!("reading failed: {error}"),
        }
        let _ = self.mqtt.handle_timeout(self.now());
        true
    }
}
