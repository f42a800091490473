//! Messages for the client.

use super::codec::{field, packet, put_props};
use super::session::{Flight, Served};
use super::{Deed, Server};
use crate::features::Feature;

impl Server {
    /// Another client publishes. Gives the quality of service and the session in which it was queued, if it was.
    pub fn offer(&mut self, mut served: Served) -> Option<(u8, u64)> {
        let session = self.session.as_mut()?;
        let granted = session.subscriptions.iter().map(|(_, qos)| *qos).max()?;
        served.qos = served.qos.min(granted);
        let is_linked = self.link.as_ref().is_some_and(|link| link.is_accepted);
        if served.qos == 0 && !is_linked {
            return None;
        }
        let queued = (served.qos, session.sid);
        session.queue.push_back(served);
        self.pump();
        Some(queued)
    }

    /// A link goes on with what is under way.
    pub(super) fn resume(&mut self) {
        let flights = self.session.as_mut().map_or(&mut [][..], |session| &mut session.flights);
        flights.iter_mut().for_each(|flight| flight.is_here = false);
        let released: Vec<u16> = flights.iter().filter(|flight| flight.is_released).map(|flight| flight.id).collect();
        for id in released {
            self.releases += 1;
            self.send_release(id);
        }
        self.pump();
    }

    /// Sends again what was sent on an earlier link, as far as the window allows. Whether all of it is out.
    fn send_again(&mut self) -> bool {
        loop {
            let (Some(link), Some(session)) = (&self.link, &mut self.session) else { return false };
            let is_open = |flight: &&Flight| flight.is_here && !flight.is_released;
            let is_full = session.flights.iter().filter(is_open).count() >= link.window;
            let Some(flight) = session.flights.iter_mut().find(|flight| !flight.is_here && !flight.is_released) else {
                return true;
            };
            if is_full {
                return false;
            }
            flight.is_here = true;
            let flight = flight.clone();
            self.note_crowd();
            self.send(&flight.served, flight.id, true);
        }
    }

    /// Sends what the window allows.
    pub(super) fn pump(&mut self) {
        let is_ready = self.link.as_ref().is_some_and(|link| link.is_accepted) && !self.wants_close;
        if !is_ready || !self.send_again() {
            return;
        }
        loop {
            let (Some(link), Some(session)) = (&self.link, &mut self.session) else { return };
            let is_full = session.flights.len() >= link.window;
            let Some(next) = session.queue.front() else { return };
            if is_full && next.qos > 0 {
                return;
            }
            if session.flights.len() >= link.fair && next.qos > 0 {
                self.deeds.push(Deed::Odd(Feature::Overrun));
            }
            let Some(served) = session.queue.pop_front() else { return };
            let id = if served.qos > 0 { session.free_id() } else { 0 };
            if self.send(&served, id, false) && id > 0 {
                let is_released = self.config.odd.early_release && served.qos == 2 && self.rng.bool();
                if is_released {
                    self.deeds.push(Deed::Odd(Feature::EarlyRelease));
                    self.deeds.push(Deed::Risked(served.number));
                    self.send_release(id);
                }
                if let Some(session) = &mut self.session {
                    session.flights.push(Flight { id, served, is_released, is_here: true });
                }
                self.note_crowd();
            }
        }
    }

    /// Names what is out, if that is more than the client has places for.
    fn note_crowd(&mut self) {
        let (Some(link), Some(session)) = (&self.link, &self.session) else { return };
        if session.flights.len() > link.fair {
            self.deeds.extend(session.flights.iter().map(|flight| Deed::Crowded(flight.served.number)));
        }
    }

    /// Sends a message, unless it is longer than the client takes.
    fn send(&mut self, served: &Served, id: u16, dup: bool) -> bool {
        let Some(link) = &mut self.link else { return false };
        let odd = self.config.odd;
        let mut props = served.props.clone();
        let mut topic = served.topic.clone();
        let uses_alias = self.config.uses_aliases && link.level == 5;
        let alias = match link.bound.iter().position(|name| name.as_bytes() == topic) {
            _ if !uses_alias => None,
            Some(place) => {
                topic.clear();
                Some(place as u16 + 1)
            }
            None if link.bound.len() < link.client_aliases.into() => std::str::from_utf8(&topic).ok().map(|name| {
                link.bound.push(name.into());
                link.bound.len() as u16
            }),
            None if odd.alias_above => {
                self.deeds.push(Deed::Odd(Feature::OddMessages));
                Some(link.client_aliases + 1)
            }
            None => None,
        };
        props.extend(alias.map(|alias| (0x23, alias.to_be_bytes().to_vec())));
        let dups = odd.dup_at_qos0 && served.qos == 0;
        if dups {
            self.deeds.push(Deed::Odd(Feature::OddMessages));
        }
        let mut body = field(&topic);
        if served.qos > 0 {
            body.extend(id.to_be_bytes());
        }
        put_props(&mut body, link.level, &props);
        body.extend(&served.payload);
        let bytes = packet(0x30 | served.qos << 1 | u8::from(dup && served.qos > 0 || dups) << 3, &body);
        if bytes.len() > link.longest && !odd.too_long {
            // Not sent at all: [MQTT-3.1.2-25].
            if alias.is_some() && !topic.is_empty() {
                link.bound.pop();
            }
            self.deeds.push(Deed::Unsendable(served.number));
            if let Some(session) = self.session.as_mut().filter(|_| id > 0) {
                session.flights.retain(|flight| flight.id != id);
            }
            return false;
        }
        if served.qos > 0 {
            link.audit.published[usize::from(served.qos - 1)].push_back(id);
        }
        self.output.extend(bytes);
        true
    }

    fn send_release(&mut self, id: u16) {
        let Some(link) = &mut self.link else { return };
        link.audit.releases.insert(id);
        let [high, low] = id.to_be_bytes();
        self.output.extend([0x62, 2, high, low]);
    }

    /// PUBACK, PUBREC, PUBREL or PUBCOMP of the client's.
    pub(super) fn acknowledged(&mut self, kind: u8, id: u16, reason: u8) {
        if kind == 6 {
            return self.released(id);
        }
        let (Some(link), Some(session)) = (&mut self.link, &mut self.session) else { return };
        let found = match kind {
            4 => link.audit.acknowledged(1, id),
            5 => link.audit.acknowledged(2, id),
            _ => link.audit.completed(id),
        };
        if let Some(text) = found {
            return self.violation(text);
        }
        if kind == 5 && reason < 0x80 {
            if let Some(flight) = session.flights.iter_mut().find(|flight| flight.id == id) {
                flight.is_released = true;
            }
            if !link.audit.releases.contains(&id) {
                self.send_release(id);
            }
            return self.pump();
        }
        let place = session.flights.iter().position(|flight| flight.id == id);
        if let Some(place) = place {
            let flight = session.flights.remove(place);
            self.deeds.push(Deed::Acknowledged(flight.served.number));
        }
        self.pump();
    }

    /// What is queued or out for the client.
    pub fn owes(&self) -> usize {
        self.session.as_ref().map_or(0, |session| session.queue.len() + session.flights.len())
    }
}
