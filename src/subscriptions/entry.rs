//! One subscription: its options, and its state on the server.

use crate::error::RequestError;
use crate::topic::TopicFilter;
use crate::types::{Handle, QoS};
use crate::wire::reason::ReasonCode;
use crate::wire::{RetainHandling, Subscription};

/// The state on the server of one filter in [`Subscriptions`](super::Subscriptions).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SubscriptionState {
    /// [`sync`](super::Subscriptions::sync) has still to pass SUBSCRIBE to the connection.
    Pending,
    /// SUBSCRIBE was passed to the connection; SUBACK has not arrived.
    Requested,
    /// The server granted the subscription, at up to this QoS.
    Granted(QoS),
    /// The server refused the subscription. It is requested again in a new session, or after
    /// [`subscribe`](super::Subscriptions::subscribe).
    Refused(ReasonCode),
    /// The request is not possible on this link, for this reason. It is tried again on the next link.
    Unsupported(RequestError),
    /// UNSUBSCRIBE is still to be sent, or UNSUBACK has not arrived.
    Unsubscribing,
}

/// Like [`SubscriptionState`], with the data that recognise the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Wanted,
    /// SUBSCRIBE was passed to the connection; code number `index` of SUBACK is the answer.
    Asked {
        request: Handle,
        index: u8,
    },
    Granted(QoS),
    Refused(ReasonCode),
    Impossible(RequestError),
    /// UNSUBSCRIBE is to be passed to the connection.
    Unwanted,
    Leaving {
        request: Handle,
    },
}

/// A subscription without its filter.
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
    /// SUBSCRIBE was passed to the connection in this session, so the server may have the subscription.
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
    /// All zeros: the entry of a free place.
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

    /// Sets new options, and what is to be requested for them.
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
