//! Certificates and keys in PEM, and what was found instead of them.

use std::borrow::Cow;
use std::path::PathBuf;

use rustls::pki_types::pem::{Error, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::{PemSource, TlsError};
use crate::secret::Secret;

/// PEM, perhaps still in its file. It may hold a private key.
#[derive(Clone)]
pub(super) enum Pem {
    File(PathBuf),
    Text(Secret),
}

impl Pem {
    pub(super) fn source(&self) -> PemSource {
        match self {
            Self::File(path) => PemSource::File(path.clone()),
            Self::Text(_) => PemSource::Text,
        }
    }

    fn read(&self) -> Result<Cow<'_, [u8]>, TlsError> {
        let bytes = match self {
            Self::Text(text) => Cow::Borrowed(text.bytes()),
            Self::File(path) => Cow::Owned(std::fs::read(path).map_err(|error| TlsError::unreadable(path, &error))?),
        };
        match bytes.first() {
            // An ASN.1 SEQUENCE. PEM is text, and no text with a PEM section begins with the digit zero.
            Some(0x30) if is_pkcs12(&bytes) => Err(TlsError::Pkcs12(self.source())),
            Some(0x30) => Err(TlsError::Der(self.source())),
            _ => Ok(bytes),
        }
    }
}

/// PKCS#12 is a sequence that begins with the integer 3; certificates begin with a sequence, keys with the integers 0 and 1.
fn is_pkcs12(bytes: &[u8]) -> bool {
    let length_bytes = match bytes.get(1) {
        Some(length @ 0x81..=0x84) => usize::from(length & 0x7F),
        _ => 0,
    };
    bytes.get(2 + length_bytes..).is_some_and(|content| content.starts_with(&[2, 1, 3]))
}

pub(super) fn certificates(pem: &Pem) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = pem.read()?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) | Err(Error::NoItemsFound) => Err(TlsError::NoCertificate(pem.source())),
        Err(_) => Err(TlsError::Malformed(pem.source())),
    }
}

pub(super) fn private_key(pem: &Pem) -> Result<PrivateKeyDer<'static>, TlsError> {
    let bytes = pem.read()?;
    if is_encrypted(&bytes) {
        return Err(TlsError::EncryptedKey(pem.source()));
    }
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| match error {
        Error::NoItemsFound => TlsError::NoKey(pem.source()),
        _ => TlsError::Malformed(pem.source()),
    })
}

/// PKCS#8, or the older way of OpenSSL.
fn is_encrypted(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED")
}
