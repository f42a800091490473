//! The lives of a device with a journal in flash: each ends when the power fails, and the next one goes on with what is in flash and at the server.

use std::cell::RefCell;
use std::collections::BTreeMap;

use pure_mqtt_embassy::{
    Connect, FlashJournal, JournalError, Journaled, Mqtt, Options, Publish, QoS, Receiver, ReceiverOptions, RxBuffer,
    Split, Subscription, TopicFilter, TopicName, Version, raw::NoopRawMutex,
};
use pure_mqtt_test_broker::sans_io::Config;

use crate::chip::Chip;
use crate::executor::{Executor, fickle, pass};
use crate::net::{Net, Trouble};
use crate::program::pass_time;
use crate::time::Time;

/// Small, so that the journal is copied often.
type Engine = Journaled<pure_mqtt_embassy::Fixed<256, 4, 4, 64>, 160>;
pub type Device = Mqtt<NoopRawMutex, Time, Engine, 400, 6, 2, 3>;

const CLIENT: &str = "device";
const NEVER: u32 = u32::MAX;

/// How the device is used.
#[derive(Clone, Debug)]
pub struct Habits {
    pub version: Version,
    pub starts_clean: bool,
    pub is_split: bool,
    pub messages: u32,
    /// One poll in so many drops a future.
    pub rarity: u32,
    /// The same for the futures that run the client and keep its journal.
    pub run_rarity: u32,
    pub trouble: Trouble,
}

impl Habits {
    pub const fn calm(version: Version, messages: u32) -> Self {
        let trouble = Trouble::NONE;
        Self { version, starts_clean: false, is_split: false, messages, rarity: NEVER, run_rarity: NEVER, trouble }
    }
}

/// What became of a message.
#[derive(Clone, Copy, Debug, Default)]
struct Fate {
    qos: u8,
    /// It is in flash, or its acknowledgement is.
    is_stored: bool,
    arrived: u32,
}

#[derive(Default)]
struct Ledger {
    begun: u32,
    up: BTreeMap<String, Fate>,
    down: BTreeMap<String, Fate>,
}

impl Ledger {
    fn stored(&self) -> u32 {
        self.up.values().filter(|fate| fate.is_stored).count() as u32
    }
}

/// What outlives the device.
pub struct World<const UNIT: usize, const PAGE: usize> {
    pub habits: Habits,
    pub time: Time,
    pub chip: Chip<UNIT, PAGE>,
    net: Net,
    ledger: RefCell<Ledger>,
}

impl<const UNIT: usize, const PAGE: usize> World<UNIT, PAGE> {
    pub fn new(habits: Habits, pages: usize) -> Self {
        let time = Time::default();
        let chip = Chip::new(&time, pages);
        let net = Net::new(Config { transcript_limit: 500, ..Config::default() }, habits.trouble);
        Self { habits, time, chip, net, ledger: RefCell::default() }
    }

    /// One life, until everything is done: or false if the power failed before.
    pub fn live<const LOG: usize>(&self) -> bool {
        let mqtt = Device::new(self.time.clone(), Engine::new(pure_mqtt_embassy::Fixed::new()));
        let mut executor = Executor::default();
        let subscription = Subscription::new(TopicFilter::from_static("down/#"), QoS::ExactlyOnce);
        let options = ReceiverOptions::new().manual_acks(true);
        let receiver = mqtt.subscribe_with(subscription, options).expect("there is a place");
        executor.spawn("keep", self.keep::<LOG>(&mqtt));
        executor.spawn("subscriber", self.subscribe(&mqtt, receiver));
        executor.spawn("run", self.run(&mqtt));
        executor.spawn("publisher", self.publish(&mqtt));
        executor.spawn("server", self.serve());
        for step in 0..400_000 {
            if self.chip.is_dead() {
                return false;
            }
            if !executor.has("publisher") && !executor.has("server") && self.missing().is_empty() {
                return true;
            }
            if step == 100_000 {
                self.net.heal();
            }
            let is_net_first = fastrand::bool();
            let mut has_moved = is_net_first && self.net.step(CLIENT);
            has_moved |= executor.step();
            has_moved |= !is_net_first && self.net.step(CLIENT);
            if !has_moved && !self.chip.is_dead() {
                pass_time(&self.net, &self.time, &executor);
            }
        }
        self.net.tell();
        println!("at {}, {:?}", self.time.millis(), mqtt.stats());
        panic!("no end: {:?} of {:?}", self.missing(), executor.names());
    }

    /// What is to arrive, and has not.
    fn missing(&self) -> Vec<String> {
        self.note_arrivals();
        let ledger = self.ledger.borrow();
        let up = ledger.up.iter().filter(|(_, fate)| fate.is_stored && fate.arrived == 0);
        let may_be_lost = self.habits.starts_clean || self.has_losses();
        let down = ledger.down.iter().filter(|(_, fate)| fate.arrived == 0 && !may_be_lost);
        up.chain(down).map(|(name, _)| name.clone()).collect()
    }

    /// The server loses sessions: what was under way may be doubled, or lost on its way to the device.
    const fn has_losses(&self) -> bool {
        self.habits.trouble.losses > 0
    }

