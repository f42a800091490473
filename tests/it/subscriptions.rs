//! The list of subscriptions: what the server ends up with, whatever becomes of links, sessions and answers.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::common::broker::{Act, Config, Packet, When};
use crate::common::clock::with_seeds;
use crate::common::pair::{CLIENT, Companion, Fate, Pair, Seen, Start, Wire};
use crate::corners::rig::{NOW, reopen, sent, taken, up};
use pure_mqtt::subscriptions::{FixedList, Full, HeapList, List, SubscriptionState, Subscriptions};
use pure_mqtt::{
    Connect, Connection, Event, Fixed, Heap, Instant, Limits, Outcome, QoS, ReasonCode, Received, RequestError,
    SessionState, Storage, Subscribe, Subscription, TopicFilter, Unsubscribe, Version,
};

/// The list as a part of the host, shared with the test.
struct Shared<L>(Rc<RefCell<Subscriptions<L>>>);

impl<S: Storage, L: List> Companion<S> for Shared<L> {
    fn event(&mut self, event: &Event<'_>) {
        self.0.borrow_mut().on_event(event);
    }

    fn outcome(&mut self, outcome: &Outcome) {
        self.0.borrow_mut().on_outcome(outcome);
    }

    fn before_sending(&mut self, now: Instant, client: &mut Connection<S>) {
        self.0.borrow_mut().sync(now, client);
    }
}

type Handle = Rc<RefCell<Subscriptions<HeapList>>>;

fn attach(pair: &mut Pair) -> Handle {
    let list = Handle::default();
    pair.companion = Some(Box::new(Shared(list.clone())));
    list
}

fn filter(text: &str) -> TopicFilter<'_> {
    TopicFilter::new(text).unwrap()
}

fn want(list: &Handle, text: &str, qos: QoS) {
    list.borrow_mut().subscribe(Subscription::new(filter(text), qos)).unwrap();
}

fn standing(list: &Handle, text: &str) -> Option<SubscriptionState> {
    list.borrow().subscription_state(filter(text))
}

fn names(pair: &Pair) -> Vec<String> {
    pair.broker.subscriptions(CLIENT).into_iter().map(|(name, _)| name).collect()
}

/// How many SUBSCRIBE packets the broker got.
fn packets(pair: &Pair) -> usize {
    pair.lines("SUBSCRIBE").len()
}

#[test]
fn wishes_reach_the_server_and_its_answers_are_kept() {
    for version in Version::ALL {
        let mut pair = Pair::with_config(Config { maximum_qos: 1, ..Config::default() });
        let list = attach(&mut pair);
        want(&list, "a", QoS::AtMostOnce);
        want(&list, "b/#", QoS::ExactlyOnce);
        assert_eq!(standing(&list, "a"), Some(SubscriptionState::Pending));
        let mut pair = pair.up(version);
        assert_eq!(standing(&list, "a"), Some(SubscriptionState::Granted(QoS::AtMostOnce)));
        assert_eq!(standing(&list, "b/#"), Some(SubscriptionState::Granted(QoS::AtLeastOnce)));
        assert_eq!((packets(&pair), list.borrow().is_settled(), list.borrow().len()), (1, true, 2));

        assert!(list.borrow_mut().unsubscribe(filter("a")));
        assert!(!list.borrow_mut().unsubscribe(filter("never")));
        assert_eq!(standing(&list, "a"), Some(SubscriptionState::Unsubscribing));
        assert!(!list.borrow().is_settled());
        pair.drive();
        assert_eq!((standing(&list, "a"), names(&pair)), (None, vec!["b/#".to_owned()]));
        pair.assert_idle();
    }
}

/// No server has heard of it, so none is told, and its place is free at once.
#[test]
fn a_wish_that_was_never_sent_is_forgotten_at_once() {
    let mut list = Subscriptions::new(FixedList::<1>::new());
    list.subscribe(Subscription::new(filter("a"), QoS::AtMostOnce)).unwrap();
    assert!(list.unsubscribe(filter("a")));
    assert!(list.is_empty() && list.subscription_state(filter("a")).is_none());
    list.subscribe(Subscription::new(filter("b"), QoS::AtMostOnce)).unwrap();
    assert_eq!(list.subscription_state(filter("b")), Some(SubscriptionState::Pending));
}

