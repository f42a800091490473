//! Sending SUBSCRIBE and UNSUBSCRIBE for filters, in packets that the server accepts.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use pure_mqtt::{
    Connection, Handle, Heap, Instant, Properties, Property, ReasonCode, RequestError, Requested, Subscribe,
    TopicFilter, Unsubscribe,
};

use super::filters::{Changed, Filters, State, answer};
use crate::ticket::Denied;

/// The maximum number of bytes of unanswered filters, so that requests leave room for other packets.
const MOST_UNANSWERED: usize = 64 * 1024;
/// The maximum number of filters in a packet.
const MOST_IN_A_PACKET: usize = 16;

/// SUBSCRIBE and UNSUBSCRIBE in progress. Those that were not sent when a link ends stay queued in the engine.
#[derive(Debug, Default)]
pub(crate) struct Asking {
    requests: BTreeMap<Handle, Request>,
    unanswered: usize,
    /// The server supports Subscription Identifiers.
    pub(crate) has_identifiers: bool,
    /// One request at a time: links have ended with several in flight.
    pub(crate) is_cautious: bool,
    /// The number of filters in one packet.
    batch: usize,
    latest: Option<Handle>,
}

#[derive(Debug)]
struct Request {
    ids: Vec<u32>,
    weight: usize,
}

impl Asking {
    pub(crate) fn new(batch: usize) -> Self {
        Self { batch: batch.clamp(1, MOST_IN_A_PACKET), ..Self::default() }
    }

    /// Passes requests to the engine, as far as there is room. Returns the filters that this server does not support.
    pub(crate) fn sync(&mut self, filters: &mut Filters, engine: &mut Connection<Heap>, now: Instant) -> Vec<Changed> {
        let mut impossible = Vec::new();
        while engine.is_connected() && self.has_room() {
            let Some(ids) = self.next_batch(filters) else { break };
            match self.ask(filters, engine, now, &ids) {
                Ok(requested) => self.note(filters, requested.handle, ids),
                Err(RequestError::Full) => {
                    ids.iter().rev().for_each(|id| filters.to_ask.push_front(*id));
                    break;
                }
                Err(_) if ids.len() > 1 => {
                    self.batch = ids.len() / 2;
                    ids.iter().rev().for_each(|id| filters.to_ask.push_front(*id));
                }
                Err(_) => {
                    impossible.extend(ids.iter().filter_map(|id| filters.note_answer(*id, Err(Denied::ServerCant))));
                }
            }
        }
        impossible
    }

    fn has_room(&self) -> bool {
        match self.is_cautious {
            true => self.requests.is_empty(),
            false => self.unanswered < MOST_UNANSWERED,
        }
    }

    /// Returns the next filters for one packet. With Subscription Identifiers, of which a SUBSCRIBE has one, each filter has its own packet.
    fn next_batch(&self, filters: &mut Filters) -> Option<Vec<u32>> {
        let mut batch = Vec::new();
        let mut kind = None;
        while let Some(id) = filters.to_ask.front().copied() {
            let state = filters.get(id).map(|filter| filter.state);
            let is_subscribe = match state {
                Some(State::Wanted) => true,
                Some(State::Unwanted) => false,
                _ => {
                    filters.to_ask.pop_front(); // no request is needed any more
                    continue;
                }
            };
            let most = if is_subscribe && self.has_identifiers { 1 } else { self.batch };
            if *kind.get_or_insert(is_subscribe) != is_subscribe || batch.len() >= most || batch.contains(&id) {
                break;
            }
            filters.to_ask.pop_front();
            batch.push(id);
        }
        (!batch.is_empty()).then_some(batch)
    }

    fn ask(
        &self,
        filters: &Filters,
        engine: &mut Connection<Heap>,
        now: Instant,
        ids: &[u32],
    ) -> Result<Requested, RequestError> {
        let known: Vec<_> = ids.iter().filter_map(|id| filters.get(*id)).collect();
        if known.iter().any(|filter| filter.state == State::Unwanted) {
            let texts: Vec<_> = known.iter().filter_map(|filter| TopicFilter::new(&filter.text).ok()).collect();
            return engine.unsubscribe(now, &Unsubscribe::new(&texts));
        }
        let wanted: Vec<_> = known.iter().filter_map(|filter| filter.subscription()).collect();
        let identifier = [Property::SubscriptionIdentifier(ids.first().copied().unwrap_or_default())];
        let properties = if self.has_identifiers { Properties::new(&identifier) } else { Properties::NONE };
        engine.subscribe(now, &Subscribe::new(&wanted).properties(properties))
    }

    fn note(&mut self, filters: &mut Filters, handle: Handle, ids: Vec<u32>) {
        ids.iter().for_each(|id| filters.note_asked(*id));
        let weight = ids.iter().filter_map(|id| filters.get(*id)).map(|filter| filter.text.len() + 8).sum();
        self.unanswered += weight;
        self.latest = Some(handle);
        self.requests.insert(handle, Request { ids, weight });
    }

    /// Handles SUBACK: one code for each filter, in order `[MQTT-3.9.3-1]`.
    pub(crate) fn on_suback(
        &mut self,
        filters: &mut Filters,
        handle: Handle,
        reasons: impl Iterator<Item = ReasonCode>,
    ) -> Vec<Changed> {
        let ids = self.take(handle);
        let answers = ids.iter().zip(reasons);
        answers.filter_map(|(id, reason)| filters.note_answer(*id, answer(reason))).collect()
    }

    pub(crate) fn on_unsuback(&mut self, filters: &mut Filters, handle: Handle) {
        self.take(handle).into_iter().for_each(|id| filters.note_left(id));
    }

    /// Handles a request that ended without an answer.
    pub(crate) fn on_outcome(&mut self, filters: &mut Filters, handle: Handle) {
        let ids = self.take(handle);
        ids.iter().rev().for_each(|id| filters.note_unanswered(*id));
    }

    /// The server closes links at this request, which was alone in flight: splits it, or gives a single filter up.
    pub(crate) fn blame(&mut self, filters: &mut Filters, handle: Handle) -> Vec<Changed> {
        let Some(request) = self.requests.get(&handle) else { return Vec::new() };
        match request.ids.as_slice() {
            [id] => {
                let id = *id;
                if !filters.note_death(id) {
                    return Vec::new();
                }
                self.take(handle);
                filters.note_answer(id, Err(Denied::HangsUp)).into_iter().collect()
            }
            several => {
                self.batch = several.len().div_ceil(2).max(1);
                Vec::new()
            }
        }
    }

    /// Returns the unanswered requests.
    pub(crate) fn unanswered(&self) -> impl Iterator<Item = Handle> {
        self.requests.keys().copied()
    }

    /// Returns the filters whose request is queued or in flight.
    pub(crate) fn named(&self) -> BTreeSet<u32> {
        self.requests.values().flat_map(|request| request.ids.iter().copied()).collect()
    }

    /// Returns the latest request: when it has been sent, all have.
    pub(crate) fn latest(&self) -> Option<Handle> {
        self.latest
    }

    fn take(&mut self, handle: Handle) -> Vec<u32> {
        let Some(request) = self.requests.remove(&handle) else { return Vec::new() };
        if self.requests.is_empty() {
            self.requests = BTreeMap::new(); // releases its memory
        }
        self.unanswered -= request.weight;
        request.ids
    }
}
