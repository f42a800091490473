//! Links that are lost or never made.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use pure_mqtt_client::pure_mqtt::subscriptions::SubscriptionState;
use pure_mqtt_client::pure_mqtt::{
    Auth, Cause, Disconnect, Limits, Overflow, Property, Publish, QoS, ReasonCode, SessionState, Subscription,
    TopicFilter, TopicName, Version, VersionFallback,
};
use pure_mqtt_client::{
    CleanStart, Client, ConnectError, LinkEnd, LogLevel, LoopError, NotPublished, Options, Server, WaitError, subscribe,
};
use pure_mqtt_test_broker::{Broker, Message};

use crate::support::{Ear, PATIENCE, drive};

/// A quick one.
const DELAY: Duration = Duration::from_millis(1);

/// An address where nobody listens.
fn nobody() -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().into()
}

/// A server that says these bytes to each client that has said something, and closes.
fn blunt_server(answers: Vec<&'static [u8]>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for (answer, stream) in answers.into_iter().zip(listener.incoming()) {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(answer);
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let _ = stream.read(&mut [0; 1024]);
        }
    });
    address.into()
}

/// A server that reads something and says the next of these bytes to it, to one client, until that closes.
fn scripted_server(answers: Vec<&'static [u8]>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        for answer in answers {
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(answer);
        }
        while stream.read(&mut [0; 1024]).is_ok_and(|count| count > 0) {}
    });
    address.into()
}

/// A server that accepts every client and then reads nothing any more, though its side of the transport stays open: its process hangs, or the network
/// takes bytes and brings them nowhere.
fn deaf_server(version: Version) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let mut streams = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 1024]);
            let connack: &[u8] = if version == Version::V5 { b"\x20\x03\0\0\0" } else { b"\x20\x02\0\0" };
            let _ = stream.write_all(connack);
            streams.push(stream);
        }
    });
    address.into()
}

/// The server stops reading while a program uploads. The link is given up after the keep alive and the wait for its answer, another is made, and the
/// program can still end.
#[test]
fn an_upload_to_a_server_that_reads_nothing_is_given_up() {
    thread::scope(|scope| {
        for version in Version::ALL {
            scope.spawn(move || upload_to_deaf_server(version));
        }
    });
}

fn upload_to_deaf_server(version: Version) {
    let options = Options::new("camera").version(version).keep_alive(2).reconnect_delay(DELAY, DELAY);
    let client = Client::with(options);
    let ear = Ear::of(&client);
    client.connect(deaf_server(version)).unwrap();
    client.loop_start().unwrap();
    ear.until(|told| !told.connacks.is_empty());
    for _ in 0..16 {
        client.publish("image", vec![7; 2 << 20], QoS::AtLeastOnce, false).unwrap();
    }
    let started = std::time::Instant::now();
    ear.until(|told| !told.ends.is_empty() && told.connacks.len() > 1);
    assert!(started.elapsed() < Duration::from_secs(8), "{version:?}: after {:?}", started.elapsed());
    let (done, is_done) = std::sync::mpsc::channel();
    let closing = client.clone();
    thread::spawn(move || {
        closing.disconnect();
        closing.loop_stop();
        let _ = done.send(());
    });
    assert!(is_done.recv_timeout(PATIENCE).is_ok(), "{version:?}: the program can't end");
}

/// PUBCOMP 0x92 says that the server has finished with the message before: it was delivered (§3.7.2.1).
#[test]
fn a_server_that_has_forgotten_a_released_message_has_delivered_it() {
    let client = Client::with(Options::new("meter").version(Version::V5));
    let ear = Ear::of(&client);
    let answers: Vec<&[u8]> = vec![b"\x20\x03\0\0\0", b"\x50\x02\0\x01", b"\x70\x03\0\x01\x92"];
    client.publish("a", "x", QoS::ExactlyOnce, false).unwrap();
    client.connect(scripted_server(answers)).unwrap();
    drive(&client, || !ear.told().published.is_empty());
    assert_eq!(ear.told().published[0].1, Ok(()));
}

#[test]
fn the_servers_last_words_are_told() {
    let busy: &[u8] = b"\x20\x03\x00\x00\x00\xE0\x14\x8B\x12\x1F\x00\x04late\x1C\x00\x08b.c:1883";
    let client = Client::with(Options::new("guest").version(Version::V5));
    client.connect(scripted_server(vec![busy])).unwrap();
    let end = loop {
        if let Err(error) = client.loop_once(PATIENCE) {
            break error;
        }
    };
    let LoopError::Ended(LinkEnd::ServerDisconnect { reason, explanation, server_reference }) = end else {
        panic!("{end}")
    };
    assert_eq!(reason, ReasonCode::SERVER_SHUTTING_DOWN);
    assert_eq!((explanation.as_deref(), server_reference.as_deref()), (Some("late"), Some("b.c:1883")));
}

