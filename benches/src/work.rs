//! The work of each row, done through the trait alone.

use bytes::Bytes;

use crate::client::{Client, Contestant, Message, READ, Setup, Sink, TOPIC, Version};
use crate::clients::{CONTENT_TYPE, EXPIRY, FLOOR, USER_PROPERTY, YARDSTICKS};
use crate::cost::{Cost, cost, growth};
use crate::rows::{Order, Press, Row, Work};

/// What a client answers that can't tell how much the application was told.
pub const ANY: usize = usize::MAX;

/// One row's work for one client.
pub struct Task {
    row: Row,
    contestant: Contestant,
    client: Option<Box<dyn Client>>,
    /// The server's end of a list of connections.
    crowd: Vec<Box<dyn Client>>,
    payload: Vec<u8>,
    shared: Option<Bytes>,
    ids: Vec<u16>,
    packets: Vec<u8>,
    sink: Sink,
    random: fastrand::Rng,
    /// How many commands the queue got.
    turns: usize,
}

/// What one batch cost, and how many messages it was.
pub struct Batch {
    pub cost: Cost,
    pub messages: usize,
}

/// So many QoS 2 messages come before the server waits for what is owed.
const BURST: usize = 8;

impl Task {
    /// `None` if the client can't do it.
    pub fn new(row: &Row, contestant: &Contestant) -> Option<Self> {
        let setup = &row.setup;
        let needs_client = !matches!(row.work, Work::Copy { .. });
        if matches!(row.work, Work::Copy { .. }) != (contestant.name == FLOOR && setup.payload > 4_096) {
            return None;
        }
        if YARDSTICKS.contains(&contestant.name)
            && matches!(row.work, Work::Idle | Work::Deadlines { .. } | Work::Connect | Work::Resume)
        {
            return None;
        }
        let mut client = if needs_client { Some((contestant.open)(setup)?) } else { None };
        if let (Work::Resume, Some(client)) = (row.work, &mut client) {
            client.resume().then_some(())?;
        }
        if let (Work::Queue { press }, Some(client)) = (row.work, &mut client) {
            client.fill(press, setup.window).then_some(())?;
        }
        if let (Work::Deadlines { connections }, Some(client)) = (row.work, &client) {
            client.deadline()?;
            let (_one, bytes) = growth(|| (contestant.open)(setup));
            if bytes * connections as i64 > MOST_HELD {
                return None;
            }
        }
        let payload = vec![7; setup.payload];
        let shared = setup.shared.then(|| Bytes::from(payload.clone()));
        let mut task = Self {
            row: *row,
            contestant: *contestant,
            client,
            crowd: Vec::new(),
            payload,
            shared,
            ids: Vec::with_capacity(setup.window.max(BURST)),
            packets: Vec::new(),
            sink: Sink::default(),
            random: fastrand::Rng::with_seed(7),
            turns: 0,
        };
        task.prepare();
        Some(task)
    }

    /// What is made once, outside of every measurement.
    fn prepare(&mut self) {
        match self.row.work {
            Work::Inbound { .. } => {
                if self.row.setup.alias {
                    let binding = self.message(1, true);
                    self.client_mut().receive(&binding);
                }
                self.packets = self.inbound_packets();
            }
            Work::Copy { .. } => self.packets = vec![0; self.payload.len()],
            Work::Deadlines { connections } => {
                let open = || (self.contestant.open)(&self.row.setup).expect("another client");
                self.crowd = (0..connections).map(|_| open()).collect();
            }
            _ => {}
        }
    }

    fn client_mut(&mut self) -> &mut dyn Client {
        self.client.as_deref_mut().expect("this row has a client")
    }

    /// How often the work is worth repeating within one batch: more is left to the measurement.
    pub fn batch(&mut self, times: usize) -> Batch {
        match self.row.work {
            Work::Outbound { order, fresh } => self.outbound(order, fresh, times),
            Work::Inbound { read } => self.inbound(read, times),
            Work::Resume => self.resume(),
            Work::Connect => self.connect(times),
            Work::Idle => self.idle(),
            Work::Deadlines { .. } => self.deadlines(),
            Work::Queue { press } => self.queue(press, times),
            Work::Copy { read } => self.copy(read, times),
        }
    }

