//! Sends missing requests to the server, in packets that fit.

use crate::command::{Requested, Subscribe, Unsubscribe};
use crate::error::RequestError;
use crate::subscriptions::entry::{Entry, State};
use crate::subscriptions::requests::Request;
use crate::subscriptions::{Client, List, MOST_IN_A_PACKET, Subscriptions};
use crate::time::Instant;
use crate::topic::TopicFilter;
use crate::types::{Handle, QoS};
use crate::wire::{Properties, Property, Subscription};

/// The filters of a packet lie within this many places, which bounds the search when the answer arrives.
const SPAN: usize = 64;

/// The kind of request in one packet: that of its first filter, with its identifier.
#[derive(Clone, Copy, PartialEq)]
enum RequestKind {
    Subscribe { identifier: u32 },
    Unsubscribe,
}

impl RequestKind {
    fn of(entry: &Entry) -> Option<Self> {
        match entry.state {
            State::Wanted => Some(Self::Subscribe { identifier: entry.options.identifier }),
            State::Unwanted => Some(Self::Unsubscribe),
            _ => None,
        }
    }
}

impl<L: List> Subscriptions<L> {
    /// Passes the missing requests to `connection`, as far as there is room. Without a link it does nothing.
    pub fn sync(&mut self, now: Instant, connection: &mut impl Client) {
        if core::mem::take(&mut self.has_resumed) && !connection.version().has_session_present() {
            self.on_new_session(true);
        }
        while connection.is_connected() && self.requests.vacancy().is_some() {
            let Some((first, wish)) = self.next_wish() else { return };
            self.cursor = first;
            let mut count = self.members(first, wish).count();
            let accepted = loop {
                let accepted = match wish {
                    RequestKind::Subscribe { identifier } => self.ask(now, connection, first, count, identifier),
                    RequestKind::Unsubscribe => self.leave(now, connection, first, count),
                };
                match accepted {
                    Err(error) if error != RequestError::Full && count > 1 => count /= 2,
                    accepted => break accepted,
                }
            };
            match accepted {
                Ok(Requested { handle, .. }) => self.note(handle, first, wish, count),
                Err(RequestError::Full) => return,
                Err(error) => self.give_up(first, wish, error),
            }
        }
    }

    /// Returns the first place at or behind the cursor that needs a request.
    fn next_wish(&mut self) -> Option<(usize, RequestKind)> {
        let end = self.list.end();
        let found = (self.cursor..end).find_map(|place| Some((place, RequestKind::of(self.list.entry(place)?)?)));
        if found.is_none() {
            self.cursor = end;
        }
        found
    }

    /// Iterates over the places from `first` on with the same kind of request, which may be sent in one packet.
    fn members(&self, first: usize, wish: RequestKind) -> impl Iterator<Item = usize> {
        let end = self.list.end().min(first.saturating_add(SPAN));
        (first..end)
            .filter_map(|place| Some((place, RequestKind::of(self.list.entry(place)?)?)))
            .take_while(move |(_, other)| *other == wish)
            .map(|(place, _)| place)
            .take(self.batch())
    }

    fn ask(
        &self,
        now: Instant,
        connection: &mut impl Client,
        first: usize,
        count: usize,
        identifier: u32,
    ) -> Result<Requested, RequestError> {
        let blank = Subscription::new(TopicFilter::trusted("#"), QoS::AtMostOnce);
        let mut filters = [blank; MOST_IN_A_PACKET];
        for (room, place) in filters.iter_mut().zip(self.members(first, RequestKind::Subscribe { identifier })) {
            if let (Some(entry), Some(filter)) = (self.list.entry(place), self.list.filter(place)) {
                *room = entry.options.with(filter);
            }
        }
        let property = [Property::SubscriptionIdentifier(identifier)];
        let properties = if identifier == 0 { Properties::NONE } else { Properties::new(&property) };
        let filters = filters.get(..count).unwrap_or_default();
        connection.subscribe(now, &Subscribe::new(filters).properties(properties))
    }

    fn leave(
        &self,
        now: Instant,
        connection: &mut impl Client,
        first: usize,
        count: usize,
    ) -> Result<Requested, RequestError> {
        let mut filters = [TopicFilter::trusted("#"); MOST_IN_A_PACKET];
        for (room, place) in filters.iter_mut().zip(self.members(first, RequestKind::Unsubscribe)) {
            if let Some(filter) = self.list.filter(place) {
                *room = filter;
            }
        }
        connection.unsubscribe(now, &Unsubscribe::new(filters.get(..count).unwrap_or_default()))
    }

    /// Notes that the connection has accepted a request with the first `count` filters from `first` on.
    fn note(&mut self, handle: Handle, first: usize, wish: RequestKind, count: usize) {
        let mut end = first;
        for index in 0..count {
            let Some(place) = self.members(end, wish).next() else { break };
            end = place + 1;
            if let Some(entry) = self.list.entry_mut(place) {
                entry.state = match wish {
                    RequestKind::Subscribe { .. } => State::Asked { request: handle, index: index as u8 },
                    RequestKind::Unsubscribe => State::Leaving { request: handle },
                };
                entry.may_exist = true;
            }
        }
        if let Some(vacancy) = self.requests.vacancy() {
            *vacancy = Some(Request { handle, first, end });
        }
    }

    /// Notes that a single filter is not possible on this link.
    fn give_up(&mut self, place: usize, wish: RequestKind, error: RequestError) {
        match self.list.entry_mut(place) {
            Some(entry) if wish != RequestKind::Unsubscribe => entry.state = State::Impossible(error),
            _ => self.list.remove(place),
        }
    }
}