    pub fn check(&self) {
        if crate::clock::given_seed().is_some() {
            self.net.tell();
        }
        assert_eq!(self.missing(), Vec::<String>::new());
        for (name, fate) in &self.ledger.borrow().up {
            assert!(fate.qos < 2 || fate.arrived <= 1 || self.has_losses(), "{name} arrived {} times", fate.arrived);
        }
        assert_eq!(self.net.with_broker(|broker| broker.violations().to_vec()), Vec::<String>::new());
    }

    fn note_arrivals(&self) {
        let up = &mut self.ledger.borrow_mut().up;
        self.net.with_broker(|broker| {
            let readings = || broker.released().iter().filter(|message| message.topic == "up");
            if readings().count() as u32 != up.values().map(|fate| fate.arrived).sum() {
                up.values_mut().for_each(|fate| fate.arrived = 0);
                readings().for_each(|message| {
                    up.get_mut(core::str::from_utf8(&message.payload).unwrap()).unwrap().arrived += 1
                });
            }
        });
    }

    /// Keeps the journal, and drops that now and then; with the journal or without.
    async fn keep<const LOG: usize>(&self, mqtt: &Device) {
        let region = 0..self.chip.with_bytes(|bytes| bytes.len()) as u32;
        loop {
            let mut journal =
                FlashJournal::<_, LOG>::new(self.chip.clone(), region.clone()).expect("the region is right");
            for _ in 0..fastrand::u32(1..4) {
                match fickle(self.habits.run_rarity, mqtt.keep(&mut journal)).await {
                    Some(Err(JournalError::Flash(_))) | None => {}
                    Some(Err(error)) => panic!("{error}"),
                }
            }
        }
    }

    async fn run(&self, mqtt: &Device) {
        let Habits { version, starts_clean, is_split, run_rarity, .. } = self.habits;
        let connect = Connect::new(version, CLIENT).keep_alive(10).clean_start(starts_clean);
        let options = Options::new(connect).backoff(100, 5_000).session_expiry(1_000_000);
        let mut rx = RxBuffer::<200>::new();
        loop {
            let random = || fastrand::u32(..);
            if is_split {
                let dial = async || self.net.dial().map(|line| Split { reader: line.clone(), writer: line });
                fickle(run_rarity, mqtt.run(&mut rx, &options, random, dial)).await;
            } else {
                fickle(run_rarity, mqtt.run(&mut rx, &options, random, async || self.net.dial())).await;
            }
            self.time.sleep(fastrand::u64(1..1_000)).await;
        }
    }

    /// Publishes until so many messages are in flash.
    async fn publish(&self, mqtt: &Device) {
        while self.ledger.borrow().stored() < self.habits.messages {
            let begun = self.ledger.borrow().begun;
            self.ledger.borrow_mut().begun += 1;
            let (qos, payload) = (1 + (begun % 2) as u8, format!("{begun}-{}", "x".repeat(fastrand::usize(..30))));
            let fate = Fate { qos, ..Fate::default() };
            self.ledger.borrow_mut().up.insert(payload.clone(), fate);
            let publish =
                Publish::new(TopicName::from_static("up"), payload.as_bytes()).qos(QoS::from_bits(qos).unwrap());
            let mut delivery = self.stubborn(async || mqtt.publish(&publish).await).await.expect("it can be published");
            match fastrand::bool() {
                true => self.stubborn(async || delivery.stored().await).await,
                false => self.stubborn(async || mqtt.stored().await).await,
            }
            self.ledger.borrow_mut().up.get_mut(&payload).unwrap().is_stored = true;
            if fastrand::u32(..4) == 0 {
                let end = self.stubborn(async || delivery.confirmed().await).await;
                assert!(end.is_ok() || self.has_losses(), "the server takes everything");
            }
        }
    }

    /// Awaits a future, and another one where it was dropped.
    async fn stubborn<R>(&self, mut make: impl AsyncFnMut() -> R) -> R {
        loop {
            if let Some(done) = fickle(self.habits.rarity, make()).await {
                return done;
            }
            pass().await;
        }
    }

    async fn subscribe(&self, mqtt: &Device, mut receiver: Receiver<'_, Device>) {
        loop {
            let Some(received) = fickle(self.habits.rarity, receiver.recv()).await else {
                pass().await;
                continue;
            };
            let payload = received.read(|message| message.text().map(str::to_owned)).flatten().expect("it is text");
            self.note(&payload, |fate| {
                assert!(fate.qos < 2 || !fate.is_stored || self.has_losses(), "{payload} is doubled");
                fate.arrived += 1;
            });
            received.ack();
            self.stubborn(async || mqtt.stored().await).await;
            self.note(&payload, |fate| fate.is_stored = true);
        }
    }

    fn note(&self, payload: &str, work: impl FnOnce(&mut Fate)) {
        work(self.ledger.borrow_mut().down.get_mut(payload).expect("it was published"));
    }

    /// Others publish to the device, once it has subscribed.
    async fn serve(&self) {
        while (self.ledger.borrow().down.len() as u32) < self.habits.messages {
            self.time.sleep(fastrand::u64(1..500)).await;
            let is_subscribed = self.net.with_broker(|broker| !broker.subscriptions(CLIENT).is_empty());
            if is_subscribed {
                let number = self.ledger.borrow().down.len();
                let (qos, payload) = (1 + (number % 2) as u8, format!("down-{number}"));
                self.ledger.borrow_mut().down.insert(payload.clone(), Fate { qos, ..Fate::default() });
                self.net.with_broker(|broker| broker.publish("down/command", payload.as_bytes(), qos, false));
            }
        }
    }
}