    fn outbound(&mut self, order: Order, fresh: bool, times: usize) -> Batch {
        let window = self.row.setup.window;
        let times = if fresh { 1 } else { times };
        if fresh {
            self.client = (self.contestant.open)(&self.row.setup);
        }
        let cost = cost(|| (0..times).for_each(|_| self.round_trip(order)));
        Batch { cost, messages: times * window }
    }

    /// A window of messages goes, and its acknowledgements come.
    fn round_trip(&mut self, order: Order) {
        self.publish_window();
        match order {
            Order::Sent => {}
            Order::Reversed => self.ids.reverse(),
            Order::Shuffled => self.random.shuffle(&mut self.ids),
        }
        if self.row.setup.qos == 1 {
            self.acknowledge(0x40, true);
        } else if self.row.setup.qos == 2 {
            self.acknowledge(0x50, false);
            self.acknowledge(0x70, true);
        }
    }

    fn publish_window(&mut self) {
        let Self { client, row, payload, shared, ids, sink, .. } = self;
        let client = client.as_deref_mut().expect("this row has a client");
        let Setup { qos, properties, window, .. } = row.setup;
        let message = Message { qos, payload, shared: shared.as_ref(), properties };
        ids.clear();
        for _ in 0..window {
            ids.push(client.publish(&message));
        }
        client.send(sink);
    }

    /// The server acknowledges all identifiers by packets of this type, and what they cause leaves.
    fn acknowledge(&mut self, first_byte: u8, is_end: bool) {
        self.packets.clear();
        for id in &self.ids {
            let [high, low] = id.to_be_bytes();
            self.packets.extend([first_byte, 2, high, low]);
        }
        let Self { client, packets, sink, .. } = self;
        let client = client.as_deref_mut().expect("this row has a client");
        let mut told = 0;
        for read in packets.chunks(READ) {
            told = add(told, client.receive(read));
        }
        client.send(sink);
        if is_end {
            self.check(told, self.ids.len());
        }
    }

    #[track_caller]
    fn check(&self, told: usize, expected: usize) {
        assert!(told == ANY || told == expected, "{}: {told} of {expected}", self.contestant.name);
    }

    fn inbound(&mut self, read: usize, times: usize) -> Batch {
        let setup = self.row.setup;
        let messages = self.inbound_count();
        let cost = cost(|| {
            for _ in 0..times {
                let Self { client, packets, sink, .. } = self;
                let client = client.as_deref_mut().expect("this row has a client");
                let mut told = 0;
                for bytes in packets.chunks(read) {
                    told = add(told, client.receive(bytes));
                }
                client.send(sink);
                if setup.qos == 2 {
                    client.receive(&RELEASES);
                    client.send(sink);
                }
                self.check(told, messages);
            }
        });
        Batch { cost, messages: messages * times }
    }

    /// How many messages come before what is owed leaves.
    fn inbound_count(&self) -> usize {
        let one = self.row.setup.payload + 32;
        match (self.row.setup.qos, self.row.work) {
            (2, _) => BURST,
            (_, Work::Inbound { read }) if read > READ => 2 * read / one,
            _ => (READ / one).max(1),
        }
    }

    fn inbound_packets(&self) -> Vec<u8> {
        (1..=self.inbound_count()).flat_map(|id| self.message(id as u16, false)).collect()
    }