#[test]
fn a_subscription_that_is_refused_is_told() {
    let refusing = || {
        let (accepted, refused): (&[u8], &[u8]) = (b"\x20\x02\x00\x00", b"\x90\x03\x00\x01\x80");
        scripted_server(vec![accepted, refused])
    };
    let filters = [Subscription::new(TopicFilter::new("secret").unwrap(), QoS::AtLeastOnce)];
    let client = Client::new("curious");
    let ear = Ear::of(&client);
    client.subscribe_to(&filters).unwrap();
    client.connect(refusing()).unwrap();
    drive(&client, || !ear.told().subscribed.is_empty());
    let refused = SubscriptionState::Refused(ReasonCode::UNSPECIFIED_ERROR);
    assert_eq!(ear.told().subscribed[0].filters, [("secret".into(), refused)]);

    let any = subscribe::RetainedMessages::Include;
    let error = subscribe::simple(refusing(), Options::new("curious"), &filters, 1, any).unwrap_err();
    assert_eq!(error.to_string(), "the server refused the subscription to secret: 0x80 Unspecified error");
}

#[test]
fn an_enhanced_authentication_is_the_programs_to_answer() {
    let challenge: &[u8] = b"\xF0\x08\x18\x06\x15\x00\x03rot";
    let accepted: &[u8] = b"\x20\x09\x00\x00\x06\x15\x00\x03rot";
    let method = Property::AuthenticationMethod("rot");
    let client = Client::with(Options::new("agent").version(Version::V5).properties(&[method]));
    client.on_auth(move |client, auth| {
        assert_eq!(auth.reason, ReasonCode::CONTINUE_AUTHENTICATION);
        client.authenticate(&Auth::continue_with(&[method, Property::AuthenticationData(b"13")])).unwrap();
    });
    client.connect(scripted_server(vec![challenge, accepted])).unwrap();
    drive(&client, || client.is_connected());
    let expiry = Property::SessionExpiryInterval(9);
    let ear = Ear::of(&client);
    client.disconnect_with(&Disconnect::default().properties(&[expiry])).unwrap();
    client.loop_forever().unwrap();
    let log = ear.told().log.clone();
    assert!(log.iter().any(|(level, line)| *level == LogLevel::Error && line.contains("session expiry")), "{log:?}");
}

/// A retained message whose topic is not UTF-8 can't be handed over; nobody is to wonder where it is.
#[test]
fn a_message_that_is_thrown_away_is_told() {
    let fine: &[u8] = b"\x20\x02\x00\x00\x31\x08\x00\x04a/\xFF\xFEhi";
    let client = Client::with(Options::new("reader").version(Version::V311));
    let ear = Ear::of(&client);
    client.connect(scripted_server(vec![fine])).unwrap();
    client.loop_start().unwrap();
    ear.until(|told| told.log.iter().any(|(_, line)| line.contains("thrown away")));
    client.disconnect();
    client.loop_stop();
    let told = ear.told();
    let line = told.log.iter().find(|(_, line)| line.contains("thrown away")).unwrap();
    assert_eq!(line.0, LogLevel::Warning);
    assert!(line.1.contains("a/") && line.1.contains("its topic is none") && told.messages.is_empty(), "{line:?}");
}

#[test]
fn a_server_that_is_not_there_is_told() {
    let client = Client::new("lonely");
    let ear = Ear::of(&client);
    assert!(matches!(client.connect(nobody()), Err(ConnectError::Transport(_))));
    assert!(ear.told().failures.is_empty(), "the caller knows");
    client.connect_async(nobody());
    assert!(matches!(client.loop_forever(), Err(LoopError::Connect(ConnectError::Transport(_)))));
    assert_eq!(ear.told().failures.len(), 1);
    client.configure(|options| options.retry_first_connection(true).reconnect_delay(DELAY, DELAY));
    let failures = ear.clone();
    client.on_connect_fail(move |client, error| {
        failures.change(|told| told.failures.push(error.clone()));
        if failures.told().failures.len() > 3 {
            client.disconnect();
        }
    });
    client.connect_async(nobody());
    client.loop_forever().unwrap();
    assert_eq!(ear.told().attempts, 5);
}

#[test]
fn a_server_that_does_not_answer_tcp_has_its_time() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap(); // accepts, and is silent
    let limits = Limits { connack_timeout: 30, ..Limits::DEFAULT };
    let client = Client::with(Options::new("patient").limits(limits));
    client.connect(listener.local_addr().unwrap()).unwrap();
    let end = loop {
        if let Err(error) = client.loop_once(PATIENCE) {
            break error;
        }
    };
    assert_eq!(end.to_string(), "the server did not answer CONNECT in time");
}

