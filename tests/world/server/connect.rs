//! CONNECT, AUTH and DISCONNECT, and which packet goes where.

use super::codec::{Connect, Packet, number, packet, put_props, value};
use super::{Deed, Server};
use crate::features::Feature;

impl Server {
    pub(super) fn serve(&mut self, packet: Packet) {
        let Some(link) = &self.link else { return };
        match packet {
            Packet::Connect(_) if link.is_accepted => self.violation("a second CONNECT".into()),
            Packet::Connect(connect) => self.connect(&connect),
            Packet::Auth { .. } if link.method.is_some() => self.auth(),
            Packet::Disconnect { expiry } => self.goodbye(expiry),
            packet if !link.is_accepted => self.violation(format!("before CONNECT was answered: {packet:?}")),
            Packet::Publish(publish) => self.publish(publish),
            Packet::Ack { kind, id, reason } => self.acknowledged(kind, id, reason),
            Packet::Subscribe { id, filters } => self.subscribe(id, filters),
            Packet::Unsubscribe { id, filters } => self.unsubscribe(id, &filters),
            Packet::PingReq => self.say(vec![0xD0, 0]),
            Packet::Auth { reason } => self.violation(format!("AUTH {reason:#x} without a method")),
        }
    }

    fn connect(&mut self, connect: &Connect) {
        let odd = self.config.odd;
        if odd.early_disconnect && connect.level == 5 && self.rng.u8(0..4) == 0 {
            self.deeds.push(Deed::Odd(Feature::OddConnack));
            self.output.extend([0xE0, 2, 0x89, 0]);
            self.wants_close = true;
            return;
        }
        let has_method = value(&connect.props, 0x15).map(<[u8]>::to_vec);
        let is_first = self.link.as_ref().is_some_and(|link| link.method.is_none());
        if let Some(link) = &mut self.link {
            let [maximum, longest] =
                [0x21, 0x27].map(|id| number(&connect.props, id).map(|announced| announced as usize));
            (link.level, link.is_clean, link.keep_alive) = (connect.level, connect.is_clean, connect.keep_alive);
            link.expiry = number(&connect.props, 0x11).unwrap_or(0);
            // Without announcements a server of 5.0 can know as little as one before it.
            if connect.level == 5 && !self.config.expects_silence {
                let maximum = maximum.unwrap_or(u16::MAX.into());
                link.fair = maximum;
                link.window = maximum.saturating_add(2 * usize::from(odd.overrun));
                link.longest = longest.unwrap_or(usize::MAX);
            } else if maximum.or(longest).is_some() {
                return self.violation("CONNECT announces limits".into());
            }
            link.client_aliases = number(&connect.props, 0x22).unwrap_or(0) as u16;
            link.method = has_method;
            if is_first && link.method.is_some() && connect.level == 5 {
                let mut body = vec![0x18];
                put_props(&mut body, 5, &[(0x15, link.method.clone().unwrap_or_default())]);
                self.output.extend(packet(0xF0, &body));
                return;
            }
        }
        self.accept_link();
    }

    fn accept_link(&mut self) {
        let Some(link) = &mut self.link else { return };
        let (level, is_clean) = (link.level, link.is_clean);
        link.is_accepted = true;
        let is_present = self.enter(is_clean);
        let Some(session) = &self.session else { return };
        self.deeds.push(Deed::Accepted { sid: session.sid, is_present });
        let lies = self.config.odd.present_after_clean && level == 4 && is_clean;
        if lies {
            self.deeds.push(Deed::Odd(Feature::OddConnack));
        }
        let shows = (is_present || lies) && level > 3;
        let mut body = vec![u8::from(shows), 0];
        put_props(&mut body, level, &self.connack_props());
        self.output.extend(packet(0x20, &body));
        if let Some(link) = &mut self.link {
            link.keep_alive = self.config.keep_alive.filter(|_| level == 5).unwrap_or(link.keep_alive);
            link.audit.is_resumed = is_present;
        }
        self.resume();
    }

    fn connack_props(&self) -> Vec<(u8, Vec<u8>)> {
        let config = &self.config;
        let mut props = Vec::new();
        let two = |number: u16| number.to_be_bytes().to_vec();
        props.extend(config.receive_maximum.map(|most| (0x21, two(most))));
        if config.maximum_qos < 2 {
            props.push((0x24, vec![config.maximum_qos]));
        }
        if !config.retain_available {
            props.push((0x25, vec![0]));
        }
        props.extend(config.maximum_packet.map(|most| (0x27, most.to_be_bytes().to_vec())));
        if config.alias_maximum > 0 {
            props.push((0x22, two(config.alias_maximum)));
        }
        props.extend(config.keep_alive.map(|seconds| (0x13, two(seconds))));
        props.extend(self.link.iter().filter_map(|link| link.method.clone()).map(|method| (0x15, method)));
        props
    }

    fn auth(&mut self) {
        self.deeds.push(Deed::Auth);
        let Some(link) = &self.link else { return };
        if !link.is_accepted {
            return self.accept_link();
        }
        let mut body = vec![0];
        put_props(&mut body, 5, &[(0x15, link.method.clone().unwrap_or_default())]);
        self.say(packet(0xF0, &body));
    }

    fn goodbye(&mut self, expiry: Option<u32>) {
        let Some(link) = &mut self.link else { return };
        if let Some(expiry) = expiry {
            if link.expiry == 0 && expiry > 0 {
                return self.violation("Session Expiry raised from 0 by DISCONNECT".into());
            }
            link.expiry = expiry;
        }
        self.wants_close = true;
    }

    fn subscribe(&mut self, id: u16, filters: Vec<(String, u8)>) {
        self.begin_request(id);
        let Some(session) = &mut self.session else { return };
        let mut codes = Vec::new();
        for (filter, qos) in filters {
            session.subscriptions.retain(|(known, _)| *known != filter);
            session.subscriptions.push((filter, qos));
            codes.push(qos);
        }
        self.answer_request(0x90, id, &codes);
    }

    fn unsubscribe(&mut self, id: u16, filters: &[String]) {
        self.begin_request(id);
        let Some(session) = &mut self.session else { return };
        session.subscriptions.retain(|(known, _)| !filters.contains(known));
        let level = self.link.as_ref().map_or(4, |link| link.level);
        let trails = self.config.odd.trailing_codes && level < 5;
        if trails {
            self.deeds.push(Deed::Odd(Feature::OddAcks));
        }
        let codes = vec![0; if level == 5 || trails { filters.len() } else { 0 }];
        self.answer_request(0xB0, id, &codes);
    }

    fn answer_request(&mut self, first: u8, id: u16, codes: &[u8]) {
        let Some(link) = &mut self.link else { return };
        let mut body = id.to_be_bytes().to_vec();
        put_props(&mut body, link.level, &[]);
        body.extend(codes);
        link.audit.requests.remove(&id);
        self.say(packet(first, &body));
    }

    fn begin_request(&mut self, id: u16) {
        let Some(link) = &mut self.link else { return };
        if let Some(text) = link.audit.request(id) {
            self.violation(text);
        }
    }
}
