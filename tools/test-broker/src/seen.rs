//! What has happened at a broker so far, for conditions and assertions.

use crate::sans_io::{self, Direction, Entry, LinkId, Packet, Received, topic_matches};

/// What a broker knows and has seen, as it is at one moment: see [`Broker::see`](crate::Broker::see) and
/// [`Broker::wait_for`](crate::Broker::wait_for).
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

/// The examples of these methods stand for what a test asks once its program runs.
impl<'a> Seen<'a> {
    /// The messages that the broker has accepted from clients, whose topics match the topic filter, in their order. At QoS 2 each is there once.
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

    /// How many packets of this type have come from clients, as far as the log goes back.
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

    /// How many packets of this type were made for clients, as far as the log goes back; the script may have lost some.
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

    /// The newest packets and events on all links, oldest first; how many is [`Config::transcript_limit`](crate::Config::transcript_limit).
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

    /// The lines of the log that are about one link.
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

    /// What clients did against the standard, each line beginning with the statement that forbids it.
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

    /// Whether a client is connected: its CONNECT was accepted, and its link has not ended.
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

    /// The link that serves a client.
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

    /// How many connections were accepted since the broker was started.
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

    /// How many connections are open, those of clients that have not said who they are included.
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

    /// Whether there is a session for a client, connected or not.
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

    /// The topic filters that a client has subscribed to, each with the QoS that was granted.
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

    /// How many messages at QoS 1 and 2 a client has not acknowledged to the end, or waits for.
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

    /// The payload of the message that is retained under a topic.
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

    /// How many messages are retained.
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

    /// Whether no connected client has anything unfinished, in either direction.
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
