//! Single scenes of several links: what a client makes of what it can't see.

use pure_mqtt_embassy::{Event, QoS, ReceiverOptions, Subscription, Version};
use pure_mqtt_test_broker::sans_io::Config;

use crate::executor::pass;
use crate::scenes::{DOWN, Scene, payload};

/// So long nothing more happens on a line without troubles, in milliseconds.
const QUIET: u64 = 1_000;

/// Waits for the client's link with this number.
async fn link(scene: &Scene, number: u32) {
    while scene.mqtt.stats().links < number || !scene.mqtt.is_connected() {
        scene.time.sleep(QUIET).await;
    }
    scene.time.sleep(QUIET).await;
}

/// The server has lost the session and begun a new one, and its CONNACK is lost: the next one says that there is a session, which has no subscriptions.
#[test]
fn a_session_that_began_unseen_gets_its_subscriptions() {
    for version in [Version::V311, Version::V5] {
        let scene = Scene::new(version);
        scene.play(async {
            let mut receiver = scene.mqtt.subscribe(DOWN, QoS::AtLeastOnce).unwrap();
            receiver.granted().await.unwrap();
            scene.net.with_broker(|broker| broker.lose_session("device"));
            scene.net.cut_before_connack();
            link(&scene, 2).await;
            scene.publish("down/a", b"after", 1);
            assert_eq!(payload(&receiver.recv().await), "after");
        });
    }
}

/// A message that comes again on the next link is the one that the ring has already, whether there is room for another or not.
#[test]
fn a_repeated_message_is_kept_once() {
    for (version, payload_length) in [(Version::V311, 10), (Version::V5, 10), (Version::V311, 85), (Version::V5, 85)] {
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let scene = Scene::new(version);
            scene.play(keeps_once(&scene, qos, payload_length));
        }
    }
}

/// Four messages of 85 bytes fill the ring.
async fn keeps_once(scene: &Scene, qos: QoS, payload_length: usize) {
    let options = ReceiverOptions::new().manual_acks(true);
    let mut receiver = scene.mqtt.subscribe_with(Subscription::new(DOWN, qos), options).unwrap();
    receiver.granted().await.unwrap();
    let text = |number| format!("{number:0payload_length$}");
    for number in 0..4 {
        scene.publish("down/a", text(number).as_bytes(), qos.bits());
    }
    scene.time.sleep(QUIET).await;
    scene.net.cut();
    link(scene, 2).await;
    scene.publish("down/a", text(4).as_bytes(), qos.bits());
    for number in 0..5 {
        let received = receiver.recv().await;
        assert_eq!(payload(&received), text(number));
        received.ack();
        scene.time.sleep(QUIET).await; // what waits for the place would come now
    }
    assert_eq!(scene.mqtt.stats().received, 5, "each came once");
}

/// A server of 3.1.1 refuses 5.0, and is asked again in its own version, at once; so on later links too.
#[test]
fn a_server_of_3_1_1_is_spoken_to_in_its_version() {
    let config = Config { versions: vec![pure_mqtt_test_broker::sans_io::Version::V311], ..Config::default() };
    let scene = Scene::with(Version::V5, Some(Version::V311), config);
    scene.play(async {
        let mut receiver = scene.mqtt.subscribe(DOWN, QoS::ExactlyOnce).unwrap();
        assert_eq!(receiver.granted().await, Ok(QoS::ExactlyOnce));
        assert!(matches!(scene.mqtt.event().await, Event::Disconnected(_)));
        assert!(matches!(scene.mqtt.event().await, Event::Connected(_)));
        scene.net.cut();
        assert!(matches!(scene.mqtt.event().await, Event::Disconnected(_)));
        assert!(matches!(scene.mqtt.event().await, Event::Connected(_)));
        scene.publish("down/a", b"in 3.1.1", 2);
        assert_eq!(payload(&receiver.recv().await), "in 3.1.1");
        while !scene.mqtt.is_connected() {
            pass().await;
        }
    });
    assert_eq!(scene.mqtt.stats().links, 2);
}
