//! What a PC has instead of a board: sockets, random numbers, files.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use async_io::Async;
use embedded_io_adapters::futures_03::FromFutures;
use pure_mqtt_embassy::{Options, RunError, RxBuffer};
use rand_core::{CryptoRngCore, OsRng, RngCore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::secure::{self, Tls};
use crate::station::{LONGEST_PACKET, Station};

/// Keeps `mqtt` connected to `server` by TLS over a socket of the PC.
///
/// # Errors
/// [`RunError`]
pub async fn secure_links(
    mqtt: &Station,
    server: SocketAddr,
    options: &Options<'_>,
    tls: &mut Tls<'_, impl CryptoRngCore>,
    random: impl Fn() -> u32,
) -> Result<(), RunError> {
    let mut rx = RxBuffer::<LONGEST_PACKET>::new();
    let mut runner = mqtt.runner(&mut rx, options)?;
    while !runner.is_done() {
        if let Some(stream) =
            runner.dial(&mut async || Async::<TcpStream>::connect(server).await).await
        {
            secure::link(&mut runner, FromFutures::new(&stream), tls).await?;
        }
        runner.pause(random()).await;
    }
    Ok(())
}

/// A random number.
pub fn random() -> u32 {
    OsRng.next_u32()
}

/// The first certificate in a PEM file, in DER.
///
/// # Errors
/// A sentence that names the file.
pub fn certificate(file: &Path) -> Result<Vec<u8>, String> {
    let read = CertificateDer::from_pem_file(file);
    read.map(|certificate| certificate.to_vec())
        .map_err(|error| format!("{}: no certificate: {error}.", file.display()))
}
