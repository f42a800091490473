//! Subscribed filters: each with its receivers, and its state on the server.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

use pure_mqtt::router::Router;
use pure_mqtt::{Properties, QoS, ReasonCode, RetainHandling, Subscription, TopicFilter, TopicName};

use super::wants::Wants;
use crate::ids::{Receiver, Ticket};
use crate::ticket::{Answer, Denied, End, Refusal};

/// Subscription options other than the QoS (§3.8.3.1). They are left out on links of 3.1 and 3.1.1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FilterOptions {
    /// Whether the server leaves out messages that this client published. Default: false.
    pub no_local: bool,
    /// Whether messages keep the RETAIN flag they were published with. Default: false.
    pub retain_as_published: bool,
    /// Whether the server sends retained messages. Default: at each SUBSCRIBE.
    pub retain_handling: RetainHandling,
}

/// The state of a filter on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubscriptionState {
    /// SUBSCRIBE is queued or unanswered.
    Requested,
    /// The server has granted it with this QoS.
    Granted(QoS),
    /// The server did not grant it; it is not requested again in this session.
    Denied(Denied),
    /// No receiver has it any more, and UNSUBSCRIBE is queued or unanswered.
    Unsubscribing,
}

/// All filters.
#[derive(Debug, Default)]
pub(crate) struct Filters {
    /// Boxed: a map has room for eleven from the first one on.
    filters: BTreeMap<u32, Box<Filter>>,
    /// The identifier of each filter, which is its Subscription Identifier in 5.0.
    ids: Router<u32>,
    last: u32,
    /// The filters of each receiver.
    of: BTreeMap<Receiver, BTreeSet<u32>>,
    /// Those that something is to be asked for.
    pub(super) to_ask: VecDeque<u32>,
    /// The next session that is resumed may be another one.
    is_in_doubt: bool,
    /// Those of which the log has to learn something.
    changed: Vec<u32>,
    /// Tickets that end without an answer of the server.
    ended: Vec<(Ticket, End)>,
}

#[derive(Debug)]
pub(crate) struct Filter {
    pub(crate) text: Box<str>,
    options: FilterOptions,
    wants: Wants,
    pub(super) state: State,
    /// The server may have it.
    may_exist: bool,
    /// The server has granted it in this session, so that its identifier names it.
    was_granted: bool,
    /// Who waits for SUBACK.
    tickets: Vec<Ticket>,
    /// Who waits for UNSUBACK.
    leaving: Vec<Ticket>,
    /// On how many links it was out alone when they died.
    deaths: u8,
    /// It is from a log, and no receiver has subscribed to it since the restart.
    is_recovered: bool,
    /// Who unsubscribed last.
    left_by: Receiver,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// SUBSCRIBE is to be sent.
    Wanted,
    /// SUBSCRIBE waits or is out, with these.
    Asked(QoS, FilterOptions),
    /// The server granted the second; the first was asked for.
    Granted(QoS, QoS),
    /// The server refused.
    Denied(Denied),
    /// UNSUBSCRIBE is to be sent.
    Unwanted,
    /// UNSUBSCRIBE waits or is out.
    Leaving,
}

/// A change of a filter to report.
#[derive(Debug)]
pub(crate) struct Changed {
    pub(crate) filter: Box<str>,
    pub(crate) receivers: Vec<Receiver>,
    pub(crate) tickets: Vec<Ticket>,
    pub(crate) answer: Answer,
}

impl Filters {
    /// Whether `receiver` can have these filters.
    pub(crate) fn check(
        &self,
        receiver: Receiver,
        to_add: &[(&str, QoS)],
        options: FilterOptions,
    ) -> Result<(), Refusal> {
        for (text, _) in to_add {
            let filter = TopicFilter::new(text).map_err(|_| Refusal::Invalid)?;
            if filter.share().is_some() && options.no_local {
                return Err(Refusal::Invalid); // [MQTT-3.8.3-4]
            }
            let known = self.ids.get(filter).and_then(|id| self.filters.get(id));
            let has_others = |known: &Filter| known.wants.receivers().any(|one| one != receiver);
            if known.is_some_and(|known| has_others(known) && known.options != options) {
                return Err(Refusal::Conflict);
            }
        }
        Ok(())
    }

