//! One world: its tasks, its troubles, and its end.

use std::cell::RefCell;

use pure_mqtt_embassy::{Connect, Limits, Options, RxBuffer, Split, Version};

use crate::executor::{Executor, fickle};
use crate::ledger::{Fate, Ledger};
use crate::net::{Net, Trouble};
use crate::tasks::{self, Device, Engine, Shared};
use crate::time::Time;
use pure_mqtt_test_broker::sans_io::{Config, Fault};

const CLIENT: &str = "device";

/// More steps than any world needs.
const MOST_STEPS: u32 = 400_000;

/// What kind of world it is.
#[derive(Debug)]
struct Character {
    version: Version,
    trouble: Trouble,
    is_split: bool,
    starts_clean: bool,
    drops_run: bool,
    requests: u32,
    messages: u32,
    /// So many messages come at once, whatever the client announced.
    flood: u32,
}

impl Character {
    fn any() -> Self {
        let version = if fastrand::bool() { Version::V5 } else { Version::V311 };
        let chance = |one_in: u32| if fastrand::bool() { fastrand::u32(one_in / 4..one_in * 4) } else { 0 };
        let trouble = Trouble {
            cuts: chance(40),
            refusals: chance(4).max(if fastrand::bool() { 2 } else { 0 }),
            stalls: chance(150),
            losses: if fastrand::u32(..4) == 0 { 500 } else { 0 },
        };
        Self {
            version,
            trouble,
            is_split: fastrand::bool(),
            starts_clean: fastrand::bool(),
            drops_run: fastrand::bool(),
            requests: if version == Version::V5 { fastrand::u32(..4) } else { 0 },
            messages: fastrand::u32(1..25),
            flood: if fastrand::u32(..8) == 0 { fastrand::u32(10..60) } else { 0 },
        }
    }
}

impl Character {
    /// After which part of the steps all goes well. A flood makes little progress while the line is cut again and again.
    const fn patience(&self) -> u32 {
        if self.flood > 0 { 40 } else { 4 }
    }

    /// One that floods ignores Receive Maximum, as mosquitto 2.0.11 does while it has many messages queued.
    fn server(&self) -> Config {
        let faults = if self.flood > 0 { vec![Fault::IgnoreReceiveMaximum] } else { vec![] };
        Config { transcript_limit: 2_000, faults: faults.into_iter().collect(), ..Config::default() }
    }
}

/// Plays the world of this seed.
pub fn play(seed: u64) {
    fastrand::seed(seed);
    let character = Character::any();
    if crate::clock::given_seed().is_some() {
        println!("{character:?}");
    }
    let net = Net::new(character.server(), character.trouble);
    let time = Time::default();
    let mqtt = Device::new(time.clone(), Engine::new());
    let ledger = RefCell::new(Ledger { has_losses: character.trouble.losses > 0, ..Ledger::default() });
    let shared = Shared { mqtt: &mqtt, time: &time, ledger: &ledger };
    let mut executor = Executor::default();
    executor.spawn("run", run(&shared, &net, &character));
    executor.spawn("publisher", tasks::publisher(&shared, "a", character.messages));
    executor.spawn("publisher", tasks::publisher(&shared, "b", character.messages));
    executor.spawn("subscriber", tasks::subscriber(&shared));
    executor.spawn("slow reader", tasks::slow_reader(&shared));
    executor.spawn("observer", tasks::observer(&shared));
    if character.requests > 0 {
        executor.spawn("answerer", tasks::answerer(&shared));
        executor.spawn("asker", tasks::asker(&shared, character.requests));
    }
    executor.spawn("server", serve(&shared, &net, character.messages));
    if character.flood > 0 {
        executor.spawn("echoer", tasks::echoer(&shared));
        executor.spawn("flood", flood(&shared, &net, character.flood));
    }
    let mut is_leaving = false;
    for step in 0.. {
        if step + 1 == MOST_STEPS {
            net.tell();
            println!("{}; {:?}", time.millis(), mqtt.stats());
        }
        assert!(step < MOST_STEPS, "no end: {:?} of {:?}", ledger.borrow().missing(), executor.names());
        if step == MOST_STEPS / character.patience() {
            net.heal();
        }
        note_arrivals(&net, &mut ledger.borrow_mut());
        let has_tasks = ["publisher", "asker", "server", "flood", "leave"].iter().any(|name| executor.has(name));
        if !has_tasks && !is_leaving && ledger.borrow().is_complete() {
            is_leaving = true;
            ledger.borrow_mut().is_leaving = true;
            net.heal();
            executor.spawn("leave", leave(&shared));
        }
        if is_leaving && !executor.has("run") {
            break;
        }
        let (first, second) = if fastrand::bool() { (true, false) } else { (false, true) };
        let has_moved = [first, second].into_iter().any(|is_net| match is_net {
            true => net.step(CLIENT),
            false => executor.step(),
        });
        if !has_moved {
            pass_time(&net, &time, &executor);
        }
    }
    note_arrivals(&net, &mut ledger.borrow_mut());
    ledger.borrow().check();
    assert_eq!(net.with_broker(|broker| broker.violations().to_vec()), Vec::<String>::new());
}

