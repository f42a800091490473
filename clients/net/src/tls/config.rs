//! A configuration, ready for use.

use std::fmt;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;

/// A TLS configuration, built by [`TlsOptions`](crate::TlsOptions) or from a `ClientConfig` of rustls. Cheap to clone; clones
/// share their cache of sessions to resume.
#[derive(Clone)]
pub struct Tls {
    pub(super) config: Arc<ClientConfig>,
    pub(super) server_name: Option<ServerName<'static>>,
}

impl Tls {
    /// Returns the configuration of rustls.
    pub const fn config(&self) -> &Arc<ClientConfig> {
        &self.config
    }

    /// Returns the name that the server's certificate must be valid for, if it is set; else the host is used.
    pub const fn server_name(&self) -> Option<&ServerName<'static>> {
        self.server_name.as_ref()
    }
}

impl From<Arc<ClientConfig>> for Tls {
    fn from(config: Arc<ClientConfig>) -> Self {
        Self { config, server_name: None }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("server_name", &self.server_name).finish_non_exhaustive()
    }
}