    /// A receiver wants a filter that was [checked](Self::check). The server is asked, also if it has granted it before, since it sends retained messages then; but
    /// what a log says is granted answers at once.
    pub(crate) fn subscribe(
        &mut self,
        receiver: Receiver,
        (text, qos): (&str, QoS),
        options: FilterOptions,
        ticket: Ticket,
    ) -> Option<Changed> {
        let id = self.id_of(text)?;
        let filter = self.filters.get_mut(&id)?;
        let is_new = filter.options != options || !filter.is_recovered;
        (filter.options, filter.is_recovered) = (options, false);
        filter.wants.insert(receiver, qos);
        self.of.entry(receiver).or_default().insert(id);
        let highest = filter.qos();
        match filter.state {
            State::Granted(asked, granted) if asked == highest && !is_new => {
                let (filter, receivers, tickets) = (filter.text.clone(), alloc::vec![receiver], alloc::vec![ticket]);
                return Some(Changed { filter, receivers, tickets, answer: Ok(granted) });
            }
            State::Asked(..) => {} // if need be, asked for again when the answer has come
            State::Leaving => {
                filter.state = State::Wanted; // what is asked for after UNSUBSCRIBE is there after it
                self.to_ask.push_back(id);
            }
            _ => {
                filter.state = State::Wanted;
                self.to_ask.push_back(id);
                // UNSUBSCRIBE is not sent any more.
                let superseded = core::mem::take(&mut filter.leaving);
                self.ended.extend(superseded.into_iter().map(|ticket| (ticket, LEFT)));
            }
        }
        filter.tickets.push(ticket);
        None
    }

    fn id_of(&mut self, text: &str) -> Option<u32> {
        let filter = TopicFilter::new(text).ok()?;
        if let Some(id) = self.ids.get(filter) {
            return Some(*id);
        }
        self.last = self.last % LARGEST_ID + 1;
        while self.filters.contains_key(&self.last) {
            self.last = self.last % LARGEST_ID + 1;
        }
        self.add(self.last, filter);
        Some(self.last)
    }

    fn add(&mut self, id: u32, filter: TopicFilter<'_>) {
        self.ids.insert(filter, id);
        let (options, wants, tickets, leaving, left_by) = Default::default();
        let text = filter.as_str().into();
        let state = State::Wanted;
        let (may_exist, was_granted, deaths, is_recovered) = Default::default();
        let new = Filter {
            text,
            options,
            wants,
            state,
            may_exist,
            was_granted,
            tickets,
            leaving,
            deaths,
            is_recovered,
            left_by,
        };
        self.filters.insert(id, Box::new(new));
    }

    /// A filter of a log. If it was granted, the server has it if it resumes the session; otherwise it may.
    pub(crate) fn recover(&mut self, id: u32, known: &Known<'_>) {
        let Ok(filter) = TopicFilter::new(known.text) else { return };
        self.add(id, filter);
        self.last = self.last.max(id);
        if let Some(filter) = self.filters.get_mut(&id) {
            filter.options = known.options;
            filter.state = known.granted.map_or(State::Unwanted, |granted| State::Granted(known.qos, granted));
            (filter.may_exist, filter.is_recovered, filter.was_granted) = (true, true, known.granted.is_some());
        }
    }

    /// A receiver no longer wants a filter. `None` if it didn't; true if UNSUBSCRIBE is sent, and `ticket` ends with its answer.
    pub(crate) fn unsubscribe(&mut self, receiver: Receiver, text: &str, ticket: Option<Ticket>) -> Option<bool> {
        let id = *self.ids.get(TopicFilter::new(text).ok()?)?;
        let filter = self.filters.get_mut(&id)?;
        filter.wants.remove(receiver)?;
        filter.left_by = receiver;
        if let Some(others) = self.of.get_mut(&receiver) {
            others.remove(&id);
        }
        if !filter.wants.is_empty() {
            return Some(false);
        }
        Some(self.abandon(id, ticket))
    }

    /// The server may have a filter that is not known here: it is to be unsubscribed. False if it is known, or is none.
    pub(crate) fn unsubscribe_unknown(&mut self, text: &str, ticket: Ticket) -> bool {
        let is_known = TopicFilter::new(text).map_or(true, |filter| self.ids.get(filter).is_some());
        let Some(id) = self.id_of(text).filter(|_| !is_known) else { return false };
        if let Some(filter) = self.filters.get_mut(&id) {
            filter.may_exist = true;
        }
        self.abandon(id, Some(ticket))
    }

