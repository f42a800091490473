//! Single scenes, over a line without troubles: what the worlds don't ask about.

use std::cell::Cell;

use pure_mqtt_embassy::{
    Client, Connect, Options, Publish, QoS, ReceiverOptions, RunError, RxBuffer, SubscribeError, Subscription,
    TopicFilter, TopicName, Version,
};

use crate::executor::{Executor, pass};
use crate::net::{Net, Trouble};
use crate::program::pass_time;
use crate::tasks::{Device, Engine};
use crate::time::Time;
use pure_mqtt_test_broker::sans_io::Config;

pub struct Scene {
    pub net: Net,
    pub time: Time,
    pub mqtt: Device,
    version: Version,
    lowest: Option<Version>,
}

impl Scene {
    pub fn new(version: Version) -> Self {
        Self::with(version, None, Config::default())
    }

    /// With a server like this, and perhaps fallback.
    pub fn with(version: Version, lowest: Option<Version>, config: Config) -> Self {
        let (net, time) = (Net::new(config, Trouble::NONE), Time::default());
        let mqtt = Device::new(time.clone(), Engine::new());
        Self { net, time, mqtt, version, lowest }
    }

    /// Plays until `play` is over, with a client that is run beside it.
    pub fn play(&self, play: impl Future<Output = ()>) {
        let mut executor = Executor::default();
        executor.spawn("run", self.run());
        executor.spawn("play", play);
        for _ in 0..100_000 {
            if !executor.has("play") {
                return;
            }
            if !self.net.step("device") && !executor.step() {
                pass_time(&self.net, &self.time, &executor);
            }
        }
        panic!("the scene has no end");
    }

    async fn run(&self) {
        let mut options = Options::new(Connect::new(self.version, "device").clean_start(false));
        options.lowest_version = self.lowest;
        let mut rx = RxBuffer::<200>::new();
        let done = self.mqtt.run(&mut rx, &options, || 0, async || self.net.dial()).await;
        done.expect("the options are right");
    }

    pub fn publish(&self, topic: &str, payload: &[u8], qos: u8) {
        self.net.with_broker(|broker| broker.publish(topic, payload, qos, false));
    }
}

pub const DOWN: TopicFilter<'_> = TopicFilter::from_static("down/#");
const COMMAND: TopicFilter<'_> = TopicFilter::from_static("down/command");

pub fn payload<Q: Client>(received: &pure_mqtt_embassy::Received<'_, Q>) -> String {
    received.read(|message| message.text().map(str::to_owned)).flatten().expect("it is text")
}

/// Each receiver gets its own copy, whatever the server makes of filters that overlap, and two receivers share one subscription.
#[test]
fn overlapping_filters_double_nothing() {
    for version in [Version::V311, Version::V5] {
        let scene = Scene::new(version);
        scene.play(async {
            let mut all = scene.mqtt.subscribe(DOWN, QoS::ExactlyOnce).unwrap();
            let mut one = scene.mqtt.subscribe(COMMAND, QoS::ExactlyOnce).unwrap();
            let mut same = scene.mqtt.subscribe(COMMAND, QoS::AtMostOnce).unwrap();
            for receiver in [&mut all, &mut one, &mut same] {
                receiver.granted().await.expect("the server grants everything");
            }
            for text in ["first", "second"] {
                scene.publish("down/command", text.as_bytes(), 2);
                for receiver in [&mut all, &mut one, &mut same] {
                    assert_eq!(payload(&receiver.recv().await), text);
                }
            }
        });
    }
}

#[test]
fn a_message_that_is_not_acknowledged_comes_again() {
    let scene = Scene::new(Version::V5);
    scene.play(async {
        let options = ReceiverOptions::new().manual_acks(true);
        let mut receiver = scene.mqtt.subscribe_with(Subscription::new(DOWN, QoS::AtLeastOnce), options).unwrap();
        receiver.granted().await.unwrap();
        scene.publish("down/a", b"first", 1);
        scene.publish("down/a", b"second", 1);
        drop(receiver.recv().await);
        let again = receiver.recv().await;
        assert_eq!(payload(&again), "first");
        again.ack();
        assert_eq!(payload(&receiver.recv().await), "second");
    });
}

