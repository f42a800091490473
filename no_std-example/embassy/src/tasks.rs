//! What the board does: two publishers, a subscriber with manual acknowledgements, an answerer of requests, a slow reader; and the farewell.

use core::fmt::Write;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use board::console;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::signal::Signal;
use embassy_time::Timer;
use heapless::{String, Vec};
use pure_mqtt_embassy::{Publish, PublishError, QoS, Received, ReceiverOptions, Subscription, TopicFilter, TopicName};

use crate::device::{Client, MQTT};

const REPORT: TopicName<'_> = TopicName::from_static("board-7/report");

/// A topic of readings with their quality of service, and how many were accepted.
pub type Readings = (QoS, TopicName<'static>, AtomicU32);

/// What the first publisher sends: readings that may be repeated.
pub static PLENTY: [Readings; 2] = [
    (QoS::AtMostOnce, TopicName::from_static("board-7/reading/0"), AtomicU32::new(0)),
    (QoS::AtLeastOnce, TopicName::from_static("board-7/reading/1"), AtomicU32::new(0)),
];
/// What the second one sends: readings that count.
pub static EXACT: [Readings; 1] = [(QoS::ExactlyOnce, TopicName::from_static("board-7/reading/2"), AtomicU32::new(0))];

static REQUESTS: AtomicU32 = AtomicU32::new(0);
static SETTINGS: AtomicU32 = AtomicU32::new(0);
static NEWS: AtomicU32 = AtomicU32::new(0);

/// The command `stop` was answered.
static STOP: AtomicBool = AtomicBool::new(false);
/// The last publisher has sent its last reading.
static STOPPED: Signal<CriticalSectionRawMutex, ()> = Signal::new();
/// Publishers that go on.
static PUBLISHERS: AtomicU32 = AtomicU32::new(PUBLISHER_TASKS as u32);

const PUBLISHER_TASKS: usize = 2;
/// Milliseconds between two readings of a publisher.
const INTERVAL: u64 = 30;
/// Milliseconds that the slow reader takes for a message.
const LONG: u64 = 400;
/// The longest message to the board.
const TEXT: usize = 64;
/// The longest topic of an answer.
const TOPIC: usize = 48;

/// Publishes readings, as fast as there is room for them.
#[embassy_executor::task(pool_size = PUBLISHER_TASKS)]
pub async fn publish_readings(kinds: &'static [Readings]) {
    let mut total = 0;
    while !STOP.load(Ordering::Relaxed) {
        for (qos, topic, count) in kinds {
            let number = count.load(Ordering::Relaxed);
            let mut text = String::<32>::new();
            let _ = write!(text, "{number} {}.{}", 20 + total / 10 % 10, total % 10); // its number, and degrees
            let reading = Publish::new(*topic, text.as_bytes()).qos(*qos);
            match MQTT.publish(&reading).await {
                Ok(_) => count.store(number + 1, Ordering::Relaxed), // this task alone stores
                Err(error) => console::tell(format_args!("a reading was refused: {error}")),
            }
            total += 1;
            Timer::after_millis(INTERVAL).await;
        }
    }
    if PUBLISHERS.fetch_sub(1, Ordering::Relaxed) == 1 {
        STOPPED.signal(());
    }
}

/// Takes settings. A setting is the server's until what was made of it is safe in our queue: only then it is acknowledged.
#[embassy_executor::task]
pub async fn take_settings() {
    const TAKEN: TopicName<'_> = TopicName::from_static("board-7/taken");
    let subscription = Subscription::new(TopicFilter::from_static("board-7/setting"), QoS::ExactlyOnce);
    let options = ReceiverOptions::new().manual_acks(true);
    let mut settings = match MQTT.subscribe_with(subscription, options) {
        Ok(settings) => settings,
        Err(error) => return console::tell(format_args!("cannot subscribe: {error}")),
    };
    loop {
        let setting = settings.recv().await;
        match MQTT.publish(&Publish::new(TAKEN, text_of(&setting).as_slice()).qos(QoS::ExactlyOnce)).await {
            Ok(_) => _ = SETTINGS.fetch_add(1, Ordering::Relaxed),
            Err(error) => console::tell(format_args!("a setting was refused: {error}")),
        }
        setting.ack();
    }
}

/// Answers requests, each with its own text. A request keeps its place until its answer is in our queue.
#[embassy_executor::task]
pub async fn answer_requests() {
    let mut requests = match MQTT.subscribe(TopicFilter::from_static("board-7/command/#"), QoS::ExactlyOnce) {
        Ok(requests) => requests,
        Err(error) => return console::tell(format_args!("cannot subscribe: {error}")),
    };
    loop {
        let request = requests.recv().await;
        let text = text_of(&request);
        match answer(&request, &text).await {
            Ok(()) => _ = REQUESTS.fetch_add(1, Ordering::Relaxed),
            Err(error) => console::tell(format_args!("an answer was refused: {error}")),
        }
        if text == b"stop" {
            STOP.store(true, Ordering::Relaxed);
        }
    }
}

/// To the Response Topic of the request. 3.1.1 has none, so there the topics say it: what was asked under `board-7/command/ID` is answered under
/// `board-7/answer/ID`, and ID tells whoever asked which answer it is.
async fn answer(request: &Received<'_, Client>, text: &[u8]) -> Result<(), PublishError> {
    if MQTT.reply(request, text).await?.is_some() {
        return Ok(());
    }
    let qos = request.read(|message| message.qos).unwrap_or_default();
    let mut topic = String::<TOPIC>::new();
    let id = request.read(|message| {
        let id = message.topic.trim_start_matches("board-7/command");
        topic.push_str("board-7/answer").and_then(|()| topic.push_str(id))
    });
    let name = id.and_then(Result::ok).and_then(|()| TopicName::new(&topic).ok());
    let Some(name) = name else {
        console::tell(format_args!("a request has too long a topic to be answered"));
        return Ok(());
    };
    MQTT.publish(&Publish::new(name, text).qos(qos)).await.map(drop)
}

fn text_of(message: &Received<'_, Client>) -> Vec<u8, TEXT> {
    message.read(|message| Vec::from_slice(message.payload).unwrap_or_default()).unwrap_or_default()
}

/// Reads news, slower than they come: it gets the latest, and holds up nobody.
#[embassy_executor::task]
pub async fn read_news() {
    let subscription = Subscription::new(TopicFilter::from_static("board-7/news"), QoS::AtMostOnce);
    let options = ReceiverOptions::new().share(256).drop_oldest(true);
    let mut news = match MQTT.subscribe_with(subscription, options) {
        Ok(news) => news,
        Err(error) => return console::tell(format_args!("cannot subscribe: {error}")),
    };
    loop {
        drop(news.recv().await);
        NEWS.fetch_add(1, Ordering::Relaxed);
        Timer::after_millis(LONG).await;
    }
}

/// After `stop`: the report, and when everything has its end the farewell.
#[embassy_executor::task]
pub async fn leave() {
    STOPPED.wait().await;
    let stats = MQTT.stats();
    let mut text = String::<160>::new();
    let _ = write!(text, "links={}", stats.links);
    for (qos, _, count) in PLENTY.iter().chain(&EXACT) {
        let _ = write!(text, " qos{}={}", qos.bits(), count.load(Ordering::Relaxed));
    }
    for (name, count) in [("commands", &REQUESTS), ("settings", &SETTINGS), ("news", &NEWS)] {
        let _ = write!(text, " {name}={}", count.load(Ordering::Relaxed));
    }
    let _ = write!(text, " dropped={} unreadable={}", stats.dropped, stats.unmatched);
    if let Err(error) = MQTT.publish(&Publish::new(REPORT, text.as_bytes()).qos(QoS::ExactlyOnce)).await {
        console::tell(format_args!("the report was refused: {error}"));
    }
    MQTT.flush().await;
    MQTT.disconnect();
}
