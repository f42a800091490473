//! The hosts that run the weather station: what it publishes comes back once, also over a
//! restart of the broker.

use crate::brokers::{Folder, await_listener, lasting};
use crate::certificates;
use crate::program::Program;
use crate::server::{Mosquitto, free_port};

const TCP: &str = env!("CARGO_BIN_EXE_tcp");
const TOKIO: &str = env!("CARGO_BIN_EXE_tokio");
const TLS: &str = env!("CARGO_BIN_EXE_tls");
const WEBSOCKET: &str = env!("CARGO_BIN_EXE_websocket");

/// Every reading came back once and in order.
#[track_caller]
fn are_all(printed: &[String], topic: &str, count: u32) {
    let readings = (1..=count).map(|number| format!("{topic} {number}"));
    let wrong =
        printed.iter().zip(readings).position(|(printed, expected)| *printed != expected);
    assert_eq!(
        wrong,
        None,
        "the first wrong line of {}: {:?}",
        printed.len(),
        wrong.map(|place| &printed[place])
    );
    assert_eq!(printed.len(), count as usize);
}

/// At every QoS all comes back; then the station says goodbye.
fn is_heard(host: &str, broker: &Mosquitto, address: &str) {
    for qos in 0..=2 {
        let arguments = format!(
            "--broker {address} --id station-{qos} --topic a/{qos} --qos {qos} --every 1"
        );
        are_all(
            &Program::host(host, &arguments).finish().well(),
            &format!("a/{qos}"),
            10,
        );
        broker.await_log(&format!("Received DISCONNECT from station-{qos}"));
    }
}

/// The broker is restarted while the station publishes at QoS 2. Nothing is lost and
/// nothing comes twice.
fn outlives_its_broker(host: &str, config: &str, address: impl Fn(&Mosquitto) -> String) {
    let broker = Mosquitto::with(config);
    let arguments = format!(
        "--broker {} --id station --topic a --every 2 --count 300",
        address(&broker)
    );
    let program = Program::host(host, &arguments);
    program.await_lines(100);
    let broker = broker.restart_in_order(config);
    let ended = program.finish();
    assert!(
        ended.errors.contains("again in"),
        "the station never lost its broker: {}",
        ended.errors
    );
    are_all(&ended.well(), "a", 300);
    assert_eq!(
        broker.logged("Sending CONNACK to station (1, 0)"),
        1,
        "the session went on"
    );
}

/// A broker that goes deaf is found out by the keep alive, although its socket stays open
/// and takes bytes. When it hears again all goes on.
fn finds_a_deaf_broker_out(host: &str, broker: &Mosquitto, address: &str) {
    let arguments = format!(
        "--broker {address} --id station --topic a --count 0 --every 50 --keep-alive 1"
    );
    let program = Program::host(host, &arguments);
    program.await_lines(3);
    broker.signal("STOP");
    program
        .await_error("the server did not answer PINGREQ in time, or the transport took no bytes; connecting again in");
    broker.signal("CONT");
    broker.await_log("Sending CONNACK to station (1, 0)");
    program.await_lines(program.lines() + 3);
}

#[test]
fn over_tcp_a_station_is_heard() {
    let broker = Mosquitto::start();
    is_heard(TCP, &broker, &broker.address());
}

#[test]
fn over_tcp_a_station_outlives_its_broker() {
    let folder = Folder::new();
    outlives_its_broker(TCP, &lasting(&folder, ""), Mosquitto::address);
}

#[test]
fn over_tcp_a_station_finds_a_deaf_broker_out() {
    let broker = Mosquitto::start();
    finds_a_deaf_broker_out(TCP, &broker, &broker.address());
}

#[test]
fn with_tokio_a_station_is_heard() {
    let broker = Mosquitto::start();
    is_heard(TOKIO, &broker, &broker.address());
}

#[test]
fn with_tokio_a_station_outlives_its_broker() {
    let folder = Folder::new();
    outlives_its_broker(TOKIO, &lasting(&folder, ""), Mosquitto::address);
}

#[test]
fn with_tokio_a_station_finds_a_deaf_broker_out() {
    let broker = Mosquitto::start();
    finds_a_deaf_broker_out(TOKIO, &broker, &broker.address());
}

