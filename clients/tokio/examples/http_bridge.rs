//! HTTP in front of MQTT requests: `POST /request/TOPIC` publishes the body as a request, and answers with the reply.
//!
//! ```text
//! cargo run -p pure-mqtt-tokio --example http_bridge
//! ```
//!
//! Nothing has to be installed: it starts the test broker of this project, a program that doubles numbers, and the bridge. Then it sends some requests to the bridge, prints the
//! answers, and exits. To use your own server, keep [`bridge`] and the functions that it calls.
//!
//! | status | when |
//! |---|---|
//! | 200 | the reply, as it came |
//! | 400 | the path is no topic to publish to |
//! | 404, 405 | another path, another method |
//! | 413 | the body is longer than a mebibyte, or than the server takes |
//! | 502 | the server refused the request |
//! | 503 | the client is shut down |
//! | 504 | no reply arrived in time |
//!
//! An HTTP client that goes away drops the future of its request: before it was accepted nothing is published, and afterwards the reply is thrown away.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use pure_mqtt_tokio::{Client, End, NotDelivered, Options, QoS, Refusal, RequestError, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// How long the bridge waits, for room in the queue as well. A real one waits longer.
const PATIENCE: Duration = Duration::from_millis(500);
/// Longer bodies are refused.
const MAX_BODY: usize = 1 << 20;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let broker = pure_mqtt_test_broker::Broker::start()?;
    let server: Server = format!("mqtt://{}", broker.address()).parse()?;
    let answerer = Client::spawn(Options::new("answerer").server(server.clone()))?;
    let mut questions = answerer.subscribe("math/double", QoS::AtLeastOnce)?;
    questions.granted().await?;
    tokio::spawn(async move {
        while let Some(question) = questions.recv().await {
            let number: i64 = question.text().and_then(|text| text.parse().ok()).unwrap_or_default();
            if let Err(error) = answerer.reply(&question, (2 * number).to_string()).await {
                eprintln!("{error}");
            }
        }
    });

    let client = Client::spawn(Options::new("http-bridge").server(server))?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(bridge(listener, client.clone()));

    let (status, reply) = post(address, "/request/math/double", "21").await?;
    println!("twice 21 is {reply} ({status})");
    assert_eq!((status, reply.as_str()), (200, "42"));
    let (status, reason) = post(address, "/request/nobody/home", "?").await?;
    println!("nobody answers: {reason} ({status})");
    assert_eq!(status, 504);
    let (status, reason) = post(address, "/request/all/%23", "?").await?;
    println!("a filter is no topic: {reason} ({status})");
    assert_eq!(status, 400);
    client.shutdown(Duration::from_secs(5)).await;
    let (status, reason) = post(address, "/request/math/double", "21").await?;
    println!("after the end: {reason} ({status})");
    assert_eq!(status, 503);
    Ok(())
}

/// Serves HTTP until its task ends.
async fn bridge(listener: TcpListener, client: Client) {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                eprintln!("a connection could not be taken: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await; // out of sockets, say
                continue;
            }
        };
        let client = client.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| answer(&client, request));
            if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await {
                eprintln!("a connection broke: {error}");
            }
        });
    }
}

async fn answer(client: &Client, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (status, body) = match asked(client, request).await {
        Ok(reply) => (StatusCode::OK, reply),
        Err((status, why)) => (status, why.into()),
    };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    Ok(response)
}

/// The reply, or the status and the reason.
async fn asked(client: &Client, request: Request<Incoming>) -> Result<Bytes, (StatusCode, String)> {
    let wrong = |status, why: &str| (status, why.to_string());
    let Some(topic) = request.uri().path().strip_prefix("/request/") else {
        return Err(wrong(StatusCode::NOT_FOUND, "ask for /request/TOPIC"));
    };
    if request.method() != Method::POST {
        return Err(wrong(StatusCode::METHOD_NOT_ALLOWED, "use POST"));
    }
    let topic = percent_decode_str(topic).decode_utf8();
    let topic = topic.map_err(|_| wrong(StatusCode::BAD_REQUEST, "the topic is not UTF-8"))?.into_owned();
    let body = Limited::new(request.into_body(), MAX_BODY).collect().await;
    let body = body.map_err(|error| (StatusCode::PAYLOAD_TOO_LARGE, error.to_string()))?.to_bytes();
    let reply = timeout(PATIENCE, client.request(topic, body, QoS::AtLeastOnce, PATIENCE)).await;
    match reply.unwrap_or(Err(RequestError::TimedOut)) {
        Ok(reply) => Ok(reply.payload),
        Err(error) => Err((status(&error), error.to_string())),
    }
}

fn status(error: &RequestError) -> StatusCode {
    match error {
        RequestError::TimedOut | RequestError::NotDelivered(NotDelivered::Ended(End::Expired)) => {
            StatusCode::GATEWAY_TIMEOUT
        }
        RequestError::NotAccepted(error) => match error.why {
            Refusal::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
            Refusal::Invalid => StatusCode::BAD_REQUEST,
            Refusal::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            _ => StatusCode::BAD_GATEWAY,
        },
        RequestError::NotDelivered(NotDelivered::NoDriver | NotDelivered::Ended(End::Shutdown)) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        _ => StatusCode::BAD_GATEWAY,
    }
}

/// A small HTTP client, to try the bridge: the status and the body.
async fn post(address: SocketAddr, path: &str, body: &str) -> Result<(u16, String), Box<dyn Error>> {
    let mut stream = TcpStream::connect(address).await?;
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut response = String::new();
    stream.read_to_string(&mut response).await?;
    let (head, body) = response.split_once("\r\n\r\n").ok_or("no response")?;
    let status = head.split(' ').nth(1).ok_or("no status")?.parse()?;
    Ok((status, body.into()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_says_what_it_should() -> Result<(), Box<dyn std::error::Error>> {
        super::main()
    }
}
