//! `subscribe` and `unsubscribe` calls that wait for the server's answer.

use std::collections::BTreeMap;

use pure_mqtt::subscriptions::SubscriptionState;
use pure_mqtt::{Instant, QoS, RequestError, Subscription, TopicFilter};
use pure_mqtt_agent::{Agent, Denied, FilterOptions, Receiver, Refusal, Ticket};

use crate::error::SubscribeError;
use crate::ticket::Mid;

/// The server's answer to [`Client::subscribe`](crate::Client::subscribe), for [`Client::on_subscribe`](crate::Client::on_subscribe).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Subscribed {
    /// The identifier that `subscribe` returned.
    pub mid: Mid,
    /// Each filter with its state: granted, refused by the server, or not supported on this link.
    pub filters: Vec<(Box<str>, SubscriptionState)>,
}

/// Calls that wait, by the agent's tickets: a call has one ticket for each set of options.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    calls: BTreeMap<Mid, Call>,
    by_ticket: BTreeMap<Ticket, Mid>,
}

#[derive(Debug)]
struct Call {
    filters: Vec<Box<str>>,
    is_subscribe: bool,
    left: usize,
}

/// The final result of a call.
#[derive(Debug)]
pub(crate) enum Answer {
    Subscribed(Subscribed),
    Unsubscribed(Mid),
}

impl Requests {
    /// Adds these subscriptions.
    pub(crate) fn subscribe(
        &mut self,
        (now, agent, receiver): (Instant, &mut Agent, Receiver),
        mid: Mid,
        subscriptions: &[Subscription<'_>],
    ) -> Result<(), SubscribeError> {
        check(subscriptions)?;
        let mut groups: Vec<(FilterOptions, Vec<(&str, QoS)>)> = Vec::new();
        for subscription in subscriptions {
            let (options, requested) = (options_of(subscription), (subscription.filter.as_str(), subscription.qos));
            match groups.iter_mut().find(|(known, _)| *known == options) {
                Some((_, filters)) => filters.push(requested),
                None => groups.push((options, vec![requested])),
            }
        }
        for (options, filters) in &groups {
            agent.can_subscribe(receiver, filters, *options).map_err(refused)?; // all of them or none
        }
        let mut tickets = Vec::new();
        for (options, filters) in groups {
            tickets.push(agent.subscribe(now, receiver, &filters, options).map_err(refused)?);
        }
        let filters = subscriptions.iter().map(|subscription| subscription.filter.as_str().into()).collect();
        self.wait(mid, tickets, filters, true);
        Ok(())
    }

    /// Removes these subscriptions, including those from an earlier run of the program.
    pub(crate) fn unsubscribe(
        &mut self,
        (now, agent, receiver): (Instant, &mut Agent, Receiver),
        mid: Mid,
        filters: &[TopicFilter<'_>],
    ) -> Result<(), SubscribeError> {
        if filters.is_empty() {
            return Err(RequestError::EmptyList.into());
        }
        let unsubscribe = |filter: &TopicFilter<'_>| agent.unsubscribe_anyway(now, receiver, filter.as_str());
        let tickets = filters.iter().map(unsubscribe).collect();
        self.wait(mid, tickets, filters.iter().map(|filter| filter.as_str().into()).collect(), false);
        Ok(())
    }

    fn wait(&mut self, mid: Mid, tickets: Vec<Ticket>, filters: Vec<Box<str>>, is_subscribe: bool) {
        self.calls.insert(mid, Call { filters, is_subscribe, left: tickets.len() });
        self.by_ticket.extend(tickets.into_iter().map(|ticket| (ticket, mid)));
    }

    /// Records the final result of a ticket. Returns the answer to the call if this was its last ticket.
    pub(crate) fn ended(&mut self, agent: &Agent, ticket: Ticket) -> Option<Answer> {
        let mid = self.by_ticket.remove(&ticket)?;
        let call = self.calls.get_mut(&mid)?;
        call.left -= 1;
        if call.left > 0 {
            return None;
        }
        let call = self.calls.remove(&mid)?;
        if !call.is_subscribe {
            return Some(Answer::Unsubscribed(mid));
        }
        let with_standing = |filter: Box<str>| {
            let standing = subscription_state(agent, &filter)?;
            Some((filter, standing))
        };
        Some(Answer::Subscribed(Subscribed {
            mid,
            filters: call.filters.into_iter().filter_map(with_standing).collect(),
        }))
    }
}

/// Returns the state of a filter.
pub(crate) fn subscription_state(agent: &Agent, filter: &str) -> Option<SubscriptionState> {
    Some(match agent.subscription_state(filter)? {
        pure_mqtt_agent::SubscriptionState::Granted(qos) => SubscriptionState::Granted(qos),
        pure_mqtt_agent::SubscriptionState::Denied(Denied::Refused(reason)) => SubscriptionState::Refused(reason),
        pure_mqtt_agent::SubscriptionState::Denied(_) => SubscriptionState::Unsupported(RequestError::NotSupported),
        pure_mqtt_agent::SubscriptionState::Unsubscribing => SubscriptionState::Unsubscribing,
        _ => SubscriptionState::Requested,
    })
}

fn options_of(subscription: &Subscription<'_>) -> FilterOptions {
    FilterOptions {
        no_local: subscription.no_local,
        retain_as_published: subscription.retain_as_published,
        retain_handling: subscription.retain_handling,
    }
}

fn refused(refusal: Refusal) -> SubscribeError {
    match refusal {
        Refusal::Conflict => SubscribeError::Conflict,
        _ => SubscribeError::Rejected(RequestError::State),
    }
}

/// Refuses subscriptions that could never be sent.
fn check(subscriptions: &[Subscription<'_>]) -> Result<(), SubscribeError> {
    if subscriptions.is_empty() {
        return Err(RequestError::EmptyList.into());
    }
    if subscriptions.iter().any(|subscription| subscription.no_local && subscription.filter.share().is_some()) {
        return Err(RequestError::SharedNoLocal.into());
    }
    Ok(())
}
