//! What a play works with: the broker, the version, the seed, and the time that it has.

use std::time::{Duration, Instant};

use pure_mqtt_client::pure_mqtt::{Property, QoS, Version};
use pure_mqtt_client::{CleanStart, Options, Receiver};

use crate::brokers::{PASSWORD, USER};
use crate::outcome::Played;
use crate::player::Player;
use crate::proxy::Proxy;
use crate::running::Running;

pub struct Stage<'b> {
    pub broker: &'b mut Running,
    pub version: Version,
    /// The broker takes messages at QoS 2, whatever it makes of them.
    pub takes_qos_2: bool,
    pub random: fastrand::Rng,
    deadline: Instant,
}

impl<'b> Stage<'b> {
    pub fn new(broker: &'b mut Running, version: Version, seed: u64, bound: Duration) -> Self {
        Self {
            broker,
            version,
            takes_qos_2: true,
            random: fastrand::Rng::with_seed(seed),
            deadline: Instant::now() + bound,
        }
    }

    /// The time that is left; each wait of a play is bounded by it.
    pub fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1))
    }

    /// The highest quality of service in which the broker takes messages.
    pub fn best_qos(&self) -> QoS {
        if self.takes_qos_2 { QoS::ExactlyOnce } else { QoS::AtLeastOnce }
    }

    pub fn is_v5(&self) -> bool {
        self.version == Version::V5
    }

    pub fn port(&self) -> u16 {
        self.broker.port(self.version)
    }

    /// A word that no other play has: for client identifiers and topics.
    pub fn word(&mut self, start: &str) -> String {
        let tail: String = (0..8).map(|_| self.random.lowercase()).collect();
        format!("{start}{tail}")
    }

    /// The options of a client with a session for its link alone. It comes back at once after a cut.
    pub fn options(&mut self, name: &str) -> Options {
        Options::new(&self.word(name))
            .version(self.version)
            .user_name(USER)
            .password(PASSWORD.as_bytes())
            .reconnect_delay(Duration::from_millis(2), Duration::from_millis(500))
    }

    /// The options of a client whose session outlives its links.
    pub fn lasting(&mut self, name: &str) -> Options {
        self.options(name).clean_start(CleanStart::Never).properties(&[Property::SessionExpiryInterval(600)])
    }

    /// A client that is connected.
    pub fn player(&mut self, name: &str) -> Played<Player> {
        let options = self.options(name);
        self.connected(options)
    }

    pub fn connected(&mut self, options: Options) -> Played<Player> {
        let player = Player::new(options);
        player.connect(self, self.port())?;
        Ok(player)
    }

    /// A proxy in front of the broker.
    pub fn proxy(&mut self) -> Played<Proxy> {
        Ok(Proxy::start(self.port(), self.is_v5(), self.random.u64(..))?)
    }

    /// A client that is connected, with a queue of the messages of a filter.
    pub fn reader(&mut self, filter: &str, qos: QoS) -> Played<(Player, Receiver)> {
        let player = self.player("reader")?;
        let receiver = player.client.receive(filter, qos)?;
        receiver.granted(self.left())?;
        Ok((player, receiver))
    }
}
