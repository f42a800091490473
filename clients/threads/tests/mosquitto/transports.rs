//! All ways to a server.

use pure_mqtt_client::pure_mqtt::{QoS, Version};
use pure_mqtt_client::{Client, ConnectError, Options, Server, TlsError, TlsOptions};

use crate::certificates::Authority;
use crate::server::Mosquitto;
use crate::support::{Ear, drive};

/// Longer than a socket takes at once.
const LARGE: usize = 900_000;
/// Mosquitto sends 4 KiB every tenth of a second over WebSocket.
const LARGE_FOR_WEBSOCKET: usize = 9_000;

/// Sends a short and a long message there and back.
fn exchange(server: &Server, length: usize) {
    for version in Version::ALL {
        let client = Client::with(Options::new(&format!("client-{version:?}")).version(version));
        let ear = Ear::of(&client);
        client.on_subscribe(move |client, _| {
            client.publish("echo", "short", QoS::AtLeastOnce, false).unwrap();
            client.publish("echo", vec![b'x'; length], QoS::ExactlyOnce, false).unwrap();
        });
        client.subscribe("echo", QoS::ExactlyOnce).unwrap();
        client.connect(server.clone()).unwrap_or_else(|error| panic!("{version:?}: {error}"));
        drive(&client, || ear.told().messages.len() == 2 && client.is_idle());
        assert_eq!(ear.told().texts()[0], "short");
        assert!(ear.told().messages[1].payload == vec![b'x'; length]);
        client.disconnect();
        client.loop_forever().unwrap();
    }
}

fn refusal(server: Server) -> String {
    match Client::new("refused").connect(server) {
        Err(error @ (ConnectError::Transport(_) | ConnectError::Layer(_))) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

/// The configuration of a listener for WebSocket. A second listener is there because mosquitto 2.0.11 doesn't start without one that speaks plain MQTT.
fn websockets(listener: &str, authority: &Authority) -> String {
    let path = authority.file().with_file_name("other.sock");
    format!("protocol websockets\n{listener}listener 0 {}\n", path.display())
}

fn tls(authority: &Authority) -> TlsOptions {
    TlsOptions::new().ca_file(authority.file())
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn tcp() {
    let broker = Mosquitto::start();
    exchange(&Server::tcp("localhost", broker.port), LARGE);
}

#[test]
#[cfg(unix)]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn a_unix_socket() {
    let authority = Authority::new(); // for its folder
    let path = authority.file().with_file_name("mqtt.sock");
    let broker = Mosquitto::with(&format!("allow_anonymous true\nlistener 0 {}\n", path.display()));
    exchange(&Server::unix(&path), LARGE);
    drop(broker);
    assert!(refusal(Server::unix("/nowhere/at/all")).contains("No such file"));
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn websocket() {
    let authority = Authority::new(); // for its folder
    let broker = Mosquitto::with(&websockets("allow_anonymous true\n", &authority));
    exchange(
        &Server::tcp("127.0.0.1", broker.port).websocket("/mqtt").unwrap().header("X-Token", "abc").unwrap(),
        LARGE_FOR_WEBSOCKET,
    );
    let plain = Mosquitto::start();
    refusal(Server::tcp("127.0.0.1", plain.port).websocket("/mqtt").unwrap());
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn tls_with_the_right_certificate_and_no_other() {
    let authority = Authority::new();
    let broker = Mosquitto::with(&authority.listener("localhost"));
    let server = Server::tcp("localhost", broker.port);
    exchange(&server.clone().tls(tls(&authority).build().unwrap()), LARGE);

    let stranger = Authority::new();
    let sentence = refusal(server.clone().tls(tls(&stranger).build().unwrap()));
    assert!(sentence.contains("certificate"), "{sentence}");
    let sentence = refusal(server.tls(tls(&stranger).dangerously_accept_any_name().build().unwrap()));
    assert!(sentence.contains("certificate"), "{sentence}");

    let by_address = Server::tcp("127.0.0.1", broker.port);
    let sentence = refusal(by_address.clone().tls(tls(&authority).build().unwrap()));
    assert!(sentence.contains("for localhost, not for 127.0.0.1"), "{sentence}");
    exchange(&by_address.tls(tls(&authority).dangerously_accept_any_name().build().unwrap()), LARGE);
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn tls_with_a_certificate_of_the_client() {
    let authority = Authority::new();
    let broker = Mosquitto::with(&format!("{}require_certificate true\n", authority.listener("localhost")));
    let server = Server::tcp("localhost", broker.port);
    let (certificate, key) = authority.issue("lamp");
    exchange(&server.tls(tls(&authority).client_certificate(certificate, key).build().unwrap()), LARGE);
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn websocket_over_tls() {
    let authority = Authority::new();
    let broker = Mosquitto::with(&websockets(&authority.listener("localhost"), &authority));
    let tls = tls(&authority).build().unwrap();
    exchange(&Server::tcp("localhost", broker.port).tls(tls).websocket("/mqtt").unwrap(), LARGE_FOR_WEBSOCKET);
}

#[test]
fn files_without_certificates_are_named() {
    let missing = TlsOptions::new().ca_file("/nowhere/ca.pem").build();
    assert!(matches!(missing, Err(TlsError::Unreadable { .. })), "{missing:?}");
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let wrong = TlsOptions::new().ca_file(manifest).build().unwrap_err();
    assert!(wrong.to_string().contains(manifest), "{wrong}");
}