#[test]
fn a_lost_session_gets_them_again_and_a_resumed_one_does_not() {
    for version in Version::ALL {
        let mut pair = Pair::new();
        let list = attach(&mut pair);
        for name in ["a", "b", "c/+"] {
            want(&list, name, QoS::AtLeastOnce);
        }
        let mut pair = pair.up(version);
        pair.cut();
        pair.reconnect(Start::Resume);
        let again = usize::from(version == Version::V31); // which has no way to tell that a session is lost
        assert_eq!(packets(&pair), 1 + again, "{version:?}");
        pair.cut();
        pair.reconnect(Start::Clean);
        assert_eq!((packets(&pair), names(&pair).len()), (2 + again, 3), "{version:?}");
        assert!(list.borrow().is_settled());
        pair.cut();
        pair.broker.lose_session(CLIENT);
        pair.reconnect(Start::Resume);
        assert_eq!((packets(&pair), names(&pair).len()), (3 + again, 3), "{version:?}");
        pair.broker.publish("b", b"x", 1, false);
        pair.drive();
        assert_eq!(pair.payloads(), ["x"]);
        pair.assert_idle();
    }
}

#[test]
fn packets_hold_no_more_than_the_server_takes_and_one_identifier() {
    let config = Config { maximum_packet_size: Some(64), ..Config::default() };
    let mut pair = Pair::with_config(config);
    let list = attach(&mut pair);
    for number in 0..40 {
        want(&list, &format!("a/filter/of/twenty/{number}"), QoS::AtLeastOnce); // two fit, three don't
    }
    let long = format!("long/{}", "x".repeat(80));
    want(&list, &long, QoS::AtLeastOnce);
    for identifier in [7, 7, 8] {
        let name = format!("tagged/{}", list.borrow().len());
        let wish = Subscription::new(filter(&name), QoS::AtLeastOnce);
        list.borrow_mut().subscribe_as(identifier, wish).unwrap();
    }
    let mut pair = pair.up(Version::V5);
    assert_eq!(names(&pair).len(), 43);
    assert_eq!(standing(&list, &long), Some(SubscriptionState::Unsupported(RequestError::ServerMaximum)));
    assert!(list.borrow().is_settled());
    let with_identifier = list.borrow().iter().filter(|(_, identifier, _)| *identifier == 7).count();
    assert_eq!(with_identifier, 2);

    // The next link takes it.
    pair.broker.config_mut().maximum_packet_size = None;
    pair.cut();
    pair.reconnect(Start::Resume);
    assert_eq!(standing(&list, &long), Some(SubscriptionState::Granted(QoS::AtLeastOnce)));
    pair.broker.publish("tagged/42", b"x", 0, false);
    pair.drive();
    assert_eq!(pair.arrived()[0].properties, ["SubscriptionIdentifier(7)"]);
    pair.assert_idle();
}

#[test]
fn what_the_server_has_not_holds_nobody_up() {
    let config = Config { wildcard_available: false, shared_available: false, ..Config::default() };
    let mut pair = Pair::with_config(config);
    let list = attach(&mut pair);
    for name in ["a", "b/+", "c", "$share/g/d", "e", "#", "f", "g", "h"] {
        want(&list, name, QoS::AtLeastOnce);
    }
    let pair = pair.up(Version::V5);
    assert_eq!(names(&pair), ["a", "c", "e", "f", "g", "h"]);
    for name in ["b/+", "$share/g/d", "#"] {
        assert_eq!(standing(&list, name), Some(SubscriptionState::Unsupported(RequestError::NotSupported)));
    }
}

#[test]
fn a_refused_filter_rests_until_it_is_wanted_again_or_the_session_is_new() {
    let config = Config { refuse_subscribe: Some(0x87), ..Config::default() };
    let mut pair = Pair::with_config(config);
    let list = attach(&mut pair);
    want(&list, "a", QoS::AtLeastOnce);
    let mut pair = pair.up(Version::V5);
    assert_eq!(standing(&list, "a"), Some(SubscriptionState::Refused(ReasonCode::NOT_AUTHORIZED)));
    pair.drive();
    pair.cut();
    pair.reconnect(Start::Resume);
    assert_eq!(packets(&pair), 1);
    want(&list, "a", QoS::AtLeastOnce);
    pair.drive();
    assert_eq!(packets(&pair), 2);
    pair.broker.config_mut().refuse_subscribe = None;
    pair.cut();
    pair.reconnect(Start::Clean);
    assert_eq!(standing(&list, "a"), Some(SubscriptionState::Granted(QoS::AtLeastOnce)));
}

