//! TLS by embedded-tls between the client and any socket that can be cloned.

use embassy_time::{Duration, with_timeout};
use embedded_io_async::{Read, Write};
use embedded_tls::pki::CertVerifier;
use embedded_tls::{
    Aes128GcmSha256, Certificate, CryptoProvider, TlsConfig, TlsConnection, TlsContext, TlsError, TlsVerifier,
};
use pure_mqtt_embassy::{Client, RunError, Runner, Split};
use rand_core::CryptoRngCore;

/// Bytes of the longest certificate that a server may show.
const CERTIFICATE: usize = 1024;

/// How long the last record of a connection may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// The clock that tells whether a certificate is valid now. A chip without one uses `NoClock`, and takes certificates that have expired.
type Clock = std::time::SystemTime;

type Verifier<'a> = CertVerifier<'a, Aes128GcmSha256, Clock, CERTIFICATE>;

/// The settings of TLS and the memory for it; for one connection after the other.
pub struct Tls<'a, R> {
    config: TlsConfig<'a>,
    provider: Provider<'a, R>,
    records: (&'a mut [u8], &'a mut [u8]),
    on_failure: &'a dyn Fn(TlsError),
}

impl<'a, R: CryptoRngCore> Tls<'a, R> {
    /// For a server with a certificate for `name` that the authority has signed, whose own certificate is `authority`, in DER.
    ///
    /// `records` are the buffers of what comes and what leaves. A server may send records of 16,640 bytes, which then have to fit into the first one.
    /// `on_failure` hears why a handshake failed.
    pub fn new(
        name: &'a str,
        authority: &'a [u8],
        random: R,
        records: (&'a mut [u8], &'a mut [u8]),
        on_failure: &'a dyn Fn(TlsError),
    ) -> Self {
        let verifier = Verifier::new(Certificate::X509(authority));
        let config = TlsConfig::new().with_server_name(name);
        Self { config, provider: Provider { random, verifier }, records, on_failure }
    }
}

/// One link over `socket`, if the server is who it should be.
///
/// The connection is split: embedded-tls keeps the start of a record in the future of a read, so that no read may be dropped before its end.
///
/// # Errors
/// [`RunError`]
pub async fn link<const N: usize>(
    runner: &mut Runner<'_, impl Client, N>,
    socket: impl Read + Write + Clone,
    tls: &mut Tls<'_, impl CryptoRngCore>,
) -> Result<(), RunError> {
    let Tls { config, provider, records: (received, unsent), on_failure } = tls;
    let mut connection = TlsConnection::new(socket, received, unsent);
    let mut open =
        async || connection.open(TlsContext::new(config, &mut *provider)).await.inspect_err(|error| on_failure(*error));
    if runner.dial(&mut open).await.is_some() {
        let (reader, writer) = connection.split();
        runner.link(Split { reader, writer }).await?;
        let _ = with_timeout(FAREWELL, connection.close()).await; // the server may be gone
    }
    Ok(())
}

/// What embedded-tls asks for.
struct Provider<'a, R> {
    random: R,
    verifier: Verifier<'a>,
}

impl<R: CryptoRngCore> CryptoProvider for Provider<'_, R> {
    type CipherSuite = Aes128GcmSha256;
    type Signature = [u8; 0]; // of the client, which has no certificate

    fn rng(&mut self) -> impl CryptoRngCore {
        &mut self.random
    }

    fn verifier(&mut self) -> Result<&mut impl TlsVerifier<Aes128GcmSha256>, TlsError> {
        Ok(&mut self.verifier)
    }
}
