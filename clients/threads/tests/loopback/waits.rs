//! Waits and wake-ups: nobody sleeps over what has happened.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use pure_mqtt_client::pure_mqtt::{Publish, QoS, TopicName, Version};
use pure_mqtt_client::{CleanStart, Client, ConnectError, LinkEnd, LoopError, Options, ReceiveError, WaitError};
use pure_mqtt_test_broker::{Broker, Message};

use crate::durable::Folder;
use crate::support::{Ear, PATIENCE, eventually};

/// A server that does what the test says, packet by packet.
struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        Self { listener, address }
    }

    /// The next link, with its CONNECT.
    fn accept(&self) -> TcpStream {
        let (mut link, _) = self.listener.accept().unwrap();
        link.set_read_timeout(Some(PATIENCE)).unwrap();
        assert_eq!(packet(&mut link)[0], 0x10);
        link
    }

    /// The next link, accepted with a new session.
    fn welcome(&self) -> TcpStream {
        let mut link = self.accept();
        link.write_all(b"\x20\x02\x00\x00").unwrap();
        link
    }
}

/// The next packet of fewer than 128 bytes; empty if there is none any more.
fn packet(link: &mut TcpStream) -> Vec<u8> {
    let mut head = [0; 2];
    if link.read_exact(&mut head).is_err() {
        return Vec::new();
    }
    let mut packet = vec![0; 2 + usize::from(head[1])];
    packet[..2].copy_from_slice(&head);
    link.read_exact(&mut packet[2..]).unwrap();
    packet
}

/// One link for each `connect`, and the next at once when it is lost.
fn plain(name: &str) -> Options {
    let options = Options::new(name).version(Version::V311).clean_start(CleanStart::Always);
    options.reconnect_delay(Duration::from_millis(1), Duration::from_millis(1))
}

/// Nobody listens there.
fn nobody() -> std::net::SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[test]
fn what_is_asked_for_while_the_loop_goes_to_sleep_first_wakes_it() {
    let nobody = nobody();
    for round in 0..3_000 {
        let client = Client::new("early");
        let ear = Ear::of(&client);
        client.loop_start().unwrap();
        let start = Instant::now();
        while start.elapsed() < Duration::from_micros(round % 150) {
            std::hint::spin_loop();
        }
        client.connect_async(nobody);
        let failed = ear.once(|told| !told.failures.is_empty());
        assert!(matches!(failed.failures[0], ConnectError::Transport(_)));
    }
}

#[test]
fn granted_hears_of_an_answer_on_a_new_session() {
    let server = Server::start();
    let client = Client::with(plain("again"));
    let receiver = client.receive("a", QoS::AtLeastOnce).unwrap();
    client.connect_async(server.address);
    client.loop_start().unwrap();
    let mut link = server.welcome();
    let answer = |link: &mut TcpStream, request: &[u8]| {
        assert_eq!(request[0], 0x82);
        link.write_all(&[0x90, 3, request[2], request[3], 1]).unwrap();
    };
    let request = packet(&mut link);
    answer(&mut link, &request);
    receiver.granted(PATIENCE).unwrap();
    drop(link);
    let mut link = server.welcome();
    let request = packet(&mut link);
    let is_waiting = AtomicBool::new(false);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            is_waiting.store(true, Ordering::Release);
            receiver.granted(2 * PATIENCE)
        });
        eventually(|| is_waiting.load(Ordering::Acquire));
        let start = Instant::now();
        answer(&mut link, &request);
        assert_eq!(waiting.join().unwrap(), Ok(()));
        assert!(start.elapsed() < PATIENCE, "it was there, and nobody said so");
    });
}

#[test]
fn granted_does_not_wait_for_a_forgotten_session() {
    let client = Client::new("forgetful");
    let receiver = client.receive("a", QoS::AtLeastOnce).unwrap();
    let is_waiting = AtomicBool::new(false);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            is_waiting.store(true, Ordering::Release);
            receiver.granted(2 * PATIENCE)
        });
        eventually(|| is_waiting.load(Ordering::Acquire));
        let start = Instant::now();
        assert!(client.discard_session());
        assert!(matches!(waiting.join().unwrap(), Err(ReceiveError::NotGranted { .. })));
        assert!(start.elapsed() < PATIENCE, "nobody said so");
    });
}

