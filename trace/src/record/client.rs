//! A list of subscriptions asks through a recorder as it does through a connection.

use pure_mqtt::subscriptions::Client;
use pure_mqtt::{Instant, RequestError, Requested, Storage, Subscribe, Unsubscribe, Version};

use crate::record::{Recorder, TraceSink};

impl<S: Storage, W: TraceSink> Client for Recorder<S, W> {
    fn is_connected(&self) -> bool {
        (**self).is_connected()
    }

    fn version(&self) -> Version {
        (**self).version()
    }

    fn subscribe(&mut self, now: Instant, subscribe: &Subscribe<'_>) -> Result<Requested, RequestError> {
        self.subscribe(now, subscribe)
    }

    fn unsubscribe(&mut self, now: Instant, unsubscribe: &Unsubscribe<'_>) -> Result<Requested, RequestError> {
        self.unsubscribe(now, unsubscribe)
    }
}