#[test]
fn changed_options_are_asked_for_and_unchanged_ones_are_not() {
    let mut pair = Pair::new();
    let list = attach(&mut pair);
    want(&list, "a", QoS::AtMostOnce);
    let mut pair = pair.up(Version::V5);
    want(&list, "a", QoS::AtMostOnce);
    pair.drive();
    assert_eq!(packets(&pair), 1);
    want(&list, "a", QoS::ExactlyOnce);
    pair.drive();
    assert_eq!((packets(&pair), standing(&list, "a")), (2, Some(SubscriptionState::Granted(QoS::ExactlyOnce))));
    assert_eq!(pair.broker.subscriptions(CLIENT), [("a".to_owned(), 2)]);
}

#[test]
fn a_change_of_mind_before_the_answer() {
    let mut pair = Pair::new().wired(Wire { latency: 10, ..Wire::default() });
    let list = attach(&mut pair);
    let mut pair = pair.up(Version::V311);
    want(&list, "a", QoS::AtLeastOnce);
    want(&list, "b", QoS::AtLeastOnce);
    while standing(&list, "a") != Some(SubscriptionState::Requested) {
        assert!(pair.step());
    }
    list.borrow_mut().unsubscribe(filter("a")); // SUBACK is on its way
    list.borrow_mut().unsubscribe(filter("b"));
    want(&list, "b", QoS::ExactlyOnce);
    pair.drive();
    assert_eq!((standing(&list, "a"), pair.broker.subscriptions(CLIENT)), (None, vec![("b".to_owned(), 2)]));

    list.borrow_mut().unsubscribe(filter("b"));
    while pair.lines("UNSUBSCRIBE").len() < 2 && pair.step() {}
    want(&list, "b", QoS::AtMostOnce); // UNSUBACK is on its way
    pair.drive();
    assert_eq!(pair.broker.subscriptions(CLIENT), [("b".to_owned(), 0)]);
    assert!(list.borrow().is_settled());
    pair.assert_idle();
}

/// From now on, no request is answered.
fn mute_answers(pair: &mut Pair) {
    for answer in [Packet::SubAck, Packet::UnsubAck] {
        pair.broker.script(When::sends(answer), Act::Lose);
    }
}

#[test]
fn a_request_without_an_answer_is_repeated_on_the_next_link() {
    for version in Version::ALL {
        let mut pair = Pair::new();
        mute_answers(&mut pair);
        let list = attach(&mut pair);
        want(&list, "a", QoS::AtLeastOnce);
        let mut pair = pair.up(version);
        assert_eq!(standing(&list, "a"), Some(SubscriptionState::Requested));
        pair.broker.clear_script();
        pair.cut();
        assert_eq!(standing(&list, "a"), Some(SubscriptionState::Pending));
        pair.reconnect(Start::Resume);
        assert_eq!(standing(&list, "a"), Some(SubscriptionState::Granted(QoS::AtLeastOnce)));

        mute_answers(&mut pair);
        list.borrow_mut().unsubscribe(filter("a"));
        pair.drive();
        pair.broker.clear_script();
        pair.cut();
        pair.reconnect(Start::Resume);
        assert_eq!((standing(&list, "a"), names(&pair).len()), (None, 0));
        pair.assert_idle();
    }
}

