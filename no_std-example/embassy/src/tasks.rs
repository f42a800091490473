//! What the board does: it publishes readings and alarms, keeps settings, answers commands, reads the news when it comes to it, and reports at the end.

use core::fmt::Write;
use core::sync::atomic::{AtomicU32, Ordering};

use board::console;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::signal::Signal;
use embassy_time::Timer;
use heapless::{String, Vec};
use pure_mqtt_embassy::{Publish, PublishError, QoS, Received, ReceiverOptions, Subscription, TopicFilter, TopicName};

use crate::device::{Client, MQTT};

const SETTINGS: TopicFilter<'_> = TopicFilter::from_static("board-7/setting");
const COMMANDS: TopicFilter<'_> = TopicFilter::from_static("board-7/command");
const NEWS: TopicFilter<'_> = TopicFilter::from_static("board-7/news");
const KEPT: TopicName<'_> = TopicName::from_static("board-7/kept");
/// Where answers go in 3.1.1, in which a command can't say where it wants its answer.
const ANSWERS: TopicName<'_> = TopicName::from_static("board-7/answer");
const ALARMS: TopicName<'_> = TopicName::from_static("board-7/reading/2");
const REPORT: TopicName<'_> = TopicName::from_static("board-7/report");

/// What was accepted, by quality of service: readings at QoS 0 and 1, alarms at QoS 2.
static ACCEPTED: [AtomicU32; 3] = [const { AtomicU32::new(0) }; 3];
static SETTINGS_KEPT: AtomicU32 = AtomicU32::new(0);
static COMMANDS_ANSWERED: AtomicU32 = AtomicU32::new(0);
static NEWS_READ: AtomicU32 = AtomicU32::new(0);

/// The command `stop` was answered.
static STOP: Signal<CriticalSectionRawMutex, ()> = Signal::new();

/// Milliseconds between two readings.
const INTERVAL: u64 = 20;
/// And for one piece of news.
const READING_TIME: u64 = 250;
/// The longest command.
const TEXT: usize = 64;

/// Publishes readings, as fast as there is room for them.
#[embassy_executor::task]
pub async fn publish_readings() {
    let readings =
        [(QoS::AtMostOnce, "board-7/reading/0", &ACCEPTED[0]), (QoS::AtLeastOnce, "board-7/reading/1", &ACCEPTED[1])];
    while !STOP.signaled() {
        for (qos, topic, count) in readings {
            let text = numbered(count);
            let reading = Publish::new(TopicName::from_static(topic), text.as_bytes()).qos(qos);
            match MQTT.publish(&reading).await {
                Ok(_) => count_one(count),
                Err(error) => console::tell(format_args!("a reading was refused: {error}")),
            }
            Timer::after_millis(INTERVAL).await;
        }
    }
    READINGS_STOPPED.signal(());
}

/// Publishes alarms, each once the one before was delivered.
#[embassy_executor::task]
pub async fn publish_alarms() {
    let [.., count] = &ACCEPTED;
    while !STOP.signaled() {
        let text = numbered(count);
        match MQTT.publish(&Publish::new(ALARMS, text.as_bytes()).qos(QoS::ExactlyOnce)).await {
            Ok(mut delivery) => {
                count_one(count);
                if let Err(error) = delivery.confirmed().await {
                    console::tell(format_args!("an alarm was not delivered: {error}"));
                }
            }
            Err(error) => console::tell(format_args!("an alarm was refused: {error}")),
        }
        Timer::after_millis(INTERVAL).await;
    }
    ALARMS_STOPPED.signal(());
}

/// Keeps settings, and acknowledges them then: a setting is the server's until what confirms it is safe in our queue.
#[embassy_executor::task]
pub async fn keep_settings() {
    let subscription = Subscription::new(SETTINGS, QoS::ExactlyOnce);
    let mut settings = match MQTT.subscribe_with(subscription, ReceiverOptions::new().manual_acks(true)) {
        Ok(settings) => settings,
        Err(error) => return console::tell(format_args!("cannot subscribe to settings: {error}")),
    };
    loop {
        let setting = settings.recv().await;
        let (text, qos) = (text_of(&setting), qos_of(&setting));
        match MQTT.publish(&Publish::new(KEPT, &text[..]).qos(qos)).await {
            Ok(_) => count_one(&SETTINGS_KEPT),
            Err(error) => console::tell(format_args!("a setting was refused: {error}")),
        }
        setting.ack();
    }
}