/// A station without end is told to stop: what it has published is finished, and only
/// then does it leave.
#[test]
fn with_tokio_a_station_finishes_and_leaves() {
    let broker = Mosquitto::start();
    let arguments =
        format!("--broker {} --id station --count 0 --every 1", broker.address());
    let program = Program::host(TOKIO, &arguments);
    program.await_lines(50);
    program.terminate();
    program.finish().well();
    broker.await_log("Received DISCONNECT from station");
    let published = broker.logged("Received PUBLISH from station");
    assert!(published >= 50);
    assert_eq!(broker.logged("Sending PUBCOMP to station"), published);
}

#[test]
fn over_tls_a_station_is_heard() {
    let (folder, port) = (Folder::new(), free_port());
    certificates::make(&folder, "localhost");
    let broker =
        Mosquitto::with(&lasting(&folder, &certificates::listener(&folder, port)));
    is_heard(
        TLS,
        &broker,
        &format!("localhost:{port} --ca {}", folder.path("ca.pem").display()),
    );
}

#[test]
fn over_tls_a_station_outlives_its_broker() {
    let (folder, port) = (Folder::new(), free_port());
    certificates::make(&folder, "127.0.0.1");
    let config = lasting(&folder, &certificates::listener(&folder, port));
    let address = format!("127.0.0.1:{port} --ca {}", folder.path("ca.pem").display());
    outlives_its_broker(TLS, &config, |_| address.clone());
}

#[test]
fn over_tls_a_station_finds_a_deaf_broker_out() {
    let (folder, port) = (Folder::new(), free_port());
    certificates::make(&folder, "localhost");
    let broker =
        Mosquitto::with(&lasting(&folder, &certificates::listener(&folder, port)));
    finds_a_deaf_broker_out(
        TLS,
        &broker,
        &format!("localhost:{port} --ca {}", folder.path("ca.pem").display()),
    );
}

/// A broker whose certificate is from somebody else, or for somebody else, hears nothing
/// of us.
#[test]
fn over_tls_a_wrong_certificate_is_refused() {
    let (folder, other, port) = (Folder::new(), Folder::new(), free_port());
    certificates::make(&folder, "localhost");
    certificates::make(&other, "localhost");
    let broker =
        Mosquitto::with(&lasting(&folder, &certificates::listener(&folder, port)));
    for (host, ca, sentence) in [
        (
            "localhost",
            &other,
            "the broker cannot be trusted: invalid peer certificate: UnknownIssuer",
        ),
        (
            "127.0.0.1",
            &folder,
            "the broker cannot be trusted: invalid peer certificate: certificate not valid for",
        ),
    ] {
        let arguments =
            format!("--broker {host}:{port} --ca {}", ca.path("ca.pem").display());
        let ended = Program::host(TLS, &arguments).finish();
        assert_eq!(ended.code, Some(1));
        assert!(ended.errors.contains(sentence), "{}", ended.errors);
    }
    assert_eq!(broker.logged("New client connected"), 0);
}

/// mosquitto serves WebSocket on all addresses of the machine whatever it is told, and
/// only beside another listener.
fn websocket_listener(port: u16) -> String {
    format!("listener {port} 127.0.0.1\nprotocol websockets\n")
}

#[test]
fn over_websocket_a_station_is_heard() {
    let (folder, port) = (Folder::new(), free_port());
    let broker = Mosquitto::with(&lasting(&folder, &websocket_listener(port)));
    await_listener(port);
    is_heard(WEBSOCKET, &broker, &format!("ws://127.0.0.1:{port}/mqtt"));
}

#[test]
fn over_websocket_a_station_outlives_its_broker() {
    let (folder, port) = (Folder::new(), free_port());
    let config = lasting(&folder, &websocket_listener(port));
    outlives_its_broker(WEBSOCKET, &config, |_| {
        await_listener(port);
        format!("ws://127.0.0.1:{port}/mqtt")
    });
}

#[test]
fn over_websocket_a_station_finds_a_deaf_broker_out() {
    let (folder, port) = (Folder::new(), free_port());
    let broker = Mosquitto::with(&lasting(&folder, &websocket_listener(port)));
    await_listener(port);
    finds_a_deaf_broker_out(WEBSOCKET, &broker, &format!("ws://127.0.0.1:{port}/mqtt"));
}
