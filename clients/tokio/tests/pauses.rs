//! Under load the driver looks at its socket from time to time only. Whatever meets such a pause is seen all the same: silence, the end of the stream, the end of the program.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::future::Future;
use std::time::Duration;

use pure_mqtt_tokio::{Client, Options, QoS, Qos0Queue, Subscription, SubscriptionOptions, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);
/// So many packets, each written by itself: far more than it takes for pauses to begin.
const BURST: u16 = 1_000;

async fn soon<F: Future>(future: F) -> F::Output {
    timeout(PATIENCE, future).await.expect("it takes too long")
}

/// A server that writes packet by packet.
struct Server {
    listener: TcpListener,
}

impl Server {
    async fn start() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    fn options(&self) -> Options {
        let delay = Duration::from_millis(1);
        let url = format!("mqtt://{}", self.listener.local_addr().unwrap());
        Options::new("load").version(Version::V311).server(url.parse().unwrap()).reconnect_delay(delay, delay)
    }

    fn client(&self) -> (Client, Subscription) {
        let client = Client::spawn(self.options()).unwrap();
        let subscription = subscribe(&client);
        (client, subscription)
    }

    /// A link whose client has connected and subscribed. The first one only ends the session that there may have been, in 3.1.1.
    async fn accept(&self) -> TcpStream {
        loop {
            let (mut link, _) = soon(self.listener.accept()).await.unwrap();
            link.set_nodelay(true).unwrap();
            packet(&mut link, 0x10).await.expect("CONNECT");
            link.write_all(&[0x20, 2, 0, 0]).await.unwrap();
            if let Some(subscribe) = packet(&mut link, 0x82).await {
                link.write_all(&[0x90, 3, subscribe[0], subscribe[1], 0]).await.unwrap();
                return link;
            }
        }
    }
}

/// Whatever a burst brings may wait.
fn subscribe(client: &Client) -> Subscription {
    let options = SubscriptionOptions::new().qos0(Qos0Queue::DropNewest(2 * BURST));
    client.subscribe_with(&[("load", QoS::AtMostOnce)], options).unwrap()
}

/// The body of the next packet of this kind; others are passed over.
async fn packet(link: &mut TcpStream, kind: u8) -> Option<Vec<u8>> {
    loop {
        let mut head = [0; 2];
        soon(link.read_exact(&mut head)).await.ok()?;
        let mut body = vec![0; usize::from(head[1])];
        soon(link.read_exact(&mut body)).await.ok()?;
        if head[0] == kind {
            return Some(body);
        }
    }
}

/// A message at QoS 0 with this number.
async fn send(link: &mut TcpStream, number: u16) {
    let [high, low] = number.to_be_bytes();
    soon(link.write_all(&[0x30, 8, 0, 4, b'l', b'o', b'a', b'd', high, low])).await.unwrap();
    tokio::task::yield_now().await;
}

async fn receive(subscription: &mut Subscription, number: u16) {
    let message = soon(subscription.recv()).await.expect("the client has ended");
    assert_eq!(message.payload, &number.to_be_bytes()[..]);
}

async fn burst(link: &mut TcpStream, subscription: &mut Subscription) {
    let send = async {
        for number in 0..BURST {
            send(link, number).await;
        }
    };
    let receive = async {
        for number in 0..BURST {
            receive(subscription, number).await;
        }
    };
    tokio::join!(send, receive);
}

async fn silence_ends_with_the_next_message() {
    let server = Server::start().await;
    let (client, mut subscription) = server.client();
    let mut link = server.accept().await;
    for number in 0..8 {
        burst(&mut link, &mut subscription).await;
        send(&mut link, number).await;
        receive(&mut subscription, number).await;
        // Nothing is under way. Whoever waits for the server alone is woken by it.
        tokio::time::sleep(Duration::from_millis(u64::from(number % 4))).await;
        send(&mut link, number).await;
        receive(&mut subscription, number).await;
    }
    soon(client.shutdown(Duration::ZERO)).await;
}

async fn the_end_of_a_link_is_seen() {
    let server = Server::start().await;
    let (client, mut subscription) = server.client();
    for _ in 0..5 {
        let mut link = server.accept().await;
        burst(&mut link, &mut subscription).await;
        drop(link); // in the middle of a pause, or just behind it
    }
    let link = server.accept().await;
    soon(client.shutdown(Duration::ZERO)).await;
    drop(link);
}

async fn the_end_of_the_program_is_not_kept_waiting() {
    let server = Server::start().await;
    let (client, mut subscription) = server.client();
    let mut link = server.accept().await;
    burst(&mut link, &mut subscription).await;
    let delivery = soon(client.publish("last", "words", QoS::AtMostOnce)).await.unwrap();
    soon(client.shutdown(PATIENCE)).await;
    soon(delivery).await.unwrap();
    assert_eq!(packet(&mut link, 0x30).await.unwrap(), b"\x00\x04lastwords");
    packet(&mut link, 0xE0).await.expect("DISCONNECT");
}

async fn a_driver_that_is_dropped_leaves_the_way_to_another() {
    let server = Server::start().await;
    let (client, mut driver) = Client::new(server.options()).unwrap();
    let mut subscription = subscribe(&client);
    for _ in 0..3 {
        let program = async {
            let mut link = server.accept().await;
            burst(&mut link, &mut subscription).await;
            link
        };
        tokio::select! {
            _ = program => {}
            () = &mut driver => panic!("it has ended"),
        }
        drop(driver);
        driver = client.driver().expect("none is left");
    }
}

#[tokio::test]
async fn in_one_thread() {
    silence_ends_with_the_next_message().await;
    the_end_of_a_link_is_seen().await;
    the_end_of_the_program_is_not_kept_waiting().await;
    a_driver_that_is_dropped_leaves_the_way_to_another().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_two_threads() {
    silence_ends_with_the_next_message().await;
    the_end_of_a_link_is_seen().await;
    the_end_of_the_program_is_not_kept_waiting().await;
    a_driver_that_is_dropped_leaves_the_way_to_another().await;
}
