//! From an accepted message to the sessions that want it, and from their queues to their links.

use super::Broker;
use super::codec::{Ack, AckKind};
use super::config::Fault;
use super::session::{Delivery, Outgoing, Session, Stage, Subscription};
use super::topics::{Filter, Message, matches};
use std::collections::BTreeMap;

impl Broker {
    /// Stores a retained message and forwards a message to every subscriber.
    /// Returns to how many sessions it goes.
    pub(super) fn accept_message(&mut self, message: Message) -> usize {
        if message.retain {
            self.retained.store(&message);
        }
        let deliveries = self.deliveries(&message);
        let count = deliveries.len();
        for (client_id, delivery) in deliveries {
            self.enqueue(&client_id, delivery);
        }
        count
    }

    /// Who gets a message: one copy for all plain subscriptions of a session, and one for each shared subscription.
    fn deliveries(&mut self, message: &Message) -> Vec<(String, Delivery)> {
        let mut result = Vec::new();
        let mut groups: BTreeMap<String, Vec<(String, Subscription)>> = BTreeMap::new();
        for (client_id, session) in &self.sessions {
            let mut plain = Vec::new();
            for (text, subscription) in matching(session, &message.topic) {
                if text.starts_with("$share/") {
                    groups.entry(text.clone()).or_default().push((client_id.clone(), subscription.clone()));
                } else if !(subscription.no_local && message.from == *client_id) {
                    plain.push(subscription);
                }
            }
            if !plain.is_empty() {
                result.push((client_id.clone(), delivery(message, &plain)));
            }
        }
        for (group, members) in groups {
            if let Some((client_id, subscription)) = self.choose(&group, members) {
                result.push((client_id, delivery(message, &[&subscription])));
            }
        }
        result
    }

    /// The member of a shared subscription whose turn it is; connected members come first.
    fn choose(&mut self, group: &str, members: Vec<(String, Subscription)>) -> Option<(String, Subscription)> {
        let sessions = &self.sessions;
        let is_online = |id: &String| sessions.get(id).is_some_and(|session| session.link.is_some());
        let (online, offline): (Vec<_>, Vec<_>) = members.into_iter().partition(|(id, _)| is_online(id));
        let candidates = if online.is_empty() { offline } else { online };
        let turn = self.turns.entry(group.to_owned()).or_default();
        let chosen = candidates.get(*turn % candidates.len().max(1)).cloned();
        *turn = turn.wrapping_add(1);
        chosen
    }

    /// Gives a delivery to one client: at once with QoS 0, through its queue otherwise.
    pub(super) fn enqueue(&mut self, client_id: &str, delivery: Delivery) {
        let Some(session) = self.sessions.get_mut(client_id) else { return };
        if delivery.qos > 0 {
            session.outgoing.push_back(Outgoing { delivery, stage: Stage::Waiting, on_link: false });
            self.pump(client_id);
        } else if let Some(link) = session.link.and_then(|link| self.links.get_mut(&link)) {
            link.send_publish(&delivery, None, false, self.now_ms, &mut self.transcript);
        }
    }

    /// Sends what a client's queue and its Receive Maximum allow, in order. On a new link this starts with what was
    /// under way on the last one.
    pub(super) fn pump(&mut self, client_id: &str) {
        let Self { sessions, links, transcript, config, now_ms, .. } = self;
        let Some(session) = sessions.get_mut(client_id) else { return };
        let Some(link) = session.link.and_then(|link| links.get_mut(&link)) else { return };
        let now_ms = *now_ms;
        session.outgoing.retain(|entry| entry.stage != Stage::Waiting || !entry.delivery.message.is_expired(now_ms));
        let mut index = 0;
        while let Some(entry) = session.outgoing.get(index) {
            let stage = entry.stage;
            index += 1;
            if entry.on_link {
                continue;
            }
            if let Stage::Released(id) = stage {
                link.send_ack(Ack { kind: AckKind::Rel, id, reason: 0 }, transcript);
                mark_sent(session, index - 1, stage);
                continue;
            }
            if link.quota == 0 && !config.has(Fault::IgnoreReceiveMaximum) {
                continue;
            }
            let delivery = entry.delivery.clone();
            let (id, dup) = match stage {
                Stage::Published(id) => (id, true),
                _ => (session.next_id(), false),
            };
            if link.send_publish(&delivery, Some(id), dup, now_ms, transcript) {
                link.quota = link.quota.saturating_sub(1);
                mark_sent(session, index - 1, Stage::Published(id));
            } else {
                index -= 1;
                session.outgoing.remove(index);
            }
        }
    }
}

fn mark_sent(session: &mut Session, index: usize, stage: Stage) {
    if let Some(entry) = session.outgoing.get_mut(index) {
        entry.stage = stage;
        entry.on_link = true;
    }
}

/// The subscriptions of a session that match a topic name.
fn matching<'a>(session: &'a Session, topic: &str) -> Vec<(&'a String, &'a Subscription)> {
    let fits = |text: &str| Filter::parse(text).is_ok_and(|filter| matches(filter.filter, topic));
    session.subscriptions.iter().filter(|(text, _)| fits(text)).collect()
}

/// One copy of a message for all of these subscriptions of a client.
fn delivery(message: &Message, subscriptions: &[&Subscription]) -> Delivery {
    let granted = subscriptions.iter().map(|subscription| subscription.qos).max().unwrap_or(0);
    let keeps_retain = subscriptions.iter().any(|subscription| subscription.retain_as_published);
    Delivery {
        message: message.clone(),
        qos: message.qos.min(granted),
        retain: message.retain && keeps_retain,
        subscription_ids: subscriptions.iter().filter_map(|subscription| subscription.id).collect(),
    }
}
