//! SUBSCRIBE and UNSUBSCRIBE.

use super::audit::Mark;
use super::codec::{Prop, Request, ServerPacket, Version, Wrong, find, id};
use super::session::{Delivery, Subscription};
use super::topics::Filter;
use super::{Broker, LinkId};

impl Broker {
    /// SUBSCRIBE: SUBACK first, then the retained messages.
    pub(super) fn on_subscribe(
        &mut self,
        link: LinkId,
        id: u16,
        props: &[(u8, Prop)],
        requests: Vec<Request>,
    ) -> Result<(), Wrong> {
        self.audit_request(link, id);
        let subscription_id = find(props, id::SUBSCRIPTION_ID).and_then(Prop::number);
        if subscription_id.is_some() && !self.config.subscription_id_available {
            return Err(Wrong::new(0xA1, "[MQTT5 3.2.2.3.12] a Subscription Identifier, which is not available"));
        }
        let mut codes = Vec::new();
        let mut retained = Vec::new();
        for request in requests {
            match self.check_request(link, &request)? {
                Some(code) => codes.push(code),
                None => {
                    let (code, deliveries) = self.add_subscription(link, &request, subscription_id);
                    codes.push(code);
                    retained.extend(deliveries);
                }
            }
        }
        self.answer_request(link, id, ServerPacket::SubAck { id, codes });
        let client_id = self.client_id(link);
        for delivery in retained {
            self.enqueue(&client_id, delivery);
        }
        Ok(())
    }

    /// The code that refuses a filter, if one does.
    fn check_request(&mut self, link: LinkId, request: &Request) -> Result<Option<u8>, Wrong> {
        let v5 = self.is_v5(link);
        let code_for = |code: u8| Some(if v5 { code } else { 0x80 });
        let filter = match Filter::parse(&request.filter) {
            Ok(filter) => filter,
            Err(wrong) => {
                self.blame(link, &wrong.text);
                return Ok(code_for(wrong.reason));
            }
        };
        if filter.share.is_some() && request.no_local {
            return Err(Wrong::protocol("[MQTT-3.8.3-4] No Local on a shared subscription"));
        }
        if filter.has_wildcard() && !self.config.wildcard_available {
            if v5 {
                self.blame(link, "[MQTT5 3.2.2.3.11] a wildcard subscription, which is not available");
            }
            return Ok(code_for(0xA2));
        }
        if filter.share.is_some() && !self.config.shared_available {
            if v5 {
                self.blame(link, "[MQTT5 3.2.2.3.13] a shared subscription, which is not available");
            }
            return Ok(code_for(0x9E));
        }
        Ok(self.config.refuse_subscribe)
    }

    /// Stores a subscription. Returns the granted QoS and the retained messages to send for it.
    fn add_subscription(&mut self, link: LinkId, request: &Request, id: Option<u32>) -> (u8, Vec<Delivery>) {
        let Some(state) = self.links.get(&link) else { return (0x80, Vec::new()) };
        let Some(session) = self.sessions.get_mut(&state.client_id) else { return (0x80, Vec::new()) };
        let subscription = Subscription {
            qos: request.qos.min(self.config.maximum_qos),
            no_local: request.no_local || state.bridge,
            retain_as_published: request.retain_as_published || state.bridge,
            id,
        };
        let granted = subscription.qos;
        let wants_retained = match request.retain_handling {
            0 => true,
            1 => !session.subscriptions.contains_key(&request.filter),
            _ => false,
        };
        session.subscriptions.insert(request.filter.clone(), subscription.clone());
        let retained =
            if wants_retained { self.retained_for(link, &request.filter, &subscription) } else { Vec::new() };
        (granted, retained)
    }

    fn retained_for(&self, link: LinkId, filter: &str, subscription: &Subscription) -> Vec<Delivery> {
        let client_id = self.client_id(link);
        let Ok(Filter { share: None, filter }) = Filter::parse(filter) else { return Vec::new() };
        let messages = self.retained.matching(filter, self.now_ms).into_iter();
        messages
            .filter(|message| !(subscription.no_local && message.from == client_id))
            .map(|message| Delivery {
                qos: message.qos.min(subscription.qos),
                retain: true,
                subscription_ids: subscription.id.into_iter().collect(),
                message,
            })
            .collect()
    }

    /// UNSUBSCRIBE.
    pub(super) fn on_unsubscribe(&mut self, link: LinkId, id: u16, filters: &[String]) {
        self.audit_request(link, id);
        let client_id = self.client_id(link);
        let Some(session) = self.sessions.get_mut(&client_id) else { return };
        let mut remove = |filter: &String| session.subscriptions.remove(filter).map_or(0x11, |_| 0x00);
        let codes = filters.iter().map(&mut remove).collect();
        self.answer_request(link, id, ServerPacket::UnsubAck { id, codes });
    }

    fn answer_request(&mut self, link: LinkId, id: u16, answer: ServerPacket) {
        if let Some(state) = self.links.get_mut(&link) {
            state.audit.mark(Mark::Request(id));
        }
        self.send(link, &answer);
    }

    fn audit_request(&mut self, link: LinkId, id: u16) {
        let Some(state) = self.links.get_mut(&link) else { return };
        let Some(session) = self.sessions.get(&state.client_id) else { return };
        for text in session.audit.request(&mut state.audit, id) {
            self.blame(link, &text);
        }
    }

    /// Whether a link speaks 5.0.
    pub(super) fn is_v5(&self, link: LinkId) -> bool {
        self.links.get(&link).is_some_and(|state| state.version == Version::V5)
    }
}