/// Answers commands.
#[embassy_executor::task]
pub async fn answer_commands() {
    let mut commands = match MQTT.subscribe(COMMANDS, QoS::ExactlyOnce) {
        Ok(commands) => commands,
        Err(error) => return console::tell(format_args!("cannot subscribe to commands: {error}")),
    };
    loop {
        let command = commands.recv().await;
        let text = text_of(&command);
        match answer(&command, &text).await {
            Ok(()) => count_one(&COMMANDS_ANSWERED),
            Err(error) => console::tell(format_args!("an answer was refused: {error}")),
        }
        if text == b"stop" {
            STOP.signal(());
        }
    }
}

/// Reads the news, slowly: what it has no time for is its own loss, and nobody else's.
#[embassy_executor::task]
pub async fn read_news() {
    let subscription = Subscription::new(NEWS, QoS::AtLeastOnce);
    let mut news = match MQTT.subscribe_with(subscription, ReceiverOptions::new().lossy(true).share(256)) {
        Ok(news) => news,
        Err(error) => return console::tell(format_args!("cannot subscribe to news: {error}")),
    };
    loop {
        drop(news.recv().await);
        count_one(&NEWS_READ);
        Timer::after_millis(READING_TIME).await;
    }
}

/// The same text, to the topic that the command asks for or else to `ANSWERS`, at the command's quality of service.
async fn answer(command: &Received<'_, Client>, text: &[u8]) -> Result<(), PublishError> {
    if MQTT.reply(command, text).await?.is_none() {
        MQTT.publish(&Publish::new(ANSWERS, text).qos(qos_of(command))).await?;
    }
    Ok(())
}

fn text_of(message: &Received<'_, Client>) -> Vec<u8, TEXT> {
    let text = message.read(|message| Vec::from_slice(message.payload).unwrap_or_default());
    text.unwrap_or_default()
}

fn qos_of(message: &Received<'_, Client>) -> QoS {
    message.read(|message| message.qos).unwrap_or(QoS::ExactlyOnce)
}

/// The next number, and degrees.
fn numbered(count: &AtomicU32) -> String<32> {
    let number = count.load(Ordering::Relaxed);
    let mut text = String::new();
    let _ = write!(text, "{number} {}.{}", 20 + number / 10 % 10, number % 10);
    text
}

/// One task alone counts each.
fn count_one(count: &AtomicU32) {
    count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

/// No reading follows, and no alarm.
static READINGS_STOPPED: Signal<CriticalSectionRawMutex, ()> = Signal::new();
static ALARMS_STOPPED: Signal<CriticalSectionRawMutex, ()> = Signal::new();

/// After `stop`: the report, and when everything has its end the farewell.
#[embassy_executor::task]
pub async fn leave() {
    READINGS_STOPPED.wait().await;
    ALARMS_STOPPED.wait().await;
    let [zero, one, two] = ACCEPTED.each_ref().map(|count| count.load(Ordering::Relaxed));
    let [settings, commands, news] =
        [&SETTINGS_KEPT, &COMMANDS_ANSWERED, &NEWS_READ].map(|count| count.load(Ordering::Relaxed));
    let stats = MQTT.stats();
    let mut text = String::<160>::new();
    let _ = write!(
        text,
        "links={} qos0={zero} qos1={one} qos2={two} settings={settings} commands={commands} news={news} unreadable={}",
        stats.links, stats.unmatched
    );
    if let Err(error) = MQTT.publish(&Publish::new(REPORT, text.as_bytes()).qos(QoS::ExactlyOnce)).await {
        console::tell(format_args!("the report was refused: {error}"));
    }
    MQTT.flush().await;
    MQTT.disconnect();
}
