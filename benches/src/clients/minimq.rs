//! minimq over a transport in memory: 5.0 only, at most 8 messages in flight.

use std::collections::VecDeque;

use minimq::{
    Buffers, ConfigBuilder, Connection, Op, Property, Publication, QoS, Session, SubscriptionOptions, TopicFilter,
};

use crate::client::{Client, Message, Setup, Sink, TOPIC, Version};
use crate::clients::pipe::{Pipe, now};
use crate::clients::{CONTENT_TYPE, EXPIRY, USER_PROPERTY, boxed, connack};

const MOST_IN_FLIGHT: usize = 8;
const PROPERTIES: [Property<'static>; 3] = [
    Property::MessageExpiryInterval(EXPIRY),
    Property::ContentType(CONTENT_TYPE),
    Property::UserProperty(USER_PROPERTY.0, USER_PROPERTY.1),
];

struct Minimq {
    connection: Connection<'static, 'static, Pipe>,
    pipe: Pipe,
    open: VecDeque<Op>,
}

pub fn open(setup: &Setup) -> Option<Box<dyn Client>> {
    if setup.version == Version::V311 || setup.window > MOST_IN_FLIGHT || setup.alias || setup.payload > 65_536 {
        return None;
    }
    let pipe = Pipe::default();
    pipe.offer(connack(setup, false));
    // The buffers and the session are borrowed for as long as the connection lives: for good.
    let rx = Box::leak(vec![0; setup.payload + 512].into_boxed_slice());
    let tx = Box::leak(vec![0; (setup.window + 1) * (setup.payload + 256) + 512].into_boxed_slice());
    let config = ConfigBuilder::new(Buffers::new(rx, tx)).client_id("bench").ok()?.session_expiry_interval(u32::MAX);
    let session = Box::leak(Box::new(Session::new(config)));
    let connection = now(session.connect(pipe.clone()))?.ok()?;
    pipe.clear_sent();
    boxed(Minimq { connection, pipe, open: VecDeque::with_capacity(MOST_IN_FLIGHT + 1) })
}

impl Minimq {
    /// The identifier of a packet that was just sent, at this distance from the end of its fixed header.
    fn id_after(&self, start: usize, distance: usize) -> u16 {
        self.pipe.sent(|bytes| {
            let packet = &bytes[start + 1..];
            let length = packet.iter().take_while(|byte| **byte & 0x80 != 0).count() + 1;
            let place = length + distance;
            u16::from_be_bytes([packet[place], packet[place + 1]])
        })
    }
}

impl Client for Minimq {
    fn publish(&mut self, message: &Message<'_>) -> u16 {
        let qos = match message.qos {
            0 => QoS::AtMostOnce,
            1 => QoS::AtLeastOnce,
            _ => QoS::ExactlyOnce,
        };
        let mut publication = Publication::bytes(TOPIC, message.payload).qos(qos);
        if message.properties {
            publication = publication.properties(&PROPERTIES);
        }
        let start = self.pipe.sent(<[u8]>::len);
        let op = now(self.connection.publish(publication)).expect("no waiting").expect("room");
        self.open.extend(op);
        if message.qos == 0 { 0 } else { self.id_after(start, 2 + TOPIC.len()) }
    }

    fn subscribe(&mut self, filter: &str) -> u16 {
        let options = SubscriptionOptions::default().maximum_qos(QoS::ExactlyOnce);
        let filters = [TopicFilter::new(filter).options(options)];
        let start = self.pipe.sent(<[u8]>::len);
        let op = now(self.connection.subscribe(&filters, &[])).expect("no waiting").expect("room");
        self.open.push_back(op);
        self.id_after(start, 0)
    }

    fn send(&mut self, sink: &mut Sink) {
        now(self.connection.drive()).expect("no waiting").expect("a link");
        self.pipe.sent(|bytes| sink.take(bytes));
        self.pipe.clear_sent();
    }

    fn receive(&mut self, bytes: &[u8]) -> usize {
        self.pipe.offer(bytes);
        let mut told = 0;
        while let Some(progress) = now(self.connection.poll()) {
            if let Some(message) = progress.expect("a good packet") {
                std::hint::black_box(message.payload());
                told += 1;
            }
        }
        let open = self.open.len();
        let connection = &self.connection;
        self.open.retain(|op| !connection.is_complete(op));
        told + open - self.open.len()
    }
}
