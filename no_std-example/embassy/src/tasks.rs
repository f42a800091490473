//! What the board does: it publishes readings, answers commands, and reports at the end.

use core::fmt::Write;
use core::sync::atomic::{AtomicU32, Ordering};

use board::console;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::signal::Signal;
use embassy_time::Timer;
use heapless::{String, Vec};
use pure_mqtt_embassy::{Publish, PublishError, QoS, Received, ReceiverOptions, Subscription, TopicFilter, TopicName};

use crate::device::{Client, MQTT};

const COMMANDS: TopicFilter<'_> = TopicFilter::from_static("board-7/command");
const ANSWERS: TopicName<'_> = TopicName::from_static("board-7/answer");
const REPORT: TopicName<'_> = TopicName::from_static("board-7/report");

/// Each quality of service with the topic of its readings, and how many were accepted.
static READINGS: [(QoS, TopicName<'_>, AtomicU32); 3] = [
    (QoS::AtMostOnce, TopicName::from_static("board-7/reading/0"), AtomicU32::new(0)),
    (QoS::AtLeastOnce, TopicName::from_static("board-7/reading/1"), AtomicU32::new(0)),
    (QoS::ExactlyOnce, TopicName::from_static("board-7/reading/2"), AtomicU32::new(0)),
];
static COMMANDS_ANSWERED: AtomicU32 = AtomicU32::new(0);

/// The command `stop` was answered.
static STOP: Signal<CriticalSectionRawMutex, ()> = Signal::new();

/// Milliseconds between two readings.
const INTERVAL: u64 = 20;
/// The longest command.
const TEXT: usize = 64;

/// Publishes readings, as fast as there is room for them.
#[embassy_executor::task]
pub async fn publish_readings() {
    let mut total = 0;
    while !STOP.signaled() {
        for (qos, topic, count) in &READINGS {
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
    STOPPED.signal(());
}

/// Answers commands, and acknowledges them then: a command is the server's until its answer is safe in our queue.
#[embassy_executor::task]
pub async fn answer_commands() {
    let subscription = Subscription::new(COMMANDS, QoS::ExactlyOnce);
    let options = ReceiverOptions::new().manual_acks(true);
    let mut commands = match MQTT.subscribe_with(subscription, options) {
        Ok(commands) => commands,
        Err(error) => return console::tell(format_args!("cannot subscribe: {error}")),
    };
    loop {
        let command = commands.recv().await;
        let text = command.read(|message| Vec::<u8, TEXT>::from_slice(message.payload).unwrap_or_default());
        let text = text.unwrap_or_default();
        match answer(&command, &text).await {
            Ok(()) => _ = COMMANDS_ANSWERED.fetch_add(1, Ordering::Relaxed),
            Err(error) => console::tell(format_args!("an answer was refused: {error}")),
        }
        command.ack();
        if text == b"stop" {
            STOP.signal(());
        }
    }
}

/// The same text, to the topic that the command asks for or else to `ANSWERS`, at the command's quality of service.
async fn answer(command: &Received<'_, Client>, text: &[u8]) -> Result<(), PublishError> {
    if MQTT.reply(command, text).await?.is_none() {
        let qos = command.read(|message| message.qos).unwrap_or_default();
        MQTT.publish(&Publish::new(ANSWERS, text).qos(qos)).await?;
    }
    Ok(())
}

/// No reading follows.
static STOPPED: Signal<CriticalSectionRawMutex, ()> = Signal::new();

/// After `stop`: the report, and when everything has its end the farewell.
#[embassy_executor::task]
pub async fn leave() {
    STOPPED.wait().await;
    let [zero, one, two] =
        [0, 1, 2].map(|qos| READINGS.get(qos).map_or(0, |(.., count)| count.load(Ordering::Relaxed)));
    let (stats, commands) = (MQTT.stats(), COMMANDS_ANSWERED.load(Ordering::Relaxed));
    let mut text = String::<128>::new();
    let _ = write!(
        text,
        "links={} qos0={zero} qos1={one} qos2={two} commands={commands} unreadable={}",
        stats.links, stats.unmatched
    );
    if let Err(error) = MQTT.publish(&Publish::new(REPORT, text.as_bytes()).qos(QoS::ExactlyOnce)).await {
        console::tell(format_args!("the report was refused: {error}"));
    }
    MQTT.flush().await;
    MQTT.disconnect();
}