    /// Nobody wants the filter any more. True if UNSUBSCRIBE is sent.
    fn abandon(&mut self, id: u32, ticket: Option<Ticket>) -> bool {
        let Some(filter) = self.filters.get_mut(&id) else { return false };
        let given_up = End::Withdrawn { may_have_arrived: filter.may_exist };
        self.ended.extend(filter.tickets.drain(..).map(|ticket| (ticket, given_up)));
        if !filter.may_exist {
            self.remove(id);
            return false;
        }
        filter.leaving.extend(ticket);
        if !matches!(filter.state, State::Asked(..) | State::Leaving) {
            filter.state = State::Unwanted;
            self.to_ask.push_back(id);
        }
        true
    }

    fn remove(&mut self, id: u32) {
        if let Some(filter) = self.filters.remove(&id) {
            if let Ok(text) = TopicFilter::new(&filter.text) {
                self.ids.remove(text);
            }
            self.ended.extend(filter.leaving.into_iter().map(|ticket| (ticket, LEFT)));
            self.changed.push(id);
        }
    }

    /// All filters of a receiver that is dropped are given up.
    pub(crate) fn drop_receiver(&mut self, receiver: Receiver) {
        for id in self.of.remove(&receiver).unwrap_or_default() {
            let Some(filter) = self.filters.get_mut(&id) else { continue };
            filter.wants.remove(receiver);
            if filter.wants.is_empty() {
                self.abandon(id, None);
            }
        }
    }

    /// Tickets that have ended since, without an answer of the server.
    pub(crate) fn take_ended(&mut self) -> Vec<(Ticket, End)> {
        core::mem::take(&mut self.ended)
    }

    /// The filters of which the log has to learn something, with what is known of each: nothing if it is gone.
    pub(crate) fn take_changed(&mut self) -> Vec<u32> {
        core::mem::take(&mut self.changed)
    }

    /// The receivers of a message: by its Subscription Identifiers, if all of them are known and fit; otherwise by its topic. False if nobody wants this copy any more,
    /// and those who want the message have copies of their own.
    pub(crate) fn route(&self, topic: &str, properties: &Properties<'_>, found: &mut Vec<Receiver>) -> bool {
        let Ok(topic) = TopicName::new(topic) else { return true };
        let mut is_by_identifier = false;
        for id in properties.subscription_identifiers() {
            // One of an earlier session, or that the log lost with the power, may name another filter now.
            let is_sure = |filter: &Filter| filter.was_granted && filter.matches(topic);
            let named = self.filters.get(&id).filter(|filter| is_sure(filter));
            is_by_identifier = named.is_some();
            let Some(filter) = named else { break };
            found.extend(filter.wants.receivers());
        }
        let mut matching = self.ids.matches(topic).filter_map(|id| self.filters.get(id));
        if is_by_identifier {
            let is_for_others = found.is_empty() && matching.any(|filter| !filter.wants.is_empty());
            drop(matching);
            dedup(found);
            return !is_for_others;
        }
        found.extend(matching.flat_map(|filter| filter.wants.receivers()));
        dedup(found);
        true
    }

    /// A link ended before CONNACK came: the server may have begun a new session, and will resume that one.
    pub(crate) fn assume_session_lost(&mut self) {
        self.is_in_doubt = true;
    }

    /// The server begins a new session, or (`may_be_older`) has one that may be older than what is known here. The requests for the filters in `asked` are
    /// still on their way.
    pub(crate) fn session_begins(&mut self, may_be_older: bool, asked: &BTreeSet<u32>) {
        self.is_in_doubt = false;
        self.to_ask.clear();
        let is_gone = |id: &u32, filter: &Filter| filter.wants.is_empty() && !may_be_older && !asked.contains(id);
        let gone: Vec<_> = self.filters.iter().filter(|(id, filter)| is_gone(id, filter)).map(|(id, _)| *id).collect();
        gone.into_iter().for_each(|id| self.remove(id));
        self.filters.values_mut().for_each(|filter| filter.was_granted = false);
        let is_under_way =
            |id: &u32, filter: &Filter| asked.contains(id) && matches!(filter.state, State::Asked(..) | State::Leaving);
        for (id, filter) in self.filters.iter_mut().filter(|(id, filter)| !is_under_way(id, filter)) {
            filter.may_exist = may_be_older || asked.contains(id);
            filter.state = if filter.wants.is_empty() { State::Unwanted } else { State::Wanted };
            self.to_ask.push_back(*id);
        }
    }