#[test]
fn who_waits_after_a_link_was_wanted_again_is_not_sent_away() {
    let broker = Broker::start().unwrap();
    let client = Client::with(Options::new("returning").version(Version::V5));
    let receiver = client.receive("a", QoS::AtLeastOnce).unwrap();
    client.connect(broker.address()).unwrap();
    client.loop_start().unwrap();
    client.disconnect();
    client.loop_stop();
    assert_eq!(receiver.recv(PATIENCE).unwrap_err(), ReceiveError::Disconnected);
    client.connect_async(broker.address());
    assert_eq!(receiver.recv(Duration::from_millis(1)).unwrap_err(), ReceiveError::TimedOut);
    let request = client.request("nobody", "?", QoS::AtLeastOnce, Duration::from_millis(1)).unwrap();
    assert_eq!(request.wait(), Err(WaitError::TimedOut));
}

#[test]
fn a_flush_that_disconnect_ends_has_not_finished() {
    let client = Client::new("flushing");
    client.loop_start().unwrap();
    let message = client.publish("a", "1", QoS::AtLeastOnce, false).unwrap();
    client.publish("a", "2", QoS::AtLeastOnce, false).unwrap();
    thread::scope(|scope| {
        let flushing = scope.spawn(|| client.flush(4 * PATIENCE));
        let deadline = Instant::now() + PATIENCE;
        while !flushing.is_finished() {
            assert!(Instant::now() < deadline, "flush waits for ever");
            client.disconnect();
            thread::yield_now();
        }
        assert!(!flushing.join().unwrap(), "nothing has been sent");
    });
    assert_eq!(message.result(), None);
}

#[test]
fn a_loop_that_is_stopped_carries_out_disconnect_although_the_link_is_lost() {
    let server = Server::start();
    let client = Client::with(plain("leaving"));
    let receiver = client.receive("a", QoS::AtLeastOnce).unwrap();
    client.on_disconnect(|client, _| {
        client.disconnect();
        client.loop_stop();
    });
    client.connect_async(server.address);
    client.loop_start().unwrap();
    drop(server.welcome());
    assert_eq!(receiver.recv(PATIENCE).unwrap_err(), ReceiveError::Disconnected);
}

#[test]
fn a_callback_that_panics_takes_no_end_of_a_link_away() {
    let server = Server::start();
    let client = Client::with(plain("panicky"));
    let ear = Ear::of(&client);
    client.on_connect(|_, _| panic!("this panic is a part of the test"));
    client.connect_async(server.address);
    client.loop_start().unwrap();
    server.accept().write_all(b"\x20\x02\x00\x05").unwrap();
    let told = ear.once(|told| !told.ends.is_empty());
    assert!(matches!(told.ends[0], LinkEnd::Mqtt(_)), "{:?}", told.ends);
}

#[test]
fn a_callback_that_panics_takes_no_call_of_connect_away() {
    let server = Server::start();
    let client = Client::with(plain("panicky"));
    let receiver = client.receive("a", QoS::AtLeastOnce).unwrap();
    client.on_disconnect(|_, _| panic!("this panic is a part of the test"));
    client.connect_async(server.address);
    client.loop_start().unwrap();
    let mut link = server.welcome(); // it is held open, so that the client waits for its end
    assert_eq!(packet(&mut link)[0], 0x82);
    client.disconnect();
    assert_eq!(receiver.recv(PATIENCE).unwrap_err(), ReceiveError::Disconnected);
    let (tell, told) = mpsc::channel();
    let address = server.address;
    thread::spawn({
        let client = client.clone();
        move || tell.send(client.connect(address))
    });
    assert!(matches!(told.recv_timeout(PATIENCE), Ok(Ok(()))));
}

#[test]
fn a_link_that_gives_way_to_nothing_ends_with_disconnect() {
    let server = Server::start();
    for fault in ["ada\0", ""] {
        let client = Client::with(plain("given way"));
        let ear = Ear::of(&client);
        client.connect_async(server.address);
        client.loop_start().unwrap();
        let mut link = server.welcome();
        ear.until(|told| !told.connacks.is_empty());
        let refused = match fault {
            "" => client.connect_to(Vec::<SocketAddr>::new()),
            _ => {
                client.configure(|options| options.user_name(fault));
                client.reconnect()
            }
        };
        assert!(matches!(refused, Err(ConnectError::NoServer | ConnectError::Options(_))), "{refused:?}");
        assert_eq!(packet(&mut link), b"\xE0\x00", "the server publishes the will");
        drop(link);
        let told = ear.once(|told| !told.ends.is_empty());
        assert!(matches!(told.ends[..], [LinkEnd::Disconnected]), "{:?}", told.ends);
    }
}

