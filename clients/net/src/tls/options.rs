//! The options, and how they become a configuration.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};

use super::pem::{self, Pem};
use super::verify::{Fingerprint, Trust, Verifier};
use super::{Tls, TlsError};
use crate::secret::Secret;

/// Options for TLS: which servers to trust, and the client's own certificate. `pure-mqtt-client` and `pure-mqtt-tokio` re-export them.
///
/// ```no_run
/// use pure_mqtt_net::{Server, TlsOptions};
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let tls = TlsOptions::new().ca_file("/etc/mqtt/ca.pem").client_certificate("lamp-7.pem", "lamp-7.key").build()?;
///     let server = "mqtts://broker.example".parse::<Server>()?.tls(tls);
///     println!("{server}"); // and connect to it
///     Ok(())
/// }
/// ```
///
/// | trusted | methods |
/// |---|---|
/// | the system's authorities | none: the default |
/// | your own authority | [`ca_file`](Self::ca_file), [`ca_pem`](Self::ca_pem) |
/// | your own authority and the system's | these, and [`system_roots`](Self::system_roots) |
/// | one (self-signed) certificate | [`pin_certificate`](Self::pin_certificate), [`pin_sha256`](Self::pin_sha256) |
/// | any server | [`dangerously_accept_any_certificate`](Self::dangerously_accept_any_certificate) |
#[derive(Clone, Default)]
pub struct TlsOptions {
    authorities: Vec<Pem>,
    with_system_roots: bool,
    pins: Vec<Pin>,
    identity: Option<(Pem, Pem)>,
    alpn: Vec<Vec<u8>>,
    server_name: Option<String>,
    accepts_any_name: bool,
    accepts_anybody: bool,
}

#[derive(Clone)]
enum Pin {
    Certificate(Pem),
    Sha256(String),
}

