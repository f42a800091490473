//! What the tasks of a world do, and what must hold at the end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pure_mqtt_tokio::{
    Client, Message, NotDelivered, Options, Outgoing, QoS, RequestError, Subscription, SubscriptionOptions, Version,
};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::clock::given_seed;
use crate::drops::Dice;
use crate::server::Server;

/// In virtual time.
const PATIENCE: Duration = Duration::from_secs(1_000);
const PUBLISHERS: u64 = 3;
const MESSAGES: u64 = 12;
const INCOMING: u64 = 20;

/// What became of a message, as its publisher knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// The future was dropped before it was ready.
    NotAccepted,
    /// Nobody knows more.
    Accepted,
    Delivered,
}

type Ledger = Arc<Mutex<BTreeMap<String, (QoS, Fate)>>>;

pub async fn play(seed: u64) {
    let dice = Dice::new(seed);
    let server = Server::new(dice.clone());
    let version = [Version::V311, Version::V5][dice.below(2) as usize];
    let (client, driver) = Client::new(options(&server, version, &dice)).unwrap();
    if given_seed().is_some() {
        tell_events(&client, version);
    }
    let ledger = Ledger::default();
    let mut drivers = vec![tokio::spawn(driver)];
    let subscription = subscribe(&client, &dice);
    let reader = tokio::spawn(read(subscription, dice.clone()));
    let mut tasks: Vec<JoinHandle<()>> = (0..PUBLISHERS)
        .map(|number| tokio::spawn(publish(client.clone(), number, ledger.clone(), dice.clone())))
        .collect();
    tasks.push(tokio::spawn(deliver(server.clone(), dice.clone())));
    if version == Version::V5 {
        let questions = client.subscribe("questions", QoS::AtLeastOnce).unwrap();
        tokio::spawn(answer(client.clone(), questions));
        tasks.push(tokio::spawn(ask(client.clone(), dice.clone())));
    }
    for _ in 0..dice.below(3) {
        dice.pause(20_000).await;
        drivers.last().unwrap().abort();
        while !drivers.last().unwrap().is_finished() {
            tokio::task::yield_now().await;
        }
        dice.pause(2_000).await;
        drivers.push(tokio::spawn(client.driver().expect("the one before was dropped")));
    }
    for task in tasks {
        timeout(PATIENCE, task).await.expect("a task hangs").unwrap();
    }
    server.lock().is_healed = true;
    let _ = dice.maybe(client.flush()).await;
    timeout(PATIENCE, client.flush()).await.expect("flush hangs").unwrap();
    let read = timeout(PATIENCE, reader).await.unwrap_or_else(|_| hang("the reader", &client, &server)).unwrap();
    timeout(PATIENCE, client.shutdown(Duration::from_secs(60))).await.expect("shutdown hangs");
    timeout(PATIENCE, drivers.pop().unwrap()).await.expect("the driver hangs").unwrap();
    judge(&server, &ledger.lock().unwrap());
    judge_read(&read);
}

/// Prints what happens to the links.
fn tell_events(client: &Client, version: Version) {
    let (mut events, start) = (client.events(), tokio::time::Instant::now());
    println!("in {version}");
    tokio::spawn(async move {
        while let Ok(event) = events.recv().await {
            println!("{:?} {event:?}", start.elapsed());
        }
    });
}

/// Tells what is known when something takes too long.
fn hang(what: &str, client: &Client, server: &Server) -> ! {
    let inside = server.lock();
    let (in_flight, queued) = (inside.broker.in_flight("client"), inside.broker.queued("client"));
    let subscriptions = inside.broker.subscriptions("client");
    if given_seed().is_some() {
        let told = inside.broker.transcript().iter().filter(|entry| !entry.text.starts_with("PING"));
        told.for_each(|entry| println!("{entry}"));
    }
    panic!(
        "{what} hangs: {:?}, at the broker {in_flight} in flight, {queued} queued, {subscriptions:?}",
        client.stats()
    );
}

fn options(server: &Server, version: Version, dice: &Dice) -> Options {
    let seed = dice.below(u64::MAX);
    let server = server.clone();
    let delay = Duration::from_millis(10);
    Options::new("client")
        .coalesce(false) // pauses take real time
        .version(version)
        .server("mqtt://in.memory".parse().unwrap())
        .connector(move |_| server.clone().connect())
        .keep_alive(5)
        .queue(2 + dice.below(20) as u32, 1 << 20)
        .reconnect_delay(delay, 100 * delay)
        .advanced(|agent| agent.seed = seed)
}