    /// Handles a resumed session: granted filters stay. Filters of a log without a receiver are unsubscribed.
    pub(crate) fn session_resumes(&mut self, asked: &BTreeSet<u32>) {
        if self.is_in_doubt {
            return self.session_begins(true, asked);
        }
        let unwanted = self.filters.iter().filter(|(_, filter)| filter.is_recovered && filter.wants.is_empty());
        let unwanted: Vec<_> = unwanted.map(|(id, _)| *id).collect();
        for id in unwanted {
            self.abandon(id, None);
        }
        self.ask_for_shared();
    }

    /// Some servers resume a session without its shared subscriptions: mosquitto 2.0 after it was killed. So these are asked for again with each session that
    /// is resumed. Nothing comes twice: a server sends no retained messages to them (§4.8.2).
    fn ask_for_shared(&mut self) {
        let is_shared = |filter: &Filter| TopicFilter::new(&filter.text).is_ok_and(|known| known.share().is_some());
        let granted = |filter: &Filter| matches!(filter.state, State::Granted(..)) && !filter.wants.is_empty();
        for (id, filter) in self.filters.iter_mut().filter(|(_, filter)| granted(filter) && is_shared(filter)) {
            filter.state = State::Wanted;
            self.to_ask.push_back(*id);
        }
    }

    /// Filters that the server has to be asked about.
    pub(crate) fn has_to_ask(&self) -> bool {
        !self.to_ask.is_empty()
    }

    pub(super) fn get(&self, id: u32) -> Option<&Filter> {
        self.filters.get(&id).map(AsRef::as_ref)
    }

    /// A request with this filter has been accepted by the engine.
    pub(super) fn note_asked(&mut self, id: u32) {
        let Some(filter) = self.filters.get_mut(&id) else { return };
        filter.state = match filter.state {
            State::Unwanted => State::Leaving,
            _ => State::Asked(filter.qos(), filter.options),
        };
        filter.may_exist = true;
        self.changed.push(id);
    }

    /// A request has ended without an answer: it is to be sent again.
    pub(super) fn note_unanswered(&mut self, id: u32) {
        let Some(filter) = self.filters.get_mut(&id) else { return };
        match filter.state {
            State::Asked(..) => filter.state = if filter.wants.is_empty() { State::Unwanted } else { State::Wanted },
            State::Leaving => filter.state = if filter.wants.is_empty() { State::Unwanted } else { State::Wanted },
            _ => return,
        }
        self.to_ask.push_front(id);
    }

    /// A link has died with this filter out alone. True if it is to be given up: once may be chance.
    pub(super) fn note_death(&mut self, id: u32) -> bool {
        let Some(filter) = self.filters.get_mut(&id) else { return false };
        filter.deaths = filter.deaths.saturating_add(1);
        filter.deaths >= DEATHS
    }

    /// Records the server's answer for a filter, or that it was given up. Returns the change to report if a receiver still has the filter.
    pub(super) fn note_answer(&mut self, id: u32, answer: Answer) -> Option<Changed> {
        let filter = self.filters.get_mut(&id)?;
        let (asked, options) = match filter.state {
            State::Asked(qos, options) => (qos, options),
            _ => (filter.qos(), filter.options),
        };
        filter.was_granted |= answer.is_ok();
        if filter.wants.is_empty() {
            filter.state = State::Unwanted;
            self.to_ask.push_back(id);
            return None;
        }
        // Wanted again after an UNSUBSCRIBE, whose answer has come before this one, or which was not sent.
        self.ended.extend(filter.leaving.drain(..).map(|ticket| (ticket, LEFT)));
        if (asked, options) != (filter.qos(), filter.options) && answer.is_ok() {
            filter.state = State::Wanted; // something else is wanted since
            self.to_ask.push_back(id);
            return None;
        }
        filter.state = match answer {
            Ok(granted) => State::Granted(asked, granted),
            Err(why) => State::Denied(why),
        };
        let receivers = filter.wants.receivers().collect();
        let tickets = core::mem::take(&mut filter.tickets);
        filter.deaths = 0;
        self.changed.push(id);
        Some(Changed { filter: filter.text.clone(), receivers, tickets, answer })
    }

    /// The server has answered UNSUBSCRIBE.
    pub(super) fn note_left(&mut self, id: u32) {
        let Some(filter) = self.filters.get_mut(&id) else { return };
        if filter.wants.is_empty() && filter.state == State::Leaving {
            return self.remove(id);
        }
        // Wanted again since: SUBSCRIBE is on its way.
        self.ended.extend(filter.leaving.drain(..).map(|ticket| (ticket, LEFT)));
    }