/// Whoever doesn't read costs its own messages: those at QoS 0 beyond its share, and everything if it is lossy.
#[test]
fn a_receiver_that_never_reads_holds_up_nobody() {
    let scene = Scene::new(Version::V311);
    scene.play(async {
        let lossy = ReceiverOptions::new().lossy(true);
        let asleep = TopicFilter::from_static("asleep");
        let _asleep = scene.mqtt.subscribe_with(Subscription::new(asleep, QoS::AtLeastOnce), lossy).unwrap();
        let mut awake = scene.mqtt.subscribe(DOWN, QoS::ExactlyOnce).unwrap();
        awake.granted().await.unwrap();
        for number in 0..30 {
            scene.publish("asleep", &[b'z'; 30], number % 2);
            scene.publish("down/a", number.to_string().as_bytes(), 2);
            assert_eq!(payload(&awake.recv().await), number.to_string());
        }
        assert_eq!(scene.mqtt.stats().dropped, 29); // one message is always kept
    });
}

/// Its share has room for one message here: the latest, and none while it holds one.
#[test]
fn old_messages_give_way_to_new_ones() {
    let scene = Scene::new(Version::V5);
    scene.play(async {
        let options = ReceiverOptions::new().drop_oldest(true);
        let mut slow = scene.mqtt.subscribe_with(Subscription::new(DOWN, QoS::AtMostOnce), options).unwrap();
        slow.granted().await.unwrap();
        let publish = async |numbers: std::ops::Range<u8>| {
            numbers.for_each(|number| scene.publish("down/news", &[b'0' + number], 0));
            scene.time.sleep(1_000).await; // until all is quiet
        };
        publish(0..5).await;
        let held = slow.recv().await;
        publish(5..7).await;
        assert_eq!(payload(&held), "4");
        drop(held);
        publish(7..9).await;
        assert_eq!(payload(&slow.recv().await), "8");
        assert_eq!(scene.mqtt.stats().dropped, 7);
    });
}

#[test]
fn a_client_is_run_once_and_has_so_many_places() {
    let scene = Scene::new(Version::V5);
    let rest = Cell::new(0);
    scene.play(async {
        let mut delivery = scene.mqtt.publish(&Publish::new(TopicName::from_static("up"), b"x")).await.unwrap();
        delivery.confirmed().await.expect("it has left");
        let (mut rx, options) = (RxBuffer::<64>::new(), Options::new(Connect::new(Version::V5, "device")));
        let second = scene.mqtt.run(&mut rx, &options, || 0, async || scene.net.dial()).await;
        assert_eq!(second, Err(RunError::AlreadyRunning));
        let mut receivers = vec![scene.mqtt.subscribe(DOWN, QoS::AtMostOnce).unwrap()];
        let other = Subscription::new(DOWN, QoS::AtMostOnce).no_local(true);
        let conflict = scene.mqtt.subscribe_with(other, ReceiverOptions::new());
        assert_eq!(conflict.err(), Some(SubscribeError::Conflict));
        while let Ok(receiver) = scene.mqtt.subscribe(COMMAND, QoS::AtMostOnce) {
            receivers.push(receiver);
        }
        rest.set(receivers.len());
    });
    assert_eq!(rest.get(), 5);
}

/// A reply is the reply to the last request: an earlier one was dropped, and its reply is thrown away.
#[test]
fn a_reply_that_comes_too_late_is_thrown_away() {
    let scene = Scene::new(Version::V5);
    scene.play(async {
        let mut answers = scene.mqtt.subscribe(TopicFilter::from_static("ask"), QoS::AtLeastOnce).unwrap();
        let mut requester = scene.mqtt.requester(TopicFilter::from_static("reply"), QoS::AtLeastOnce).unwrap();
        answers.granted().await.unwrap();
        requester.granted().await.unwrap();
        let ask = TopicName::from_static("ask");
        let first = requester.request(ask, b"first", QoS::AtLeastOnce);
        let late = {
            let dropped = embassy_futures::select::select(first, answers.recv()).await;
            let embassy_futures::select::Either::Second(request) = dropped else { panic!("nobody has answered") };
            scene.mqtt.reply(&request, b"late").await.unwrap().is_some()
        };
        assert!(late);
        let answer = async {
            let request = answers.recv().await;
            scene.mqtt.reply(&request, b"in time").await.unwrap();
        };
        let (reply, ()) =
            embassy_futures::join::join(requester.request(ask, b"second", QoS::AtLeastOnce), answer).await;
        assert_eq!(payload(&reply.unwrap()), "in time");
        assert_eq!(scene.mqtt.stats().foreign_replies, 1);
    });
}