impl TlsOptions {
    /// Creates options that trust the system's authorities and have no client certificate.
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts the certificate authorities in this PEM file, instead of the system's. May be called several times.
    #[must_use]
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.authorities.push(Pem::File(path.into()));
        self
    }

    /// Trusts the certificate authorities in this PEM data, instead of the system's. May be called several times.
    #[must_use]
    pub fn ca_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.authorities.push(Pem::Text(Secret::new(pem.into())));
        self
    }

    /// Trusts the system's authorities too.
    #[must_use]
    pub const fn system_roots(mut self) -> Self {
        self.with_system_roots = true;
        self
    }

    /// Trusts only a server with this certificate, in PEM. Issuer, names and dates are not checked. May be called several times.
    #[must_use]
    pub fn pin_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.pins.push(Pin::Certificate(Pem::Text(Secret::new(pem.into()))));
        self
    }

    /// Like [`pin_certificate`](Self::pin_certificate), with the certificate's SHA-256 fingerprint: 64 hexadecimal digits with
    /// or without colons, as printed by `openssl x509 -noout -fingerprint -sha256 -in FILE`.
    #[must_use]
    pub fn pin_sha256(mut self, fingerprint: impl Into<String>) -> Self {
        self.pins.push(Pin::Sha256(fingerprint.into()));
        self
    }

    /// Sets the client's certificate chain, its own certificate first, and its unencrypted private key; both are PEM files.
    #[must_use]
    pub fn client_certificate(mut self, certificates: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.identity = Some((Pem::File(certificates.into()), Pem::File(key.into())));
        self
    }

    /// Like [`client_certificate`](Self::client_certificate), from PEM in memory.
    #[must_use]
    pub fn client_certificate_pem(mut self, certificates: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.identity = Some((Pem::Text(Secret::new(certificates.into())), Pem::Text(Secret::new(key.into()))));
        self
    }

    /// Offers this protocol in the handshake (ALPN, 1 to 255 bytes); some services want `mqtt` or a name of their own. May be
    /// called several times.
    #[must_use]
    pub fn alpn(mut self, protocol: impl Into<Vec<u8>>) -> Self {
        self.alpn.push(protocol.into());
        self
    }

    /// Sets the name that the server's certificate must be valid for, instead of the host. It is also sent to the server (SNI).
    #[must_use]
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    /// Accepts certificates for any name. **Anyone with a certificate from a trusted authority can then impersonate the
    /// server**: only for tests, or with your own authority.
    #[must_use]
    pub const fn dangerously_accept_any_name(mut self) -> Self {
        self.accepts_any_name = true;
        self
    }

    /// Accepts any certificate. **Anyone on the network path can then read and change everything, passwords included**: only
    /// for tests.
    #[must_use]
    pub const fn dangerously_accept_any_certificate(mut self) -> Self {
        self.accepts_anybody = true;
        self
    }

    /// Reads the files and builds the configuration.
    ///
    /// # Errors
    /// [`TlsError`] names the file, the problem and the remedy.
    pub fn build(self) -> Result<Tls, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let server_name =
            self.server_name.clone().map(|name| ServerName::try_from(name).map_err(|_| TlsError::ServerName));
        let verifier = Verifier::new(self.trust(&provider)?, provider.signature_verification_algorithms);
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous() // what is dangerous about our verifier was asked for by that name
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some((certificates, key)) => {
                let chain = pem::certificates(certificates)?;
                builder
                    .with_client_auth_cert(chain, pem::private_key(key)?)
                    .map_err(|error| TlsError::of_identity(error, certificates.source(), key.source()))?
            }
        };
        if self.alpn.iter().any(|protocol| !(1..=255).contains(&protocol.len())) {
            return Err(TlsError::Alpn);
        }
        config.alpn_protocols = self.alpn;
        Ok(Tls { config: Arc::new(config), server_name: server_name.transpose()? })
    }

    fn trust(&self, provider: &Arc<CryptoProvider>) -> Result<Trust, TlsError> {
        if self.accepts_anybody {
            return Ok(Trust::Anybody);
        }
        if !self.pins.is_empty() {
            return self
                .pins
                .iter()
                .map(Pin::fingerprints)
                .collect::<Result<Vec<_>, _>>()
                .map(|pins| Trust::Pins(pins.concat()));
        }
        let roots = Arc::new(self.roots()?);
        let authorities = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(provider)).build();
        Ok(Trust::Authorities {
            authorities: authorities.map_err(|_| TlsError::NoRoots)?,
            accepts_any_name: self.accepts_any_name,
        })
    }

    fn roots(&self) -> Result<RootCertStore, TlsError> {
        let mut roots = RootCertStore::empty();
        if self.authorities.is_empty() || self.with_system_roots {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        for pem in &self.authorities {
            for certificate in pem::certificates(pem)? {
                roots.add(certificate).map_err(|_| TlsError::Malformed(pem.source()))?;
            }
        }
        if roots.is_empty() { Err(TlsError::NoRoots) } else { Ok(roots) }
    }
}

impl Tls {
    /// Returns a configuration that trusts the system's authorities. Their certificates are read from files once per process,
    /// by the first call.
    ///
    /// # Errors
    /// [`TlsError::NoRoots`] if the system has none.
    pub fn system() -> Result<Self, TlsError> {
        static SYSTEM: OnceLock<Tls> = OnceLock::new();
        match SYSTEM.get() {
            Some(tls) => Ok(tls.clone()),
            None => {
                let tls = TlsOptions::new().build()?; // a failure is not kept: the certificates may be installed meanwhile
                Ok(SYSTEM.get_or_init(|| tls).clone())
            }
        }
    }
}

impl Pin {
    fn fingerprints(&self) -> Result<Vec<Fingerprint>, TlsError> {
        match self {
            Self::Certificate(pem) => Ok(pem::certificates(pem)?.iter().map(|found| Fingerprint::of(found)).collect()),
            Self::Sha256(text) => Ok(vec![text.parse().map_err(|_| TlsError::Fingerprint)?]),
        }
    }
}

/// Hides PEM data.
impl fmt::Debug for TlsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authorities: Vec<_> = self.authorities.iter().map(Pem::source).collect();
        f.debug_struct("TlsOptions")
            .field("authorities", &authorities)
            .field("system_roots", &(authorities.is_empty() || self.with_system_roots))
            .field("pins", &self.pins.len())
            .field("client_certificate", &self.identity.as_ref().map(|(certificates, _)| certificates.source()))
            .field("server_name", &self.server_name)
            .field("accepts_any_name", &self.accepts_any_name)
            .field("accepts_any_certificate", &self.accepts_anybody)
            .finish_non_exhaustive()
    }
}