#[test]
fn without_an_allocator() {
    let mut list = Subscriptions::new(FixedList::<2>::new());
    list.subscribe(Subscription::new(filter("a/+"), QoS::AtLeastOnce)).unwrap();
    list.subscribe(Subscription::new(filter("b"), QoS::AtLeastOnce)).unwrap();
    list.subscribe(Subscription::new(filter("b"), QoS::AtMostOnce)).unwrap();
    assert_eq!(list.subscribe(Subscription::new(filter("c"), QoS::AtLeastOnce)), Err(Full));
    assert!(!list.is_empty());
    assert!(format!("{list:?}").contains("FixedList"));
    assert_eq!(Full.to_string(), "the list of subscriptions is full");

    let list = Rc::new(RefCell::new(list));
    let mut pair = Pair::with(Fixed::<256, 4, 4>::new(), Limits::DEFAULT, Config::default());
    pair.companion = Some(Box::new(Shared(list.clone())));
    let mut pair = pair.up(Version::V311);
    assert_eq!(pair.broker.subscriptions(CLIENT), [("a/+".to_owned(), 1), ("b".to_owned(), 0)]);
    list.borrow_mut().unsubscribe(filter("b"));
    pair.drive();
    list.borrow_mut().subscribe(Subscription::new(filter("c"), QoS::AtLeastOnce)).unwrap();
    pair.drive();
    assert_eq!(pair.broker.subscriptions(CLIENT), [("a/+".to_owned(), 1), ("c".to_owned(), 1)]);
    pair.assert_idle();
}

#[test]
fn a_full_connection_gets_them_bit_by_bit() {
    let list = Handle::default();
    let mut pair = Pair::with(Fixed::<128, 4, 4>::new(), Limits::DEFAULT, Config::default());
    pair.companion = Some(Box::new(Shared(list.clone())));
    let texts: Vec<_> = (0..100).map(|number| format!("some/filter/number/{number}")).collect();
    texts.iter().for_each(|text| want(&list, text, QoS::AtLeastOnce));
    let mut pair = pair.up(Version::V5);
    assert_eq!(pair.broker.subscriptions(CLIENT).len(), 100);
    texts.iter().for_each(|text| assert!(list.borrow_mut().unsubscribe(filter(text))));
    pair.drive();
    assert_eq!((pair.broker.subscriptions(CLIENT).len(), list.borrow().is_empty()), (0, true));
    pair.assert_idle();
}

#[test]
fn another_connection_begins_anew() {
    let mut pair = Pair::new();
    let list = attach(&mut pair);
    for name in ["a", "b", "c"] {
        want(&list, name, QoS::AtLeastOnce);
    }
    let mut pair = pair.up(Version::V311);
    mute_answers(&mut pair);
    list.borrow_mut().unsubscribe(filter("b"));
    want(&list, "d", QoS::AtLeastOnce);
    pair.drive();
    list.borrow_mut().unsubscribe(filter("c")); // not asked for yet
    assert_eq!(
        (standing(&list, "b"), standing(&list, "d")),
        (Some(SubscriptionState::Unsubscribing), Some(SubscriptionState::Requested))
    );
    pair.broker.clear_script();

    pair.client = Connection::new(Heap::new(), Limits::DEFAULT); // and with it the answers
    pair.cut();
    list.borrow_mut().restart();
    assert_eq!(
        (standing(&list, "a"), standing(&list, "d")),
        (Some(SubscriptionState::Pending), Some(SubscriptionState::Pending))
    );
    pair.client.adopt_session();
    pair.connect(Version::V311, Start::Resume);
    pair.drive();
    assert_eq!((names(&pair), list.borrow().len()), (vec!["a".to_owned(), "d".to_owned()], 2));
    assert!(list.borrow().is_settled());
}

/// The server lost the session, and the CONNACK that said so was lost as well: the next one resumes the session that came of it.
#[test]
fn a_session_behind_a_lost_connack_is_not_trusted() {
    for version in [Version::V311, Version::V5] {
        let mut pair = Pair::new();
        let list = attach(&mut pair);
        want(&list, "a", QoS::AtLeastOnce);
        let mut pair = pair.up(version);
        pair.cut();
        pair.broker.lose_session(CLIENT);
        pair.connect(version, Start::Resume);
        pair.write();
        pair.cut_with(Fate::Arrive, Fate::Lost);
        assert!(pair.broker.has_session(CLIENT));
        list.borrow_mut().assume_session_lost();
        pair.reconnect(Start::Resume);
        assert_eq!(pair.session(), Some(SessionState::Resumed));
        assert_eq!((packets(&pair), names(&pair)), (2, vec!["a".to_owned()]), "{version:?}");
        pair.cut();
        pair.reconnect(Start::Resume);
        assert_eq!(packets(&pair), 2, "the doubt was for once");
    }
}

