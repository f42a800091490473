//! The application, whatever the line to the server is: it answers each command with the
//! command's own text.

use core::convert::Infallible;

use pure_mqtt_embassy::raw::CriticalSectionRawMutex;
use pure_mqtt_embassy::{
    Connect, EmbassyClock, Fixed, Mqtt, Options, Publish, PublishError, QoS, Receiver,
    ReceiverOptions, SubscribeError, Subscription, TopicFilter, TopicName, Version,
};

/// The client. There is room for 32 commands, each of the longest, so a server that keeps
/// to Receive Maximum never fills it, and the task that answers commands may
/// wait for room of its own.
pub type Station =
    Mqtt<CriticalSectionRawMutex, EmbassyClock, Fixed<4096, 32, 32, 128>, 4096, 32, 2, 4>;

/// Bytes of the longest packet from the server.
pub const LONGEST_PACKET: usize = 128;

const COMMAND: TopicFilter<'_> = TopicFilter::from_static("station/command");
const ANSWER: TopicName<'_> = TopicName::from_static("station/answer");

/// A client without a link.
pub const fn new() -> Station {
    Station::new(EmbassyClock, Fixed::new())
}

/// How it connects.
pub const fn options(version: Version, client_id: &str) -> Options<'_> {
    Options::new(Connect::new(version, client_id).keep_alive(30))
}

/// Subscribes to the commands.
///
/// # Errors
/// [`SubscribeError`]
pub fn commands(mqtt: &Station) -> Result<Receiver<'_, Station>, SubscribeError> {
    let subscription = Subscription::new(COMMAND, QoS::ExactlyOnce);
    mqtt.subscribe_with(subscription, ReceiverOptions::new().manual_acks(true))
}

/// A task: answers each command, in the quality of service in which it came. A command is
/// the server's until its answer is the client's.
///
/// # Errors
/// [`PublishError`]
pub async fn answer(
    mqtt: &Station,
    mut commands: Receiver<'_, Station>,
) -> Result<Infallible, PublishError> {
    loop {
        let command = commands.recv().await;
        let mut text = [0; LONGEST_PACKET];
        let length = command.copy_payload(&mut text);
        let qos = command.read(|command| command.qos).unwrap_or_default();
        mqtt.publish(
            &Publish::new(ANSWER, text.get(..length).unwrap_or_default()).qos(qos),
        )
        .await?;
        command.ack();
    }
}
