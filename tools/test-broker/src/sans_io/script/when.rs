//! The moments at which a rule fires.

use super::Packet;

/// The moments at which a rule fires: all of one kind, or only the n-th.
///
/// Moments are counted from when the rule was added, over all links that it applies to.
///
/// ```
/// use pure_mqtt_test_broker::{Act, Broker, Packet, When};
///
/// fn main() -> std::io::Result<()> {
///     let broker = Broker::start()?;
///     broker.script(When::opens().nth(1), Act::CutAfter(0)); // the first connection fails
///     broker.script(When::sends(Packet::SubAck).on_link(2), Act::Lose); // on the second, no SUBACK comes
///     broker.script(When::receives(Packet::PingReq).client("meter"), Act::Stall);
///     Ok(())
/// }
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct When {
    pub(super) event: Event,
    pub(super) nth: Option<u32>,
    pub(super) client: Option<String>,
    pub(super) link: Option<u32>,
}

/// What happens on a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::sans_io) enum Event {
    Opens,
    Sends(Packet),
    SendsAny,
    Receives(Packet),
}

impl When {
    /// A client has opened a connection and said nothing yet.
    ///
    /// ```
    /// use pure_mqtt_test_broker::{Act, Broker, When};
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     broker.script(When::opens(), Act::Stall); // accepts, and never says anything
    ///     Ok(())
    /// }
    /// ```
    pub fn opens() -> Self {
        Self::new(Event::Opens)
    }

    /// When the broker is about to send a packet of this type.
    ///
    /// ```
    /// use pure_mqtt_test_broker::{Act, Broker, Packet, When};
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     broker.script(When::sends(Packet::PingResp), Act::Lose);
    ///     Ok(())
    /// }
    /// ```
    pub fn sends(packet: Packet) -> Self {
        Self::new(Event::Sends(packet))
    }

    /// When the broker is about to send a packet that the act applies to.
    ///
    /// ```
    /// use pure_mqtt_test_broker::{Act, Broker, Oddity, When};
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     broker.script(When::sends_any(), Act::Odd(Oddity::AckTail));
    ///     Ok(())
    /// }
    /// ```
    pub fn sends_any() -> Self {
        Self::new(Event::SendsAny)
    }

    /// When a whole packet of this type was received from a client, before it is processed.
    ///
    /// ```
    /// use pure_mqtt_test_broker::{Act, Broker, Packet, When};
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     broker.script(When::receives(Packet::Connect).nth(1), Act::Disconnect(0x88)); // server unavailable
    ///     Ok(())
    /// }
    /// ```
    pub fn receives(packet: Packet) -> Self {
        Self::new(Event::Receives(packet))
    }

    /// Fires only at the n-th such moment, counted from 1. Default: at each.
    ///
    /// ```
    /// use pure_mqtt_test_broker::{Act, Broker, Packet, When};
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     broker.script(When::sends(Packet::PubRec).nth(3), Act::Lose);
    ///     Ok(())
    /// }
    /// ```
    #[must_use]
    pub fn nth(mut self, n: u32) -> Self {
        self.nth = Some(n);
        self
    }

    /// Fires only for the client with this client identifier.
    ///
    /// ```
    /// use pure_mqtt_test_broker::{Act, Broker, Packet, When};
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     broker.script(When::sends(Packet::PubComp).client("meter"), Act::Twice);
    ///     Ok(())
    /// }
    /// ```
    #[must_use]
    pub fn client(mut self, client_id: impl Into<String>) -> Self {
        self.client = Some(client_id.into());
        self
    }

    /// Fires only on the n-th connection that the broker has accepted since it was started, counted from 1.
    ///
    /// ```
    /// use pure_mqtt_test_broker::{Act, Broker, Packet, When};
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     broker.script(When::receives(Packet::Publish).on_link(1), Act::CutAfter(0));
    ///     Ok(())
    /// }
    /// ```
    #[must_use]
    pub fn on_link(mut self, n: u32) -> Self {
        self.link = Some(n);
        self
    }

    fn new(event: Event) -> Self {
        Self { event, nth: None, client: None, link: None }
    }
}
