//! What real programs met: bursts, slow callbacks, ends in the middle of it, many filters.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use pure_mqtt_client::pure_mqtt::{QoS, Subscription, TopicFilter, Version};
use pure_mqtt_client::{Client, LinkEnd, Options};
use pure_mqtt_test_broker::{Broker, Message};

use crate::support::{Ear, PATIENCE, drive};

/// A server that accepts one client, hands it `count` messages at QoS 0 at once, and answers PINGREQ; it hangs up after `patience` without a packet. Returns
/// how many PINGREQ came, once the client has gone.
fn bursting_server(count: usize, patience: Duration) -> (std::net::SocketAddr, thread::JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut room = [0; 1024];
        let _ = stream.read(&mut room).unwrap();
        let burst = b"\x30\x04\x00\x01ax".repeat(count);
        stream.write_all(&[b"\x20\x02\x00\x00", &burst[..]].concat()).unwrap();
        stream.set_read_timeout(Some(patience)).unwrap();
        let mut pings = 0;
        while let Ok(read @ 1..) = stream.read(&mut room) {
            for ping in room[..read].windows(2).filter(|pair| *pair == b"\xC0\x00") {
                let _ = (ping, stream.write_all(b"\xD0\x00"));
                pings += 1;
            }
        }
        pings
    });
    (address, server)
}

/// A whole read used to be handled before a write or a timer, so that the keep alive was missed.
#[test]
fn a_slow_callback_in_a_burst_costs_no_link() {
    const MESSAGES: usize = 120;
    let (address, server) = bursting_server(MESSAGES, Duration::from_millis(1_500));
    let client = Client::with(Options::new("slow").keep_alive(1).reconnect_on_failure(false));
    let ear = Ear::of(&client);
    let handled = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&handled);
    client.on_message(move |client, _| {
        thread::sleep(Duration::from_millis(20)); // what the test is about
        if counted.fetch_add(1, Ordering::Relaxed) + 1 == MESSAGES {
            client.disconnect();
        }
    });
    client.connect(address).unwrap();
    client.loop_forever().unwrap();
    assert_eq!(handled.load(Ordering::Relaxed), MESSAGES);
    assert!(matches!(ear.told().ends[..], [LinkEnd::Disconnected]), "{:?}", ear.told().ends);
    assert!(server.join().unwrap() >= 1, "nothing kept the link alive");
}

#[test]
fn disconnect_in_a_burst_lets_one_more_message_through_at_most() {
    let (address, server) = bursting_server(1_000, PATIENCE);
    let client = Client::new("leaving");
    let handled = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&handled);
    client.on_message(move |client, _| {
        counted.fetch_add(1, Ordering::Relaxed);
        client.disconnect();
    });
    client.connect(address).unwrap();
    client.loop_forever().unwrap();
    assert!(handled.load(Ordering::Relaxed) <= 2);
    server.join().unwrap();
}

#[test]
fn what_is_published_right_after_subscribing_comes_back() {
    let broker = Broker::start().unwrap();
    for version in Version::ALL {
        for turn in 0..5 {
            let name = format!("echo-{version:?}-{turn}");
            let client = Client::with(Options::new(&name).version(version));
            let ear = Ear::of(&client);
            client.connect(broker.address()).unwrap();
            client.subscribe(&name, QoS::AtMostOnce).unwrap();
            client.publish(&name, "mine", QoS::AtMostOnce, false).unwrap();
            client.loop_start().unwrap();
            ear.until(|told| told.texts() == ["mine"]);
            client.disconnect();
            client.loop_stop();
        }
    }
}

/// The server resets the link while the program leaves: the end is told once, and nobody waits for ever.
#[test]
fn a_reset_while_leaving_ends_every_wait() {
    for _ in 0..5 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut room = [0; 64];
            let _ = stream.read(&mut room);
            stream.write_all(b"\x20\x02\x00\x00").unwrap();
            let _ = stream.read(&mut room);
            drop(stream); // over unread bytes: a reset
        });
        let client = Client::new("unlucky");
        let ear = Ear::of(&client);
        client.connect(address).unwrap();
        client.loop_start().unwrap();
        ear.until(|told| !told.connacks.is_empty());
        let infos: Vec<_> =
            (0..50).map(|_| client.publish("a", vec![7; 500], QoS::AtLeastOnce, false).unwrap()).collect();
        let waits: Vec<_> =
            infos.into_iter().map(|info| thread::spawn(move || info.wait_for_publish(PATIENCE))).collect();
        let started = Instant::now();
        client.disconnect();
        client.loop_stop();
        let before = ear.told().ends.len();
        drop(client);
        for wait in waits {
            assert!(wait.join().unwrap().is_err());
        }
        assert!(started.elapsed() < PATIENCE, "a wait ended by its own time-out");
        assert_eq!(before, 1, "{:?}", ear.told().ends);
        server.join().unwrap();
    }
}

/// `discard_session` and another identifier are what paho calls `reinitialise`: subscriptions are forgotten as well.
#[test]
fn a_forgotten_session_has_no_subscriptions() {
    let broker = Broker::start().unwrap();
    let client = Client::new("before");
    let ear = Ear::of(&client);
    client.subscribe("news", QoS::AtLeastOnce).unwrap();
    client.connect(broker.address()).unwrap();
    drive(&client, || !ear.told().subscribed.is_empty());
    client.disconnect();
    client.loop_forever().unwrap();
    assert!(client.discard_session());
    client.configure(|_| Options::new("after"));
    client.connect(broker.address()).unwrap();
    drive(&client, || client.is_connected());
    assert_eq!(broker.publish(&Message::new("news", "x").qos(2)), 0);
    assert_eq!(client.subscription_state(TopicFilter::new("news").unwrap()), None);
}

/// Forty thousand filters once took half a minute. Twice as many may take twice as long, and some noise.
#[test]
fn many_filters_take_a_time_that_is_about_linear() {
    let time = |count: usize| {
        let client = Client::new("many");
        let texts: Vec<_> = (0..count).map(|number| format!("plant/{number}/state")).collect();
        let filters: Vec<_> =
            texts.iter().map(|text| Subscription::new(TopicFilter::new(text).unwrap(), QoS::AtLeastOnce)).collect();
        let started = Instant::now();
        client.subscribe_to(&filters).unwrap();
        started.elapsed()
    };
    let (half, whole) = (time(10_000), time(20_000));
    assert!(whole < half * 8 + Duration::from_millis(200), "{half:?}, {whole:?}");
}
