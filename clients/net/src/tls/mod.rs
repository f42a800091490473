//! Whom TLS trusts, and who we are to the server: options that become a configuration of rustls.

mod config;
mod error;
mod options;
mod pem;
mod verify;

pub use self::config::Tls;
pub use self::error::{PemSource, TlsError};
pub use self::options::TlsOptions;
pub use self::verify::{CertificateProblem, Fingerprint};