    /// A PUBLISH of the server's; with an alias its topic is there only if it is bound.
    fn message(&self, id: u16, binds: bool) -> Vec<u8> {
        let setup = &self.row.setup;
        let mut body = Vec::new();
        text(if setup.alias && !binds { "" } else { TOPIC }, &mut body);
        if setup.qos > 0 {
            body.extend(id.to_be_bytes());
        }
        if setup.version == Version::V5 {
            let mut properties = Vec::new();
            if setup.properties {
                properties.push(0x02);
                properties.extend(EXPIRY.to_be_bytes());
                properties.push(0x03);
                text(CONTENT_TYPE, &mut properties);
                properties.push(0x26);
                text(USER_PROPERTY.0, &mut properties);
                text(USER_PROPERTY.1, &mut properties);
            }
            if setup.alias {
                properties.extend([0x23, 0, 1]);
            }
            body.push(properties.len() as u8);
            body.extend(properties);
        }
        body.extend(&self.payload);
        let mut packet = vec![0x30 | setup.qos << 1];
        let mut rest = body.len();
        while rest > 0x7F {
            packet.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        packet.push(rest as u8);
        packet.extend(body);
        packet
    }

    fn resume(&mut self) -> Batch {
        self.publish_window();
        let before = self.sink.bytes;
        let cost = cost(|| {
            let Self { client, sink, .. } = self;
            let client = client.as_deref_mut().expect("this row has a client");
            client.resume();
            client.send(sink);
        });
        let again = (self.sink.bytes - before) as usize;
        assert!(again >= self.row.setup.window * self.payload.len(), "{}: not all again", self.contestant.name);
        self.acknowledge(0x40, true);
        Batch { cost, messages: self.row.setup.window }
    }

    fn connect(&mut self, times: usize) -> Batch {
        let cost = cost(|| {
            for _ in 0..times {
                let mut client = (self.contestant.open)(&self.row.setup).expect("another client");
                let [high, low] = client.subscribe("plant/+/t01").to_be_bytes();
                client.send(&mut self.sink);
                self.check(client.receive(&[0x90, 3, high, low, 0]), 1);
                client.send(&mut self.sink);
            }
        });
        Batch { cost, messages: times }
    }

    /// Bytes in the place of nanoseconds: what the client is by itself and what it holds.
    fn idle(&self) -> Batch {
        let (clients, bytes) =
            growth(|| (0..IDLE).map(|_| (self.contestant.open)(&self.row.setup)).collect::<Vec<_>>());
        let list = clients.capacity() * size_of::<Option<Box<dyn Client>>>();
        let cost = Cost { nanos: bytes as f64 - list as f64, ..Cost::default() };
        Batch { cost, messages: IDLE }
    }

    fn deadlines(&self) -> Batch {
        let cost = cost(|| {
            let first = self.crowd.iter().filter_map(|client| client.deadline()).min();
            std::hint::black_box(first);
        });
        Batch { cost, messages: self.crowd.len() }
    }

    fn queue(&mut self, press: Press, times: usize) -> Batch {
        let Self { client, turns, .. } = self;
        let client = client.as_deref_mut().expect("this row has a client");
        let cost = cost(|| {
            for _ in 0..times {
                client.press(press, *turns);
                *turns += 1;
            }
        });
        Batch { cost, messages: times }
    }

    fn copy(&mut self, read: usize, times: usize) -> Batch {
        let Self { packets, payload, .. } = self;
        let cost = cost(|| {
            for _ in 0..times {
                for (room, bytes) in packets.chunks_mut(read).zip(payload.chunks(read)) {
                    room.copy_from_slice(std::hint::black_box(bytes));
                }
                std::hint::black_box(&packets);
            }
        });
        Batch { cost, messages: times }
    }
}

/// So many clients are made to see what one holds.
const IDLE: usize = 100;

/// A client of which the crowd would take more bytes than this is left out.
const MOST_HELD: i64 = 2 << 30;

/// PUBREL for the identifiers of a burst.
const RELEASES: [u8; 4 * BURST] = {
    let mut packets = [0; 4 * BURST];
    let mut index = 0;
    while index < BURST {
        packets[4 * index] = 0x62;
        packets[4 * index + 1] = 2;
        packets[4 * index + 3] = index as u8 + 1;
        index += 1;
    }
    packets
};

fn text(text: &str, bytes: &mut Vec<u8>) {
    bytes.extend((text.len() as u16).to_be_bytes());
    bytes.extend(text.as_bytes());
}

pub fn add(told: usize, more: usize) -> usize {
    if more == ANY { ANY } else { told + more }
}
