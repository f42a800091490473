//! How much memory TLS takes: measured, and told with `--nocapture`.

use std::net::{SocketAddr, TcpStream};

use async_io::Async;
use embedded_io_adapters::futures_03::FromFutures;
use embedded_tls::{
    Aes128GcmSha256, MaxFragmentLength, TLS_RECORD_OVERHEAD, TlsConfig, TlsConnection,
    TlsContext, TlsError,
};
use pure_mqtt_embassy_examples::secure::Provider;
use rand_core::OsRng;

use crate::certificates::Authority;

const NAME: &str = "broker.test";

/// What one handshake with buffers of these lengths came to, and how large its future was.
async fn handshake(
    server: SocketAddr,
    authority: &[u8],
    lengths: (usize, usize),
    fragment: Option<MaxFragmentLength>,
) -> (Result<(), TlsError>, usize) {
    let stream = Async::<TcpStream>::connect(server).await.unwrap();
    let (mut received, mut unsent) = (vec![0; lengths.0], vec![0; lengths.1]);
    let mut config = TlsConfig::new().with_server_name(NAME);
    if let Some(fragment) = fragment {
        config = config.with_max_fragment_length(fragment);
    }
    let provider = Provider::new(authority, OsRng);
    let mut connection =
        TlsConnection::new(FromFutures::new(&stream), &mut received, &mut unsent);
    let open = connection.open(TlsContext::new(&config, provider));
    let size = size_of_val(&open);
    (open.await, size)
}

/// The smallest length with which `works`, in steps of 16. A buffer for writing has to hold what a record adds, or embedded-tls panics.
fn smallest(mut works: impl FnMut(usize) -> bool) -> usize {
    let lengths = (TLS_RECORD_OVERHEAD + 16..16_640).step_by(16);
    lengths.into_iter().find(|length| works(*length)).unwrap()
}

#[test]
fn the_memory_of_tls() {
    let authority = Authority::new();
    let broker = authority.broker(NAME, 4000);
    let open = |lengths, fragment| {
        async_io::block_on(handshake(
            broker.secure,
            &authority.certificate,
            lengths,
            fragment,
        ))
    };
    let (result, future) = open((16_640, 1024), None);
    result.unwrap();
    let connection =
        size_of::<TlsConnection<'_, FromFutures<&Async<TcpStream>>, Aes128GcmSha256>>();
    println!(
        "connection {connection}, verifier {}, future of the handshake {future} bytes",
        size_of::<Provider<'_, OsRng>>()
    );
    let read = smallest(|length| open((length, 1024), None).0.is_ok());
    let write = smallest(|length| open((16_640, length), None).0.is_ok());
    println!(
        "against mosquitto a handshake needs {read} bytes for reading and {write} for writing"
    );
    for fragment in [
        MaxFragmentLength::Bits9,
        MaxFragmentLength::Bits10,
        MaxFragmentLength::Bits11,
        MaxFragmentLength::Bits12,
    ] {
        let result = open((16_640, 1024), Some(fragment)).0;
        println!("with {fragment:?}: {result:?}");
    }
}
