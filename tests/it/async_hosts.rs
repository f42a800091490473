//! The async hosts of the guide, from the same files, against a scripted server, in virtual time.

#[path = "../../src/guide/hosts/tokio.rs"]
#[allow(dead_code, reason = "a page shows more than a test uses")]
mod tokio_host;
/// Two files, shown as one.
#[allow(dead_code, reason = "a page shows more than a test uses")]
mod embassy_host {
    include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/hosts/embassy.rs"));
    include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/hosts/embassy_links.rs"));
}

use crate::shown::pair::Server;
use embassy_time::MockDriver;
use pure_mqtt::{
    Backoff, Connect, Connection, ConnectionError, Disconnect, Event, Fixed, Heap, Instant, Limits, Outcome, Publish,
    QoS, RxBuffer, TopicName, Version,
};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::mpsc;
use tokio_host::{Command, Host};

/// What happened, in order.
#[derive(Default)]
struct Log {
    messages: usize,
    completed: usize,
    ended: Vec<ConnectionError>,
}

impl tokio_host::App for Log {
    fn event(&mut self, _: &mut Connection<Heap>, _: Instant, event: Event<'_>) {
        match event {
            Event::Message(_) => self.messages += 1,
            Event::PubComp(_) => self.completed += 1,
            _ => {}
        }
    }

    fn outcome(&mut self, outcome: Outcome) {
        panic!("{outcome:?}");
    }

    fn ended(&mut self, reason: ConnectionError) {
        self.ended.push(reason);
    }
}

fn connect() -> Connect<'static> {
    Connect::new(Version::V311, "async").clean_start(false)
}

/// The server's side of a link that breaks after so many bytes from the client.
async fn serve(server: &mut Server, mut stream: DuplexStream, mut carries: usize) {
    server.hang_up();
    let mut bytes = [0; 5];
    while let Ok(count @ 1..) = stream.read(&mut bytes).await {
        server.input(&bytes[..count.min(carries)]);
        carries -= count.min(carries);
        let output = std::mem::take(&mut server.output);
        if carries == 0 || stream.write_all(&output).await.is_err() {
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn tokio_loses_nothing_over_links_that_break() {
    for carries in (1..400).step_by(7) {
        let (sender, commands) = mpsc::channel(16);
        let mut host = Host::new(commands);
        let (mut server, mut log) = (Server::default(), Log::default());
        for number in 0..3_u8 {
            let command = Command { topic: "t".into(), payload: vec![number; 50], qos: QoS::ExactlyOnce };
            sender.send(command).await.unwrap();
        }
        drop(sender);
        for carries in [carries, carries + 30, usize::MAX] {
            let (near, far) = duplex(16);
            let (mut reader, mut writer) = tokio::io::split(near);
            let link = async {
                host.link(&mut reader, &mut writer, &connect(), &mut log).await.unwrap();
            };
            tokio::join!(link, serve(&mut server, far, carries));
        }
        assert_eq!(server.taken.len(), 3, "cut after {carries} bytes");
        assert_eq!((log.completed, log.ended.len()), (3, 3));
        assert_eq!(log.ended[2], ConnectionError::Disconnected);
    }
}

/// The server stops reading in the middle of a message: what it says is read all the same, and the keep alive ends the link.
#[tokio::test(start_paused = true)]
async fn tokio_reads_while_a_write_is_stuck_and_keeps_its_deadlines() {
    let (sender, commands) = mpsc::channel(16);
    let (mut host, mut log) = (Host::new(commands), Log::default());
    let (near, mut far) = duplex(64);
    let (mut reader, mut writer) = tokio::io::split(near);
    let start = tokio::time::Instant::now();
    let connect = connect();
    let link = host.link(&mut reader, &mut writer, &connect, &mut log);
    let server = async {
        let mut bytes = [0; 64];
        assert!(far.read(&mut bytes).await.unwrap() > 0);
        far.write_all(b"\x20\x02\x00\x00").await.unwrap();
        let payload = vec![7; 20_000];
        sender.send(Command { topic: "t".into(), payload, qos: QoS::AtLeastOnce }).await.unwrap();
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_secs(10)).await;
            far.write_all(b"\x30\x04\x00\x01ax").await.unwrap();
        }
        tokio::time::sleep(Duration::from_secs(10_000)).await;
        drop(far);
    };
    tokio::select! {
        opened = link => opened.unwrap(),
        () = server => panic!("the link does not end"),
    }
    assert_eq!(log.messages, 5);
    assert_eq!(log.ended, [ConnectionError::KeepAliveTimeout]);
    assert!(start.elapsed() < Duration::from_secs(200), "{:?}", start.elapsed());
}

/// Nobody answers CONNECT.
#[tokio::test(start_paused = true)]
async fn tokio_gives_up_on_a_server_that_says_nothing() {
    let (_sender, commands) = mpsc::channel(16);
    let (mut host, mut log) = (Host::new(commands), Log::default());
    let (near, _far) = duplex(16);
    let (mut reader, mut writer) = tokio::io::split(near);
    host.link(&mut reader, &mut writer, &connect(), &mut log).await.unwrap();
    assert_eq!(log.ended, [ConnectionError::ConnAckTimeout]);
}

/// A line with two ends, for one task.
struct Wire<'w> {
    server: &'w RefCell<Server>,
    down: VecDeque<u8>,
    carries: usize,
    is_stuck: bool,
}

