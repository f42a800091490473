//! Threads that do everything at once, at random: nothing hangs, and no message is lost.

use std::thread;
use std::time::Duration;

use pure_mqtt_client::pure_mqtt::{Cause, Property, QoS, TopicFilter, Version};
use pure_mqtt_client::{CleanStart, Client, MessageInfo, NotPublished, Options, Receiver, WaitError};
use pure_mqtt_test_broker::Broker;

use crate::clock::with_seeds;
use crate::support::PATIENCE;

const THREADS: u64 = 4;
const DEEDS: usize = 60;
const NAME: &str = "crowd";

#[test]
fn threads_that_do_everything_at_once_lose_nothing() {
    with_seeds(1, 30, |seed| {
        let broker = Broker::start().unwrap();
        let client = client(seed);
        client.connect(broker.address()).unwrap();
        client.loop_start().unwrap();
        let infos: Vec<_> = thread::scope(|scope| {
            let (client, broker) = (&client, &broker);
            let start = |number| {
                let mut person = Person { number, rng: fastrand::Rng::with_seed(seed * THREADS + number), queue: None };
                scope.spawn(move || person.act(client, broker))
            };
            let threads: Vec<_> = (0..THREADS).map(start).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        let _ = client.loop_start(); // it may have been stopped last
        client.connect(broker.address()).unwrap();
        for (text, info) in &infos {
            match info.wait_for_publish(PATIENCE) {
                // The server took it over, and lost its session before it said that it had finished with it.
                Ok(()) | Err(WaitError::NotPublished(NotPublished::Ended(Cause::Released))) => {}
                Err(error) => panic!("{text}: {error}"),
            }
        }
        client.disconnect();
        client.loop_stop();
        let released = broker.texts("deed");
        for (text, _) in &infos {
            assert!(released.contains(text), "{text} never arrived");
        }
        assert!(broker.violations().is_empty(), "{:?}", broker.violations());
    });
}

fn client(seed: u64) -> Client {
    let delay = Duration::from_millis(1);
    let options = Options::new(NAME)
        .version(Version::ALL[seed as usize % Version::ALL.len()])
        .clean_start(CleanStart::First)
        .properties(&[Property::SessionExpiryInterval(60)])
        .reconnect_delay(delay, delay);
    let client = Client::with(options);
    client.on_message(|client, message| {
        let filter = TopicFilter::new("deed").unwrap();
        client.message_callback_add(filter, |_, _| {});
        assert!(message.topic.as_str().starts_with("deed"));
        client.message_callback_remove(filter);
    });
    client
}

/// One of the threads.
struct Person {
    number: u64,
    rng: fastrand::Rng,
    queue: Option<Receiver>,
}

impl Person {
    fn act(&mut self, client: &Client, broker: &Broker) -> Vec<(String, MessageInfo)> {
        let mut infos = Vec::new();
        for deed in 0..DEEDS {
            match self.rng.u8(..30) {
                0 => broker.lose_session(NAME),
                1 => drop(client.reconnect()), // others may call it off
                2 => drop(client.connect(broker.address())),
                3 => client.disconnect(),
                4 => client.loop_stop(),
                5..8 => drop(client.loop_start()),
                8..10 => drop(client.loop_once(Duration::ZERO)),
                10..14 => drop(client.subscribe(self.filter(), QoS::ExactlyOnce).unwrap()),
                14..17 => drop(client.unsubscribe(self.filter()).unwrap()),
                17 => client.configure(|options| options.keep_alive(9)),
                18 if self.queue.is_none() => self.queue = Some(client.receive("deed/#", QoS::ExactlyOnce).unwrap()),
                18 => self.queue = None,
                19 => drop(client.request("deed", "?", QoS::AtLeastOnce, Duration::from_millis(2))), // needs 5.0
                20 => drop(self.queue.as_ref().map(|queue| queue.recv(Duration::from_micros(100)))),
                _ => {
                    let text = format!("{}/{deed}", self.number);
                    let qos = if self.rng.bool() { QoS::AtLeastOnce } else { QoS::ExactlyOnce };
                    infos.push((text.clone(), client.publish("deed", text, qos, false).unwrap()));
                }
            }
        }
        infos
    }

    fn filter(&mut self) -> &'static str {
        ["deed", "deed/#", "+", "$share/some/deed"][self.rng.usize(..4)]
    }
}
