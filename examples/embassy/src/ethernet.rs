//! The client over a socket of embassy-net.

use embassy_net::tcp::TcpSocket;
use embassy_net::{IpEndpoint, Stack};
use embassy_time::{Duration, with_timeout};
use pure_mqtt_embassy::{Halves, Options, RunError, RxBuffer, Split};
use rand_core::CryptoRngCore;

use crate::secure::{self, Tls};
use crate::station::{LONGEST_PACKET, Station};

/// Bytes of a socket's buffer, in each direction.
const SOCKET: usize = 1024;

/// How long the last bytes of a link may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// A task: keeps `mqtt` connected to `server` by TCP, until
/// [`Mqtt::disconnect`](pure_mqtt_embassy::Mqtt::disconnect).
///
/// The socket works in two halves, so that reading goes on while a flush waits for the
/// acknowledgement of the server's TCP.
///
/// # Errors
/// [`RunError`]
pub async fn links(
    mqtt: &Station,
    stack: Stack<'_>,
    server: IpEndpoint,
    options: &Options<'_>,
    random: impl Fn() -> u32,
) -> Result<(), RunError> {
    let (mut received, mut unsent) = ([0; SOCKET], [0; SOCKET]);
    let mut rx = RxBuffer::<LONGEST_PACKET>::new();
    let mut runner = mqtt.runner(&mut rx, options)?;
    while !runner.is_done() {
        let mut socket = TcpSocket::new(stack, &mut received, &mut unsent);
        if runner.dial(&mut async || socket.connect(server).await).await.is_some() {
            let (reader, writer) = socket.split();
            runner.link(Split { reader, writer }).await?;
        }
        hang_up(&mut socket).await;
        runner.pause(random()).await;
    }
    Ok(())
}

/// The same with TLS on it.
///
/// # Errors
/// [`RunError`]
pub async fn secure_links(
    mqtt: &Station,
    stack: Stack<'_>,
    server: IpEndpoint,
    options: &Options<'_>,
    tls: &mut Tls<'_, impl CryptoRngCore>,
    random: impl Fn() -> u32,
) -> Result<(), RunError> {
    let (mut received, mut unsent) = ([0; SOCKET], [0; SOCKET]);
    let mut rx = RxBuffer::<LONGEST_PACKET>::new();
    let mut runner = mqtt.runner(&mut rx, options)?;
    while !runner.is_done() {
        let mut socket = TcpSocket::new(stack, &mut received, &mut unsent);
        if runner.dial(&mut async || socket.connect(server).await).await.is_some() {
            let (reader, writer) = socket.split();
            secure::link(&mut runner, &Halves::new(reader, writer), tls).await?;
        }
        hang_up(&mut socket).await;
        runner.pause(random()).await;
    }
    Ok(())
}

/// Closes the connection in order. A socket that is dropped says nothing to the server,
/// which then waits for it.
async fn hang_up(socket: &mut TcpSocket<'_>) {
    socket.close();
    if with_timeout(FAREWELL, socket.flush()).await.is_err() {
        socket.abort();
    }
}