struct Half<'h, 'w>(&'h RefCell<Wire<'w>>);

impl embedded_io_async::ErrorType for Half<'_, '_> {
    type Error = embedded_io_async::ErrorKind;
}

impl embedded_io_async::Read for Half<'_, '_> {
    async fn read(&mut self, room: &mut [u8]) -> Result<usize, Self::Error> {
        std::future::poll_fn(|_| {
            let wire = &mut *self.0.borrow_mut();
            wire.down.extend(wire.server.borrow_mut().output.drain(..));
            let count = room.len().min(wire.down.len()).min(3);
            for (place, byte) in room.iter_mut().zip(wire.down.drain(..count)) {
                *place = byte;
            }
            match count {
                0 if wire.carries == 0 => Poll::Ready(Ok(0)), // the end
                0 => Poll::Pending,
                count => Poll::Ready(Ok(count)),
            }
        })
        .await
    }
}

impl embedded_io_async::Write for Half<'_, '_> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        std::future::poll_fn(|_| {
            let wire = &mut *self.0.borrow_mut();
            let count = bytes.len().min(wire.carries).min(5);
            if wire.is_stuck {
                return Poll::Pending;
            }
            wire.carries -= count;
            wire.server.borrow_mut().input(&bytes[..count]);
            Poll::Ready(if count == 0 { Err(embedded_io_async::ErrorKind::BrokenPipe) } else { Ok(count) })
        })
        .await
    }

    async fn flush(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}

type Board = Connection<Fixed<512, 8, 8>>;

/// Publishes three readings, and leaves when they are done, unless it is to stay.
struct Readings {
    left: u8,
    stays: bool,
}

impl embassy_host::App<Fixed<512, 8, 8>> for Readings {
    fn event(&mut self, _: &mut Board, _: Instant, _: Event<'_>) {}

    fn outcome(&mut self, outcome: Outcome) {
        panic!("{outcome:?}");
    }

    fn act(&mut self, mqtt: &mut Board, now: Instant) -> Option<Instant> {
        if let Some(left) = self.left.checked_sub(1).filter(|_| mqtt.is_connected()) {
            let payload = [left; 40];
            let reading = Publish::new(TopicName::from_static("board"), &payload).qos(QoS::ExactlyOnce);
            self.left -= u8::from(mqtt.publish(now, &reading).is_ok());
        }
        if self.left == 0 && mqtt.is_idle() && mqtt.is_connected() && !self.stays {
            let _ = mqtt.disconnect(now, &Disconnect::default());
        }
        (self.left > 0).then(|| now.after_millis(20))
    }
}

/// Polls to the end; whenever nothing moves, ten milliseconds pass.
fn run<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..1_000_000 {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        MockDriver::get().advance(embassy_time::Duration::from_millis(10));
    }
    panic!("it does not end");
}

/// One test, since there is one clock.
#[test]
fn embassy_loses_nothing_and_keeps_its_deadlines() {
    let server = RefCell::new(Server::default());
    let link = |host: &mut embassy_host::Host<'_, _, 128>, app: &mut Readings, carries, is_stuck| {
        server.borrow_mut().hang_up();
        let wire = RefCell::new(Wire { server: &server, down: VecDeque::new(), carries, is_stuck });
        run(host.link(&mut Half(&wire), &mut Half(&wire), &connect(), app, 1)).unwrap()
    };
    for carries in (1..300).step_by(11) {
        *server.borrow_mut() = Server::default();
        let mut mqtt = Board::new(Fixed::new(), Limits { inline_max: 128, ..Limits::DEFAULT });
        let mut rx = RxBuffer::new();
        let (mqtt, rx) = (&mut mqtt, &mut rx);
        let mut host = embassy_host::Host { mqtt, rx, backoff: Backoff::default(), must_start_clean: false };
        let mut app = Readings { left: 3, stays: false };
        for carries in [carries, carries + 20, usize::MAX] {
            link(&mut host, &mut app, carries, false);
        }
        assert!(host.mqtt.is_idle());
        assert_eq!(server.borrow().taken.len(), 3, "cut after {carries} bytes");
    }
    // A writer that takes nothing.
    let mut mqtt = Board::new(Fixed::new(), Limits { inline_max: 128, ..Limits::DEFAULT });
    let mut rx = RxBuffer::new();
    let (mqtt, rx) = (&mut mqtt, &mut rx);
    let mut host = embassy_host::Host { mqtt, rx, backoff: Backoff::default(), must_start_clean: false };
    let start = embassy_time::Instant::now();
    link(&mut host, &mut Readings { left: 0, stays: true }, usize::MAX, true);
    assert!(start.elapsed() < embassy_time::Duration::from_secs(30));
}
