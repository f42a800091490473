//! Receiving without a long-lived client.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pure_mqtt::Subscription;
use pure_mqtt::subscriptions::SubscriptionState;

use crate::client::Client;
use crate::error::LoopError;
use crate::message::{Message, OwnedMessage};
use crate::once::{HelperError, Once};
use crate::options::Options;
use crate::requests::Subscribed;
use pure_mqtt_net::Server;

/// Which messages [`simple`] counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RetainedMessages {
    /// All messages.
    Include,
    /// Only messages published after the subscription, not retained ones.
    Skip,
}

/// Subscribes, waits for `count` messages, and disconnects.
///
/// ```
/// use pure_mqtt_client::pure_mqtt::{Publish, QoS, Subscription, TopicFilter, TopicName};
/// use pure_mqtt_client::{Options, publish, subscribe};
/// use pure_mqtt_test_broker::Broker;
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let broker = Broker::start()?;
///     let state = Publish::new(TopicName::new("plant/state")?, "up").retain(true);
///     publish::single(broker.address(), Options::new("plant"), &state)?;
///
///     let filters = [Subscription::new(TopicFilter::new("plant/#")?, QoS::AtLeastOnce)];
///     let retained = subscribe::RetainedMessages::Include;
///     let messages = subscribe::simple(broker.address(), Options::new("reader"), &filters, 1, retained)?;
///     assert_eq!((messages[0].topic.as_str(), &messages[0].payload[..]), ("plant/state", &b"up"[..]));
///     Ok(())
/// }
/// ```
///
/// # Errors
/// [`HelperError`]; it does not reconnect.
pub fn simple(
    server: impl Into<Server>,
    options: Options,
    filters: &[Subscription<'_>],
    count: usize,
    wanted: RetainedMessages,
) -> Result<Vec<OwnedMessage>, HelperError> {
    let once = Once::connect(server.into(), options)?;
    let shelf = Arc::new(Mutex::new(Shelf::default()));
    let filled = Arc::clone(&shelf);
    once.0.on_message(move |_, message| {
        let mut shelf = lock(&filled);
        if shelf.messages.len() < count && (wanted == RetainedMessages::Include || !message.retain) {
            shelf.messages.push(message.to_owned());
        }
    });
    let answered = Arc::clone(&shelf);
    once.0.on_subscribe(move |_, answer| lock(&answered).refusal = refusal(answer));
    once.0.subscribe_to(filters)?;
    once.until(|| {
        let mut shelf = lock(&shelf);
        shelf.refusal.take().map(Err).or_else(|| (shelf.messages.len() >= count).then_some(Ok(())))
    })??;
    once.leave()?;
    let messages = std::mem::take(&mut lock(&shelf).messages);
    Ok(messages)
}

/// The messages that [`simple`] has received.
#[derive(Default)]
struct Shelf {
    messages: Vec<OwnedMessage>,
    refusal: Option<HelperError>,
}

fn lock(shelf: &Mutex<Shelf>) -> MutexGuard<'_, Shelf> {
    shelf.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the error for the first filter that was not granted.
fn refusal(answer: &Subscribed) -> Option<HelperError> {
    let refused = answer.filters.iter().find(|(_, standing)| !matches!(standing, SubscriptionState::Granted(_)));
    refused.map(|(filter, standing)| HelperError::NotGranted { filter: filter.clone(), standing: *standing })
}

/// Subscribes and calls `callback` for each message until the callback calls [`Client::disconnect`]. Reconnects when a link is lost.
///
/// # Errors
/// [`HelperError`]: the first connection failed, or a link ended for a reason that the options do not allow it to retry.
pub fn callback(
    server: impl Into<Server>,
    options: Options,
    filters: &[Subscription<'_>],
    callback: impl FnMut(&Client, &Message<'_>) + Send + 'static,
) -> Result<(), HelperError> {
    let client = Client::with(options);
    client.on_message(callback);
    client.subscribe_to(filters)?;
    client.connect(server)?;
    client.loop_forever().map_err(|error: LoopError| error.into())
}
