//! Through a proxy, over TLS, over WebSocket, over a Unix socket, and over several of them: the client against the project's own broker, behind servers that take their time.
#![cfg(all(feature = "proxy", feature = "tls", feature = "websocket"))]
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use pure_mqtt_test_broker::Broker;
use pure_mqtt_tokio::rustls::ServerConfig;
use pure_mqtt_tokio::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use pure_mqtt_tokio::{Client, Event, LinkEnd, Options, Proxy, QoS, Server, TlsOptions};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::{self, http::HeaderValue};

const PATIENCE: Duration = Duration::from_secs(10);
/// Enough short messages that packets are coalesced.
const SHORT: u32 = 1_000;

/// Passes a connection on.
async fn pass_on(mut from: impl AsyncRead + AsyncWrite + Unpin, to: SocketAddr) {
    let mut to = TcpStream::connect(to).await.unwrap();
    let _ = copy_bidirectional(&mut from, &mut to).await; // until one of them ends
}

/// An HTTP proxy that leads to `to`, whatever it is asked for, with this status. Its answer comes byte by byte.
async fn proxy(to: SocketAddr, status: &'static str) -> Proxy {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            for byte in format!("HTTP/1.1 {status}\r\n\r\n").bytes() {
                stream.write_u8(byte).await.unwrap();
                tokio::task::yield_now().await;
            }
            pass_on(stream, to).await;
        }
    });
    format!("http://{address}").parse().unwrap()
}

/// TLS in front of `to`, and the certificate.
async fn tls(to: SocketAddr) -> (SocketAddr, String) {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_string()]).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(certified.key_pair.serialize_der()));
    let chain = vec![certified.cert.der().clone()];
    let provider = Arc::new(pure_mqtt_tokio::rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(chain, key).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(stream) = acceptor.accept(stream).await {
                pass_on(stream, to).await;
            }
        }
    });
    (address, certified.cert.pem())
}

/// A WebSocket server in front of `to`.
async fn websocket(to: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let upgrades = tokio_tungstenite::accept_hdr_async(stream, speaks_mqtt).await;
            let (mut near, mut far) = (upgrades.unwrap(), TcpStream::connect(to).await.unwrap());
            let mut room = vec![0; 4_096];
            loop {
                tokio::select! {
                    message = near.next() => match message {
                        Some(Ok(tungstenite::Message::Binary(bytes))) => far.write_all(&bytes).await.unwrap(),
                        Some(Ok(_)) => {}
                        Some(Err(_)) | None => break,
                    },
                    read = far.read(&mut room) => match read {
                        Ok(count) if count > 0 => {
                            let message = tungstenite::Message::binary(room[..count].to_vec());
                            near.send(message).await.unwrap();
                        }
                        _ => break,
                    },
                }
            }
        }
    });
    address
}

#[allow(clippy::result_large_err, clippy::unnecessary_wraps)] // as the library wants it
fn speaks_mqtt(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    assert_eq!(request.headers()["sec-websocket-protocol"], "mqtt");
    response.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("mqtt"));
    Ok(response)
}

/// One message of many bytes, and many of few.
async fn is_served(server: Server) {
    let client = Client::spawn(Options::new("layers").server(server)).unwrap();
    let mut echo = client.subscribe("a", QoS::AtLeastOnce).unwrap();
    let long = "x".repeat(300_000); // more than a socket takes at once
    let served = async {
        client.publish("a", long.clone(), QoS::ExactlyOnce).await.unwrap().await.unwrap();
        assert_eq!(echo.recv().await.unwrap().text(), Some(long.as_str()));
        let publishes = async {
            for number in 0..SHORT {
                drop(client.publish("a", number.to_string(), QoS::AtLeastOnce).await.unwrap());
            }
        };
        let receives = async {
            for number in 0..SHORT {
                assert_eq!(echo.recv().await.unwrap().text(), Some(number.to_string().as_str()));
            }
        };
        tokio::join!(publishes, receives);
        client.shutdown(PATIENCE).await;
    };
    timeout(PATIENCE, served).await.expect("it takes too long");
}

#[tokio::test]
async fn through_a_proxy() {
    let broker = Broker::start().unwrap();
    let proxy = proxy(broker.address(), "200 OK").await;
    is_served("mqtt://broker.example".parse::<Server>().unwrap().proxy(proxy)).await;
}

#[tokio::test]
async fn over_tls() {
    let broker = Broker::start().unwrap();
    let (address, certificate) = tls(broker.address()).await;
    let server = || format!("mqtts://localhost:{}", address.port()).parse::<Server>().unwrap();
    is_served(server().tls(TlsOptions::new().pin_certificate(certificate.clone()).build().unwrap())).await;

    let tls = TlsOptions::new().pin_certificate(certificate).build().unwrap();
    let proxy = proxy(address, "200 OK").await;
    is_served(server().tls(tls).proxy(proxy)).await;
}

#[tokio::test]
async fn over_websocket() {
    let broker = Broker::start().unwrap();
    let address = websocket(broker.address()).await;
    is_served(format!("ws://{address}/mqtt").parse().unwrap()).await;

    let (address, certificate) = tls(address).await;
    let tls = TlsOptions::new().pin_certificate(certificate).build().unwrap();
    is_served(format!("wss://localhost:{}/mqtt", address.port()).parse::<Server>().unwrap().tls(tls)).await;
}

#[cfg(unix)]
#[tokio::test]
async fn over_a_unix_socket() {
    let broker = Broker::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mqtt");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let to = broker.address();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            pass_on(stream, to).await;
        }
    });
    is_served(format!("unix://{}", path.display()).parse().unwrap()).await;
}

#[tokio::test]
async fn a_proxy_that_refuses_is_told() {
    let broker = Broker::start().unwrap();
    let proxy = proxy(broker.address(), "403 Forbidden").await;
    let server = "mqtt://broker.example".parse::<Server>().unwrap().proxy(proxy);
    let client = Client::spawn(Options::new("layers").server(server)).unwrap();
    let mut events = client.events();
    let event = timeout(PATIENCE, events.recv()).await.expect("it takes too long").unwrap();
    match &*event {
        Event::LinkDown { why: LinkEnd::NotDialed(_, why), .. } => assert!(why.contains("403"), "{why}"),
        other => panic!("{other:?}"),
    }
}
