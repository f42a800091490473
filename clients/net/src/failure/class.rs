//! The classes of failures.

/// What helps against a failure: decides whether dialling again makes sense by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureClass {
    /// It may go by itself: the server, the proxy or the network has a bad moment.
    Passing,
    /// The other side doesn't accept who we are: other credentials, or another client certificate, are needed.
    Credentials,
    /// The server's certificate is refused: the server needs another one, or the options of TLS have to change.
    Certificate,
    /// By itself it won't get better: an address, an option or a server has to change.
    Lasting,
}
