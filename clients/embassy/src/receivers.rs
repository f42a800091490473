//! The table of receivers: who gets which message.

use pure_mqtt::{Instant, Properties, QoS, ReasonCode, Storage, Subscription, TopicFilter, TopicName};

use crate::error::SubscribeError;
use crate::options::ReceiverOptions;
use crate::place::{Place, bit};
use crate::shared::{Shared, count};

impl<S: Storage> Shared<'_, S> {
    /// Takes a place for a receiver.
    pub fn subscribe(
        &mut self,
        subscription: Subscription<'static>,
        options: ReceiverOptions,
    ) -> Result<usize, SubscribeError> {
        let has_conflict = self.receivers.iter().filter_map(Place::subscription).any(|mut other| {
            other.qos = subscription.qos;
            other.filter == subscription.filter && other != subscription
        });
        if has_conflict {
            return Err(SubscribeError::Conflict);
        }
        let index = self.receivers.iter().position(|place| place.filter.is_none());
        let index = index.ok_or(SubscribeError::Full)?;
        self.set(index, Place::new(&subscription, options));
        if !self.want(subscription) {
            self.set(index, Place::FREE);
            return Err(SubscribeError::Full);
        }
        self.common.nudge();
        Ok(index)
    }

    /// Gives the place up. What waits there is acknowledged.
    pub fn unsubscribe(&mut self, now: Instant, index: usize) {
        while let Some(serial) = self.inbox.oldest(bit(index), |_| true) {
            self.finish(now, serial, bit(index), ReasonCode::SUCCESS);
        }
        let gone = self.receivers.get_mut(index).map(|place| core::mem::replace(place, Place::FREE));
        let Some(subscription) = gone.and_then(|place| place.subscription()) else { return };
        let same = |place: &Place| place.subscription().filter(|other| other.filter == subscription.filter);
        match self.receivers.iter().find_map(same) {
            Some(other) => _ = self.want(other),
            None => self.desired.forget(subscription.filter),
        }
        self.common.nudge();
    }

    /// Asks for all subscriptions as they are to be on this link.
    pub fn want_all(&mut self) {
        for index in 0..self.receivers.len() {
            if let Some(subscription) = self.receivers.get(index).and_then(Place::subscription) {
                self.want(subscription);
            }
        }
    }

    /// Asks for a subscription, in the highest quality of service of all receivers that share it.
    fn want(&mut self, mut subscription: Subscription<'static>) -> bool {
        let shared = self.receivers.iter().filter_map(Place::subscription);
        let shared = shared.filter(|other| other.filter == subscription.filter);
        subscription.qos = shared.map(|other| other.qos).max().unwrap_or(subscription.qos);
        let identifier = if self.common.uses_identifiers { self.identifier(subscription.filter) } else { 0 };
        self.desired.want(identifier, subscription)
    }

    /// One for each filter: the first place that has it.
    fn identifier(&self, filter: TopicFilter<'_>) -> u32 {
        let first = self.receivers.iter().position(|place| place.filter == Some(filter));
        first.map_or(0, |index| index as u32 + 1)
    }

    /// The receivers of a message. With identifiers those whose subscription it was sent for, so that of several copies each receiver gets its own.
    pub fn route(&self, topic: TopicName<'_>, properties: &Properties<'_>) -> u32 {
        let mut named = 0;
        let mut has_identifiers = false;
        for identifier in properties.subscription_identifiers() {
            has_identifiers = true;
            named |= self.matching(topic, |place| self.identifier(place) == identifier);
        }
        match named {
            0 if !has_identifiers || self.common.is_adopted => self.matching(topic, |_| true),
            named => named,
        }
    }

    fn matching(&self, topic: TopicName<'_>, is_meant: impl Fn(TopicFilter<'static>) -> bool) -> u32 {
        let places = self.receivers.iter().enumerate();
        let matching = places.filter(|(_, place)| place.filter.is_some_and(|f| f.matches(topic) && is_meant(f)));
        matching.fold(0, |receivers, (index, _)| receivers | bit(index))
    }

    /// Those of `receivers` whose share has room for a message.
    pub fn with_room(&self, receivers: u32, qos: QoS, length: usize) -> u32 {
        let places = self.receivers.iter().enumerate().filter(|(index, _)| receivers & bit(*index) != 0);
        let ready = places.filter(|(index, place)| {
            let may_wait = qos != QoS::AtMostOnce && !place.options.lossy;
            may_wait || self.fits_share(*index, place.options.share as usize, length)
        });
        ready.fold(0, |receivers, (index, _)| receivers | bit(index))
    }

    /// Lets old messages at QoS 0 go for a new one, where receivers want that.
    pub fn make_room(&mut self, now: Instant, receivers: u32, length: usize) {
        for index in 0..self.receivers.len() {
            while let Some(serial) = self.too_old(index).filter(|_| receivers & bit(index) != 0) {
                let share = self.receivers.get(index).map_or(0, |place| place.options.share as usize);
                if self.fits_share(index, share, length) {
                    break;
                }
                self.finish(now, serial, bit(index), ReasonCode::SUCCESS);
                count(&mut self.common.stats.dropped);
            }
        }
    }

    /// The message that gives way: the oldest at QoS 0 that the receiver doesn't hold.
    fn too_old(&self, index: usize) -> Option<u32> {
        let place = self.receivers.get(index).filter(|place| place.options.drop_oldest)?;
        let held = self.inbox.oldest(bit(index), |_| true).filter(|_| place.is_reading);
        self.inbox.oldest(bit(index), |entry| entry.qos() == QoS::AtMostOnce && Some(entry.serial) != held)
    }

    fn fits_share(&self, index: usize, share: usize, length: usize) -> bool {
        let places = self.receivers.len().max(1);
        let equal = |all: usize| all.checked_div(places).unwrap_or(all).max(1);
        let most = if share == 0 { equal(self.inbox.bytes.len()) } else { share };
        let (bytes, count) = self.inbox.held(bit(index));
        count == 0 || (bytes + length <= most && count < equal(self.inbox.entries.len()))
    }

    /// Something has come for these receivers.
    pub fn wake(&mut self, receivers: u32) {
        let places = self.receivers.iter_mut().enumerate().filter(|(index, _)| receivers & bit(*index) != 0);
        places.for_each(|(_, place)| place.waker.wake());
    }

    fn set(&mut self, index: usize, to: Place) {
        if let Some(place) = self.receivers.get_mut(index) {
            *place = to;
        }
    }
}
