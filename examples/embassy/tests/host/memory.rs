//! How much memory TLS takes: measured, and told with `--nocapture`.

use std::net::{SocketAddr, TcpStream};

use async_io::Async;
use embedded_io_adapters::futures_03::FromFutures;
use embedded_tls::pki::CertVerifier;
use embedded_tls::{
    Aes128GcmSha256, Certificate, CryptoProvider, MaxFragmentLength, TlsConfig, TlsConnection, TlsContext, TlsError,
    TlsVerifier,
};
use rand_core::{CryptoRngCore, OsRng};

use crate::certificates::Authority;

const NAME: &str = "broker.test";

struct Provider<'a>(CertVerifier<'a, Aes128GcmSha256, std::time::SystemTime, 1024>);

impl CryptoProvider for Provider<'_> {
    type CipherSuite = Aes128GcmSha256;
    type Signature = [u8; 0];

    fn rng(&mut self) -> impl CryptoRngCore {
        OsRng
    }

    fn verifier(&mut self) -> Result<&mut impl TlsVerifier<Aes128GcmSha256>, TlsError> {
        Ok(&mut self.0)
    }
}

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
    let provider = Provider(CertVerifier::new(Certificate::X509(authority)));
    let mut connection = TlsConnection::new(FromFutures::new(&stream), &mut received, &mut unsent);
    let open = connection.open(TlsContext::new(&config, provider));
    let size = size_of_val(&open);
    (open.await, size)
}

/// The smallest length from 64 on, in steps of 16, with which `works`.
fn smallest(mut works: impl FnMut(usize) -> bool) -> Option<usize> {
    (4..=1040).map(|step| step * 16).find(|length| works(*length))
}

#[test]
fn the_memory_of_tls() {
    let authority = Authority::new();
    let broker = authority.broker(NAME, 4000);
    let open =
        |lengths, fragment| async_io::block_on(handshake(broker.secure, &authority.certificate, lengths, fragment));
    let (result, future) = open((16_640, 1024), None);
    result.unwrap();
    let connection = size_of::<TlsConnection<'_, FromFutures<&Async<TcpStream>>, Aes128GcmSha256>>();
    println!("connection {connection}, verifier {}, future of the handshake {future} bytes", size_of::<Provider<'_>>());
    let read = smallest(|length| open((length, 1024), None).0.is_ok()).unwrap();
    let write = smallest(|length| open((16_640, length), None).0.is_ok()).unwrap();
    println!("against mosquitto a handshake needs {read} bytes for reading and {write} for writing");
    for fragment in
        [MaxFragmentLength::Bits9, MaxFragmentLength::Bits10, MaxFragmentLength::Bits11, MaxFragmentLength::Bits12]
    {
        let result = open((16_640, 1024), Some(fragment)).0;
        println!("with {fragment:?}: {result:?}");
    }
}
