//! Publishing without a long-lived client: connect, publish, disconnect.

use std::collections::VecDeque;

use pure_mqtt::Publish;

use crate::once::{HelperError, Once};
use crate::options::Options;
use crate::ticket::MessageInfo;
use pure_mqtt_net::Server;

/// Publishes one message, and returns when it has been delivered.
///
/// ```
/// use pure_mqtt_client::pure_mqtt::{Publish, QoS, TopicName};
/// use pure_mqtt_client::{Options, publish};
/// use pure_mqtt_test_broker::Broker;
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let broker = Broker::start()?;
///
///     let message = Publish::new(TopicName::new("plant/boiler/temperature")?, "71.5").qos(QoS::AtLeastOnce);
///     publish::single(broker.address(), Options::new("boiler-1"), &message)?; // or ("localhost", 1883)
///     assert_eq!(broker.texts("plant/boiler/temperature"), ["71.5"]);
///     Ok(())
/// }
/// ```
///
/// # Errors
/// [`HelperError`]; it does not reconnect.
pub fn single(server: impl Into<Server>, options: Options, message: &Publish<'_>) -> Result<(), HelperError> {
    multiple(server, options, std::slice::from_ref(message))
}

/// Publishes several messages in order, and returns when all have been delivered. At most 100 are unfinished at a time.
///
/// # Errors
/// [`HelperError`]; it does not reconnect. Messages delivered before the error stay delivered.
pub fn multiple(server: impl Into<Server>, options: Options, messages: &[Publish<'_>]) -> Result<(), HelperError> {
    if messages.is_empty() {
        return Err(HelperError::NoMessages);
    }
    let once = Once::connect(server.into(), options)?;
    let mut under_way = VecDeque::new();
    for message in messages {
        if under_way.len() == MOST_UNDER_WAY {
            await_first(&once, &mut under_way)?;
        }
        under_way.push_back(once.0.publish_with(message)?);
    }
    while !under_way.is_empty() {
        await_first(&once, &mut under_way)?;
    }
    once.leave()
}

/// The maximum number of unfinished messages.
const MOST_UNDER_WAY: usize = 100;

/// Runs the loop until the first message is finished.
fn await_first(once: &Once, under_way: &mut VecDeque<MessageInfo>) -> Result<(), HelperError> {
    let Some(first) = under_way.pop_front() else { return Ok(()) };
    Ok(once.until(|| first.result())??)
}
