//! What the program is subscribed to, and which of its wishes are still to be answered.

use pure_mqtt::subscriptions::{HeapList, Standing, Subscriptions};
use pure_mqtt::{
    Connection, Event, Handle, Heap, Instant, Outcome, RequestError, Subscription, TopicFilter, Unsubscribe,
};

use crate::error::SubscribeError;
use crate::ticket::Mid;

/// The server's answer to [`Client::subscribe`](crate::Client::subscribe), for [`Client::on_subscribe`](crate::Client::on_subscribe).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Subscribed {
    /// What `subscribe` returned.
    pub mid: Mid,
    /// Each filter and how it stands: granted, refused by the server, or impossible on this link.
    pub filters: Vec<(Box<str>, Standing)>,
}

/// The list of subscriptions, and the wishes that wait for an answer.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    list: Subscriptions<HeapList>,
    waiting: Vec<Waiting>,
}

/// A call of `subscribe` or `unsubscribe`.
#[derive(Debug)]
struct Waiting {
    mid: Mid,
    filters: Vec<Box<str>>,
    wish: Wish,
}

#[derive(Debug, PartialEq)]
enum Wish {
    Subscribe,
    /// With the request for filters that are not in the list, while it is unanswered.
    Unsubscribe(Option<Handle>),
}

/// The end of a wish.
#[derive(Debug)]
pub(crate) enum Answer {
    Subscribed(Subscribed),
    Unsubscribed(Mid),
}

