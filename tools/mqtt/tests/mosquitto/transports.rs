//! The ways to a server: TLS, WebSocket, Unix sockets, URLs, several servers, a proxy that isn't there.

use std::process::{Command, Output};

use crate::certificates::Authority;
use crate::program::{mqtt, printed, run};
use crate::server::Mosquitto;

/// `mqtt COMMAND LINE`.
fn call(command: &str, line: &str) -> Output {
    let mut program: Command = mqtt();
    program.arg(command).args(["--timeout", "20"]).args(line.split(' '));
    run(program, "")
}

/// Publishes over this way and reads it back over the same one.
#[track_caller]
fn there_and_back(way: &str) {
    printed(call("pub", &format!("{way} -t way -m here -q 1 -r")));
    assert_eq!(printed(call("sub", &format!("{way} -t way -C 1"))), "here\n", "{way}");
}

/// The configuration of a listener for WebSocket. Mosquitto doesn't start without a second one that speaks plain MQTT.
fn websockets(listener: &str, authority: &Authority) -> String {
    let path = authority.file().with_file_name("other.sock");
    format!("protocol websockets\n{listener}listener 0 {}\n", path.display())
}

#[track_caller]
fn refused(way: &str, code: i32, sentence: &str) {
    let output = call("pub", &format!("{way} -t a -m x"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{way}: {errors}");
    assert!(errors.contains(sentence), "{way}: {errors}");
}

/// Row 44 of the field's list: as mosquitto_pub, mqttx and others have it.
#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn the_short_options_are_those_that_hands_know() {
    let broker = Mosquitto::with_user("ada", "lovelace");
    let port = broker.port;
    printed(call("pub", &format!("-h 127.0.0.1 -p {port} -u ada -P lovelace -t a -m x -q 1 -r -i me -k 30 -V mqttv5")));
    broker.await_log("Received PUBLISH from me (d0, q1, r1");
    assert_eq!(printed(call("sub", &format!("-h 127.0.0.1 -p {port} -u ada -P lovelace -t a -C 1"))), "x\n");
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn urls_and_unix_sockets() {
    let authority = Authority::new(); // for its folder
    let path = authority.file().with_file_name("mqtt.sock");
    let broker = Mosquitto::with(&format!("allow_anonymous true\nlistener 0 {}\n", path.display()));
    let (port, path) = (broker.port, path.display());
    for way in [
        format!("-L mqtt://127.0.0.1:{port}"),
        format!("-h mqtt://127.0.0.1:{port}"),
        format!("--unix {path}"),
        format!("-L unix:{path}"),
        format!("-L mqtt://127.0.0.1:1 -L mqtt://127.0.0.1:{port}"),
    ] {
        there_and_back(&way);
    }
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn websocket() {
    let authority = Authority::new(); // for its folder
    let broker = Mosquitto::with(&websockets("allow_anonymous true\n", &authority));
    let port = broker.port;
    there_and_back(&format!("-L ws://127.0.0.1:{port}/mqtt"));
    there_and_back(&format!("-h 127.0.0.1 -p {port} --websocket --ws-header X-Token=abc"));
    refused(&format!("-h 127.0.0.1 -p {port} --ws-header X-Token=abc"), 2, "headers are sent only over WebSocket");
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn tls() {
    let authority = Authority::new();
    let broker = Mosquitto::with(&authority.listener("localhost"));
    let (port, ca) = (broker.port, authority.file());
    let ca = ca.display();
    there_and_back(&format!("-h localhost -p {port} --cafile {ca}"));
    there_and_back(&format!("-L mqtts://localhost:{port} --cafile {ca} --alpn mqtt"));
    there_and_back(&format!("-h 127.0.0.1 -p {port} --cafile {ca} --insecure"));
    there_and_back(&format!("-h 127.0.0.1 -p {port} --cafile {ca} --server-name localhost"));
    there_and_back(&format!("-h localhost -p {port} --insecure"));
    refused(&format!("-h 127.0.0.1 -p {port} --cafile {ca}"), 1, "for localhost, not for 127.0.0.1");
    let stranger = Authority::new();
    let other = stranger.file();
    refused(&format!("-h localhost -p {port} --cafile {} --insecure", other.display()), 1, "certificate");
    refused(&format!("-L mqtt://localhost:{port} --cafile {ca}"), 2, "write mqtts:// or wss://");
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn tls_with_a_certificate_of_the_client_and_websocket() {
    let authority = Authority::new();
    let (certificate, key) = authority.issue("lamp");
    let listener = format!("{}require_certificate true\n", authority.listener("localhost"));
    let ca = authority.file();
    let own = format!("--cafile {} --cert {} --key {}", ca.display(), certificate.display(), key.display());
    let broker = Mosquitto::with(&listener);
    there_and_back(&format!("-h localhost -p {} {own}", broker.port));
    let broker = Mosquitto::with(&websockets(&listener, &authority));
    there_and_back(&format!("-L wss://localhost:{}/mqtt {own}", broker.port));
}
