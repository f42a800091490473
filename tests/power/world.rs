//! A device with durable memory, its application, a broker, and a supply of power that ends after so many bytes.

use crate::common::broker::{Broker, Config, LinkId};
use pure_mqtt::storage::Journaled;
use pure_mqtt::wire::Violation;
use pure_mqtt::{
    Ack, Connect, Connection, ConnectionError, Event, Fixed, Instant, Limits, PendingAck, Property, Publish,
    PublishError, QoS, Received, SessionState, Subscribe, Subscription, TopicFilter, TopicName, Version,
};
use std::collections::BTreeMap;

type Mqtt = Connection<Journaled<Fixed<256, 8, 8, 64>, 256>>;

const CLIENT: &str = "c";
const NOW: Instant = Instant::from_millis(1_000);
/// What the application publishes, by name.
const SCRIPT: [(&str, QoS); 7] = [
    ("a1", QoS::AtLeastOnce),
    ("b2", QoS::ExactlyOnce),
    ("c2", QoS::ExactlyOnce),
    ("d1", QoS::AtLeastOnce),
    ("e2", QoS::ExactlyOnce),
    ("f2", QoS::ExactlyOnce),
    ("g1", QoS::AtLeastOnce),
];
/// What others publish to it.
const SERVED: [(&str, u8); 5] = [("v2", 2), ("w1", 1), ("x2", 2), ("y2", 2), ("z1", 1)];

/// What a life is like.
#[derive(Clone, Copy, Debug)]
pub struct Character {
    pub version: Version,
    pub manual_acks: bool,
    /// The log is replaced by a snapshot when it is so long.
    pub compacts_at: usize,
    /// So many bytes go at a time, at most.
    pub piece: usize,
    /// What may leave does while records are being written.
    pub is_eager: bool,
}

/// The power is gone.
#[derive(Debug)]
struct Dark;

/// How far the application got with a message that it publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Accepted, and on its way to durable memory.
    Accepted,
    /// Durable.
    Safe,
}

pub struct World {
    character: Character,
    client: Mqtt,
    /// Durable memory, and a log that is to replace it.
    disk: Vec<u8>,
    broker: Broker,
    link: Option<LinkId>,
    rx: Vec<u8>,
    held: Vec<(PendingAck, String)>,
    /// Bytes until the power fails.
    supply: u64,
    pub used: u64,
    stages: Vec<Stage>,
    served: bool,
    subscribed: bool,
    /// How often each message arrived, and how often it may.
    arrived: BTreeMap<String, (u32, u32)>,
    /// Messages that the application has, and whose record is not durable.
    shaky: Vec<String>,
    was_dark: u32,
    /// The server made a session, and the power failed before that was known: the way on is a clean start.
    must_start_clean: bool,
}

impl World {
    pub fn new(character: Character, supply: u64) -> Self {
        Self {
            character,
            client: Mqtt::new(Journaled::new(Fixed::new()), limits(character)),
            disk: Vec::new(),
            broker: Broker::new(Config { receive_maximum: Some(3), ..Config::default() }),
            link: None,
            rx: Vec::new(),
            held: Vec::new(),
            supply,
            used: 0,
            stages: Vec::new(),
            served: false,
            subscribed: false,
            arrived: BTreeMap::new(),
            shaky: Vec::new(),
            was_dark: 0,
            must_start_clean: false,
        }
    }

    /// Lives until everything has come to its end; the power comes back with `supply` more.
    pub fn live(&mut self, mut supply: impl FnMut() -> u64) {
        for _ in 0..1_000 {
            match self.strive() {
                Ok(()) => return self.judge(),
                Err(Dark) => {
                    self.recover();
                    self.supply = supply();
                }
            }
        }
        panic!("it never comes to rest");
    }

    /// One byte is moved.
    fn spend(&mut self) -> Result<(), Dark> {
        if self.supply == 0 {
            return Err(Dark);
        }
        self.supply -= 1;
        self.used += 1;
        Ok(())
    }

    fn strive(&mut self) -> Result<(), Dark> {
        for _ in 0..10_000 {
            if self.link.is_none() {
                self.connect()?;
            }
            self.publish()?;
            let mut moved = self.write()?;
            moved |= self.read()?;
            moved |= self.acknowledge()?;
            self.compact()?;
            if self.client.should_close() {
                self.cut();
            } else if !moved && self.is_at_rest() {
                return Ok(());
            }
        }
        panic!("no end of it");
    }

    fn is_at_rest(&self) -> bool {
        self.stages.len() == SCRIPT.len() && self.client.is_idle() && self.client.pending() == 0 && self.broker.idle()
    }