/// Without a link nothing else wakes whoever waits: for a ticket, and for its turn behind a message that is dropped.
#[test]
fn a_future_that_is_dropped_passes_its_place_on() {
    let scene = Scene::new(Version::V311);
    let topic = TopicName::from_static("up");
    let (small, large) = (Publish::new(topic, &[0; 10]).qos(QoS::AtLeastOnce), [0; 400]);
    let large = Publish::new(topic, &large).qos(QoS::AtLeastOnce);
    let (waits, goes_on) = (Cell::new(true), Cell::new(0));
    let mut executor = Executor::default();
    executor.spawn("holder", async {
        let first = scene.mqtt.publish(&large).await.unwrap();
        let mut waiting = Box::pin(scene.mqtt.publish(&large)); // in line, without room
        let pending =
            std::future::poll_fn(|context| std::task::Poll::Ready(waiting.as_mut().poll(context).is_pending()));
        assert!(pending.await);
        while waits.get() {
            pass().await;
        }
        drop(waiting);
        drop(first);
    });
    for _ in 0..10 {
        executor.step();
    }
    for _ in 0..2 {
        executor.spawn("next", async {
            let mut delivery = scene.mqtt.publish(&small).await.unwrap();
            goes_on.set(goes_on.get() + 1);
            delivery.confirmed().await.unwrap();
        });
    }
    for _ in 0..100 {
        executor.step();
    }
    assert_eq!(goes_on.get(), 0);
    waits.set(false);
    while executor.step() {}
    assert_eq!(goes_on.get(), 2);
}

/// Dropping `run` is the end of the link; the next one resumes the session.
#[test]
fn a_dropped_run_is_a_lost_link() {
    let scene = Scene::new(Version::V5);
    let mut receiver = scene.mqtt.subscribe(DOWN, QoS::ExactlyOnce).unwrap();
    let is_granted = Cell::new(false);
    let mut executor = Executor::default();
    executor.spawn("subscriber", async {
        is_granted.set(receiver.granted().await.is_ok());
    });
    executor.spawn("run", async {
        let granted = async {
            while !is_granted.get() {
                pass().await;
            }
        };
        embassy_futures::select::select(scene.run(), granted).await; // which drops `run`
    });
    while executor.has("run") {
        scene.net.step("device");
        executor.step();
    }
    drop(executor);
    assert!(!scene.mqtt.is_connected());
    scene.publish("down/a", b"meanwhile", 2);
    scene.play(async {
        assert_eq!(payload(&receiver.recv().await), "meanwhile");
    });
    assert_eq!(scene.mqtt.stats().links, 2);
}

/// A server may send a copy for each filter that matches; its identifier says for which receiver it is.
#[test]
fn copies_go_to_those_they_are_meant_for() {
    let scene = Scene::new(Version::V5);
    scene.play(async {
        let mut all = scene.mqtt.subscribe(DOWN, QoS::AtMostOnce).unwrap();
        let mut one = scene.mqtt.subscribe(COMMAND, QoS::AtMostOnce).unwrap();
        all.granted().await.unwrap();
        one.granted().await.unwrap();
        scene.net.with_broker(|broker| {
            let link = broker.link_of("device").expect("the device is connected");
            broker.inject(link, b"\x30\x12\x00\x0Cdown/command\x02\x0B\x01x");
            broker.inject(link, b"\x30\x12\x00\x0Cdown/command\x02\x0B\x02y");
        });
        assert_eq!(payload(&all.recv().await), "x");
        assert_eq!(payload(&one.recv().await), "y");
        assert_eq!(scene.mqtt.stats().received, 2);
    });
}

/// A link on which nothing happens stays up: PINGREQ leaves when it is due.
#[test]
fn an_idle_link_is_kept_alive() {
    for version in [Version::V311, Version::V5] {
        let scene = Scene::new(version);
        scene.play(async {
            scene.time.sleep(1_000_000).await;
            assert!(scene.mqtt.is_connected());
        });
        assert_eq!(scene.mqtt.stats().links, 1);
    }
}