pub fn pass_time(net: &Net, time: &Time, executor: &Executor<'_>) {
    let next = [time.next_alarm(), net.wakes_at()].into_iter().flatten().min();
    let next = next.unwrap_or_else(|| panic!("nothing will ever happen again; unfinished: {:?}", executor.names()));
    time.advance_to(next);
    net.advance_to(time.millis());
}

fn note_arrivals(net: &Net, ledger: &mut Ledger) {
    let known: u32 = ledger.up.values().map(|fate| fate.arrived).sum();
    net.with_broker(|broker| {
        let readings = || broker.released().iter().filter(|message| message.topic == "up/reading");
        if readings().count() as u32 == known {
            return;
        }
        ledger.up.values_mut().for_each(|fate| fate.arrived = 0);
        for message in readings() {
            let payload = String::from_utf8(message.payload.clone()).unwrap();
            // A message may arrive before the publisher's task has been told that it was accepted, but not before it was.
            ledger.up.get_mut(&payload).unwrap_or_else(|| panic!("{payload} was never accepted")).arrived += 1;
        }
    });
}

/// Runs the client, and drops that now and then.
async fn run(shared: &Shared<'_>, net: &Net, character: &Character) {
    let connect = Connect::new(character.version, CLIENT).keep_alive(10).clean_start(character.starts_clean);
    let limits = Limits { connack_timeout: 5_000, close_timeout: 500, ..Options::new(connect).limits };
    let options = Options::new(connect).backoff(100, 5_000).session_expiry(1_000_000).limits(limits);
    let mut rx = RxBuffer::<200>::new();
    let rarity = if character.drops_run { 300 } else { u32::MAX };
    loop {
        let random = || fastrand::u32(..);
        let done = match character.is_split {
            true => {
                let dial = async || net.dial().map(|line| Split { reader: line.clone(), writer: line });
                fickle(rarity, shared.mqtt.run(&mut rx, &options, random, dial)).await
            }
            false => fickle(rarity, shared.mqtt.run(&mut rx, &options, random, async || net.dial())).await,
        };
        if let Some(done) = done {
            return done.expect("the options are right");
        }
        shared.time.sleep(fastrand::u64(1..1_000)).await;
    }
}

/// Other clients publish.
async fn serve(shared: &Shared<'_>, net: &Net, count: u32) {
    for number in 0..count {
        shared.time.sleep(fastrand::u64(..2_000)).await;
        let is_subscribed =
            net.with_broker(|broker| broker.subscriptions(CLIENT).iter().any(|(filter, _)| filter == "down/#"));
        let qos = fastrand::u8(..3);
        let payload = format!("down-{number}-{}", "y".repeat(fastrand::usize(..60)));
        if is_subscribed {
            shared.ledger.borrow_mut().down.insert(payload.clone(), Fate { qos, ..Fate::default() });
        }
        net.with_broker(|broker| {
            broker.publish("down/command", payload.as_bytes(), qos, false);
            broker.publish("slow", &[b'z'; 30], 0, false);
        });
    }
}

/// Many messages at once for a task that holds each of them for a while.
async fn flood(shared: &Shared<'_>, net: &Net, count: u32) {
    let is_subscribed =
        || net.with_broker(|broker| broker.subscriptions(CLIENT).iter().any(|(filter, _)| filter == "echo"));
    while !is_subscribed() {
        shared.time.sleep(500).await;
    }
    let qos = fastrand::u8(1..3);
    for number in 0..count {
        let payload = format!("flood-{number}");
        shared.ledger.borrow_mut().down.insert(payload.clone(), Fate { qos, ..Fate::default() });
        net.with_broker(|broker| broker.publish("echo", payload.as_bytes(), qos, false));
    }
}

async fn leave(shared: &Shared<'_>) {
    while fickle(4, shared.mqtt.flush()).await.is_none() {}
    loop {
        shared.mqtt.disconnect(); // again where `run` was dropped before it came to an end
        shared.time.sleep(3_000).await;
    }
}
