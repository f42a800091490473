//! The device: it starts, continues from its durable memory, and may lose power at any moment.

use std::io::{Error, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use pure_mqtt::wire::Violation;
use pure_mqtt::{
    Connect, Connection, ConnectionError, Event, Heap, Instant, Limits, Property, Publish, QoS, Received, SessionState,
    Subscribe, Subscription, TopicFilter, TopicName, Version,
};

use crate::store::{Done, Found, Store};

type Mqtt = Connection<Heap>;

pub struct Setup {
    pub address: SocketAddr,
    pub file: PathBuf,
    pub readings: u32,
}

/// How many messages may be unfinished.
const MOST_PENDING: usize = 3;

struct Device {
    mqtt: Mqtt,
    store: Store,
    done: Done,
    stream: TcpStream,
    rx: Vec<u8>,
    epoch: std::time::Instant,
    is_subscribed: bool,
}

type Failure = Box<dyn std::error::Error>;

/// Works until the power fails.
pub fn run(setup: &Setup) -> Result<(), Failure> {
    let lost = ConnectionError::Protocol(Violation::UnknownSession);
    match Device::start(setup, false).and_then(|mut device| device.work(setup.readings)) {
        // The server made a session, and the power failed before that was known here: nothing was done in it.
        Err(error) if error.downcast_ref() == Some(&lost) => Device::start(setup, true)?.work(setup.readings),
        outcome => outcome,
    }
}

impl Device {
    fn start(setup: &Setup, clean: bool) -> Result<Self, Failure> {
        let Found { store, done, journal } = Store::open(&setup.file)?;
        let limits = Limits { version: Version::V5, ..Limits::DEFAULT };
        let (mqtt, _) = Mqtt::recover(Heap::with_journal(), limits, Instant::from_millis(0), &journal)?;
        let stream = TcpStream::connect(setup.address)?;
        stream.set_read_timeout(Some(Duration::from_millis(2)))?;
        let epoch = std::time::Instant::now();
        let mut device = Self { mqtt, store, done, stream, rx: Vec::new(), epoch, is_subscribed: true };
        let for_ever = [Property::SessionExpiryInterval(u32::MAX)];
        let connect = Connect::new(Version::V5, "device").clean_start(clean).properties(&for_ever[..]);
        let now = device.now();
        device.mqtt.open(now, &connect)?;
        Ok(device)
    }

    fn work(&mut self, readings: u32) -> Result<(), Failure> {
        loop {
            self.measure(readings)?;
            self.send()?;
            self.receive()?;
            let now = self.now();
            self.mqtt.handle_timeout(now)?;
        }
    }

    fn now(&self) -> Instant {
        Instant::from_millis(self.epoch.elapsed().as_millis() as u64)
    }

    /// What was done, and what the session must not forget, in one transaction. What depends on it leaves afterwards.
    fn save(&mut self) -> std::io::Result<()> {
        if self.mqtt.journal().is_empty() {
            return Ok(());
        }
        self.store.append(self.done, self.mqtt.journal())?;
        self.mqtt.journal_written(self.mqtt.journal().len());
        if self.store.is_long() {
            let mut snapshot = Vec::new();
            if self.mqtt.snapshot(&mut |bytes| snapshot.extend_from_slice(bytes)) {
                self.store.replace(self.done, &snapshot)?;
            }
        }
        Ok(())
    }

    fn measure(&mut self, readings: u32) -> Result<(), Failure> {
        while self.done.published < readings && self.mqtt.pending() < MOST_PENDING {
            let reading = self.done.published.to_string();
            let publish = Publish::new(TopicName::new("readings")?, &reading[..]).qos(QoS::ExactlyOnce);
            self.mqtt.publish(self.now(), &publish)?;
            self.done.published += 1;
            self.save()?;
        }
        Ok(())
    }

    fn send(&mut self) -> std::io::Result<()> {
        self.save()?;
        let now = self.now();
        let mut transmit = self.mqtt.transmit(now);
        while !transmit.chunk().is_empty() {
            let count = self.stream.write(transmit.chunk())?;
            transmit.advance(count);
        }
        self.save()
    }

    fn receive(&mut self) -> Result<(), Failure> {
        let mut room = [0; 4096];
        match self.stream.read(&mut room) {
            Ok(0) => return Err(Error::from(ErrorKind::UnexpectedEof).into()),
            Ok(count) => self.rx.extend_from_slice(room.get(..count).unwrap_or_default()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => return Err(error.into()),
        }
        loop {
            let now = self.now();
            let Received::Packet { consumed, event } = self.mqtt.handle_input(now, &self.rx)? else { break };
            match event {
                // The count is a part of the transaction that says that the message was received.
                Some(Event::Message(_)) => self.done.received += 1,
                Some(Event::ConnAck(connack)) if connack.session != SessionState::Resumed => self.is_subscribed = false,
                _ => {}
            }
            self.rx.drain(..consumed);
            self.save()?;
            if !self.is_subscribed {
                let filters = [Subscription::new(TopicFilter::new("commands")?, QoS::ExactlyOnce)];
                self.mqtt.subscribe(now, &Subscribe::new(&filters))?;
                self.is_subscribed = true;
            }
        }
        Ok(())
    }
}
