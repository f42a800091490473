//! The futures of a client with a `Send` mutex may go to another executor, that of an interrupt for instance: this compiles.

use core::convert::Infallible;

use embedded_io_async::{ErrorType, Read, Write};
use pure_mqtt_embassy::raw::CriticalSectionRawMutex;
use pure_mqtt_embassy::{
    Connect, EmbassyClock, Fixed, Mqtt, Options, Publish, QoS, RxBuffer, Split, TopicFilter, TopicName, Version,
};

static MQTT: Mqtt<CriticalSectionRawMutex, EmbassyClock, Fixed<256, 4, 4, 64>, 256, 4, 1, 2> =
    Mqtt::new(EmbassyClock, Fixed::new());

/// A line that is closed.
struct Line;

impl ErrorType for Line {
    type Error = Infallible;
}

impl Read for Line {
    async fn read(&mut self, _: &mut [u8]) -> Result<usize, Infallible> {
        Ok(0)
    }
}

impl Write for Line {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        Ok(bytes.len())
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

async fn run() {
    let options = Options::new(Connect::new(Version::V311, "device"));
    let mut rx = RxBuffer::<64>::new();
    let _ = MQTT.run(&mut rx, &options, || 0, async || Ok::<_, Infallible>(Line)).await;
    let split = async || Ok::<_, Infallible>(Split { reader: Line, writer: Line });
    let _ = MQTT.run(&mut rx, &options, || 0, split).await;
}

async fn work() {
    let Ok(mut receiver) = MQTT.subscribe(TopicFilter::from_static("a"), QoS::AtMostOnce) else { return };
    let _ = receiver.granted().await;
    let message = receiver.recv().await;
    let _ = MQTT.reply(&message, b"x").await;
    if let Ok(mut delivery) = MQTT.publish(&Publish::new(TopicName::from_static("a"), b"x")).await {
        let _ = delivery.confirmed().await;
    }
    MQTT.flush().await;
    MQTT.event().await;
}

#[test]
fn futures_may_be_sent() {
    fn send(_: impl Send) {}
    send(run());
    send(work());
}