impl Requests {
    /// Wants these subscriptions from now on. The server is asked also for those that it has granted before, since it then sends retained messages again.
    pub(crate) fn subscribe(
        &mut self,
        mid: Mid,
        identifier: u32,
        subscriptions: &[Subscription<'_>],
    ) -> Result<(), SubscribeError> {
        check(subscriptions)?;
        for subscription in subscriptions {
            self.list.unsubscribe(subscription.filter); // it is asked for anew; UNSUBSCRIBE would leave with the next `sync` only
            let _ = self.list.subscribe_as(identifier, *subscription); // a list on the heap is never full
        }
        let filters = subscriptions.iter().map(|subscription| subscription.filter.as_str().into()).collect();
        self.waiting.push(Waiting { mid, filters, wish: Wish::Subscribe });
        Ok(())
    }

    /// Wants these subscriptions no longer. Those that an earlier life of the program has made are ended as well.
    pub(crate) fn unsubscribe(
        &mut self,
        now: Instant,
        engine: &mut Connection<Heap>,
        mid: Mid,
        filters: &[TopicFilter<'_>],
    ) -> Result<(), SubscribeError> {
        if filters.is_empty() {
            return Err(RequestError::EmptyList.into());
        }
        let is_unknown = |filter: &&TopicFilter<'_>| self.list.standing(**filter).is_none();
        let unknown: Vec<_> = filters.iter().filter(is_unknown).copied().collect();
        let request =
            if unknown.is_empty() { None } else { Some(engine.unsubscribe(now, &Unsubscribe::new(&unknown))?.handle) };
        for filter in filters {
            self.list.unsubscribe(*filter);
        }
        let filters = filters.iter().map(|filter| filter.as_str().into()).collect();
        self.waiting.push(Waiting { mid, filters, wish: Wish::Unsubscribe(request) });
        Ok(())
    }

    /// Takes note of an event.
    pub(crate) fn on_event(&mut self, event: &Event<'_>) {
        self.list.on_event(event);
        if let Event::UnsubAck(answer) = event {
            self.end_request(answer.handle);
        }
    }

    /// Takes note of an outcome.
    pub(crate) fn on_outcome(&mut self, outcome: &Outcome) {
        self.list.on_outcome(outcome);
        self.end_request(outcome.handle);
    }

    fn end_request(&mut self, handle: Handle) {
        for waiting in &mut self.waiting {
            if waiting.wish == Wish::Unsubscribe(Some(handle)) {
                waiting.wish = Wish::Unsubscribe(None);
            }
        }
    }

    /// How far the server has followed.
    pub(crate) fn standing(&self, filter: TopicFilter<'_>) -> Option<Standing> {
        self.list.standing(filter)
    }

    /// The link ended before the server had accepted it: it may have begun another session.
    pub(crate) fn doubt_session(&mut self) {
        self.list.doubt_session();
    }

    /// Asks the server for what is missing.
    pub(crate) fn sync(&mut self, now: Instant, engine: &mut Connection<Heap>) {
        self.list.sync(now, engine);
    }

    /// The next wish that is answered.
    pub(crate) fn next_answer(&mut self) -> Option<Answer> {
        let place = self.waiting.iter().position(|waiting| waiting.is_answered(&self.list))?;
        let Waiting { mid, filters, wish } = self.waiting.remove(place);
        if wish != Wish::Subscribe {
            return Some(Answer::Unsubscribed(mid));
        }
        let with_standing = |filter: Box<str>| {
            let standing = standing(&self.list, &filter)?;
            Some((filter, standing))
        };
        Some(Answer::Subscribed(Subscribed { mid, filters: filters.into_iter().filter_map(with_standing).collect() }))
    }
}

impl Waiting {
    fn is_answered(&self, list: &Subscriptions<HeapList>) -> bool {
        let mut standings = self.filters.iter().map(|filter| standing(list, filter));
        match self.wish {
            Wish::Subscribe => standings.all(|standing| !matches!(standing, Some(Standing::Wanted | Standing::Asked))),
            Wish::Unsubscribe(request) => {
                request.is_none() && standings.all(|standing| standing != Some(Standing::Leaving))
            }
        }
    }
}

fn standing(list: &Subscriptions<HeapList>, filter: &str) -> Option<Standing> {
    list.standing(TopicFilter::new(filter).ok()?)
}

/// What would never be sent is refused at once.
fn check(subscriptions: &[Subscription<'_>]) -> Result<(), SubscribeError> {
    if subscriptions.is_empty() {
        return Err(RequestError::EmptyList.into());
    }
    if subscriptions.iter().any(|subscription| subscription.no_local && subscription.filter.share().is_some()) {
        return Err(RequestError::SharedNoLocal.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use pure_mqtt::{Connect, Limits, QoS, Received, Version};

    use super::*;

    const NOW: Instant = Instant::from_millis(0);

    /// A connected engine and the requests of its client.
    struct Rig {
        engine: Connection<Heap>,
        requests: Requests,
    }

    impl Rig {
        fn new() -> Self {
            let mut engine = Connection::new(Heap::new(), Limits::DEFAULT);
            engine.open(NOW, &Connect::new(Version::V311, "me")).unwrap();
            let mut rig = Self { engine, requests: Requests::default() };
            rig.sent();
            rig.receive(b"\x20\x02\x00\x00");
            rig
        }

        /// The bytes that leave.
        fn sent(&mut self) -> Vec<u8> {
            self.requests.sync(NOW, &mut self.engine);
            let mut transmit = self.engine.transmit(NOW);
            let mut sent = Vec::new();
            while !transmit.chunk().is_empty() {
                sent.extend(transmit.chunk());
                let count = transmit.chunk().len();
                transmit.advance(count);
            }
            sent
        }

        fn receive(&mut self, packet: &[u8]) {
            let Ok(Received::Packet { event: Some(event), .. }) = self.engine.handle_input(NOW, packet) else {
                panic!("a packet with an event");
            };
            self.requests.on_event(&event);
        }

        fn subscribe(&mut self, mid: u64, filter: &str) {
            let wish = [Subscription::new(TopicFilter::new(filter).unwrap(), QoS::AtLeastOnce)];
            self.requests.subscribe(Mid(mid), 0, &wish).unwrap();
        }

        fn unsubscribe(&mut self, mid: u64, filter: &str) {
            let filters = [TopicFilter::new(filter).unwrap()];
            self.requests.unsubscribe(NOW, &mut self.engine, Mid(mid), &filters).unwrap();
        }
    }

    #[test]
    fn a_subscription_is_answered_when_the_server_has_answered() {
        let mut rig = Rig::new();
        rig.subscribe(1, "a");
        assert_eq!(rig.sent(), b"\x82\x06\x00\x01\x00\x01a\x01");
        assert!(rig.requests.next_answer().is_none());
        rig.receive(b"\x90\x03\x00\x01\x01");
        let Some(Answer::Subscribed(answer)) = rig.requests.next_answer() else { panic!("an answer") };
        assert_eq!(answer.mid, Mid(1));
        assert_eq!(answer.filters, [("a".into(), Standing::Granted(QoS::AtLeastOnce))]);
        assert!(rig.requests.next_answer().is_none());
    }

    #[test]
    fn subscribing_again_asks_again_without_unsubscribing() {
        let mut rig = Rig::new();
        rig.subscribe(1, "a");
        rig.sent();
        rig.receive(b"\x90\x03\x00\x01\x01");
        assert!(rig.requests.next_answer().is_some());
        rig.subscribe(2, "a");
        assert!(rig.requests.next_answer().is_none());
        assert_eq!(rig.sent(), b"\x82\x06\x00\x02\x00\x01a\x01");
        rig.receive(b"\x90\x03\x00\x02\x01");
        assert!(matches!(rig.requests.next_answer(), Some(Answer::Subscribed(Subscribed { mid: Mid(2), .. }))));
    }

    #[test]
    fn known_and_unknown_filters_can_be_unsubscribed() {
        let mut rig = Rig::new();
        rig.unsubscribe(1, "old");
        assert_eq!(rig.sent(), b"\xA2\x07\x00\x01\x00\x03old");
        assert!(rig.requests.next_answer().is_none());
        rig.receive(b"\xB0\x02\x00\x01");
        assert!(matches!(rig.requests.next_answer(), Some(Answer::Unsubscribed(Mid(1)))));

        rig.subscribe(2, "a");
        rig.sent();
        rig.receive(b"\x90\x03\x00\x02\x01");
        assert!(rig.requests.next_answer().is_some());
        rig.unsubscribe(3, "a");
        assert_eq!(rig.sent(), b"\xA2\x05\x00\x03\x00\x01a");
        rig.receive(b"\xB0\x02\x00\x03");
        assert!(matches!(rig.requests.next_answer(), Some(Answer::Unsubscribed(Mid(3)))));
    }

    #[test]
    fn nothing_is_no_request() {
        let mut rig = Rig::new();
        let empty = SubscribeError::Rejected(RequestError::EmptyList);
        assert_eq!(rig.requests.subscribe(Mid(1), 0, &[]), Err(empty));
        assert_eq!(rig.requests.unsubscribe(NOW, &mut rig.engine, Mid(1), &[]), Err(empty));
        let shared = Subscription::new(TopicFilter::new("$share/g/a").unwrap(), QoS::AtMostOnce).no_local(true);
        let refused = SubscribeError::Rejected(RequestError::SharedNoLocal);
        assert_eq!(rig.requests.subscribe(Mid(1), 0, &[shared]), Err(refused));
    }
}
