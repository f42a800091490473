//! TLS by embedded-tls between the client and any socket that can be cloned.

use embassy_time::{Duration, with_timeout};
use embedded_io_async::{Read, Write};
use embedded_tls::pki::CertVerifier;
use embedded_tls::{
    Aes128GcmSha256, Certificate, CryptoProvider, MaxFragmentLength, TlsConfig,
    TlsConnection, TlsContext, TlsError, TlsVerifier,
};
use pure_mqtt_embassy::{Client, RunError, Runner, Split};
use rand_core::CryptoRngCore;

/// Bytes of the certificates that a server may show: its own, and those between it and
/// the authority.
const CERTIFICATE: usize = 1024;

/// How long the last record of a connection may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// The clock that tells whether a certificate is valid now. A chip without one uses
/// `NoClock`, and takes certificates that have expired.
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
    /// For a server with a certificate for `name` that the authority has signed, whose
    /// own certificate is `authority`, in DER.
    ///
    /// `records` are the buffers of what comes and what leaves, at least 1,280 and 256
    /// bytes: see [`fragments`]. `on_failure` hears why a handshake failed.
    pub fn new(
        name: &'a str,
        authority: &'a [u8],
        random: R,
        records: (&'a mut [u8], &'a mut [u8]),
        on_failure: &'a dyn Fn(TlsError),
    ) -> Self {
        let mut config = TlsConfig::new().with_server_name(name);
        if let Some(longest) = fragments(records.0.len()) {
            config = config.with_max_fragment_length(longest);
        }
        Self { config, provider: Provider::new(authority, random), records, on_failure }
    }
}

/// What a server is asked for so that its records fit into a buffer of this length (RFC
/// 6066); `None` where all fit. OpenSSL, which mosquitto uses, heeds it; with a server
/// that doesn't, a link ends at a record that is too long.
pub fn fragments(buffer: usize) -> Option<MaxFragmentLength> {
    /// What a record adds to its fragment, with padding.
    const RECORD: usize = 256;
    let lengths = [
        (16_384, None),
        (4_096, Some(MaxFragmentLength::Bits12)),
        (2_048, Some(MaxFragmentLength::Bits11)),
    ];
    let fitting = lengths.into_iter().find(|(length, _)| length + RECORD <= buffer);
    fitting.map_or(Some(MaxFragmentLength::Bits10), |(_, fragments)| fragments) // one certificate needs 1,024 bytes
}

/// One link over `socket`, if the server is who it should be.
///
/// The connection is split: embedded-tls keeps the start of a record in the future of a
/// read, so that no read may be dropped before its end.
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
    let mut open = async || {
        connection
            .open(TlsContext::new(config, &mut *provider))
            .await
            .inspect_err(|error| on_failure(*error))
    };
    if runner.dial(&mut open).await.is_some() {
        let (reader, writer) = connection.split();
        runner.link(Split { reader, writer }).await?;
        let _ = with_timeout(FAREWELL, connection.close()).await; // the server may be gone
    }
    Ok(())
}

/// What embedded-tls asks for: random numbers, and whether a certificate is right.
pub struct Provider<'a, R> {
    random: R,
    verifier: Verifier<'a>,
}

impl<'a, R> Provider<'a, R> {
    /// Trusts what this authority has signed.
    pub fn new(authority: &'a [u8], random: R) -> Self {
        Self { random, verifier: Verifier::new(Certificate::X509(authority)) }
    }
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
