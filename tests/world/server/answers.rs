//! Messages of the client's, and the answers to them.

use super::codec::{Publish, number};
use super::{Deed, Seen, Server, Taken};
use crate::features::Feature;

/// The number of the message that this is the payload of.
pub fn number_of(payload: &[u8]) -> Option<u32> {
    payload.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

impl Server {
    pub(super) fn publish(&mut self, publish: Publish) {
        let Publish { dup, qos, retain, topic, id, props, payload } = publish;
        let Some(message) = number_of(&payload) else { return self.violation(format!("a payload {payload:02x?}")) };
        let Some(link) = &mut self.link else { return };
        let level = link.level;
        let has_alias = number(&props, 0x23).is_some();
        let topic = match number(&props, 0x23) {
            None if topic.is_empty() => return self.violation("neither a name nor an alias".into()),
            None => topic,
            Some(alias) => match link.names.get_mut((alias as usize).wrapping_sub(1)) {
                None => return self.violation(format!("[MQTT-3.3.2-9] alias {alias}")),
                Some(place) if topic.is_empty() => match place {
                    Some(name) => name.clone(),
                    None => return self.violation(format!("alias {alias} is not bound")),
                },
                Some(place) => place.insert(topic).clone(),
            },
        };
        let most = self.config.receive_maximum.filter(|_| level == 5).map_or(usize::MAX, usize::from);
        if qos > 0 {
            if let Some(text) = link.audit.publish(id, message, dup, level == 5, most) {
                return self.violation(text);
            }
        }
        if level == 5 && (qos > self.config.maximum_qos || retain && !self.config.retain_available) {
            return self.violation(format!("QoS {qos} or retain {retain} is not offered"));
        }
        let Some(session) = &mut self.session else { return };
        let seen = match (link.audit.seen.insert(message), session.seen.insert(message)) {
            (false, _) => Some(Seen::Here),
            (true, false) => Some(Seen::Earlier),
            (true, true) => None,
        };
        let props = props.into_iter().filter(|(id, _)| *id != 0x23).collect();
        let taken = Taken { number: message, level, qos, dup, retain, topic, has_alias, props, payload, seen };
        let swallows = if qos == 2 { session.received.get(&id).copied() } else { None };
        let refuses = level == 5 && self.config.refuses > 0 && message % self.config.refuses == 0 && qos > 0;
        match swallows {
            _ if refuses && swallows.is_none() => {
                self.deeds.push(Deed::Refused(taken));
                let code = if self.config.odd.unlisted_codes { 0x9B } else { 0x97 };
                if self.config.odd.unlisted_codes {
                    self.deeds.push(Deed::Odd(Feature::OddAcks));
                }
                return self.answer(if qos == 1 { 4 } else { 5 }, id, code);
            }
            Some(other) if other != message => self.deeds.push(Deed::Swallowed { number: message, of: other }),
            Some(_) => self.deeds.push(Deed::Repeated(taken)),
            None => self.deeds.push(Deed::Took(taken)),
        }
        match qos {
            1 => self.answer(4, id, 0),
            2 if self.config.odd.puback_at_qos2 && level < 5 && swallows.is_none() => {
                self.deeds.push(Deed::Odd(Feature::OddAcks));
                self.deeds.push(Deed::Downgraded(message));
                self.answer(4, id, 0);
            }
            2 => {
                if let Some(session) = &mut self.session {
                    session.received.entry(id).or_insert(message);
                }
                self.answer(5, id, 0);
            }
            _ => {}
        }
    }

    /// PUBREL.
    pub(super) fn released(&mut self, id: u16) {
        let (Some(link), Some(session)) = (&mut self.link, &mut self.session) else { return };
        if let Some(text) = link.audit.release(id) {
            return self.violation(text);
        }
        let was_known = session.received.remove(&id).is_some();
        let level = link.level;
        let forgot = !was_known && (level == 5 || self.config.odd.trailing_codes);
        self.answer(7, id, if forgot { 0x92 } else { 0 });
    }

    /// An acknowledgement of the client's message, perhaps an odd one.
    fn answer(&mut self, kind: u8, id: u16, code: u8) {
        let Some(link) = &mut self.link else { return };
        let (level, odd) = (link.level, self.config.odd);
        let mut first = kind << 4;
        let trails = odd.trailing_codes && level < 5 && code > 0;
        if odd.flag_bits && level < 5 && !trails {
            first |= 0b0010;
            self.deeds.push(Deed::Odd(Feature::OddAcks));
        }
        if trails {
            self.deeds.push(Deed::Odd(Feature::OddAcks));
        }
        let mut packet = vec![first, 2];
        packet.extend(id.to_be_bytes());
        if code > 0 && (level == 5 || trails) {
            packet[1] = 3;
            packet.push(code);
        }
        if kind == 5 && code < 0x80 && !link.audit.recs.contains(&id) {
            link.audit.recs.push_back(id);
        }
        // The client may know of the end as soon as this sets out.
        if kind != 5 || code >= 0x80 {
            link.audit.open.remove(&id);
        }
        self.say(packet);
    }

    /// Says it now, or when answers are no longer held back.
    pub(super) fn say(&mut self, packet: Vec<u8>) {
        if self.now < self.holds_until || !self.held.is_empty() {
            self.held.push_back(packet);
        } else {
            self.output.extend(packet);
        }
    }

    pub(super) fn release(&mut self) {
        if self.now >= self.holds_until {
            self.output.extend(self.held.drain(..).flatten());
        }
    }

    /// Whether answers are held back.
    pub fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }
}
