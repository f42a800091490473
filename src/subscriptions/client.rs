//! The connection that the list sends its requests to.

use crate::command::{Requested, Subscribe, Unsubscribe};
use crate::connection::Connection;
use crate::error::RequestError;
use crate::storage::Storage;
use crate::time::Instant;
use crate::types::Version;

/// The methods of a connection that [`sync`](super::Subscriptions::sync) needs. [`Connection`] implements it, and so do
/// wrappers such as the recorder of `pure-mqtt-trace`.
///
/// Each method must behave like that of the connection.
pub trait Client {
    /// Same as [`Connection::is_connected`].
    fn is_connected(&self) -> bool;

    /// Same as [`Connection::version`].
    fn version(&self) -> Version;

    /// Same as [`Connection::subscribe`].
    ///
    /// # Errors
    /// Same as [`Connection::subscribe`].
    fn subscribe(&mut self, now: Instant, subscribe: &Subscribe<'_>) -> Result<Requested, RequestError>;

    /// Same as [`Connection::unsubscribe`].
    ///
    /// # Errors
    /// Same as [`Connection::unsubscribe`].
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
