//! The state and history of a broker, for conditions and assertions.

use crate::sans_io::{self, Direction, Entry, LinkId, Packet, Received, topic_matches};

/// The state and history of a broker at one moment: see [`Broker::see`](crate::Broker::see) and [`Broker::wait_for`](crate::Broker::wait_for).
///
/// ```
/// use pure_mqtt_test_broker::Broker;
///
/// fn main() -> std::io::Result<()> {
///     let broker = Broker::start()?;
///     let (count, is_there) = broker.see(|seen| (seen.received("plant/#").count(), seen.is_connected("meter")));
///     assert_eq!((count, is_there), (0, false));
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct Seen<'a> {
    pub(crate) core: &'a sans_io::Broker,
}

/// The examples of these methods show what a test can query after its program has run.
impl<'a> Seen<'a> {
    /// Returns the messages that the broker accepted from clients and whose topics match the topic filter, in order. A QoS 2 message is listed once.
    ///
    /// ```
    /// use pure_mqtt_test_broker::Broker;
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     assert_eq!(broker.see(|seen| seen.received("plant/+").filter(|message| message.qos == 2).count()), 0);
    ///     Ok(())
    /// }
    /// ```
    pub fn received(&self, filter: &str) -> impl Iterator<Item = &'a Received> + use<'a> {
        let filter = filter.to_owned();
        self.core.released().iter().filter(move |message| topic_matches(&filter, &message.topic))
    }

    /// Returns how many packets of this type were received from clients, as far back as the log goes.
    ///
    /// ```
    /// use pure_mqtt_test_broker::{Broker, Packet};
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     assert_eq!(broker.see(|seen| seen.count(Packet::Connect)), 0);
    ///     Ok(())
    /// }
    /// ```
    pub fn count(&self, packet: Packet) -> usize {
        self.lines(packet, Direction::FromClient)
    }

    /// Returns how many packets of this type were made for clients, as far back as the log goes; the script may have lost some.
    ///
    /// ```
    /// use pure_mqtt_test_broker::{Broker, Packet};
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     assert_eq!(broker.see(|seen| seen.count_sent(Packet::ConnAck)), 0);
    ///     Ok(())
    /// }
    /// ```
    pub fn count_sent(&self, packet: Packet) -> usize {
        self.lines(packet, Direction::ToClient)
    }

