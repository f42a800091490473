//! A configuration, ready for use.

use std::fmt;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;

/// How to talk TLS: made by [`TlsOptions`](crate::TlsOptions), or from a configuration of rustls. Cheap to clone; clones share
/// the sessions to resume.
#[derive(Clone)]
pub struct Tls {
    pub(super) config: Arc<ClientConfig>,
    pub(super) server_name: Option<ServerName<'static>>,
}

impl Tls {
    /// Returns the configuration.
    pub const fn config(&self) -> &Arc<ClientConfig> {
        &self.config
    }

    /// Returns the name that the server's certificate has to be for, and that is sent to the server (SNI), if it is another one
    /// than the host.
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