#[test]
fn what_a_new_session_has_not_need_not_be_unsubscribed() {
    let mut pair = Pair::new();
    let list = attach(&mut pair);
    want(&list, "a", QoS::AtLeastOnce);
    want(&list, "b", QoS::AtLeastOnce);
    let mut pair = pair.up(Version::V5);
    pair.cut();
    list.borrow_mut().unsubscribe(filter("a"));
    assert_eq!(standing(&list, "a"), Some(SubscriptionState::Unsubscribing), "the server has it");
    pair.reconnect(Start::Clean);
    assert_eq!((standing(&list, "a"), names(&pair)), (None, vec!["b".to_owned()]));
    assert!(pair.lines("UNSUBSCRIBE").is_empty());
}

#[test]
fn without_a_link_nothing_is_asked_for() {
    let now = Instant::from_millis(0);
    let mut list = Subscriptions::new(HeapList::new());
    list.subscribe(Subscription::new(filter("a"), QoS::AtLeastOnce)).unwrap();
    let mut plain = Connection::new(Heap::new(), Limits::DEFAULT);
    list.sync(now, &mut plain);
    assert_eq!(list.subscription_state(filter("a")), Some(SubscriptionState::Pending));
    assert_eq!(plain.pending(), 0);
    assert!(format!("{list:?}").contains("\"a\""));
}

#[test]
fn batches_are_of_the_size_that_was_asked_for() {
    for (batch, expected) in [(0, 40), (1, 40), (8, 5), (16, 3), (99, 3)] {
        let list = Rc::new(RefCell::new(Subscriptions::new(HeapList::new()).with_batch(batch)));
        for number in 0..40 {
            want(&list, &number.to_string(), QoS::AtMostOnce);
        }
        let mut pair = Pair::new();
        pair.companion = Some(Box::new(Shared(list)));
        let pair = pair.up(Version::V311);
        assert_eq!(packets(&pair), expected, "{batch}");
    }
}

/// A host's part: when a link is gone that had no CONNACK, the session that comes may be another.
fn doubt(pair: &Pair, list: &Handle, answered: &mut u32) {
    let links = pair.client.stats().links;
    if pair.client.state() == pure_mqtt::State::Closed && std::mem::replace(answered, links) == links {
        list.borrow_mut().assume_session_lost();
    }
}

/// Wishes come and go while links are cut anywhere, sessions are lost and answers fail to come. Once everything is quiet the server has what
/// is wanted, and nothing else.
#[test]
fn in_the_end_the_server_has_exactly_what_is_wanted() {
    with_seeds(1, 200, |seed| {
        let mut rng = fastrand::Rng::with_seed(seed);
        let wire = Wire { max_write: rng.usize(1..60), max_read: rng.usize(1..60), latency: 3, ..Wire::default() };
        let mut pair = Pair::with_limits(Limits::DEFAULT).wired(wire).seeded(seed);
        pair.broker.config_mut().maximum_packet_size = rng.bool().then_some(80);
        let list = attach(&mut pair);
        let version = rng.choice([Version::V311, Version::V5]).unwrap();
        let mut wanted = BTreeMap::new();
        let mut answered = 0;
        for _ in 0..rng.usize(20..120) {
            let name = format!("filter/{}", rng.u8(0..30));
            match rng.u8(0..12) {
                0..5 => {
                    let qos = QoS::from_bits(rng.u8(0..3)).unwrap();
                    want(&list, &name, qos);
                    wanted.insert(name, qos.bits());
                }
                5..8 => {
                    list.borrow_mut().unsubscribe(filter(&name));
                    wanted.remove(&name);
                }
                8 if pair.client.state() == pure_mqtt::State::Closed => {
                    let start = if rng.u8(0..4) == 0 { Start::Clean } else { Start::Resume };
                    pair.connect(version, start);
                }
                8 => pair.cut_with(Fate::First(rng.usize(0..200)), Fate::First(rng.usize(0..200))),
                9 if pair.client.state() == pure_mqtt::State::Closed => pair.broker.lose_session(CLIENT),
                _ => {
                    for _ in 0..rng.usize(0..20) {
                        pair.step();
                        pair.clock.advance(1);
                        pair.broker.tick(pair.clock.millis());
                    }
                }
            }
            doubt(&pair, &list, &mut answered);
        }
        for _ in 0..4 {
            pair.drive();
            if pair.client.is_connected() {
                break;
            }
            // A session whose CONNACK was lost is not known here: then a clean start is due.
            let is_unknown = matches!(pair.seen.iter().rev().nth(1), Some(Seen::Failed(_)));
            pair.connect(version, if is_unknown { Start::Clean } else { Start::Resume });
            doubt(&pair, &list, &mut answered);
        }
        pair.drive();
        assert!(pair.client.is_connected(), "{:?}", pair.seen);
        assert!(list.borrow().is_settled(), "{list:?}");
        let held: BTreeMap<_, _> = pair.broker.subscriptions(CLIENT).into_iter().collect();
        assert_eq!(held, wanted);
        assert_eq!(list.borrow().len(), wanted.len());
        pair.assert_idle();
    });
}