    /// Returns the newest packets and events of all links, oldest first; at most [`Config::transcript_limit`](crate::Config::transcript_limit).
    ///
    /// ```
    /// use pure_mqtt_test_broker::Broker;
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     broker.see(|seen| seen.log().iter().for_each(|line| println!("{line}")));
    ///     Ok(())
    /// }
    /// ```
    pub fn log(&self) -> &'a [Entry] {
        self.core.transcript()
    }

    /// Returns the lines of the log for one link.
    ///
    /// ```
    /// use pure_mqtt_test_broker::Broker;
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     broker.see(|seen| {
    ///         if let Some(link) = seen.link("meter") {
    ///             seen.log_of(link).for_each(|line| println!("{line}"));
    ///         }
    ///     });
    ///     Ok(())
    /// }
    /// ```
    pub fn log_of(&self, link: LinkId) -> impl Iterator<Item = &'a Entry> + use<'a> {
        self.core.transcript().iter().filter(move |line| line.link == link)
    }

    /// Returns the clients' violations of the standard; each line begins with the violated statement.
    ///
    /// ```
    /// use pure_mqtt_test_broker::Broker;
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     assert!(broker.see(|seen| seen.violations().is_empty()));
    ///     Ok(())
    /// }
    /// ```
    pub fn violations(&self) -> &'a [String] {
        self.core.violations()
    }

    /// Returns whether a client is connected: its CONNECT was accepted, and its link has not ended.
    ///
    /// ```
    /// use pure_mqtt_test_broker::Broker;
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     assert!(!broker.see(|seen| seen.is_connected("meter")));
    ///     Ok(())
    /// }
    /// ```
    pub fn is_connected(&self, client_id: &str) -> bool {
        self.link(client_id).is_some()
    }

    /// Returns the link of a client.
    ///
    /// ```
    /// use pure_mqtt_test_broker::Broker;
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     assert_eq!(broker.see(|seen| seen.link("meter")), None);
    ///     Ok(())
    /// }
    /// ```
    pub fn link(&self, client_id: &str) -> Option<LinkId> {
        self.core.link_of(client_id)
    }

    /// Returns how many connections were accepted since the broker was started.
    ///
    /// ```
    /// use pure_mqtt_test_broker::Broker;
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     assert_eq!(broker.see(|seen| seen.accepted()), 0);
    ///     Ok(())
    /// }
    /// ```
    pub fn accepted(&self) -> u32 {
        self.core.accepted()
    }

    /// Returns how many connections are open, including those that have not sent CONNECT.
    ///
    /// ```
    /// use pure_mqtt_test_broker::Broker;
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     assert_eq!(broker.see(|seen| seen.open()), 0);
    ///     Ok(())
    /// }
    /// ```
    pub fn open(&self) -> usize {
        self.core.links_open()
    }

    /// Returns whether a client has a session, connected or not.
    ///
    /// ```
    /// use pure_mqtt_test_broker::Broker;
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     assert!(!broker.see(|seen| seen.has_session("meter")));
    ///     Ok(())
    /// }
    /// ```
    pub fn has_session(&self, client_id: &str) -> bool {
        self.core.has_session(client_id)
    }

    /// Returns the topic filters that a client has subscribed to, each with the granted QoS.
    ///
    /// ```
    /// use pure_mqtt_test_broker::Broker;
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     assert_eq!(broker.see(|seen| seen.subscriptions("meter")), []);
    ///     Ok(())
    /// }
    /// ```
    pub fn subscriptions(&self, client_id: &str) -> Vec<(String, u8)> {
        self.core.subscriptions(client_id)
    }

    /// Returns the number of QoS 1 and 2 messages to a client that are queued or not completely acknowledged.
    ///
    /// ```
    /// use pure_mqtt_test_broker::Broker;
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     assert_eq!(broker.see(|seen| seen.queued("meter")), 0);
    ///     Ok(())
    /// }
    /// ```
    pub fn queued(&self, client_id: &str) -> usize {
        self.core.queued(client_id)
    }

    /// Returns the payload of the message retained for a topic.
    ///
    /// ```
    /// use pure_mqtt_test_broker::{Broker, Message};
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     broker.publish(&Message::new("plant/state", "up").retain());
    ///     assert_eq!(broker.see(|seen| seen.retained("plant/state").map(<[u8]>::to_vec)), Some(b"up".to_vec()));
    ///     Ok(())
    /// }
    /// ```
    pub fn retained(&self, topic: &str) -> Option<&'a [u8]> {
        self.core.retained(topic)
    }

    /// Returns the number of retained messages.
    ///
    /// ```
    /// use pure_mqtt_test_broker::Broker;
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     assert_eq!(broker.see(|seen| seen.retained_count()), 0);
    ///     Ok(())
    /// }
    /// ```
    pub fn retained_count(&self) -> usize {
        self.core.retained_count()
    }

    /// Returns whether no connected client has anything unfinished, in either direction.
    ///
    /// ```
    /// use pure_mqtt_test_broker::Broker;
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     assert!(broker.see(|seen| seen.is_idle()));
    ///     Ok(())
    /// }
    /// ```
    pub fn is_idle(&self) -> bool {
        self.core.idle()
    }

    fn lines(&self, packet: Packet, direction: Direction) -> usize {
        let name = packet.to_string();
        let is_one = |line: &&Entry| line.direction == direction && line.text.split(' ').next() == Some(&name);
        self.core.transcript().iter().filter(is_one).count()
    }
}
