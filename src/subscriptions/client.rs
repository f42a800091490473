//! What the list asks through.

use crate::command::{Requested, Subscribe, Unsubscribe};
use crate::connection::Connection;
use crate::error::RequestError;
use crate::storage::Storage;
use crate::time::Instant;
use crate::types::Version;

/// What [`sync`](super::Subscriptions::sync) needs of a connection: a [`Connection`], or a wrapper around one, as the recorder of `pure-mqtt-trace` is.
///
/// Each method is to do what the connection's does.
pub trait Client {
    /// As [`Connection::is_connected`].
    fn is_connected(&self) -> bool;

    /// As [`Connection::version`].
    fn version(&self) -> Version;

    /// As [`Connection::subscribe`].
    ///
    /// # Errors
    /// As there.
    fn subscribe(&mut self, now: Instant, subscribe: &Subscribe<'_>) -> Result<Requested, RequestError>;

    /// As [`Connection::unsubscribe`].
    ///
    /// # Errors
    /// As there.
    fn unsubscribe(&mut self, now: Instant, unsubscribe: &Unsubscribe<'_>) -> Result<Requested, RequestError>;
}

impl<S: Storage> Client for Connection<S> {
    fn is_connected(&self) -> bool {
        self.is_connected()
    }

    fn version(&self) -> Version {
        self.version()
    }

    fn subscribe(&mut self, now: Instant, subscribe: &Subscribe<'_>) -> Result<Requested, RequestError> {
        self.subscribe(now, subscribe)
    }

    fn unsubscribe(&mut self, now: Instant, unsubscribe: &Unsubscribe<'_>) -> Result<Requested, RequestError> {
        self.unsubscribe(now, unsubscribe)
    }
}
