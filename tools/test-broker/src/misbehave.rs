//! Faults and commands of a test: by script, by settings, and at once.

use crate::broker::Broker;
use crate::message::Message;
use crate::sans_io::{Act, Config, When};

impl Broker {
    /// Adds a rule: the broker does `act` at each moment of `when`. See [`Act`] and [`When`].
    ///
    /// ```
    /// use pure_mqtt_test_broker::{Act, Broker, Packet, When};
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     broker.script(When::sends(Packet::PubAck).nth(1), Act::Lose);
    ///     broker.script(When::receives(Packet::Publish).nth(3), Act::Stall);
    ///     Ok(())
    /// }
    /// ```
    pub fn script(&self, when: When, act: Act) {
        self.shared.change(|inside| inside.core.script(when, act));
    }

    /// Removes all rules. Their effects on open connections stay: a stalled connection stays stalled.
    ///
    /// ```
    /// use pure_mqtt_test_broker::{Act, Broker, Packet, When};
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     broker.script(When::receives(Packet::Connect), Act::Disconnect(0x88));
    ///     broker.clear_script();
    ///     Ok(())
    /// }
    /// ```
    pub fn clear_script(&self) {
        self.shared.change(|inside| inside.core.clear_script());
    }

    /// Changes the features, demands and refusals of the broker. Values that CONNACK announces apply to later connections.
    ///
    /// ```
    /// use pure_mqtt_test_broker::Broker;
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     broker.configure(|config| config.refuse_subscribe = Some(0x87)); // not authorized
    ///     Ok(())
    /// }
    /// ```
    pub fn configure(&self, change: impl FnOnce(&mut Config)) {
        self.shared.change(|inside| change(inside.core.config_mut()));
    }

    /// Publishes a message as another client would. Returns the number of sessions that it goes to.
    ///
    /// ```
    /// use pure_mqtt_test_broker::{Broker, Message};
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     assert_eq!(broker.publish(&Message::new("plant/valve", "open").qos(2)), 0); // nobody has subscribed
    ///     Ok(())
    /// }
    /// ```
    pub fn publish(&self, message: &Message) -> usize {
        let Message { topic, payload, qos, retain, properties } = message;
        self.shared.change(|inside| inside.core.publish_with(topic, payload, *qos, *retain, properties))
    }

    /// Sends any bytes to a client. Returns whether the client is connected.
    ///
    /// ```
    /// use pure_mqtt_test_broker::Broker;
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     assert!(!broker.inject("meter", b"\xD0\x00")); // a PINGRESP, but the client isn't there
    ///     Ok(())
    /// }
    /// ```
    pub fn inject(&self, client_id: &str, bytes: &[u8]) -> bool {
        self.shared.change(|inside| {
            let link = inside.core.link_of(client_id);
            link.inspect(|link| inside.core.inject(*link, bytes)).is_some()
        })
    }

    /// Ends a client's connection, in 5.0 with a DISCONNECT with this code. Returns whether the client was connected.
    ///
    /// ```
    /// use pure_mqtt_test_broker::Broker;
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     assert!(!broker.disconnect("meter", 0x8B)); // server shutting down
    ///     Ok(())
    /// }
    /// ```
    pub fn disconnect(&self, client_id: &str, code: u8) -> bool {
        self.shared.change(|inside| {
            let is_connected = inside.core.link_of(client_id).is_some();
            inside.core.disconnect(client_id, code);
            is_connected
        })
    }

    /// Closes a client's connection without DISCONNECT, as a network failure would; the will is published. Returns whether the client was connected.
    ///
    /// ```
    /// use pure_mqtt_test_broker::Broker;
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     assert!(!broker.cut("meter"));
    ///     Ok(())
    /// }
    /// ```
    pub fn cut(&self, client_id: &str) -> bool {
        self.shared.change(|inside| {
            let link = inside.core.link_of(client_id);
            link.inspect(|link| inside.core.cut(*link)).is_some()
        })
    }

    /// Discards a client's session without notice, and closes its connection if there is one.
    ///
    /// ```
    /// use pure_mqtt_test_broker::Broker;
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     broker.lose_session("meter");
    ///     assert!(!broker.see(|seen| seen.has_session("meter")));
    ///     Ok(())
    /// }
    /// ```
    pub fn lose_session(&self, client_id: &str) {
        self.shared.change(|inside| inside.core.lose_session(client_id));
    }

    /// Sends the acknowledgements that [`Config::hold_acks`] held back.
    ///
    /// ```
    /// use pure_mqtt_test_broker::{Broker, Config};
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start_with(Config { hold_acks: true, ..Config::default() })?;
    ///     // The program under test publishes; its messages stay in flight until:
    ///     broker.configure(|config| config.hold_acks = false);
    ///     broker.release_acks();
    ///     Ok(())
    /// }
    /// ```
    pub fn release_acks(&self) {
        self.shared.change(|inside| inside.core.release_acks());
    }
}
