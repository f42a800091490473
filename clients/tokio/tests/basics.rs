//! The client against the project's own broker, over TCP on loopback.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use pure_mqtt_test_broker::Broker;
use pure_mqtt_tokio::{
    CleanStart, Client, End, Endpoint, Event, Login, NotDelivered, NotGranted, OpenError, Options, Outgoing, QoS,
    Refusal, RequestError, Server, SubscriptionOptions, Version,
};
use tokio::net::TcpStream;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(10);

fn server(broker: &Broker) -> Server {
    format!("mqtt://{}", broker.address()).parse().unwrap()
}

fn options(name: &str, broker: &Broker) -> Options {
    let delay = Duration::from_millis(1);
    Options::new(name).server(server(broker)).reconnect_delay(delay, delay)
}

/// What ends in time.
async fn soon<F: Future>(future: F) -> F::Output {
    timeout(PATIENCE, future).await.expect("it takes too long")
}

#[tokio::test]
async fn each_qos_in_each_version_there_and_back() {
    let broker = Broker::start().unwrap();
    for version in Version::ALL {
        let client = Client::spawn(options(&format!("echo-{version:?}"), &broker).version(version)).unwrap();
        let topic = format!("echo/{version:?}");
        let mut subscription = client.subscribe(&topic, QoS::ExactlyOnce).unwrap();
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            soon(soon(client.publish(topic.as_str(), "x", qos)).await.unwrap()).await.unwrap();
            let message = soon(subscription.recv()).await.unwrap();
            assert_eq!((message.text(), message.qos), (Some("x"), qos), "{version:?}");
        }
        soon(subscription.granted()).await.unwrap();
        soon(subscription.granted()).await.unwrap();
        assert_eq!((client.version(), client.is_connected()), (version, true));
        soon(client.shutdown(PATIENCE)).await;
        assert!(soon(subscription.recv()).await.is_none(), "nothing comes any more");
        let refused = soon(client.publish("late", "x", QoS::AtLeastOnce)).await.unwrap_err();
        assert_eq!((refused.why, refused.message.topic.as_str()), (Refusal::ShuttingDown, "late"));
    }
    assert!(broker.violations().is_empty(), "{:?}", broker.violations());
}

/// Enough that packets are coalesced, where they may be.
#[tokio::test]
async fn under_load_everything_comes_in_order() {
    for coalesces in [true, false] {
        load(|options| options.coalesce(coalesces)).await;
    }
}

/// A stream of the program's own, whose pauses need a thread: while the program has all of them at work, none is waited for.
#[test]
fn under_load_no_thread_is_waited_for() {
    let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).enable_all().build().unwrap();
    let (release, released) = std::sync::mpsc::channel::<()>();
    runtime.spawn_blocking(move || {
        let _ = released.recv();
    });
    runtime.block_on(load(|options| {
        options.connector(|server| async move {
            let Endpoint::Tcp { host, port } = server.endpoint().clone() else { panic!("TCP") };
            let stream = TcpStream::connect((host.as_str(), port)).await?;
            stream.set_nodelay(true)?;
            Ok(stream)
        })
    }));
    drop(release);
}

async fn load(with: impl Fn(Options) -> Options) {
    const MESSAGES: u32 = 5_000;
    let broker = Broker::start().unwrap();
    let client = Client::spawn(with(options("load", &broker))).unwrap();
    let mut subscription = client.subscribe("load", QoS::AtLeastOnce).unwrap();
    soon(subscription.granted()).await.unwrap();
    for _ in 0..500 {
        drop(client.publish("load", "one by one", QoS::AtLeastOnce).await.unwrap()); // each wakes the driver
        assert_eq!(soon(subscription.recv()).await.unwrap().text(), Some("one by one"));
    }
    let publisher = client.clone();
    tokio::spawn(async move {
        for number in 0..MESSAGES {
            drop(publisher.publish("load", number.to_string(), QoS::AtLeastOnce).await.unwrap());
        }
    });
    for number in 0..MESSAGES {
        assert_eq!(soon(subscription.recv()).await.unwrap().text(), Some(number.to_string().as_str()));
    }
    soon(client.shutdown(PATIENCE)).await;
    assert!(broker.violations().is_empty(), "{:?}", broker.violations());
}

