//! Whatever a program's wakers, listeners and subscribers do or fail to do, nothing waits for ever: none of them is met under the client's lock.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use pure_mqtt_tokio::{Client, Options, Outgoing, QoS};
use tokio::runtime::{Builder, Runtime};

const PATIENCE: Duration = Duration::from_secs(10);

/// Runs it in a thread, since it may be one that never ends.
fn bounded(test: impl FnOnce() + Send + 'static) {
    let (done, is_done) = channel();
    std::thread::spawn(move || {
        test();
        done.send(()).unwrap();
    });
    is_done.recv_timeout(PATIENCE).expect("it waits for ever, or has panicked");
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// There is no server.
fn options() -> Options {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("mqtt://{}", listener.local_addr().unwrap());
    Options::new("locked").server(url.parse().unwrap())
}

fn message() -> Outgoing {
    Outgoing::new("a", "b").qos(QoS::AtLeastOnce)
}

/// Uses the client when it is woken: an executor may run the task at once.
struct Eager {
    client: Client,
    is_woken: AtomicBool,
}

impl Wake for Eager {
    fn wake(self: Arc<Self>) {
        self.client.stats();
        self.is_woken.store(true, Ordering::Relaxed);
    }
}

#[test]
fn whoever_listens_to_events_may_be_run_by_its_waker() {
    bounded(|| {
        runtime().block_on(async {
            let (client, mut driver) = Client::new(options()).unwrap();
            let mut events = client.events();
            let listener = Arc::new(Eager { client, is_woken: AtomicBool::new(false) });
            let mut event = pin!(events.recv());
            let waker = Waker::from(Arc::clone(&listener));
            assert!(event.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            poll_fn(|cx| {
                assert!(Pin::new(&mut driver).poll(cx).is_pending());
                if listener.is_woken.load(Ordering::Relaxed) { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
        });
    });
}

/// Uses the client when it is dropped: the last waker of a task may own all that the task holds.
struct Owner(Client);

impl Wake for Owner {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.stats();
    }
}

/// Polls by a task that is gone, but for its waker, and then by another.
fn poll_twice(client: &Client, mut future: impl Future + Unpin) {
    let first = Waker::from(Arc::new(Owner(client.clone())));
    assert!(Pin::new(&mut future).poll(&mut Context::from_waker(&first)).is_pending());
    drop(first);
    assert!(Pin::new(&mut future).poll(&mut Context::from_waker(Waker::noop())).is_pending());
}

/// Polls by a task that is gone, but for its waker, and is itself dropped.
fn poll_once(client: &Client, mut future: impl Future + Unpin) {
    let waker = Waker::from(Arc::new(Owner(client.clone())));
    assert!(Pin::new(&mut future).poll(&mut Context::from_waker(&waker)).is_pending());
}

#[test]
fn the_last_waker_of_a_task_may_own_it() {
    for poll in [poll_twice as fn(&Client, Pin<Box<dyn Future<Output = ()>>>), poll_once] {
        bounded(move || {
            let runtime = runtime();
            let _guard = runtime.enter();
            let (client, driver) = Client::new(options().queue(1, 1_000)).unwrap();
            let mut subscription = client.subscribe("a", QoS::AtMostOnce).unwrap();
            let (of, delivery) = (client.clone(), client.try_publish(message()).unwrap());
            poll(
                &client,
                Box::pin(async move {
                    let _ = delivery.await;
                }),
            );
            let (again, full) = (client.clone(), client.try_publish(message()));
            drop(full); // the message before may have left the room
            let full = async move { while again.publish_with(message()).await.is_ok() {} };
            poll(&client, Box::pin(full));
            poll(&client, Box::pin(async move { drop(subscription.recv().await) }));
            poll(&of, Box::pin(driver));
        });
    }
}

/// Keeps the thread of the log waiting when that wakes the driver, once.
struct Gate(Mutex<Option<(Sender<()>, Receiver<()>)>>);

impl Wake for Gate {
    fn wake(self: Arc<Self>) {
        if std::thread::current().name() == Some("mqtt-store") {
            let gate = self.0.lock().unwrap().take();
            if let Some((arrived, open)) = gate {
                arrived.send(()).unwrap();
                open.recv().unwrap();
            }
        }
    }
}

/// Opens it as soon as nobody else has it.
fn reopened(options: &Options) -> usize {
    let start = Instant::now();
    loop {
        match Client::new(options.clone()) {
            Ok((client, _)) => return client.recovered().len(),
            Err(error) => assert!(start.elapsed() < PATIENCE, "{error}"),
        }
        std::thread::yield_now();
    }
}

#[test]
fn the_thread_of_the_log_may_be_the_last_that_has_the_client() {
    let folder = tempfile::tempdir().unwrap();
    let options = options().store(folder.path());
    let runtime = runtime();
    let _guard = runtime.enter();
    let (client, mut driver) = Client::new(options.clone()).unwrap();
    let ((arrived, has_arrived), (open, is_open)) = (channel(), channel());
    let waker = Waker::from(Arc::new(Gate(Mutex::new(Some((arrived, is_open))))));
    let mut publish = || {
        drop(client.try_publish(message()).unwrap());
        assert!(Pin::new(&mut driver).poll(&mut Context::from_waker(&waker)).is_pending());
    };
    publish();
    has_arrived.recv_timeout(PATIENCE).unwrap();
    publish(); // what is handed to the thread now is not yet written
    drop((driver, client));
    open.send(()).unwrap();
    assert_eq!(reopened(&options), 2);
}

#[cfg(feature = "tracing")]
mod told {
    use pure_mqtt_tokio::Version;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Metadata, Subscriber};

    use super::*;

    /// A subscriber that fails when a link is down.
    struct Faulty;

    impl Subscriber for Faulty {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            metadata.fields().field("why").is_some()
        }
        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }
        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn event(&self, _: &Event<'_>) {
            panic!("the subscriber fails");
        }
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    /// Answers a message, and says in the same breath that it is all.
    async fn answer(mut link: DuplexStream) -> DuplexStream {
        for (kind, answer) in [(0x10, &[0x20, 3, 0, 0, 0][..]), (0x32, &[0x40, 2, 0, 1, 0xE0, 2, 0x8B, 0])] {
            let mut head = [0; 2];
            link.read_exact(&mut head).await.unwrap();
            link.read_exact(&mut vec![0; usize::from(head[1])]).await.unwrap();
            assert_eq!(head[0], kind);
            link.write_all(answer).await.unwrap();
        }
        link
    }

    #[test]
    fn whoever_waits_is_woken_though_a_subscriber_panics() {
        let _default = tracing::subscriber::set_default(Faulty);
        runtime().block_on(async {
            let (near, far) = tokio::io::duplex(1_024);
            let near = Mutex::new(Some(near));
            let options = super::options().version(Version::V5).connector(move |_| {
                let near = near.lock().unwrap().take();
                async { near.ok_or_else(|| std::io::ErrorKind::ConnectionRefused.into()) }
            });
            let client = Client::spawn(options).unwrap();
            let delivery = client.try_publish(message()).unwrap();
            let waiting = tokio::spawn(delivery); // a time-out would poll it, and hide that nobody has woken it
            let (end, _far) = tokio::join!(tokio::time::timeout(PATIENCE, waiting), answer(far));
            end.expect("nobody has woken it").unwrap().expect("it was acknowledged");
        });
    }
}
