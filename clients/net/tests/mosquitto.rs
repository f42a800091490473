//! The stack against a real mosquitto, over real sockets: each way there is, directly and through a proxy.
//!
//! Every test starts a mosquitto of its own and kills it at the end; how, is the engine's tests' to know. No test sleeps.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[allow(dead_code)] // these tests don't need all of it
#[path = "../../threads/tests/mosquitto/certificates.rs"]
mod certificates;
#[allow(dead_code)]
#[path = "../../../tests/mosquitto/server.rs"]
mod server;

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use pure_mqtt_net::{DialPlan, DialStep, Endpoint, Failure, Proxy, Server, Stack, TlsOptions};

use crate::certificates::Authority;
use crate::server::Mosquitto;

const PATIENCE: Duration = Duration::from_secs(10);

trait Socket: Read + Write {}
impl<S: Read + Write> Socket for S {}

fn dial(server: &Server) -> Box<dyn Socket> {
    let (host, port) = match server.dial_target() {
        Endpoint::Tcp { host, port } => (host, port),
        #[cfg(unix)]
        Endpoint::Unix(path) => {
            let socket = std::os::unix::net::UnixStream::connect(path).unwrap();
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            return Box::new(socket);
        }
        #[cfg(not(unix))]
        Endpoint::Unix(_) => panic!("there are none here"),
    };
    let mut plan: DialPlan = DialPlan::new((host.as_str(), port).to_socket_addrs().unwrap(), None);
    loop {
        match plan.next(Instant::now()) {
            DialStep::Connect(address) => match TcpStream::connect(address) {
                Ok(socket) => {
                    assert_eq!(plan.succeeded(address), []);
                    socket.set_read_timeout(Some(PATIENCE)).unwrap();
                    return Box::new(socket);
                }
                Err(error) => plan.failed(address, error),
            },
            step => panic!("{step:?}"),
        }
    }
}

/// CONNECT, SUBSCRIBE, a PUBLISH that comes back, DISCONNECT: the conversation in full, both ways.
fn conversation(length: usize) -> (Vec<u8>, Vec<u8>) {
    let payload = vec![b'x'; length];
    let remaining = length + 6;
    let mut publish = vec![0x30];
    let mut rest = remaining;
    while rest >= 128 {
        publish.push((rest % 128) as u8 | 0x80);
        rest /= 128;
    }
    publish.push(rest as u8);
    publish.extend(b"\x00\x04echo");
    publish.extend(payload);
    let request =
        [b"\x10\x0f\x00\x04MQTT\x04\x02\x00\x3c\x00\x03net", &b"\x82\x09\x00\x01\x00\x04echo\x00"[..], &publish]
            .concat();
    (request, [b"\x20\x02\x00\x00\x90\x03\x00\x01\x00", &publish[..]].concat())
}

fn converse(server: &Server, length: usize) -> Result<(), Failure> {
    let mut socket = dial(server);
    let mut stack = Stack::new(server)?;
    let (request, answer) = conversation(length);
    let mut request = &request[..];
    let mut read = Vec::new();
    while stack.closed().is_none() {
        if read.len() >= answer.len() {
            stack.send(b"\xe0\x00");
            stack.finish();
        }
        write(&mut stack, &mut *socket, &mut request);
        if let Some(failure) = stack.failure() {
            return Err(failure.clone());
        }
        let mut room = vec![0; 16 * 1024];
        match socket.read(&mut room) {
            Ok(count @ 1..) => stack.received_slice(&room[..count]),
            Ok(_) => stack.end_of_input(),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => stack.end_of_input(),
            Err(error) => panic!("{error}"),
        }
        read.extend(std::iter::from_fn(|| stack.read()).flatten());
    }
    assert!(read == answer, "{} of {} bytes", read.len(), answer.len());
    Ok(())
}