#[tokio::test]
async fn without_a_driver_everything_ends_and_another_goes_on() {
    let broker = Broker::start().unwrap();
    let (client, driver) = Client::new(options("orphan", &broker)).unwrap();
    assert!(client.driver().is_none(), "there is one");
    let mut waiting = soon(client.publish("a", "1", QoS::ExactlyOnce)).await.unwrap();
    let dropped = tokio::spawn(async move {
        tokio::task::yield_now().await;
        drop(driver);
    });
    assert_eq!(soon(&mut waiting).await, Err(NotDelivered::NoDriver), "it is woken");
    dropped.await.unwrap();
    assert_eq!(soon(client.flush()).await, Err(NotDelivered::NoDriver));
    soon(client.shutdown(Duration::ZERO)).await;

    let (client, driver) = Client::new(options("orphan", &broker)).unwrap();
    drop(driver);
    let mut waiting = soon(client.publish("a", "1", QoS::ExactlyOnce)).await.unwrap();
    let mut subscription = client.subscribe("a", QoS::ExactlyOnce).unwrap();
    assert_eq!(soon(&mut waiting).await, Err(NotDelivered::NoDriver));
    assert_eq!(soon(subscription.granted()).await, Err(NotGranted::NoDriver));
    tokio::spawn(client.driver().unwrap());
    soon(&mut waiting).await.unwrap();
    soon(subscription.granted()).await.unwrap();
    assert_eq!(soon(subscription.recv()).await.unwrap().text(), Some("1"));
    soon(&mut waiting).await.expect("it may be asked again");
}

#[tokio::test]
async fn with_the_last_handle_the_client_finishes_and_leaves() {
    let broker = Broker::start().unwrap();
    let (client, driver) = Client::new(options("last", &broker)).unwrap();
    let driver = tokio::spawn(driver);
    let subscription = client.subscribe("a", QoS::AtLeastOnce).unwrap();
    for number in 0..50 {
        drop(soon(client.publish("out", number.to_string(), QoS::ExactlyOnce)).await.unwrap());
    }
    drop(client);
    tokio::task::yield_now().await;
    assert!(!driver.is_finished(), "the subscription is a handle too");
    drop(subscription);
    soon(driver).await.unwrap();
    assert_eq!(broker.texts("out").len(), 50);
    assert!(broker.violations().is_empty(), "{:?}", broker.violations());
}

#[tokio::test]
async fn whoever_waits_for_room_is_served_in_order() {
    let broker = Broker::start().unwrap();
    let (client, driver) = Client::new(options("queue", &broker).queue(2, 1 << 20)).unwrap();
    let publish = |number: u32| {
        let client = client.clone();
        tokio::spawn(async move { client.publish("a", number.to_string(), QoS::AtLeastOnce).await.map(drop) })
    };
    let mut tasks = Vec::new();
    for number in 0..6 {
        tasks.push(publish(number));
        tokio::task::yield_now().await;
    }
    let full = client.try_publish(Outgoing::new("a", "x").qos(QoS::AtLeastOnce)).unwrap_err();
    assert_eq!((full.why, full.message.payload.as_ref()), (Refusal::Full, &b"x"[..]));
    tasks[3].abort(); // its turn passes to the next
    tokio::spawn(driver);
    for (number, task) in tasks.into_iter().enumerate() {
        assert_eq!(soon(task).await.is_ok(), number != 3);
    }
    soon(client.flush()).await.unwrap();
    assert_eq!(broker.texts("a"), ["0", "1", "2", "4", "5"]);
}

