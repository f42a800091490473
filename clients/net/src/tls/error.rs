//! What can be wrong with options of TLS, each with its remedy.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rustls::{CertificateError, InconsistentKeys, OtherError};

/// Where PEM data came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PemSource {
    /// A file.
    File(PathBuf),
    /// Bytes passed by the program.
    Text,
}

impl fmt::Display for PemSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Text => f.write_str("the PEM text"),
        }
    }
}

/// Why [`TlsOptions`](crate::TlsOptions) cannot be built. The message names the remedy.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The kind of the system's error.
        kind: io::ErrorKind,
        /// The system's message.
        why: String,
    },
    /// The data is DER, the binary form, and PEM is expected.
    Der(PemSource),
    /// The data is PKCS#12 (`.p12`, `.pfx`), and PEM is expected.
    Pkcs12(PemSource),
    /// The PEM data is damaged.
    Malformed(PemSource),
    /// The PEM data contains no certificate.
    NoCertificate(PemSource),
    /// The PEM data contains no private key.
    NoKey(PemSource),
    /// The private key is encrypted.
    EncryptedKey(PemSource),
    /// The private key does not belong to the client's certificate.
    KeyMismatch {
        /// Where the certificate came from.
        certificate: PemSource,
        /// Where the key came from.
        key: PemSource,
    },
    /// The private key is not RSA (2048 to 8192 bits), ECDSA (P-256, P-384) or Ed25519.
    UnsupportedKey(PemSource),
    /// The client's certificate is of X.509 version 1.
    Version1(PemSource),
    /// No certificate authority is set, and the system has none.
    NoRoots,
    /// The server name is neither a DNS name nor an IP address.
    ServerName,
    /// A pinned fingerprint is not 64 hexadecimal digits.
    Fingerprint,
    /// An ALPN protocol is empty or longer than 255 bytes.
    Alpn,
    /// Rustls refuses the configuration for another reason.
    Rustls(rustls::Error),
}

impl TlsError {
    pub(super) fn unreadable(path: &Path, error: &io::Error) -> Self {
        Self::Unreadable { path: path.to_owned(), kind: error.kind(), why: error.to_string() }
    }

    /// What rustls says about a client's certificate and key.
    pub(super) fn of_identity(error: rustls::Error, certificate: PemSource, key: PemSource) -> Self {
        match &error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => Self::KeyMismatch { certificate, key },
            rustls::Error::General(_) => Self::UnsupportedKey(key), // the loader of keys has no other error
            rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(other))) => match other.downcast_ref()
            {
                Some(webpki::Error::UnsupportedCertVersion) => Self::Version1(certificate),
                _ => Self::Rustls(error),
            },
            rustls::Error::InvalidCertificate(CertificateError::BadEncoding) => Self::Malformed(certificate),
            _ => Self::Rustls(error),
        }
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, why, .. } => write!(f, "{} cannot be read: {why}", path.display()),
            Self::Der(source) => write!(f, "{source} {DER}"),
            Self::Pkcs12(source) => write!(f, "{source} {PKCS12}"),
            Self::Malformed(source) => write!(f, "{source} {MALFORMED}"),
            Self::NoCertificate(source) => write!(f, "{source} {NO_CERTIFICATE}"),
            Self::NoKey(source) => write!(f, "{source} {NO_KEY}"),
            Self::EncryptedKey(source) => write!(f, "the private key in {source} {ENCRYPTED_KEY}"),
            Self::KeyMismatch { certificate, key } => write!(
                f,
                "the private key in {key} does not belong to the certificate in {certificate}: the client's own certificate \
                 has to be the first one, before those that vouch for it"
            ),
            Self::UnsupportedKey(source) => write!(f, "the private key in {source} {UNSUPPORTED_KEY}"),
            Self::Version1(source) => write!(f, "the certificate in {source} {VERSION_1}"),
            Self::NoRoots => f.write_str(NO_ROOTS),
            Self::ServerName => f.write_str("the server name is neither a DNS name in ASCII nor an IP address"),
            Self::Fingerprint => f.write_str(FINGERPRINT),
            Self::Alpn => f.write_str("a protocol for ALPN has 1 to 255 bytes"),
            Self::Rustls(error) => write!(f, "TLS is not possible with these options: {error}"),
        }
    }
}

const DER: &str = "is DER, the binary form, and PEM is expected: convert a certificate with `openssl x509 -inform der -in FILE -out \
    FILE.pem`, a key with `openssl pkey -inform der -in FILE -out FILE.pem`";
const PKCS12: &str = "is PKCS#12, and PEM is expected: convert it with `openssl pkcs12 -in FILE -nodes -out FILE.pem`";
const MALFORMED: &str = "is damaged: between its BEGIN and END lines is no certificate or key; export it again";
const NO_CERTIFICATE: &str = "holds no certificate: it needs a section `-----BEGIN CERTIFICATE-----`";
const NO_KEY: &str = "holds no private key: it needs a section `-----BEGIN PRIVATE KEY-----`";
const ENCRYPTED_KEY: &str =
    "is encrypted: decrypt it with `openssl pkey -in FILE -out FILE.pem`, and let only the program read the result";
const UNSUPPORTED_KEY: &str = "is of a kind that is not supported: use RSA with 2048 to 8192 bits, ECDSA with P-256 or P-384, or \
    Ed25519";
const VERSION_1: &str =
    "is of X.509 version 1: have one of version 3 made (`openssl x509 -req` makes one with `-extfile`)";
const NO_ROOTS: &str = "there is no certificate authority to trust: install the system's (Debian: ca-certificates), or name one \
    with `ca_file`";
const FINGERPRINT: &str =
    "a pinned fingerprint is 64 hexadecimal digits: `openssl x509 -noout -fingerprint -sha256 -in FILE` prints it";

impl std::error::Error for TlsError {}

impl From<rustls::Error> for TlsError {
    fn from(error: rustls::Error) -> Self {
        Self::Rustls(error)
    }
}