    fn connect(&mut self) -> Result<(), Dark> {
        let for_ever = [Property::SessionExpiryInterval(u32::MAX)];
        let connect = Connect::new(self.character.version, CLIENT).clean_start(self.must_start_clean);
        let connect = connect.properties(&for_ever[..]);
        self.client.open(NOW, &connect).unwrap();
        self.link = Some(self.broker.accept());
        self.save()
    }

    /// After every call: what must be durable becomes it, byte by byte.
    fn save(&mut self) -> Result<(), Dark> {
        while !self.client.journal().is_empty() {
            if self.character.is_eager {
                self.send()?;
            }
            let count = self.client.journal().len().min(self.character.piece);
            for place in 0..count {
                self.spend()?;
                self.disk.push(self.client.journal()[place]);
            }
            self.client.journal_written(count);
        }
        self.shaky.clear();
        self.stages.fill(Stage::Safe);
        Ok(())
    }

    fn compact(&mut self) -> Result<(), Dark> {
        if self.disk.len() < self.character.compacts_at {
            return Ok(());
        }
        let mut log = Vec::new();
        assert!(self.client.snapshot(&mut |bytes| log.extend(bytes)));
        for _ in 0..log.len() {
            self.spend()?; // if the power fails here the old log counts
        }
        self.disk = log;
        self.character.compacts_at += 150; // the next one comes later, whatever the state is
        Ok(())
    }

    fn publish(&mut self) -> Result<(), Dark> {
        if !self.subscribed && self.client.is_connected() {
            let filters = [Subscription::new(TopicFilter::new("d").unwrap(), QoS::ExactlyOnce)];
            self.client.subscribe(NOW, &Subscribe::new(&filters)).unwrap();
            self.subscribed = true;
        }
        while let Some((name, qos)) = SCRIPT.get(self.stages.len()).copied() {
            let publish = Publish::new(TopicName::new("u").unwrap(), name).qos(qos);
            match self.client.publish(NOW, &publish) {
                Ok(_) => self.stages.push(Stage::Accepted),
                Err(error) => {
                    assert_eq!(error, PublishError::Full);
                    break;
                }
            }
            // Two at a time, so that the power can fail between their records.
            if self.stages.len().is_multiple_of(2) {
                self.save()?;
            }
        }
        self.save()
    }

    /// Some of what may leave does; false if there is nothing.
    fn send(&mut self) -> Result<bool, Dark> {
        let Some(link) = self.link else { return Ok(false) };
        let mut transmit = self.client.transmit(NOW);
        let bytes: Vec<u8> = transmit.chunk().iter().copied().take(self.character.piece).collect();
        transmit.advance(bytes.len());
        for byte in &bytes {
            self.spend()?;
            self.broker.input(link, &[*byte]);
        }
        Ok(!bytes.is_empty())
    }

    fn write(&mut self) -> Result<bool, Dark> {
        let mut moved = false;
        loop {
            if !self.send()? {
                return Ok(moved);
            }
            moved = true;
            self.save()?;
            if !self.served && !self.broker.subscriptions(CLIENT).is_empty() {
                self.served = true;
                SERVED.iter().for_each(|(name, qos)| self.broker.publish("d", name.as_bytes(), *qos, false));
            }
        }
    }

    fn read(&mut self) -> Result<bool, Dark> {
        let Some(link) = self.link else { return Ok(false) };
        let arrived = self.broker.output(link);
        let mut moved = !arrived.is_empty();
        for byte in arrived {
            self.spend()?;
            self.rx.push(byte);
            moved |= self.take()?;
        }
        Ok(moved | self.take()?)
    }

    fn take(&mut self) -> Result<bool, Dark> {
        let mut moved = false;
        loop {
            let input = std::mem::take(&mut self.rx);
            let received = self.client.handle_input(NOW, &input);
            let mut news = None;
            match received {
                Ok(Received::Packet { consumed, event }) => {
                    match event {
                        Some(Event::Message(message)) => {
                            let name = String::from_utf8(message.payload.to_vec()).unwrap();
                            news = Some((name, message.qos, message.ack));
                        }
                        Some(Event::ConnAck(connack)) => {
                            // The session was never lost, so it is resumed whenever there was one.
                            let is_new = matches!(connack.session, SessionState::New { .. });
                            assert!(!is_new || self.was_dark == 0 || !self.served, "{:?}", connack.session);
                            self.subscribed &= !is_new;
                            self.must_start_clean = false;
                        }
                        _ => {}
                    }
                    self.rx = input[consumed..].to_vec();
                    moved = true;
                }
                Ok(_) => {
                    self.rx = input;
                    return Ok(moved);
                }
                Err(ConnectionError::Protocol(Violation::UnknownSession)) => {
                    assert!(self.released().is_empty() && self.arrived.is_empty(), "something was done in it");
                    self.must_start_clean = true;
                    return Ok(true);
                }
                Err(error) => panic!("{error}"),
            }
            if let Some((name, qos, ack)) = news {
                self.arrive(name, qos, ack);
            }
            self.save()?;
        }
    }

