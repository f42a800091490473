//! A client for the helpers: it connects once, in the calling thread, and disconnects when its work is done.

use std::fmt;
use std::time::Duration;

use pure_mqtt::subscriptions::SubscriptionState;

use crate::client::Client;
use crate::error::{ConnectError, LinkEnd, LoopError, NotPublished, PublishError, SubscribeError};
use crate::options::Options;
use pure_mqtt_net::Server;

/// The longest sleep of one step of the loop; events wake it earlier.
const STEP: Duration = Duration::from_secs(60);

/// A helper failed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum HelperError {
    /// No link could be established.
    Connect(ConnectError),
    /// The link ended before the work was done, or the server refused the connection.
    Ended(LinkEnd),
    /// The loop can't run.
    Loop(LoopError),
    /// The list of messages is empty.
    NoMessages,
    /// A message was not accepted.
    Publish(PublishError),
    /// A message ended without being delivered.
    NotPublished(NotPublished),
    /// The filters are not valid.
    Subscribe(SubscribeError),
    /// The server did not grant a subscription.
    NotGranted {
        /// The filter.
        filter: Box<str>,
        /// Its state.
        standing: SubscriptionState,
    },
}

impl fmt::Display for HelperError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => error.fmt(f),
            Self::Ended(end) => end.fmt(f),
            Self::Loop(error) => error.fmt(f),
            Self::NoMessages => f.write_str("the list of messages is empty"),
            Self::Publish(error) => error.fmt(f),
            Self::NotPublished(error) => error.fmt(f),
            Self::Subscribe(error) => error.fmt(f),
            Self::NotGranted { filter, standing: SubscriptionState::Refused(reason) } => {
                write!(f, "the server refused the subscription to {filter}: {reason}")
            }
            Self::NotGranted { filter, standing: SubscriptionState::Unsupported(error) } => {
                write!(f, "{filter} cannot be subscribed to: {error}")
            }
            Self::NotGranted { filter, .. } => write!(f, "the server has not granted the subscription to {filter}"),
        }
    }
}

impl std::error::Error for HelperError {}

macro_rules! from {
    ($($error:ident => $variant:ident)+) => {$(
        impl From<$error> for HelperError {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        }
    )+};
}

from! {
    ConnectError => Connect
    PublishError => Publish
    NotPublished => NotPublished
    SubscribeError => Subscribe
}

impl From<LoopError> for HelperError {
    fn from(error: LoopError) -> Self {
        match error {
            LoopError::Ended(end) => Self::Ended(end),
            LoopError::Connect(error) => Self::Connect(error),
            other => Self::Loop(other),
        }
    }
}

/// A client whose loop this thread runs.
pub(crate) struct Once(pub(crate) Client);

impl Once {
    pub(crate) fn connect(server: Server, options: Options) -> Result<Self, HelperError> {
        let client = Client::with(options);
        client.connect(server)?;
        Ok(Self(client))
    }

    /// Runs the loop until there is a result.
    pub(crate) fn until<R>(&self, mut result: impl FnMut() -> Option<R>) -> Result<R, HelperError> {
        loop {
            if let Some(result) = result() {
                return Ok(result);
            }
            self.0.loop_once(STEP)?;
        }
    }

    /// Sends DISCONNECT.
    pub(crate) fn leave(self) -> Result<(), HelperError> {
        self.0.disconnect();
        loop {
            match self.0.loop_once(STEP) {
                Ok(()) => {}
                Err(LoopError::Ended(LinkEnd::Disconnected)) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}