#[test]
fn options_that_cannot_be_said_are_told() {
    let options = Options::new("faulty").properties(&[Property::ServerKeepAlive(1)]);
    let error = Client::with(options).connect(nobody()).unwrap_err();
    assert!(matches!(error, ConnectError::Options(_)), "{error}");
    let broker = Broker::start().unwrap();
    let alone = Options::new("alone").password(b"without a name");
    assert!(matches!(Client::with(alone).connect(broker.address()), Err(ConnectError::Options(_))));
}

#[test]
fn a_lost_session_costs_neither_messages_nor_subscriptions() {
    let broker = Broker::start().unwrap();
    for version in Version::ALL {
        let name = format!("lasting-{version:?}");
        let options = Options::new(&name)
            .version(version)
            .clean_start(CleanStart::First)
            .properties(&[Property::SessionExpiryInterval(60)])
            .reconnect_delay(DELAY, DELAY);
        let client = Client::with(options);
        let ear = Ear::of(&client);
        client.subscribe(&name, QoS::ExactlyOnce).unwrap();
        client.connect(broker.address()).unwrap();
        client.loop_start().unwrap();
        ear.until(|told| told.subscribed.len() == 1);
        let publishing = thread::spawn({
            let (client, name) = (client.clone(), name.clone());
            move || {
                for number in 0..200 {
                    let qos = if number % 2 == 0 { QoS::AtLeastOnce } else { QoS::ExactlyOnce };
                    client.publish(&name, number.to_string(), qos, false).unwrap().wait_for_publish(PATIENCE).unwrap();
                }
            }
        });
        ear.until(|told| told.messages.len() > 20);
        broker.lose_session(&name);
        publishing.join().unwrap();
        ear.until(|told| told.connacks.len() == 2);
        client.publish(&name, "last", QoS::ExactlyOnce, false).unwrap();
        ear.until(|told| told.texts().contains(&"last"));
        client.disconnect();
        client.loop_stop();
        let released = broker.texts(&name);
        assert!((0..200).all(|number| released.contains(&number.to_string())), "{version:?}");
        let told = ear.told();
        let is_new = matches!(told.connacks[1].1, SessionState::New { .. });
        assert!(is_new || version == Version::V31, "{version:?}: {:?}", told.connacks); // whose CONNACK can't say it
        assert!(matches!(told.ends[..], [_, LinkEnd::Disconnected]), "{:?}", told.ends);
        assert_eq!(told.subscribed.len(), 1, "who asks once is answered once");
    }
    assert!(broker.violations().is_empty(), "{:?}", broker.violations());
}

#[test]
fn a_refusal_is_told_and_borne_or_not() {
    let refuses: &[u8] = b"\x20\x02\x00\x05";
    let client = Client::new("unwanted");
    let ear = Ear::of(&client);
    client.configure(|options| options.reconnect_on_failure(false));
    client.connect(blunt_server(vec![refuses])).unwrap();
    let error = client.loop_forever().unwrap_err();
    assert!(matches!(error, LoopError::Ended(LinkEnd::Mqtt(_))), "{error}");
    assert_eq!(ear.told().connacks, [(ReasonCode::NOT_AUTHORIZED, SessionState::Untouched)]);
    assert_eq!(ear.told().ends.len(), 1);
}

/// With a pause of no length the next dial is due at the same moment as the end is told.
#[test]
fn who_bears_no_loss_dials_once() {
    let broker = Broker::start().unwrap();
    for number in 1..=30 {
        let options = Options::new("once").reconnect_delay(Duration::ZERO, DELAY).reconnect_on_failure(false);
        let client = Client::with(options);
        let ear = Ear::of(&client);
        client.connect(broker.address()).unwrap();
        client.loop_start().unwrap();
        ear.until(|told| !told.connacks.is_empty());
        broker.cut("once");
        ear.until(|told| !told.ends.is_empty());
        client.loop_stop();
        assert_eq!(broker.see(|seen| seen.accepted()), number);
    }
}

