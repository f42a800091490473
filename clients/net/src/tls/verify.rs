//! Judges the server's certificate, and says why one is refused more exactly than the chain check does.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use data_encoding::HEXLOWER_PERMISSIVE;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};

/// Whom to trust.
#[derive(Debug)]
pub(super) enum Trust {
    Authorities { authorities: Arc<WebPkiServerVerifier>, accepts_any_name: bool },
    Pins(Vec<Fingerprint>),
    Anybody,
}

/// The SHA-256 fingerprint of a certificate.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// Returns the fingerprint of a certificate in DER.
    pub fn of(certificate: &[u8]) -> Self {
        let digest = ring::digest::digest(&ring::digest::SHA256, certificate);
        Self(digest.as_ref().try_into().unwrap_or_default()) // SHA-256 has 32 bytes
    }
}

/// Parses 64 hexadecimal digits, with or without colons.
impl FromStr for Fingerprint {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let digits = text.trim().replace(':', "");
        let bytes = HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).map_err(|_| ())?;
        bytes.try_into().map(Self).map_err(|_| ())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// A problem with a server's certificate for which rustls has no variant. Passed in [`CertificateError::Other`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateProblem {
    /// The certificate is self-signed. With its fingerprint.
    SelfSigned(Fingerprint),
    /// The certificate is of X.509 version 1, which has no subject alternative names.
    Version1,
    /// The certificate is an authority's own (CA:TRUE). With its fingerprint.
    Authority(Fingerprint),
    /// The certificate is not a pinned one. With its fingerprint.
    NotPinned(Fingerprint),
}

impl fmt::Display for CertificateProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SelfSigned(print) => write!(
                f,
                "the server's certificate is self-signed: if it is the right one, trust it with `pin_sha256` (its SHA-256 \
                 fingerprint is {print}), or give the server a certificate of an authority that is trusted"
            ),
            Self::Version1 => f.write_str(
                "the server's certificate is of X.509 version 1: make one of version 3 with a subject alternative name \
                 (`openssl req -x509 -addext subjectAltName=DNS:HOST`, or `openssl x509 -req -extfile` when signing)",
            ),
            Self::Authority(print) => write!(
                f,
                "the server's certificate is an authority's own (CA:TRUE), as `openssl req -x509` makes self-signed ones: \
                 trust exactly this one with `pin_sha256` (its SHA-256 fingerprint is {print}), or give the server a \
                 certificate with CA:FALSE"
            ),
            Self::NotPinned(print) => write!(
                f,
                "the server's certificate is not the pinned one: if it was renewed, pin the new one (its SHA-256 \
                 fingerprint is {print})"
            ),
        }
    }
}

impl std::error::Error for CertificateProblem {}

impl From<CertificateProblem> for Error {
    fn from(problem: CertificateProblem) -> Self {
        Self::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(problem))))
    }
}

#[derive(Debug)]
pub(super) struct Verifier {
    trust: Trust,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    pub(super) const fn new(trust: Trust, algorithms: WebPkiSupportedAlgorithms) -> Self {
        Self { trust, algorithms }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.trust {
            Trust::Anybody => Ok(ServerCertVerified::assertion()),
            Trust::Pins(pins) => {
                let found = Fingerprint::of(end_entity);
                let is_pinned = pins.contains(&found);
                if is_pinned {
                    Ok(ServerCertVerified::assertion())
                } else {
                    Err(CertificateProblem::NotPinned(found).into())
                }
            }
            Trust::Authorities { authorities, accepts_any_name } => {
                // The name is checked last: a certificate that is wrong otherwise says so.
                match authorities.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
                    Err(error) if *accepts_any_name && is_about_name(&error) => Ok(ServerCertVerified::assertion()),
                    Err(error) => Err(explain(error, end_entity)),
                    verified => verified,
                }
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms).map_err(|error| explain(error, cert))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms).map_err(|error| explain(error, cert))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

const fn is_about_name(error: &Error) -> bool {
    matches!(
        error,
        Error::InvalidCertificate(CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. })
    )
}

/// Finds out more about a certificate that was refused.
fn explain(error: Error, certificate: &CertificateDer<'_>) -> Error {
    let Error::InvalidCertificate(reason) = &error else { return error };
    match reason {
        CertificateError::UnknownIssuer if is_self_signed(certificate) => {
            CertificateProblem::SelfSigned(Fingerprint::of(certificate)).into()
        }
        CertificateError::Other(OtherError(other)) => match other.downcast_ref() {
            Some(webpki::Error::UnsupportedCertVersion) => CertificateProblem::Version1.into(),
            Some(webpki::Error::CaUsedAsEndEntity) => {
                CertificateProblem::Authority(Fingerprint::of(certificate)).into()
            }
            _ => error,
        },
        _ => error,
    }
}

fn is_self_signed(certificate: &CertificateDer<'_>) -> bool {
    webpki::EndEntityCert::try_from(certificate).is_ok_and(|parsed| parsed.issuer() == parsed.subject())
}
