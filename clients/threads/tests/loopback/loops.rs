//! Where the loop runs, and how it begins and ends.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use pure_mqtt_client::pure_mqtt::QoS;
use pure_mqtt_client::{Client, ConnectError, LinkEnd, LoopError, NotPublished, Options, WaitError};
use pure_mqtt_test_broker::Broker;

use crate::support::{Ear, PATIENCE, drive, eventually};

#[test]
fn without_a_server_there_is_nothing_to_loop_over() {
    let client = Client::new("lost");
    assert!(matches!(client.loop_once(Duration::ZERO), Err(LoopError::NotConnected)));
    assert!(matches!(client.loop_forever(), Err(LoopError::NotConnected)));
    assert!(matches!(client.reconnect(), Err(ConnectError::NoServer)));
}

#[test]
fn a_loop_runs_once_at_a_time() {
    let broker = Broker::start().unwrap();
    let client = Client::new("once");
    let ear = Ear::of(&client);
    client.loop_start().unwrap();
    assert!(matches!(client.loop_start(), Err(LoopError::AlreadyRunning)));
    client.connect(broker.address()).unwrap(); // the other thread does it
    ear.until(|told| !told.connacks.is_empty());
    assert!(matches!(client.loop_once(PATIENCE), Err(LoopError::AlreadyRunning)));
    client.loop_stop();
    client.publish("once", "more", QoS::AtLeastOnce, false).unwrap();
    drive(&client, || !ear.told().published.is_empty()); // the link has stayed
    client.loop_start().unwrap();
    client.loop_stop();
    client.loop_stop();
}

#[test]
fn a_handle_wakes_the_loop_of_another_thread() {
    let broker = Broker::start().unwrap();
    let client = Client::with(Options::new("sleeper").keep_alive(0));
    let ear = Ear::of(&client);
    client.connect(broker.address()).unwrap();
    let looping = thread::spawn({
        let client = client.clone();
        move || client.loop_forever()
    });
    ear.until(|told| !told.connacks.is_empty());
    // Without keep alive nothing but these can end the loop's sleep.
    client.publish("up", "wake", QoS::ExactlyOnce, false).unwrap().wait_for_publish(PATIENCE).unwrap();
    client.disconnect();
    looping.join().unwrap().unwrap();
}

#[test]
fn a_callback_may_stop_its_own_loop() {
    let broker = Broker::start().unwrap();
    let client = Client::new("suicidal");
    client.on_connect(|client, _| client.loop_stop());
    client.connect(broker.address()).unwrap();
    client.loop_forever().unwrap();
    assert!(client.is_connected());
    client.on_connect(|_, _| {});
    client.on_publish(|client, _| client.loop_stop());
    client.loop_start().unwrap();
    client.publish("one", "more", QoS::AtLeastOnce, false).unwrap().wait_for_publish(PATIENCE).unwrap();
    eventually(|| client.loop_start().is_ok()); // the first thread has ended
    client.loop_stop();
}

#[test]
fn a_callback_that_panics_breaks_nothing() {
    let broker = Broker::start().unwrap();
    let client = Client::new("panicky");
    let ear = Ear::of(&client);
    let mut panics = 0;
    client.on_connect(move |_, _| {
        panics += 1;
        assert!(panics > 1, "this panic is a part of the test");
    });
    client.loop_start().unwrap();
    client.connect(broker.address()).unwrap();
    ear.until(|told| told.log.iter().any(|(_, line)| line.contains("panicked")));
    client.publish("still", "alive", QoS::ExactlyOnce, false).unwrap().wait_for_publish(PATIENCE).unwrap();
    client.loop_stop();

    client.on_publish(|_, _| panic!("this panic is a part of the test"));
    let info = client.publish("once", "more", QoS::AtLeastOnce, false).unwrap();
    let thrown = thread::spawn({
        let client = client.clone();
        move || client.loop_forever()
    });
    assert!(thrown.join().is_err());
    assert!(info.is_published());
    client.on_publish(|client, _| client.disconnect());
    client.publish("and", "again", QoS::AtLeastOnce, false).unwrap();
    client.loop_forever().unwrap();
    assert_eq!(broker.texts("once"), ["more"]);
    assert_eq!(broker.texts("and"), ["again"]);
}

#[test]
fn waiting_ends_when_the_client_is_disconnected_or_gone() {
    let client = Client::new("waiter");
    let info = client.publish("a", "x", QoS::AtLeastOnce, false).unwrap();
    let (result, results) = mpsc::channel();
    let wait = |info: &pure_mqtt_client::MessageInfo| {
        let (info, result) = (info.clone(), result.clone());
        thread::spawn(move || result.send(info.wait_for_publish(None)))
    };
    client.loop_start().unwrap();
    wait(&info);
    let disconnected = loop {
        client.disconnect(); // the other thread may not wait yet
        if let Ok(result) = results.recv_timeout(Duration::from_millis(5)) {
            break result;
        }
    };
    assert_eq!(disconnected, Err(WaitError::Disconnected));
    wait(&info);
    drop(client);
    let gone = results.recv_timeout(PATIENCE).unwrap();
    assert_eq!(gone, Err(WaitError::NotPublished(NotPublished::ClientGone)));
}

#[test]
fn the_loop_ends_with_the_last_handle() {
    let broker = Broker::start().unwrap();
    let client = Client::new("fleeting");
    let ear = Ear::of(&client);
    let token = std::sync::Arc::new(());
    let held = std::sync::Arc::clone(&token);
    client.on_subscribe(move |_, _| drop(std::sync::Arc::clone(&held)));
    client.loop_start().unwrap();
    client.connect(broker.address()).unwrap();
    ear.until(|told| !told.connacks.is_empty());
    drop(client);
    eventually(|| std::sync::Arc::strong_count(&token) == 1); // the callbacks are gone, and with them everything
    assert!(ear.told().ends.is_empty());
}

#[test]
fn disconnect_ends_an_attempt_and_the_next_one_works() {
    let broker = Broker::start().unwrap();
    let client = Client::new("fickle");
    let ear = Ear::of(&client);
    client.connect_async(broker.address());
    client.disconnect();
    assert!(matches!(client.loop_once(PATIENCE), Err(LoopError::Ended(LinkEnd::Disconnected))));
    client.connect(broker.address()).unwrap();
    drive(&client, || client.is_connected());
    client.connect(broker.address()).unwrap(); // replaces the first one
    drive(&client, || client.is_connected());
    assert!(matches!(ear.told().ends[..], [LinkEnd::Replaced]));
}