    /// The application has a message: what it does with it is durable at once.
    fn arrive(&mut self, name: String, qos: QoS, ack: Option<PendingAck>) {
        self.arrived.entry(name.clone()).or_insert((0, 1)).0 += 1;
        if qos == QoS::ExactlyOnce {
            self.shaky.push(name.clone());
        }
        if let Some(ack) = ack {
            self.held.push((ack, name));
        }
    }

    fn acknowledge(&mut self) -> Result<bool, Dark> {
        let Some((pending, name)) = self.held.pop() else { return Ok(false) };
        self.shaky.push(name);
        let _ = self.client.acknowledge(NOW, pending, &Ack::SUCCESS);
        self.save()?;
        Ok(true)
    }

    fn cut(&mut self) {
        if let Some(link) = self.link.take() {
            self.broker.cut(link);
        }
        self.rx.clear();
        self.client.handle_close(NOW);
        while self.client.poll_outcome().is_some() {}
    }

    /// The power is back. All that is left is what is in durable memory, and what the application did.
    fn recover(&mut self) {
        self.cut();
        self.was_dark += 1;
        // An arrival that was not noted may be repeated; so may one that waited for its acknowledgement.
        let unnoted = self.shaky.drain(..).chain(self.held.drain(..).map(|(_, name)| name));
        for name in unnoted {
            if let Some(entry) = self.arrived.get_mut(&name) {
                entry.1 = entry.0 + 1;
            }
        }
        let storage = Journaled::new(Fixed::new());
        let (client, recovered) = Mqtt::recover(storage, limits(self.character), NOW, &self.disk).unwrap();
        self.client = client;
        self.disk.truncate(recovered.used);
        // Those on their way may have become durable; the others were never accepted, and nothing of them may have left.
        let accepted = self.stages.len();
        let safe = self.stages.iter().filter(|stage| **stage == Stage::Safe).count();
        let released = self.released();
        let kept = self.kept_in_log(&recovered_names(&self.disk), safe, accepted);
        for (name, _) in &SCRIPT[kept..accepted] {
            assert!(!released.contains_key(*name), "{name} left before it was durable");
        }
        self.stages.truncate(kept);
        self.stages.fill(Stage::Safe);
        self.subscribed = !self.broker.subscriptions(CLIENT).is_empty();
    }

    /// How many messages of the script are durable: at least those that were known to be.
    fn kept_in_log(&self, names: &[String], safe: usize, accepted: usize) -> usize {
        let kept = (safe..accepted).take_while(|place| names.iter().any(|name| name == SCRIPT[*place].0)).count();
        safe + kept
    }

    fn released(&self) -> BTreeMap<String, u32> {
        let mut released = BTreeMap::new();
        for message in self.broker.released() {
            *released.entry(String::from_utf8(message.payload.clone()).unwrap()).or_insert(0) += 1;
        }
        released
    }

    fn judge(&self) {
        let released = self.released();
        for (name, qos) in SCRIPT {
            let count = released.get(name).copied().unwrap_or_default();
            let is_right = if qos == QoS::ExactlyOnce { count == 1 } else { count >= 1 };
            assert!(is_right, "{name} was taken over {count} times");
        }
        for (name, qos) in SERVED {
            let (count, most) = self.arrived.get(name).copied().unwrap_or_default();
            assert!(count >= 1, "{name} was lost");
            assert!(qos != 2 || count <= most, "{name} arrived {count} times, not {most} at most");
        }
        assert!(self.broker.violations().is_empty(), "{:?}", self.broker.violations());
        let window = if self.character.version == Version::V5 { 3 } else { 20 };
        assert_eq!(self.client.send_quota(), window);
    }
}

fn limits(character: Character) -> Limits {
    Limits { version: character.version, manual_acks: character.manual_acks, ..Limits::DEFAULT }
}

/// The payloads that stand in a log, seen from outside: two letters at the end of a message's record.
fn recovered_names(log: &[u8]) -> Vec<String> {
    let is_name = |pair: &&[u8]| pair[0].is_ascii_lowercase() && matches!(pair[1], b'1' | b'2');
    log.windows(2).filter(is_name).map(|pair| String::from_utf8(pair.to_vec()).unwrap()).collect()
}
