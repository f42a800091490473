//! The list of wanted subscriptions, whatever its length.

use pure_mqtt::subscriptions::{FixedList, Standing, Subscriptions};
use pure_mqtt::{Connection, Event, Instant, Outcome, Storage, Subscription, TopicFilter};

/// What the client needs of the list.
pub trait Wishes<S: Storage> {
    /// False if the list is full.
    fn want(&mut self, identifier: u32, subscription: Subscription<'static>) -> bool;
    fn forget(&mut self, filter: TopicFilter<'_>);
    fn standing(&self, filter: TopicFilter<'_>) -> Option<Standing>;
    /// Something is still to be handed to the connection.
    fn has_wishes(&self) -> bool;
    fn on_event(&mut self, event: &Event<'_>);
    fn on_outcome(&mut self, outcome: &Outcome);
    fn sync(&mut self, now: Instant, connection: &mut Connection<S>);
    fn doubt_session(&mut self);
}

impl<S: Storage, const N: usize> Wishes<S> for Subscriptions<FixedList<'static, N>> {
    fn want(&mut self, identifier: u32, subscription: Subscription<'static>) -> bool {
        self.subscribe_as(identifier, subscription).is_ok()
    }

    fn forget(&mut self, filter: TopicFilter<'_>) {
        self.unsubscribe(filter);
    }

    fn standing(&self, filter: TopicFilter<'_>) -> Option<Standing> {
        self.standing(filter)
    }

    fn has_wishes(&self) -> bool {
        self.iter().any(|(.., standing)| standing == Standing::Wanted)
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

    fn doubt_session(&mut self) {
        self.doubt_session();
    }
}