#[tokio::test]
async fn what_was_accepted_is_delivered_by_the_next_life() {
    let folder = std::env::temp_dir().join(format!("pure-mqtt-tokio-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let broker = Broker::start().unwrap();
    let (client, driver) = Client::new(options("meter", &broker).store(&folder)).unwrap();
    for tag in 0..20 {
        let message = Outgoing { tag, ..Outgoing::new("meter", tag.to_string()).qos(QoS::ExactlyOnce) };
        drop(soon(client.publish_with(message)).await.unwrap());
    }
    let second = Client::new(options("meter", &broker).store(&folder)).unwrap_err();
    assert!(matches!(second, OpenError::Store(_)), "{second}");
    drop((client, driver)); // without ever having had a link

    let client = Client::spawn(options("meter", &broker).store(&folder)).unwrap();
    let recovered = client.recovered();
    assert_eq!(recovered.iter().map(|(_, tag)| *tag).collect::<Vec<_>>(), (0..20).collect::<Vec<_>>());
    for (delivery, tag) in recovered {
        assert_eq!(soon(delivery).await, Ok(()), "{tag}");
    }
    soon(client.shutdown(PATIENCE)).await;
    assert_eq!(broker.texts("meter"), (0..20).map(|tag| tag.to_string()).collect::<Vec<_>>());
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn credentials_are_made_anew_for_each_link() {
    let broker = Broker::start().unwrap();
    broker.configure(|config| config.credentials = Some(("me".into(), b"token 2".to_vec())));
    let count = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&count);
    let options = options("token", &broker).clean_start(CleanStart::Always).credentials(move |_| {
        let number = counted.fetch_add(1, Ordering::Relaxed);
        async move {
            match number {
                0 => Err(std::io::Error::other("the token service is down")),
                _ => Ok(Login {
                    user_name: Some("me".into()),
                    password: Some(format!("token {number}").into()),
                    method: None,
                }),
            }
        }
    });
    let client = Client::spawn(options).unwrap();
    let mut events = client.events();
    soon(soon(client.publish("a", "x", QoS::AtLeastOnce)).await.unwrap()).await.unwrap();
    assert_eq!(count.load(Ordering::Relaxed), 3);
    let mut downs = 0;
    while let Event::LinkDown { .. } = &*soon(events.recv()).await.unwrap() {
        downs += 1;
    }
    assert_eq!(downs, 2);
    broker.configure(|config| config.credentials = Some(("me".into(), b"token 3".to_vec())));
    client.reconnect();
    soon(soon(client.publish("a", "y", QoS::AtLeastOnce)).await.unwrap()).await.unwrap();
}

#[tokio::test]
async fn refusals_are_told() {
    let broker = Broker::start().unwrap();
    broker.configure(|config| config.refuse_subscribe = Some(0x87));
    let client = Client::spawn(options("refused", &broker)).unwrap();
    let mut subscription = client.subscribe("a", QoS::AtLeastOnce).unwrap();
    let denied = soon(subscription.granted()).await.unwrap_err();
    assert!(matches!(denied, NotGranted::Denied(End::Refused(reason)) if reason.0 == 0x87), "{denied}");
    assert_eq!(client.subscribe("a/#/b", QoS::AtLeastOnce).unwrap_err().0, Refusal::Invalid);
    let manual = SubscriptionOptions::new().manual_acks(true);
    assert_eq!(client.subscribe_with(&[], manual).unwrap_err().0, Refusal::Invalid);
    let wrong = soon(client.publish("a/#", "x", QoS::AtLeastOnce)).await.unwrap_err();
    assert_eq!(wrong.why, Refusal::Invalid);
    broker.configure(|config| config.puback_reason = Some(0x97));
    let delivery = soon(client.publish("b", "x", QoS::AtLeastOnce)).await.unwrap();
    let refused = soon(delivery).await.unwrap_err();
    assert!(refused.to_string().contains("0x97"), "{refused}");
    let request = client.request("nobody", "?", QoS::AtMostOnce, Duration::from_millis(20));
    assert_eq!(soon(request).await.unwrap_err(), RequestError::TimedOut);
}

#[tokio::test]
async fn a_withdrawn_message_has_that_end() {
    let broker = Broker::start().unwrap();
    let (client, driver) = Client::new(options("withdrawn", &broker)).unwrap();
    let kept = soon(client.publish("a", "1", QoS::AtLeastOnce)).await.unwrap();
    let withdrawn = soon(client.publish("a", "2", QoS::AtLeastOnce)).await.unwrap();
    assert!(client.withdraw(&withdrawn).is_some());
    tokio::spawn(driver);
    let end = soon(withdrawn).await.unwrap_err();
    assert!(matches!(end, NotDelivered::Ended(End::Withdrawn { may_have_arrived: false })), "{end}");
    soon(kept).await.unwrap();
    assert_eq!(broker.texts("a"), ["1"]);
}
