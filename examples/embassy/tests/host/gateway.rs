//! The other end of the cable: a stack of its own, and behind it mosquitto on this PC.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};

use async_io::Async;
use embassy_futures::join::join3;
use embassy_futures::select::select3;
use embassy_net::tcp::TcpSocket;
use embassy_net::{Config, IpEndpoint, Ipv4Cidr, Stack, StaticConfigV4};
use embassy_time::{Duration, with_timeout};
use embedded_io_adapters::futures_03::FromFutures;
use embedded_io_async::{Read, Write};

use crate::play::{CONNECTIONS, Signal};

const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 168, 69, 1);
const PORT: u16 = 1883;

/// Where the station finds mosquitto.
pub const SERVER: IpEndpoint =
    IpEndpoint::new(embassy_net::IpAddress::Ipv4(ADDRESS), PORT);

/// The configuration of a stack: the gateway's is number 1.
pub fn config(number: u8) -> Config {
    let [a, b, c, _] = ADDRESS.octets();
    let address = Ipv4Cidr::new(Ipv4Addr::new(a, b, c, number), 24);
    Config::ipv4_static(StaticConfigV4 {
        address,
        gateway: None,
        dns_servers: Default::default(),
    })
}

/// Takes connections, and carries their bytes to mosquitto and back. A signal cuts a connection.
pub async fn serve(stack: Stack<'_>, broker: SocketAddr, cuts: &[Signal; CONNECTIONS]) {
    let [first, second, third] = cuts;
    join3(
        take(stack, broker, first),
        take(stack, broker, second),
        take(stack, broker, third),
    )
    .await;
}

async fn take(stack: Stack<'_>, broker: SocketAddr, cut: &Signal) {
    let (mut received, mut unsent) = ([0; 4096], [0; 4096]);
    loop {
        let mut socket = TcpSocket::new(stack, &mut received, &mut unsent);
        socket.accept(PORT).await.unwrap();
        cut.reset();
        let Ok(server) = Async::<TcpStream>::connect(broker).await else { continue };
        let (reader, writer) = socket.split();
        let up = carry(reader, FromFutures::new(&server));
        let down = carry(FromFutures::new(&server), writer);
        select3(up, down, cut.wait()).await;
        socket.abort();
        let _ = with_timeout(Duration::from_secs(1), socket.flush()).await; // the reset leaves, if the cable carries it
    }
}

/// Until either side has ended.
async fn carry(mut from: impl Read, mut to: impl Write) {
    let mut bytes = [0; 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}