#[test]
fn what_the_list_did_not_ask_for_is_none_of_its_business() {
    let now = Instant::from_millis(0);
    let mut client = up(Heap::new(), Limits::DEFAULT, Version::V311);
    let mut list = Subscriptions::new(HeapList::new());
    list.subscribe(Subscription::new(filter("a"), QoS::AtLeastOnce)).unwrap();
    list.sync(now, &mut client);
    let own = client.unsubscribe(now, &Unsubscribe::new(&[filter("b")])).unwrap();
    sent(&mut client);
    let answer = [0xB0, 2, 0, own.id.get() as u8];
    let event = taken(&mut client, &answer).unwrap().unwrap();
    assert!(matches!(event, Event::UnsubAck(_)) && !list.on_event(&event));
    let filters = [Subscription::new(filter("a"), QoS::AtMostOnce)];
    let own = client.subscribe(now, &Subscribe::new(&filters)).unwrap();
    sent(&mut client);
    let answer = [0x90, 3, 0, own.id.get() as u8, 0];
    let event = taken(&mut client, &answer).unwrap().unwrap();
    assert!(matches!(event, Event::SubAck(_)) && !list.on_event(&event));
    assert_eq!(list.subscription_state(filter("a")), Some(SubscriptionState::Requested));
    client.unsubscribe(now, &Unsubscribe::new(&[filter("b")])).unwrap();
    sent(&mut client);
    client.handle_close(now);
    let outcomes: Vec<_> = std::iter::from_fn(|| client.poll_outcome()).collect();
    let mine: Vec<_> = outcomes.iter().map(|outcome| list.on_outcome(outcome)).collect();
    assert_eq!(mine, [true, false]);
    assert_eq!(list.subscription_state(filter("a")), Some(SubscriptionState::Pending));
}

/// A filter that is longer than the server's packets can't be taken back on this link: it leaves the list all the same.
#[test]
fn what_cannot_be_unsubscribed_is_forgotten() {
    let now = Instant::from_millis(0);
    let mut client = up(Heap::new(), Limits::DEFAULT, Version::V5);
    let mut list = Subscriptions::new(HeapList::new());
    let long = "long".repeat(20);
    list.subscribe(Subscription::new(filter(&long), QoS::AtLeastOnce)).unwrap();
    list.sync(now, &mut client);
    sent(&mut client);
    let event = taken(&mut client, b"\x90\x04\0\x01\0\x01").unwrap().unwrap();
    assert!(list.on_event(&event));
    assert_eq!(list.subscription_state(filter(&long)), Some(SubscriptionState::Granted(QoS::AtLeastOnce)));
    client.handle_close(now);
    reopen(&mut client, Version::V5, true, &[0x27, 0, 0, 0, 50]);
    assert!(list.unsubscribe(filter(&long)));
    assert_eq!(list.subscription_state(filter(&long)), Some(SubscriptionState::Unsubscribing));
    list.sync(now, &mut client);
    assert_eq!((list.subscription_state(filter(&long)), list.len(), client.pending()), (None, 0, 0));
}

/// A link on `client`; the list hears of CONNACK.
fn link(client: &mut Connection<Heap>, list: &mut Subscriptions<HeapList>, version: Version) {
    client.open(NOW, &Connect::new(version, "c").clean_start(false)).unwrap();
    out(client);
    tell(client, list, if version == Version::V5 { b"\x20\x03\0\0\0" } else { b"\x20\x02\0\0" });
}

