//! A recording for show: a client with a recorder, and a broker, joined in memory.

use std::error::Error;

use pure_mqtt::{
    Connect, Disconnect, Heap, Instant, Limits, Property, Publish, QoS, Received, Subscribe, Subscription, TopicFilter,
    TopicName, Version,
};
use pure_mqtt_trace::{Recorder, Redact};

use pure_mqtt_test_broker::sans_io::{Broker, Config, LinkId};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

struct Demo {
    mqtt: Recorder<Heap, Vec<u8>>,
    broker: Broker,
    now: Instant,
}

/// The bytes of the recording. Passwords and payloads are not in it.
pub fn record() -> Result<Vec<u8>> {
    let limits = Limits { version: Version::V5, ..Limits::DEFAULT };
    let mqtt = Recorder::redacting(Heap::new(), limits, Vec::new(), Redact::ALL);
    let now = Instant::from_millis(0);
    let mut demo = Demo { mqtt, broker: Broker::new(Config::default()), now };

    demo.publish("plant/boiler", "queued before there is a link", QoS::AtLeastOnce)?;
    let link = demo.connect()?;
    demo.converse(link, usize::MAX);
    let filters = [Subscription::new(TopicFilter::new("plant/#")?, QoS::ExactlyOnce)];
    demo.mqtt.subscribe(demo.now, &Subscribe::new(&filters))?;
    demo.converse(link, usize::MAX);
    demo.publish("plant/boiler", "there and back", QoS::ExactlyOnce)?;
    demo.converse(link, usize::MAX);

    demo.publish("plant/boiler", "this one is cut in the middle", QoS::AtLeastOnce)?;
    demo.converse(link, 20);
    demo.broker.cut(link);
    demo.mqtt.handle_close(demo.now);
    demo.now = demo.now.after_millis(2_000);
    let link = demo.connect()?;
    demo.converse(link, usize::MAX);

    demo.now = demo.now.after_secs(60);
    demo.broker.tick(demo.now.as_millis());
    demo.mqtt.handle_timeout(demo.now)?;
    demo.converse(link, usize::MAX);
    demo.mqtt.disconnect(demo.now, &Disconnect::default())?;
    demo.converse(link, usize::MAX);
    demo.mqtt.handle_close(demo.now);
    Ok(demo.mqtt.into_parts().1)
}

impl Demo {
    fn connect(&mut self) -> Result<LinkId> {
        let properties = [Property::SessionExpiryInterval(3600)];
        let connect = Connect::new(Version::V5, "demo").clean_start(false).properties(&properties);
        self.mqtt.open(self.now, &connect.user_name("demo").password(b"a secret"))?;
        Ok(self.broker.accept())
    }

    fn publish(&mut self, topic: &str, text: &str, qos: QoS) -> Result<()> {
        self.mqtt.publish(self.now, &Publish::new(TopicName::new(topic)?, text).qos(qos))?;
        Ok(())
    }

    /// Moves bytes both ways until nothing moves, or the transport has taken `most`.
    fn converse(&mut self, link: LinkId, mut most: usize) {
        loop {
            self.now = self.now.after_millis(3);
            let mut sent = Vec::new();
            let mut transmit = self.mqtt.transmit(self.now);
            while !transmit.chunk().is_empty() && most > 0 {
                let count = transmit.chunk().len().min(most);
                sent.extend(transmit.chunk().iter().take(count));
                transmit.advance(count);
                most -= count;
            }
            self.broker.input(link, &sent);
            let answer = self.broker.output(link);
            let mut rest = answer.as_slice();
            while let Ok(Received::Packet { consumed, .. }) = self.mqtt.handle_input(self.now, rest) {
                rest = rest.get(consumed..).unwrap_or_default();
                if rest.is_empty() {
                    break;
                }
            }
            if sent.is_empty() && answer.is_empty() || most == 0 {
                return;
            }
        }
    }
}