#[test]
fn an_older_version_or_another_identifier_is_tried_at_once() {
    let (wrong_version, wrong_name, fine): (&[u8], &[u8], &[u8]) =
        (b"\x20\x02\x00\x01", b"\x20\x02\x00\x02", b"\x20\x02\x00\x00");
    let nameless = Options::new("").reconnect_delay(PATIENCE * 9, PATIENCE * 9);
    for (options, refusals, version) in [
        (nameless.clone().fallback(VersionFallback::default()), vec![wrong_version], Version::V311),
        (nameless.clone().fallback(VersionFallback::default()), vec![wrong_version, wrong_version], Version::V31),
        (nameless, vec![wrong_name], Version::V311),
    ] {
        let client = Client::with(options);
        let ear = Ear::of(&client);
        client.loop_start().unwrap();
        let refused = refusals.len();
        client.connect(blunt_server([refusals, vec![fine]].concat())).unwrap();
        ear.until(|told| told.connacks.len() > refused);
        assert_eq!(ear.told().connacks.last().map(|(reason, _)| *reason), Some(ReasonCode::SUCCESS));
        assert_eq!(client.version(), version);
        client.loop_stop();
    }
}

#[test]
fn what_the_queue_drops_and_what_is_forgotten_is_told() {
    let broker = Broker::start().unwrap();
    let limits = Limits { max_queued: 1, overflow: Overflow::DropOldest, ..Limits::DEFAULT };
    let client = Client::with(Options::new("full").limits(limits));
    let ear = Ear::of(&client);
    let infos = ["1", "2"].map(|text| client.publish("a", text, QoS::AtLeastOnce, false).unwrap());
    let dropped = NotPublished::Dropped;
    assert_eq!(infos[0].wait_for_publish(None), Err(WaitError::NotPublished(dropped)));
    assert!(client.discard_session());
    let forgotten = NotPublished::Ended(Cause::Discarded);
    assert_eq!(infos[1].wait_for_publish(None), Err(WaitError::NotPublished(forgotten)));
    client.connect(broker.address()).unwrap();
    assert!(!client.discard_session());
    drive(&client, || ear.told().published.len() == 2);
    let expected = [(infos[0].mid(), Err(dropped)), (infos[1].mid(), Err(forgotten))];
    assert_eq!(ear.told().published, expected);
    assert_eq!(broker.texts("a"), Vec::<String>::new());
}

#[test]
fn a_message_expires_also_without_a_link() {
    let client = Client::with(Options::new("offline").version(Version::V5));
    let ear = Ear::of(&client);
    client.loop_start().unwrap();
    let topic = TopicName::new("a").unwrap();
    let fleeting = Publish::new(topic, b"2").qos(QoS::AtLeastOnce).properties(&[Property::MessageExpiryInterval(1)]);
    let info = client.publish_with(&fleeting).unwrap();
    let expired = NotPublished::Ended(Cause::Expired);
    assert_eq!(info.wait_for_publish(PATIENCE), Err(WaitError::NotPublished(expired)));
    ear.until(|told| told.published == [(info.mid(), Err(expired))]);
    client.loop_stop();
}

#[test]
fn more_messages_than_the_client_can_hold_wait_for_acknowledgements() {
    let broker = Broker::start().unwrap();
    let limits = Limits { max_received: 2, manual_acks: true, ..Limits::DEFAULT };
    let client = Client::with(Options::new("narrow").limits(limits));
    let ear = Ear::of(&client);
    client.subscribe("task", QoS::AtLeastOnce).unwrap();
    client.connect(broker.address()).unwrap();
    client.loop_start().unwrap();
    ear.until(|told| !told.subscribed.is_empty());
    for number in 0..9_u8 {
        broker.publish(&Message::new("task", [b'0' + number]).qos(1));
    }
    for number in 0..9 {
        ear.until(|told| told.ack_tokens.len() > number);
        assert!(ear.told().ack_tokens.len() <= number + 2);
        let ack_token = ear.told().ack_tokens[number];
        client.ack(ack_token).unwrap();
    }
    assert_eq!(ear.told().texts().concat(), "012345678");
    client.disconnect();
    client.loop_stop();
    assert!(broker.is_idle());
}

#[test]
fn messages_that_are_acknowledged_by_hand_wait_for_it() {
    let broker = Broker::start().unwrap();
    let client = Client::with(Options::new("careful").manual_acks(true));
    let ear = Ear::of(&client);
    client.subscribe("task", QoS::ExactlyOnce).unwrap();
    client.connect(broker.address()).unwrap();
    drive(&client, || !ear.told().subscribed.is_empty());
    broker.publish(&Message::new("task", b"one").qos(1));
    broker.publish(&Message::new("task", b"two").qos(1));
    drive(&client, || ear.told().ack_tokens.len() == 2);
    assert!(!broker.is_idle());
    let ack_tokens = ear.told().ack_tokens.clone();
    client.ack(ack_tokens[1]).unwrap();
    client.ack(ack_tokens[0]).unwrap();
    assert!(client.ack(ack_tokens[0]).is_err());
    drive(&client, || broker.is_idle());
}