/// Publishes at random, and drops futures at random.
async fn publish(client: Client, number: u64, ledger: Ledger, dice: Dice) {
    for message in 0..MESSAGES {
        dice.pause(3_000).await;
        let text = format!("{number}/{message}");
        let qos = QoS::from_bits(dice.below(3) as u8).unwrap();
        let note = |fate| {
            ledger.lock().unwrap().insert(text.clone(), (qos, fate));
        };
        note(Fate::NotAccepted);
        let outgoing = Outgoing::new("out", text.clone()).qos(qos);
        let accepted = match dice.below(4) {
            0 => client.try_publish(outgoing).ok(),
            _ => dice.maybe(client.publish_with(outgoing)).await.map(Result::unwrap),
        };
        let Some(mut delivery) = accepted else { continue };
        note(Fate::Accepted);
        if dice.chance(1, 4) {
            continue; // it goes on without anybody
        }
        loop {
            match dice.maybe(&mut delivery).await {
                None => dice.pause(500).await,
                Some(Err(NotDelivered::NoDriver)) => tokio::time::sleep(Duration::from_millis(100)).await,
                Some(result) => {
                    result.unwrap();
                    note(Fate::Delivered);
                    break;
                }
            }
        }
    }
}

/// Messages for the client, from the time on when it has subscribed.
async fn deliver(server: Server, dice: Dice) {
    while !server.change(|broker| broker.subscriptions("client").iter().any(|(filter, _)| filter == "in/#")) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for number in 0..INCOMING {
        dice.pause(3_000).await;
        let qos = 1 + (number % 2) as u8;
        server.change(|broker| broker.publish("in/x", number.to_string().as_bytes(), qos, false));
    }
}

fn subscribe(client: &Client, dice: &Dice) -> (Subscription, bool) {
    let is_manual = dice.chance(1, 2);
    let options = SubscriptionOptions::new().manual_acks(is_manual);
    (client.subscribe_with(&[("in/#", QoS::ExactlyOnce)], options).unwrap(), is_manual)
}

/// Reads until all have come; the texts in their order.
async fn read((mut subscription, is_manual): (Subscription, bool), dice: Dice) -> Vec<String> {
    let mut texts = Vec::new();
    let mut held: Vec<Message> = Vec::new();
    let mut missing: Vec<_> = (0..INCOMING).map(|number| number.to_string()).collect();
    while !missing.is_empty() {
        let taken = match dice.below(5) {
            0 => subscription.try_recv(),
            _ => dice.maybe(subscription.recv()).await.map(|message| message.expect("the client has not shut down")),
        };
        dice.pause(200).await;
        let Some(message) = taken else { continue };
        let text = message.text().unwrap().to_owned();
        missing.retain(|one| *one != text);
        texts.push(text);
        if is_manual {
            held.push(message);
        }
        if held.len() > 3 || missing.is_empty() || dice.chance(1, 2) {
            held.drain(..).rev().for_each(|mut message| {
                message.ack();
            });
        }
    }
    texts
}

async fn answer(client: Client, mut questions: Subscription) {
    while let Some(question) = questions.recv().await {
        let text = format!("re {}", question.text().unwrap());
        let _ = client.reply(&question, text).await; // late, when the client shuts down
    }
}

async fn ask(client: Client, dice: Dice) {
    for number in 0..6 {
        dice.pause(3_000).await;
        let request = client.request("questions", number.to_string(), QoS::AtLeastOnce, Duration::from_secs(30));
        match dice.maybe(request).await {
            Some(Ok(reply)) => assert_eq!(reply.text(), Some(&format!("re {number}")[..])),
            Some(Err(RequestError::TimedOut | RequestError::NotDelivered(NotDelivered::NoDriver))) | None => {}
            Some(Err(error)) => panic!("request {number}: {error}"),
        }
    }
}

/// What was accepted has arrived, at QoS 2 once; what was not has not.
fn judge(server: &Server, ledger: &BTreeMap<String, (QoS, Fate)>) {
    let inside = server.lock();
    let arrived = |text: &str| {
        let released = inside.broker.released().iter();
        released.filter(|message| message.topic == "out" && message.payload == text.as_bytes()).count()
    };
    for (text, (qos, fate)) in ledger {
        let count = arrived(text);
        let is_right = match (fate, qos) {
            (Fate::NotAccepted, _) => count == 0,
            (_, QoS::AtMostOnce) => count <= 1,
            (_, QoS::AtLeastOnce) => count >= 1,
            (_, QoS::ExactlyOnce) => count == 1,
        };
        assert!(is_right, "{text} at {qos:?} is {fate:?}, and arrived {count} times");
    }
    assert!(inside.broker.violations().is_empty(), "{:?}", inside.broker.violations());
}

/// At QoS 2, the odd numbers, each came once.
fn judge_read(texts: &[String]) {
    for number in (1..INCOMING).step_by(2) {
        let count = texts.iter().filter(|text| **text == number.to_string()).count();
        assert_eq!(count, 1, "{number}: {texts:?}");
    }
}