    /// Every filter that the server may have, for a log.
    pub(crate) fn known(&self) -> impl Iterator<Item = (u32, Known<'_>)> {
        self.filters.iter().filter(|(_, filter)| filter.may_exist).map(|(id, filter)| (*id, filter.known()))
    }

    /// What a log is to know of a filter; `None` if it is gone.
    pub(crate) fn find(&self, id: u32) -> Option<Known<'_>> {
        self.filters.get(&id).filter(|filter| filter.may_exist).map(|filter| filter.known())
    }

    /// Nothing is wanted any more.
    pub(crate) fn clear(&mut self) {
        self.ids.clear();
        self.to_ask.clear();
        self.of.clear();
        for filter in core::mem::take(&mut self.filters).into_values() {
            let given_up = End::Withdrawn { may_have_arrived: filter.may_exist };
            self.ended.extend(filter.tickets.into_iter().map(|ticket| (ticket, given_up)));
            self.ended.extend(filter.leaving.into_iter().map(|ticket| (ticket, LEFT)));
        }
    }

    /// How far the server has followed.
    pub(crate) fn subscription_state(&self, text: &str) -> Option<SubscriptionState> {
        let id = *self.ids.get(TopicFilter::new(text).ok()?)?;
        let filter = self.filters.get(&id)?;
        Some(match filter.state {
            _ if filter.wants.is_empty() => SubscriptionState::Unsubscribing,
            State::Granted(_, granted) => SubscriptionState::Granted(granted),
            State::Denied(why) => SubscriptionState::Denied(why),
            _ => SubscriptionState::Requested,
        })
    }

    pub(crate) fn is_wanted_by(&self, receiver: Receiver, text: &str) -> bool {
        let id = TopicFilter::new(text).ok().and_then(|filter| self.ids.get(filter));
        let filter = id.and_then(|id| self.filters.get(id));
        filter.is_some_and(|filter| filter.wants.contains(receiver))
    }

    /// Nobody wants the filter any more, and the server may not know it yet; `receiver` was the last who did.
    pub(crate) fn is_left_by(&self, receiver: Receiver, text: &str) -> bool {
        let id = TopicFilter::new(text).ok().and_then(|filter| self.ids.get(filter));
        let filter = id.and_then(|id| self.filters.get(id));
        filter.is_some_and(|filter| filter.wants.is_empty() && filter.left_by == receiver)
    }

    pub(crate) fn len(&self) -> usize {
        self.filters.len()
    }
}

fn dedup(found: &mut Vec<Receiver>) {
    if found.len() > 1 {
        found.sort_unstable();
        found.dedup();
    }
}

/// So often a link may die with a filter out alone.
const DEATHS: u8 = 2;

/// The largest Subscription Identifier (§3.8.2.1.2).
const LARGEST_ID: u32 = 268_435_455;

/// The result of UNSUBACK, or of an UNSUBSCRIBE that needs none.
const LEFT: End = End::Acknowledged(ReasonCode::SUCCESS);

/// What a log says of a filter that the server may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Known<'f> {
    pub(crate) text: &'f str,
    /// What was asked for.
    pub(crate) qos: QoS,
    pub(crate) options: FilterOptions,
    /// What the server granted, if it has.
    pub(crate) granted: Option<QoS>,
}

impl Filter {
    fn known(&self) -> Known<'_> {
        let granted = match self.state {
            State::Granted(_, granted) => Some(granted),
            _ => None,
        };
        Known { text: &self.text, qos: self.qos(), options: self.options, granted }
    }

    fn matches(&self, topic: TopicName<'_>) -> bool {
        TopicFilter::new(&self.text).is_ok_and(|filter| filter.matches(topic))
    }

    /// The highest that somebody wants.
    fn qos(&self) -> QoS {
        match (self.wants.highest(), self.state) {
            (Some(qos), _) => qos,
            (None, State::Granted(asked, _)) => asked,
            (None, _) => QoS::AtMostOnce,
        }
    }

    pub(super) fn subscription(&self) -> Option<Subscription<'_>> {
        let filter = TopicFilter::new(&self.text).ok()?;
        let FilterOptions { no_local, retain_as_published, retain_handling } = self.options;
        let subscription = Subscription::new(filter, self.qos()).no_local(no_local);
        Some(subscription.retain_as_published(retain_as_published).retain_handling(retain_handling))
    }
}

/// What a reason code of SUBACK says.
pub(super) fn answer(reason: ReasonCode) -> Answer {
    QoS::from_bits(reason.0).ok_or(Denied::Refused(reason))
}
