//! The list of wanted subscriptions, whatever its length.

use pure_mqtt::subscriptions::{FixedList, SubscriptionState, Subscriptions};
use pure_mqtt::{Connection, Event, Instant, Outcome, Storage, Subscription, TopicFilter};

/// What the client needs of the list.
pub trait Desired<S: Storage> {
    /// False if the list is full.
    fn want(&mut self, identifier: u32, subscription: Subscription<'static>) -> bool;
    fn forget(&mut self, filter: TopicFilter<'_>);
    fn subscription_state(&self, filter: TopicFilter<'_>) -> Option<SubscriptionState>;
    /// Something is still to be handed to the connection.
    fn has_pending(&self) -> bool;
    fn on_event(&mut self, event: &Event<'_>);
    fn on_outcome(&mut self, outcome: &Outcome);
    fn sync(&mut self, now: Instant, connection: &mut Connection<S>);
    fn assume_session_lost(&mut self);
}

impl<S: Storage, const N: usize> Desired<S> for Subscriptions<FixedList<'static, N>> {
    fn want(&mut self, identifier: u32, subscription: Subscription<'static>) -> bool {
        self.subscribe_as(identifier, subscription).is_ok()
    }

    fn forget(&mut self, filter: TopicFilter<'_>) {
        self.unsubscribe(filter);
    }

    fn subscription_state(&self, filter: TopicFilter<'_>) -> Option<SubscriptionState> {
        self.subscription_state(filter)
    }

    fn has_pending(&self) -> bool {
        self.iter().any(|(.., standing)| standing == SubscriptionState::Pending)
    }

    fn on_event(&mut self, event: &Event<'_>) {
        self.on_event(event);
    }

    fn on_outcome(&mut self, outcome: &Outcome) {
        self.on_outcome(outcome);
    }

    fn sync(&mut self, now: Instant, connection: &mut Connection<S>) {
        self.sync(now, connection);
    }

    fn assume_session_lost(&mut self) {
        self.assume_session_lost();
    }
}