#[test]
fn a_connect_timeout_may_be_as_long_as_one_likes() {
    let broker = Broker::start().unwrap();
    let client = Client::with(Options::new("patient").connect_timeout(Duration::MAX));
    client.connect(("localhost", broker.address().port())).unwrap();
    client.connect(broker.address()).unwrap();
}

#[test]
fn a_request_keeps_neither_the_link_nor_the_folder() {
    let folder = Folder::new("request");
    let server = Server::start();
    for is_running in [false, true] {
        let options = || plain("gone").clean_start(CleanStart::Never);
        let client = Client::open(&folder.0, options()).unwrap();
        client.connect_async(server.address);
        let question = Publish::new(TopicName::new("q").unwrap(), "?");
        let request = client.request_with(&question, Some("r"), PATIENCE).unwrap();
        if is_running {
            client.loop_start().unwrap();
        } else {
            client.connect(server.address).unwrap();
        }
        let mut link = server.welcome();
        drop(client);
        while !packet(&mut link).is_empty() {}
        assert_eq!(link.read(&mut [0]).unwrap_or_default(), 0, "the socket is still open");
        let start = Instant::now();
        while let Err(error) = Client::open(&folder.0, options()) {
            assert!(start.elapsed() < PATIENCE, "{error}");
            thread::yield_now();
        }
        assert!(request.try_wait().is_some());
    }
}

#[test]
fn a_message_of_another_client_is_not_withdrawn() {
    let (one, other) = (Client::new("one"), Client::new("other"));
    let of_one = one.publish("a", "1", QoS::AtLeastOnce, false).unwrap();
    let of_other = other.publish("a", "1", QoS::AtLeastOnce, false).unwrap();
    assert_eq!(other.withdraw(&of_one), None);
    assert_eq!((of_one.result(), of_other.result()), (None, None));
    assert!(one.withdraw(&of_one).is_some());
}

#[test]
fn a_callback_within_a_callback_does_not_wait_for_its_own_loop() {
    let (outer, inner) = (Client::new("outer"), Client::new("inner"));
    let nobody = nobody();
    let message = outer.publish("a", "1", QoS::AtLeastOnce, false).unwrap();
    let (tell, told) = mpsc::channel();
    let for_inner = outer.clone();
    inner.on_connect_fail(move |_, _| {
        tell.send(message.wait_for_publish(Duration::from_millis(1))).unwrap();
        for_inner.disconnect();
    });
    outer.on_pre_connect(move |_| {
        inner.connect_async(nobody);
        while !matches!(inner.loop_once(Duration::from_secs(1)), Err(LoopError::Connect(_))) {}
    });
    outer.connect_async(nobody);
    let _ = outer.loop_once(Duration::ZERO);
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), Err(WaitError::InCallback));
}

#[test]
fn the_session_of_a_log_lasts_whatever_is_configured_later() {
    let folder = Folder::new("lasting");
    let server = Server::start();
    let client = Client::open(&folder.0, plain("lasting")).unwrap();
    client.configure(|_| Options::new("lasting").version(Version::V5).clean_start(CleanStart::Always));
    client.connect_async(server.address);
    client.loop_start().unwrap();
    let (mut link, _) = server.listener.accept().unwrap();
    link.set_read_timeout(Some(PATIENCE)).unwrap();
    let connect = packet(&mut link);
    let session_expiry = [0x11, 0, 1, 0x51, 0x80]; // a day
    assert!(connect.windows(5).any(|bytes| bytes == session_expiry), "{connect:02X?}");
}

#[test]
fn a_callback_may_wait_for_who_gets_the_same_message() {
    let broker = Broker::start().unwrap();
    let client = Client::with(Options::new("both").version(Version::V311));
    let ear = Ear::of(&client);
    let receiver = client.receive("a", QoS::AtLeastOnce).unwrap();
    client.subscribe("a", QoS::AtLeastOnce).unwrap();
    let (tell, told) = mpsc::channel();
    let (pass_on, passed_on) = mpsc::channel();
    client.on_message(move |_, _| tell.send(passed_on.recv_timeout(PATIENCE).is_ok()).unwrap());
    client.connect(broker.address()).unwrap();
    client.loop_start().unwrap();
    ear.until(|told| told.subscribed.len() == 2);
    thread::scope(|scope| {
        scope.spawn(|| pass_on.send(receiver.recv(2 * PATIENCE).unwrap().topic).unwrap());
        broker.publish(&Message::new("a", b"1").qos(1));
        assert!(
            told.recv_timeout(2 * PATIENCE).unwrap(),
            "the receiver was not woken before the callback had returned"
        );
    });
}
