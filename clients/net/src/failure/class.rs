//! The classes of failures.

/// The kind of remedy that a failure needs. Programs use it to decide whether to retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureClass {
    /// Temporary: a retry may succeed.
    Passing,
    /// The credentials or the client certificate were refused: a retry needs other ones.
    Credentials,
    /// The server's certificate is not trusted: the certificate or the TLS options must change.
    Certificate,
    /// Permanent: an address, an option or the server's configuration must change.
    Lasting,
}
