//! What is said last: by a server that closes while the client writes, and by the client as it leaves.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpListener;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver as Signal, channel};
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
            if let Some(found) = wanted(&events.recv().await.unwrap()) {
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
            let (client, mut driver) =
                client(Faulty { stream: near, fault: Fault::Reads, begins: Arc::clone(&begins) });
            let mut events = client.events();
            tokio::join!(accept(&mut server), until(&mut driver, &mut events, is_up));
            begins.store(true, Ordering::Relaxed);
            tokio::join!(client.shutdown(Duration::ZERO), driver);
        });
        done.send(()).unwrap();
    });
    is_done.recv_timeout(PATIENCE).expect("its farewell never ends");
}

/// A server that writes messages all the time, and begins to read when it is told to. What it has read at the end of the stream.
fn busy_server(listener: &TcpListener, begin: &Signal<()>) -> io::Result<Vec<u8>> {
    let (mut link, _) = listener.accept()?;
    let mut head = [0; 2];
    link.read_exact(&mut head)?;
    link.read_exact(&mut vec![0; usize::from(head[1])])?;
    link.write_all(&[0x20, 3, 0, 0, 0])?;
    let mut writer = link.try_clone()?;
    std::thread::spawn(move || while writer.write_all(&[0x30, 4, 0, 1, b'a', 0]).is_ok() {});
    begin.recv().unwrap();
    let (mut all, mut room) = (Vec::new(), [0; 256]);
    loop {
        match link.read(&mut room)? {
            0 => break,
            count => all.extend_from_slice(&room[..count]),
        }
    }
    let _ = link.shutdown(std::net::Shutdown::Both); // the client may have closed its side
    Ok(all)
}

#[test]
fn a_program_that_ends_after_the_shutdown_has_said_everything() {
    (0..5).for_each(|_| end_after_shutdown());
}

fn end_after_shutdown() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("mqtt://{}", listener.local_addr().unwrap());
    let (begin, begins) = channel();
    let server = std::thread::spawn(move || busy_server(&listener, &begins));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let options = Options::new("words").version(Version::V5).server(url.parse().unwrap());
        let client = Client::spawn(options).unwrap();
        let delivery = client.publish("a", vec![7; 1 << 20], QoS::AtMostOnce).await.unwrap();
        timeout(PATIENCE, delivery).await.unwrap().expect("it has left");
        begin.send(()).unwrap();
        timeout(PATIENCE, client.shutdown(PATIENCE)).await.unwrap();
    });
    drop(runtime); // as the end of main does
    let read = server.join().unwrap().expect("the end of the stream, not an error");
    assert!(read.ends_with(&[0xE0, 0]), "DISCONNECT is missing after {} bytes", read.len());
}
