//! The tasks of a program: publishers, receivers, a requester and an answerer. Every future of the client may be dropped at any poll.

use std::cell::RefCell;

use pure_mqtt_embassy::{
    Client, Event, Mqtt, NotDelivered, NotReplied, Publish, PublishError, QoS, Receiver, ReceiverOptions, Requester,
    Subscription, TopicFilter, TopicName, pure_mqtt::Cause, raw::NoopRawMutex,
};

use crate::executor::{fickle, pass};
use crate::ledger::{Fate, Ledger};
use crate::tally::{CONFIRMED, ECHOED, EVENTS, GIVEN_BACK, GIVEN_UP, PUBLISHED, RECEIVED, REPLIES};
use crate::time::Time;

/// Small, so that everything gets full.
pub type Engine = pure_mqtt_embassy::Fixed<512, 8, 8, 128>;
pub type Device = Mqtt<NoopRawMutex, Time, Engine, 400, 6, 5, 3>;

/// One poll in so many drops a future.
const RARITY: u32 = 4;

pub struct Shared<'w> {
    pub mqtt: &'w Device,
    pub time: &'w Time,
    pub ledger: &'w RefCell<Ledger>,
}

fn qos(level: u8) -> QoS {
    QoS::from_bits(level).unwrap()
}

/// Publishes messages, and asks for the end of some.
pub async fn publisher(shared: &Shared<'_>, name: &'static str, count: u32) {
    let topic = TopicName::from_static("up/reading");
    for number in 0..count {
        let level = fastrand::u8(..3);
        let payload = format!("{name}-{number}-{}", "x".repeat(fastrand::usize(..40)));
        let publish = Publish::new(topic, payload.as_bytes()).qos(qos(level));
        let mut delivery = loop {
            match fickle(RARITY, shared.mqtt.publish(&publish)).await {
                Some(Err(PublishError::Full)) => GIVEN_UP.count(),
                Some(accepted) => break accepted.expect("the message can be published"),
                None => pass().await,
            }
        };
        PUBLISHED.count();
        let fate = Fate { qos: level, ..Fate::default() };
        shared.ledger.borrow_mut().up.insert(payload.clone(), fate);
        while fastrand::u32(..3) > 0 {
            match fickle(RARITY, delivery.confirmed()).await {
                Some(Ok(())) => {
                    CONFIRMED.count();
                    shared.ledger.borrow_mut().up.get_mut(&payload).unwrap().is_confirmed = true;
                    break;
                }
                // The server had taken the message over, and then lost its session.
                Some(Err(NotDelivered::Ended(Cause::Released))) if shared.ledger.borrow().has_losses => break,
                Some(Err(NotDelivered::InputBlocked)) => GIVEN_UP.count(),
                Some(Err(error)) => panic!("{payload}: {error}"),
                None => pass().await,
            }
        }
        if fastrand::bool() {
            let all = async { while fickle(RARITY, delivery.confirmed()).await.is_none() {} };
            all.await;
        }
        shared.time.sleep(fastrand::u64(..200)).await;
    }
}

/// Echoes messages, and holds each one meanwhile: until the echo has room, and sometimes until the server has it.
pub async fn echoer(shared: &Shared<'_>) {
    let mut receiver = shared.mqtt.subscribe(TopicFilter::from_static("echo"), QoS::ExactlyOnce).unwrap();
    for number in 0.. {
        let received = receiver.recv().await;
        let text = received.read(|message| message.text().map(str::to_owned)).flatten().expect("it is text");
        if !shared.ledger.borrow().is_leaving {
            shared.ledger.borrow_mut().is_echoing = true;
            echo(shared, &format!("echo-{number}")).await;
            shared.ledger.borrow_mut().is_echoing = false;
        }
        drop(received);
        ECHOED.count();
        if let Some(fate) = shared.ledger.borrow_mut().down.get_mut(&text) {
            fate.arrived += 1;
        }
    }
}

/// Gives up where the client says that it must.
async fn echo(shared: &Shared<'_>, payload: &str) {
    let topic = TopicName::from_static("up/reading");
    let level = fastrand::u8(1..3);
    let publish = Publish::new(topic, payload.as_bytes()).qos(qos(level));
    let mut delivery = loop {
        match fickle(RARITY, shared.mqtt.publish(&publish)).await {
            Some(Err(PublishError::Full)) => return GIVEN_UP.count(),
            Some(accepted) => break accepted.expect("the message can be published"),
            None => pass().await,
        }
    };
    shared.ledger.borrow_mut().up.insert(payload.to_owned(), Fate { qos: level, ..Fate::default() });
    if fastrand::bool() {
        return; // it is delivered while others are echoed
    }
    loop {
        match fickle(RARITY, delivery.confirmed()).await {
            Some(Err(NotDelivered::InputBlocked)) => return GIVEN_UP.count(),
            Some(Ok(())) => {
                shared.ledger.borrow_mut().up.get_mut(payload).unwrap().is_confirmed = true;
                return;
            }
            Some(Err(NotDelivered::Ended(Cause::Released))) if shared.ledger.borrow().has_losses => return,
            Some(Err(error)) => panic!("{payload}: {error}"),
            None => pass().await,
        }
    }
}

