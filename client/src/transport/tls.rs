//! TLS, by rustls.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use self::nameless::Nameless;
use crate::server::Place;
use crate::transport::Socket;

mod nameless;

/// How to talk TLS: made by [`TlsOptions`], or from a configuration of rustls.
#[derive(Clone)]
pub struct Tls(Arc<ClientConfig>);

impl From<Arc<ClientConfig>> for Tls {
    fn from(config: Arc<ClientConfig>) -> Self {
        Self(config)
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

/// What TLS needs: whom to trust, and perhaps who we are.
///
/// ```no_run
/// use pure_mqtt_client::{Client, Server, TlsOptions};
///
/// let tls = TlsOptions::new().ca_file("/etc/mqtt/ca.pem").client_certificate("lamp-7.pem", "lamp-7.key").build()?;
/// Client::new("lamp-7").connect(Server::tcp("broker.example", 8883).tls(tls))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct TlsOptions {
    ca_files: Vec<PathBuf>,
    identity: Option<(PathBuf, PathBuf)>,
    alpn: Vec<Vec<u8>>,
    is_nameless: bool,
}

impl TlsOptions {
    /// Trusts whom the system trusts, and has no certificate of its own.
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts the certificate authorities in this PEM file, instead of the system's.
    #[must_use]
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_files.push(path.into());
        self
    }

    /// Shows a certificate, with those that vouch for it behind it, and its private key, which is not encrypted; both in PEM files.
    #[must_use]
    pub fn client_certificate(mut self, certificates: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.identity = Some((certificates.into(), key.into()));
        self
    }

    /// Offers this protocol in the handshake (ALPN); some services want `mqtt` or a name of their own.
    #[must_use]
    pub fn alpn(mut self, protocol: impl Into<Vec<u8>>) -> Self {
        self.alpn.push(protocol.into());
        self
    }

    /// Takes a server's certificate whatever name it is for. Whoever has a certificate of an authority that is trusted can then pretend to be the server:
    /// for tests, or with an authority of your own.
    #[must_use]
    pub fn insecure(mut self, takes_any_name: bool) -> Self {
        self.is_nameless = takes_any_name;
        self
    }

    /// Reads the files.
    ///
    /// # Errors
    /// [`TlsError`] says which file is wrong.
    pub fn build(self) -> Result<Tls, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let roots = Arc::new(self.roots()?);
        let builder =
            ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
        let builder = if self.is_nameless {
            let verifier = nameless(roots, provider)?;
            builder.dangerous().with_custom_certificate_verifier(verifier)
        } else {
            builder.with_root_certificates(roots)
        };
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some((certificates, key)) => {
                let key = PrivateKeyDer::from_pem_file(key).map_err(|error| TlsError::file(key, error))?;
                builder.with_client_auth_cert(certificates_in(certificates)?, key)?
            }
        };
        config.alpn_protocols = self.alpn;
        Ok(Tls(Arc::new(config)))
    }

    fn roots(&self) -> Result<RootCertStore, TlsError> {
        let mut roots = RootCertStore::empty();
        if self.ca_files.is_empty() {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        for file in &self.ca_files {
            for certificate in certificates_in(file)? {
                roots.add(certificate)?;
            }
        }
        if roots.is_empty() { Err(TlsError::NobodyToTrust) } else { Ok(roots) }
    }
}

fn nameless(roots: Arc<RootCertStore>, provider: Arc<CryptoProvider>) -> Result<Arc<Nameless>, TlsError> {
    let strict = WebPkiServerVerifier::builder_with_provider(roots, provider).build();
    Ok(Arc::new(Nameless(strict.map_err(|_| TlsError::NobodyToTrust)?)))
}

fn certificates_in(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match certificates.map_err(|error| TlsError::file(file, error))? {
        none if none.is_empty() => {
            Err(TlsError::File { path: file.to_owned(), error: pem::Error::NoItemsFound.to_string() })
        }
        some => Ok(some),
    }
}

/// Why there can be no TLS with these options.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TlsError {
    /// A file can't be read, or holds something else.
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        error: String,
    },
    /// There is no authority to be trusted.
    NobodyToTrust,
    /// Rustls says why.
    Rustls(rustls::Error),
}

impl TlsError {
    fn file(path: &Path, error: pem::Error) -> Self {
        Self::File { path: path.to_owned(), error: error.to_string() }
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, error } => write!(f, "{}: {error}", path.display()),
            Self::NobodyToTrust => f.write_str("there is no certificate authority to be trusted"),
            Self::Rustls(error) => write!(f, "TLS is not possible like this: {error}"),
        }
    }
}

impl std::error::Error for TlsError {}

impl From<rustls::Error> for TlsError {
    fn from(error: rustls::Error) -> Self {
        Self::Rustls(error)
    }
}

/// TLS on a socket that never waits.
pub(crate) struct TlsStream {
    tls: ClientConnection,
    socket: Socket,
}

impl TlsStream {
    pub(crate) fn new(socket: Socket, tls: &Tls, place: &Place) -> io::Result<Self> {
        let name = match place {
            Place::Tcp { host, .. } => host.clone(),
            #[cfg(unix)]
            Place::Unix(_) => "localhost".to_owned(),
        };
        let name = ServerName::try_from(name).map_err(|error| io::Error::new(ErrorKind::InvalidInput, error))?;
        let tls = ClientConnection::new(Arc::clone(&tls.0), name).map_err(refused)?;
        Ok(Self { tls, socket })
    }

    /// Goes on with the handshake; true when it is over.
    pub(crate) fn shake_hands(&mut self) -> io::Result<bool> {
        while self.tls.is_handshaking() {
            match self
                .write_records()
                .and_then(|()| if self.tls.is_handshaking() { self.read_records() } else { Ok(1) })
            {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Says that nothing more will be sent.
    pub(crate) fn finish(&mut self) {
        self.tls.send_close_notify();
        let _ = self.write_records(); // if it can't be said now, closing the socket has to do
    }

    pub(crate) fn socket(&mut self) -> &mut Socket {
        &mut self.socket
    }

    /// Reads what there is, and deciphers it; 0 at the end.
    fn read_records(&mut self) -> io::Result<usize> {
        let count = self.tls.read_tls(&mut self.socket)?;
        if let Err(error) = self.tls.process_new_packets() {
            let _ = self.write_records(); // the server is told why
            return Err(refused(error));
        }
        Ok(count)
    }

    fn write_records(&mut self) -> io::Result<()> {
        while self.tls.wants_write() {
            self.tls.write_tls(&mut self.socket)?;
        }
        Ok(())
    }
}

fn refused(error: rustls::Error) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error)
}

impl Read for TlsStream {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.tls.reader().read(room) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                result => return result,
            }
            let _ = self.write_records(); // what reading has caused, a part of the handshake say; a failure shows in the next write
            self.read_records()?; // at the end the reader says so
        }
    }
}

impl Write for TlsStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_records()?;
        let count = self.tls.writer().write(bytes)?;
        match self.write_records() {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(count), // the rest of the records goes with the next `write` or `flush`
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write_records()
    }
}