fn write(stack: &mut Stack, socket: &mut dyn Socket, request: &mut &[u8]) {
    loop {
        *request = &request[stack.send(request)..];
        if stack.transmit().is_empty() {
            return;
        }
        match socket.write(stack.transmit()) {
            Ok(count) => stack.advance(count),
            Err(_) => return, // the reason is read
        }
    }
}

/// Longer than the stack's buffers.
const LARGE: usize = 200_000;
/// Mosquitto sends 4 KiB every tenth of a second over WebSocket.
const LARGE_FOR_WEBSOCKET: usize = 9_000;

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn plain() {
    let broker = Mosquitto::start();
    converse(&format!("mqtt://localhost:{}", broker.port).parse().unwrap(), LARGE).unwrap();
}

#[test]
#[cfg(unix)]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn a_unix_socket() {
    let authority = Authority::new(); // for its folder
    let path = authority.file().with_file_name("mqtt.sock");
    let _broker = Mosquitto::with(&format!("allow_anonymous true\nlistener 0 {}\n", path.display()));
    converse(&format!("unix:{}", path.display()).parse().unwrap(), LARGE).unwrap();
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn tls_directly_and_through_a_proxy() {
    let authority = Authority::new();
    let broker = Mosquitto::with(&authority.listener("localhost"));
    let server: Server = format!("mqtts://localhost:{}", broker.port).parse().unwrap();
    let tls = || TlsOptions::new().ca_file(authority.file());
    let trusting = server.clone().tls(tls().build().unwrap());
    converse(&trusting, LARGE).unwrap();
    converse(&trusting.proxy(proxy()), LARGE).unwrap();
    let other = Authority::new();
    let stranger = TlsOptions::new().ca_file(other.file());
    assert!(matches!(converse(&server.tls(stranger.build().unwrap()), 1), Err(Failure::Tls(_))));
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn websocket_with_and_without_tls() {
    let authority = Authority::new();
    let other = authority.file().with_file_name("other.sock");
    // Mosquitto 2.0.11 doesn't start without a listener that speaks plain MQTT.
    let config = |lines: &str| format!("protocol websockets\n{lines}listener 0 {}\n", other.display());
    let broker = Mosquitto::with(&config("allow_anonymous true\n"));
    converse(&format!("ws://localhost:{}", broker.port).parse().unwrap(), LARGE_FOR_WEBSOCKET).unwrap();
    drop(broker);
    let broker = Mosquitto::with(&config(&authority.listener("localhost")));
    let server: Server = format!("wss://localhost:{}/mqtt", broker.port).parse().unwrap();
    let server = server.tls(TlsOptions::new().ca_file(authority.file()).build().unwrap());
    converse(&server, LARGE_FOR_WEBSOCKET).unwrap();
    converse(&server.proxy(proxy()), LARGE_FOR_WEBSOCKET).unwrap();
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn what_is_wrong_with_a_port_is_told() {
    let broker = Mosquitto::start();
    let tls = TlsOptions::new().dangerously_accept_any_certificate().build().unwrap();
    for (server, word) in [
        (Server::tcp("localhost", broker.port).tls(tls), "mqtt://"),
        (Server::tcp("localhost", broker.port).websocket("/mqtt").unwrap(), "mqtt://"),
    ] {
        let failure = converse(&server, 1).unwrap_err().to_string();
        assert!(failure.contains(word), "{failure}");
    }
}

/// An HTTP proxy for one connection.
fn proxy() -> Proxy {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || -> io::Result<()> {
        let (mut client, _) = listener.accept()?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            client.read_exact(&mut byte)?;
            head.extend(byte);
        }
        let target = String::from_utf8_lossy(&head).split(' ').nth(1).unwrap_or_default().to_owned();
        let mut server = TcpStream::connect(target)?;
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
        let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
        std::thread::spawn(move || io::copy(&mut from_client, &mut to_server));
        io::copy(&mut server, &mut client)?;
        client.shutdown(std::net::Shutdown::Write)
    });
    Proxy::http("127.0.0.1", port)
}