/// Receives with manual acknowledgements, and sometimes gives a message back.
pub async fn subscriber(shared: &Shared<'_>) {
    let subscription = Subscription::new(TopicFilter::from_static("down/#"), QoS::ExactlyOnce);
    let options = ReceiverOptions::new().manual_acks(true);
    let mut receiver = shared.mqtt.subscribe_with(subscription, options).expect("there is a place");
    while !matches!(fickle(RARITY, receiver.granted()).await, Some(Ok(_))) {
        pass().await;
    }
    loop {
        let Some(received) = fickle(RARITY, receiver.recv()).await else {
            pass().await;
            continue;
        };
        if fastrand::u32(..4) == 0 {
            GIVEN_BACK.count();
            continue;
        }
        if fastrand::bool() {
            shared.time.sleep(fastrand::u64(..100)).await;
        }
        let payload = received.read(|message| message.text().map(str::to_owned)).flatten().expect("it is text");
        received.ack();
        RECEIVED.count();
        if let Some(fate) = shared.ledger.borrow_mut().down.get_mut(&payload) {
            fate.arrived += 1;
        }
    }
}

/// Reads now and then, or never.
pub async fn slow_reader(shared: &Shared<'_>) {
    let subscription = Subscription::new(TopicFilter::from_static("slow"), QoS::AtMostOnce);
    let options = ReceiverOptions::new().drop_oldest(fastrand::bool());
    let mut receiver = shared.mqtt.subscribe_with(subscription, options).unwrap();
    if fastrand::bool() {
        return std::future::pending().await;
    }
    loop {
        let received = receiver.recv().await;
        shared.time.sleep(fastrand::u64(..30_000)).await;
        drop(received);
    }
}

/// Follows the links: each one ends before the next one comes up, and once all events are fetched they say whether there is one.
pub async fn observer(shared: &Shared<'_>) {
    let (mut is_up, mut lost) = (false, 0);
    loop {
        let mut next = Box::pin(shared.mqtt.event());
        let checked = std::future::poll_fn(|context| {
            let polled = next.as_mut().poll(context);
            assert!(polled.is_ready() || is_up || !shared.mqtt.is_connected(), "a link of which no event tells");
            polled
        });
        let Some(event) = fickle(RARITY, checked).await else {
            pass().await;
            continue;
        };
        EVENTS.count();
        let lost_now = shared.mqtt.stats().lost_events;
        let has_gap = std::mem::replace(&mut lost, lost_now) != lost_now;
        match event {
            Event::Connected(_) => {
                assert!(!is_up || has_gap, "a link comes up while another one is up");
                is_up = true;
            }
            Event::Disconnected(_) => is_up = false,
            _ => {}
        }
    }
}

/// Answers requests.
pub async fn answerer(shared: &Shared<'_>) {
    let mut receiver = shared.mqtt.subscribe(TopicFilter::from_static("ask"), QoS::AtLeastOnce).unwrap();
    loop {
        answer_one(shared.mqtt, &mut receiver).await;
    }
}

async fn answer_one(mqtt: &Device, receiver: &mut Receiver<'_, Device>) {
    let request = receiver.recv().await;
    let answer = request.read(|message| message.text().map(str::to_uppercase)).flatten().expect("it is text");
    loop {
        match fickle(RARITY, mqtt.reply(&request, answer.as_bytes())).await {
            Some(Err(PublishError::Full)) => return GIVEN_UP.count(), // whoever has asked asks again
            Some(done) => {
                assert!(done.expect("the reply can be published").is_some(), "a request has a Response Topic");
                return;
            }
            None => pass().await,
        }
    }
}

/// Asks, and asks again where no reply comes.
pub async fn asker(shared: &Shared<'_>, count: u32) {
    let mut requester = shared.mqtt.requester(TopicFilter::from_static("reply/me"), QoS::AtLeastOnce).unwrap();
    for number in 0..count {
        while !ask(shared, &mut requester, number).await {
            pass().await;
        }
        REPLIES.count();
    }
}

async fn ask<Q: Client>(shared: &Shared<'_>, requester: &mut Requester<'_, Q>, number: u32) -> bool {
    let question = format!("question {number}");
    let request = requester.request(TopicName::from_static("ask"), question.as_bytes(), QoS::AtLeastOnce);
    let timeout = shared.time.sleep(60_000);
    match embassy_futures::select::select(fickle(RARITY * 10, request), timeout).await {
        embassy_futures::select::Either::First(Some(Ok(reply))) => {
            let text = reply.read(|message| message.text().map(str::to_owned)).flatten();
            assert_eq!(text.as_deref(), Some(question.to_uppercase().as_str()));
            true
        }
        embassy_futures::select::Either::First(Some(Err(NotReplied::Publish(PublishError::Full)))) => {
            GIVEN_UP.count();
            false
        }
        embassy_futures::select::Either::First(Some(Err(error))) => panic!("{error}"),
        _ => false,
    }
}
