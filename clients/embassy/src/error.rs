//! What can go wrong, and whose fault it is. All `Copy`, no strings.

use core::fmt;

use pure_mqtt::{Cause, OpenError, PublishError, ReasonCode, RequestError};

/// Why an accepted message may not have reached the server.
///
/// ```
/// use pure_mqtt_embassy::pure_mqtt::Cause;
/// use pure_mqtt_embassy::{Client, Delivery, NotDelivered};
///
/// async fn outcome(delivery: &mut Delivery<'_, impl Client>) -> &'static str {
///     match delivery.confirmed().await {
///         Ok(()) => "the server has it",
///         Err(NotDelivered::Refused(_)) => "the server does not want it",
///         Err(NotDelivered::Ended(Cause::SessionLost)) => "the server may have it",
///         Err(NotDelivered::InputBlocked) => "it is still being delivered",
///         Err(_) => "the server never had it",
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum NotDelivered {
    /// The server refused the message.
    Refused(ReasonCode),
    /// No acknowledgement can arrive any more. [`Cause`] says whether the message may have arrived.
    Ended(Cause),
    /// The queue was full, and a newer message took the place of this one: see [`Limits::overflow`](crate::Limits::overflow).
    Dropped,
    /// Not a final result: the acknowledgement can't be read, since messages from the server have waited for room in the ring for
    /// [`Options::blocked_timeout`](crate::Options::blocked_timeout). Finish the messages that the task holds, then wait again.
    InputBlocked,
}

impl fmt::Display for NotDelivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(reason) => write!(f, "the server refused the message: {reason}"),
            Self::Ended(cause) => cause.fmt(f),
            Self::Dropped => f.write_str("the message was dropped for a newer one"),
            Self::InputBlocked => f.write_str(
                "the acknowledgement waits behind messages that find no room in the ring: finish those you hold",
            ),
        }
    }
}

/// Why the server has no subscription for a receiver.
///
/// ```
/// use pure_mqtt_embassy::{Client, NotGranted, ReasonCode, Receiver};
///
/// async fn is_forbidden(receiver: &mut Receiver<'_, impl Client>) -> bool {
///     matches!(receiver.granted().await, Err(NotGranted::Refused(ReasonCode::NOT_AUTHORIZED)))
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum NotGranted {
    /// The server refused the subscription. The client requests it again on a new session.
    Refused(ReasonCode),
    /// SUBSCRIBE cannot be sent on this link. The client tries again on the next one.
    Impossible(RequestError),
}

impl fmt::Display for NotGranted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(reason) => write!(f, "the server refused the subscription: {reason}"),
            Self::Impossible(error) => error.fmt(f),
        }
    }
}

/// Why a receiver was not created. Nothing has changed.
///
/// ```
/// use pure_mqtt_embassy::raw::NoopRawMutex;
/// use pure_mqtt_embassy::{EmbassyClock, Fixed, Mqtt, QoS, SubscribeError, TopicFilter};
///
/// fn main() {
///     // A client for one receiver at a time.
///     let mqtt = Mqtt::<NoopRawMutex, _, _, 256, 4, 1, 2>::new(EmbassyClock, Fixed::<256, 4, 4, 64>::new());
///     let receiver = mqtt.subscribe(TopicFilter::from_static("plant/#"), QoS::AtLeastOnce);
///     assert!(receiver.is_ok());
///     let second = mqtt.subscribe(TopicFilter::from_static("other"), QoS::AtLeastOnce);
///     assert_eq!(second.err(), Some(SubscribeError::Full));
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SubscribeError {
    /// All `RECEIVERS` places are taken; a dropped receiver keeps its place until UNSUBACK arrives. Raise `RECEIVERS`, or try again later.
    Full,
    /// Another receiver has the same filter with other options.
    Conflict,
    /// The call came from within [`Received::read`](crate::Received::read), where the client cannot be used.
    Busy,
}

impl fmt::Display for SubscribeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "there is no place for one more receiver",
            Self::Conflict => "another receiver has this filter with other options",
            Self::Busy => "a message is being read: subscribe outside of `read`",
        })
    }
}

/// Why a request failed.
///
/// ```
/// use pure_mqtt_embassy::{Client, NotReplied, PublishError, QoS, Requester, TopicName};
///
/// /// Whether another client answers. Put it under a time-out.
/// async fn is_there(requester: &mut Requester<'_, impl Client>) -> bool {
///     match requester.request(TopicName::from_static("plant/ping"), b"", QoS::AtLeastOnce).await {
///         Ok(_) => true,
///         Err(NotReplied::Publish(PublishError::TooLarge)) => false, // the storage is too small for any request
///         Err(_) => false,
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum NotReplied {
    /// The request was not published.
    Publish(PublishError),
    /// The requester's filter has wildcards or a share name, so it cannot be a Response Topic.
    Wildcard,
}

impl fmt::Display for NotReplied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Publish(error) => error.fmt(f),
            Self::Wildcard => f.write_str("replies need a filter without wildcards"),
        }
    }
}

/// Why [`Mqtt::run`](crate::Mqtt::run) returned, other than after [`disconnect`](crate::Mqtt::disconnect).
///
/// ```
/// use pure_mqtt_embassy::RunError;
///
/// fn what_to_do(error: RunError) -> &'static str {
///     match error {
///         RunError::AlreadyRunning => "run the client in one task",
///         RunError::Open(_) => "make the storage larger, or correct the options",
///         _ => "ask the developers",
///     }
/// }
///
/// fn main() {
///     assert_eq!(what_to_do(RunError::AlreadyRunning), "run the client in one task");
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RunError {
    /// Another `run` or [`Runner`](crate::Runner) serves this client.
    AlreadyRunning,
    /// CONNECT cannot be sent: the options are wrong, or the storage is too small.
    Open(OpenError),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyRunning => f.write_str("this client is being run already"),
            Self::Open(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for NotDelivered {}
impl core::error::Error for NotGranted {}
impl core::error::Error for SubscribeError {}
impl core::error::Error for NotReplied {}
impl core::error::Error for RunError {}
