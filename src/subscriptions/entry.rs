//! One subscription: what is wanted, and how far the server has followed.

use crate::error::RequestError;
use crate::topic::TopicFilter;
use crate::types::{Handle, QoS};
use crate::wire::reason::ReasonCode;
use crate::wire::{RetainHandling, Subscription};

/// How far the server has followed a wish of [`Subscriptions`](super::Subscriptions).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SubscriptionState {
    /// SUBSCRIBE is still to be sent (again).
    Pending,
    /// SUBSCRIBE was handed to the connection; SUBACK is awaited.
    Requested,
    /// The server sends messages, at up to this quality of service.
    Granted(QoS),
    /// The server said no. It is asked again on a new session, or after [`subscribe`](super::Subscriptions::subscribe).
    Refused(ReasonCode),
    /// It can't be sent on this link, for this reason. It is tried again on the next one.
    Unsupported(RequestError),
    /// UNSUBSCRIBE is to be sent, or UNSUBACK is awaited.
    Unsubscribing,
}

/// The same with what is needed to recognise the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Wanted,
    /// SUBSCRIBE was handed over; the answer is its code number `index`.
    Asked {
        request: Handle,
        index: u8,
    },
    Granted(QoS),
    Refused(ReasonCode),
    Impossible(RequestError),
    /// UNSUBSCRIBE is to be handed over.
    Unwanted,
    Leaving {
        request: Handle,
    },
}

/// What a subscription is apart from its filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Options {
    qos: QoS,
    no_local: bool,
    retain_as_published: bool,
    retain_handling: RetainHandling,
    /// 0 for none.
    pub(super) identifier: u32,
}

#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    pub(super) options: Options,
    pub(super) state: State,
    /// SUBSCRIBE was handed over in this session, so the server may have the subscription.
    pub(super) may_exist: bool,
}

impl Options {
    pub(super) const fn new(subscription: &Subscription<'_>, identifier: u32) -> Self {
        let Subscription { qos, no_local, retain_as_published, retain_handling, .. } = *subscription;
        Self { qos, no_local, retain_as_published, retain_handling, identifier }
    }

    pub(super) const fn with<'f>(&self, filter: TopicFilter<'f>) -> Subscription<'f> {
        Subscription::new(filter, self.qos)
            .no_local(self.no_local)
            .retain_as_published(self.retain_as_published)
            .retain_handling(self.retain_handling)
    }
}

impl Entry {
    /// All zeros: what stands where there is none.
    pub(super) const BLANK: Self = Self::new(Options {
        qos: QoS::AtMostOnce,
        no_local: false,
        retain_as_published: false,
        retain_handling: RetainHandling::Send,
        identifier: 0,
    });

    pub(super) const fn new(options: Options) -> Self {
        Self { options, state: State::Wanted, may_exist: false }
    }

    /// It is wanted like this now.
    pub(super) fn want(&mut self, options: Options) {
        let is_under_way = matches!(self.state, State::Asked { .. } | State::Granted(_));
        if !is_under_way || self.options != options {
            self.state = State::Wanted;
        }
        self.options = options;
    }

    pub(super) const fn subscription_state(&self) -> SubscriptionState {
        match self.state {
            State::Wanted => SubscriptionState::Pending,
            State::Asked { .. } => SubscriptionState::Requested,
            State::Granted(qos) => SubscriptionState::Granted(qos),
            State::Refused(reason) => SubscriptionState::Refused(reason),
            State::Impossible(error) => SubscriptionState::Unsupported(error),
            State::Unwanted | State::Leaving { .. } => SubscriptionState::Unsubscribing,
        }
    }
}
