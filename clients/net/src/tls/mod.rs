//! TLS.
/// TLS.
#[derive(Clone, Debug)]
pub struct Tls;