/// One packet of the server, for both.
fn tell(client: &mut Connection<Heap>, list: &mut Subscriptions<HeapList>, packet: &[u8]) {
    match client.handle_input(NOW, packet) {
        Ok(Received::Packet { event: Some(event), .. }) => list.on_event(&event),
        other => panic!("{other:?}"),
    };
}

/// All that waits.
fn out(client: &mut Connection<Heap>) -> Vec<u8> {
    let mut transmit = client.transmit(NOW);
    let mut bytes = Vec::new();
    while !transmit.chunk().is_empty() {
        bytes.push(transmit.chunk()[0]);
        transmit.advance(1);
    }
    bytes
}

fn connection() -> Connection<Heap> {
    Connection::new(Heap::new(), Limits::DEFAULT)
}

#[test]
fn a_list_asks_again_where_the_session_may_be_lost() {
    for (version, again) in [(Version::V31, true), (Version::V311, false)] {
        let (mut client, mut list) = (connection(), Subscriptions::new(HeapList::new()));
        list.subscribe(Subscription::new(filter("a"), QoS::AtMostOnce)).unwrap();
        list.sync(NOW, &mut client);
        link(&mut client, &mut list, version);
        list.sync(NOW, &mut client);
        assert_eq!(out(&mut client), b"\x82\x06\0\x01\0\x01a\0");
        tell(&mut client, &mut list, b"\x90\x03\0\x01\0");
        client.handle_close(NOW);
        client.open(NOW, &Connect::new(version, "c").clean_start(false)).unwrap();
        out(&mut client);
        tell(&mut client, &mut list, if version == Version::V31 { b"\x20\x02\0\0" } else { b"\x20\x02\x01\0" });
        list.sync(NOW, &mut client);
        assert_eq!(!out(&mut client).is_empty(), again, "{version:?}: whether the session was lost, 3.1 can't say");
    }
}

/// UNSUBACK ends those that it answers; one that lies between them stays.
#[test]
fn what_lies_between_two_that_go_stays() {
    let (mut client, mut list) = (connection(), Subscriptions::new(HeapList::new()));
    for name in ["a", "b", "c"] {
        list.subscribe(Subscription::new(filter(name), QoS::AtMostOnce)).unwrap();
    }
    link(&mut client, &mut list, Version::V311);
    list.sync(NOW, &mut client);
    out(&mut client);
    tell(&mut client, &mut list, b"\x90\x05\0\x01\0\0\0");
    assert!(list.unsubscribe(filter("a")) && list.unsubscribe(filter("c")));
    list.sync(NOW, &mut client);
    assert_eq!(out(&mut client), b"\xA2\x08\0\x02\0\x01a\0\x01c");
    tell(&mut client, &mut list, b"\xB0\x02\0\x02");
    let standings = ["a", "b", "c"].map(|name| list.subscription_state(filter(name)));
    assert_eq!(standings, [None, Some(SubscriptionState::Granted(QoS::AtMostOnce)), None]);
}

/// A SUBSCRIBE that waits in the connection leaves on the next link, although nobody wants it any more; so it is taken back.
#[test]
fn a_request_that_still_leaves_is_taken_back() {
    let (mut client, mut list) = (connection(), Subscriptions::new(HeapList::new()));
    link(&mut client, &mut list, Version::V311);
    list.subscribe(Subscription::new(filter("a"), QoS::AtMostOnce)).unwrap();
    list.sync(NOW, &mut client); // accepted, and not sent
    assert!(list.unsubscribe(filter("a")));
    client.handle_close(NOW);
    link(&mut client, &mut list, Version::V311);
    while let Some(outcome) = client.poll_outcome() {
        list.on_outcome(&outcome);
    }
    list.sync(NOW, &mut client);
    let sent = out(&mut client);
    let has = |first: u8| sent.windows(2).any(|window| window[0] == first && matches!(window[1], 5 | 6));
    assert_eq!(has(0x82), has(0xA2), "{sent:02X?}");
    assert!(has(0x82), "{sent:02X?}");
}
