//! What is said last: by a server that closes while the client writes, and by the client as it leaves.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use pure_mqtt_tokio::{Client, Driver, Event, LinkEnd, Options, QoS, ReasonCode, Transport, Version};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio::sync::broadcast::Receiver;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(10);

/// How a stream misbehaves, once it does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// It takes nothing more.
    Writes,
    /// It has always more to read.
    Reads,
}

struct Faulty {
    stream: DuplexStream,
    fault: Fault,
    begins: Arc<AtomicBool>,
}

impl Faulty {
    fn has(&self, fault: Fault) -> bool {
        self.fault == fault && self.begins.load(Ordering::Relaxed)
    }
}

impl AsyncRead for Faulty {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.has(Fault::Reads) {
            buffer.put_slice(&[0xD0, 0]); // PINGRESP
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Faulty {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.has(Fault::Writes) {
            return Poll::Ready(Err(ErrorKind::BrokenPipe.into()));
        }
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// A client whose only link is this stream.
fn client(stream: impl Transport + 'static) -> (Client, Driver) {
    let stream = Arc::new(Mutex::new(Some(stream)));
    let options = Options::new("words").version(Version::V5).server("mqtt://there".parse().unwrap());
    Client::new(options.connector(move |_| {
        let stream = stream.lock().unwrap().take();
        async { stream.ok_or_else(|| ErrorKind::ConnectionRefused.into()) }
    }))
    .unwrap()
}

async fn accept(server: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    let mut head = [0; 2];
    server.read_exact(&mut head).await.unwrap();
    server.read_exact(&mut vec![0; usize::from(head[1])]).await.unwrap();
    server.write_all(&[0x20, 3, 0, 0, 0]).await.unwrap();
}

/// Drives the client until this has happened.
async fn until<T>(driver: &mut Driver, events: &mut Receiver<Arc<Event>>, wanted: impl Fn(&Event) -> Option<T>) -> T {
    let happens = async {
        loop {
            if let Some(found) = wanted(&*events.recv().await.unwrap()) {
                return found;
            }
        }
    };
    tokio::select! {
        found = timeout(PATIENCE, happens) => found.expect("it takes too long"),
        () = driver => panic!("the driver has ended"),
    }
}

fn is_up(event: &Event) -> Option<()> {
    matches!(event, Event::LinkUp { .. }).then_some(())
}

fn end(event: &Event) -> Option<LinkEnd> {
    if let Event::LinkDown { why, .. } = event { Some(why.clone()) } else { None }
}

#[tokio::test]
async fn a_server_that_closes_while_the_client_writes_is_heard() {
    let (near, mut server) = tokio::io::duplex(4_096);
    let begins = Arc::new(AtomicBool::new(false));
    let (client, mut driver) = client(Faulty { stream: near, fault: Fault::Writes, begins: Arc::clone(&begins) });
    let mut events = client.events();
    tokio::join!(accept(&mut server), until(&mut driver, &mut events, is_up));
    server.write_all(&[0xE0, 2, 0x8E, 0]).await.unwrap();
    drop(server);
    begins.store(true, Ordering::Relaxed);
    let _delivery = client.publish("a", "b", QoS::AtLeastOnce).await.unwrap();
    let end = until(&mut driver, &mut events, end).await;
    let is_heard = matches!(end, LinkEnd::Server { reason: ReasonCode::SESSION_TAKEN_OVER, .. });
    assert!(is_heard, "{end:?}");
}

#[test]
fn a_stream_without_end_does_not_hold_up_the_runtime() {
    let (done, is_done) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (near, mut server) = tokio::io::duplex(4_096);
            let begins = Arc::new(AtomicBool::new(false));
            let (client, mut driver) = client(Faulty { stream: near, fault: Fault::Reads, begins: Arc::clone(&begins) });
            let mut events = client.events();
            tokio::join!(accept(&mut server), until(&mut driver, &mut events, is_up));
            begins.store(true, Ordering::Relaxed);
            tokio::join!(client.shutdown(Duration::ZERO), driver);
        });
        done.send(()).unwrap();
    });
    is_done.recv_timeout(PATIENCE).expect("its farewell never ends");
}
