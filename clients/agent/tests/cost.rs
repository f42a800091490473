//! What the agent costs: nothing is quadratic, and memory is given back.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

mod common;
#[path = "../../../tests/allocations/counting.rs"]
mod counting;

use common::Pair;
use counting::HELD;
use pure_mqtt_agent::{
    AckMode, Agent, End, FilterOptions, Instant, Options, Outgoing, QoS, Qos0Queue, Redial, Ticket, Undelivered,
};
use std::time::Instant as Clock;

const NOW: Instant = Instant::from_millis(0);

fn agent() -> Agent {
    Agent::new(Options { redial: Redial::Host, ..Options::new("a", 1) }, NOW, 0)
}

fn pair() -> Pair {
    let mut pair = Pair::new(Agent::new(Options::new("a", 1), NOW, 0));
    pair.run();
    pair
}

/// Nanoseconds that this thread has computed, whoever else uses the machine; where the system doesn't tell, those that passed.
fn computed(start: Clock) -> f64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let run = told.and_then(|text| text.split(' ').next()?.parse().ok());
    run.unwrap_or_else(|| start.elapsed().as_nanos() as f64)
}

/// How much longer it takes at once than in four parts: as long if linear, four times as long if quadratic. The best of some
/// tries.
fn growth(count: usize, work: &impl Fn(usize)) -> f64 {
    let start = Clock::now();
    let time = |parts: usize| {
        let before = computed(start);
        (0..parts).for_each(|_| work(count / parts));
        computed(start) - before
    };
    let best = |parts| (0..3).map(|_| time(parts)).fold(f64::MAX, f64::min);
    best(1) / best(4).max(1.0)
}

fn assert_linear(what: &str, count: usize, work: impl Fn(usize)) {
    let count = if cfg!(debug_assertions) { count / 4 } else { count };
    let growth = (0..3).map(|_| growth(count, &work)).find(|growth| *growth < MOST);
    assert!(growth.is_some(), "{what}: it takes far longer at once than in four parts");
    println!("{what}: {count} at once take {:.1} times as long as in four parts", growth.unwrap_or_default());
}

/// Above what caches cost, and below what a square does.
const MOST: f64 = 2.5;

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("some/topic/{number}")).collect()
}

#[test]
fn filters_and_messages_and_waiters_cost_the_same_however_many_there_are() {
    // One test, so that the parts don't disturb each other.
    many_filters_in_one_call();
    many_subscriptions_that_come_and_go();
    many_filters_over_a_link();
    many_messages_in_flight();
    many_that_wait();
    many_receivers_of_one_message();
    memory_is_given_back_after_a_burst();
    an_idle_agent_is_small();
}

fn many_filters_in_one_call() {
    assert_linear("filters in one call", 40_000, |count| {
        let mut agent = agent();
        let names = names(count);
        let filters: Vec<_> = names.iter().map(|name| (name.as_str(), QoS::AtLeastOnce)).collect();
        let receiver = agent.receiver(AckMode::OnNext, Qos0Queue::default());
        agent.subscribe(NOW, receiver, &filters, FilterOptions::default()).unwrap();
        agent.drop_receiver(NOW, receiver, Undelivered::Acknowledge);
        assert_eq!(agent.stats().filters, 0);
    });
}

fn many_subscriptions_that_come_and_go() {
    assert_linear("receivers with a filter each", 100_000, |count| {
        let mut agent = agent();
        let receivers: Vec<_> = names(count)
            .iter()
            .map(|name| {
                let receiver = agent.receiver(AckMode::OnNext, Qos0Queue::default());
                let filter = [(name.as_str(), QoS::AtLeastOnce)];
                agent.subscribe(NOW, receiver, &filter, FilterOptions::default()).unwrap();
                receiver
            })
            .collect();
        receivers.into_iter().for_each(|receiver| agent.drop_receiver(NOW, receiver, Undelivered::Acknowledge));
        assert_eq!(agent.stats().filters, 0);
    });
}

fn many_filters_over_a_link() {
    assert_linear("filters that a server grants", 8_000, |count| {
        let mut pair = pair();
        pair.server.is_brief = true;
        let names = names(count);
        let filters: Vec<_> = names.iter().map(|name| (name.as_str(), QoS::AtLeastOnce)).collect();
        let receiver = pair.agent.receiver(AckMode::OnNext, Qos0Queue::default());
        let ticket = pair.agent.subscribe(NOW, receiver, &filters, FilterOptions::default()).unwrap();
        pair.run();
        assert!(pair.agent.take_end(ticket).unwrap().is_success());
    });
}

fn publish(agent: &mut Agent, count: usize) -> Vec<Ticket> {
    let message = || Outgoing::new("a", "1").qos(QoS::AtLeastOnce);
    (0..count).map(|_| agent.publish(NOW, message()).unwrap().ticket).collect()
}

fn many_messages_in_flight() {
    assert_linear("messages in flight", 60_000, |count| {
        let limits = pure_mqtt::Limits { max_inflight: u16::MAX, ..Options::LIMITS };
        let mut pair = Pair::new(Agent::new(Options { limits, ..Options::new("a", 1) }, NOW, 0));
        pair.server.is_brief = true;
        pair.run();
        let tickets = publish(&mut pair.agent, count);
        pair.run();
        assert!(tickets.iter().all(|ticket| pair.agent.take_end(*ticket).is_some_and(|end| end.is_success())));
    });
}

fn many_that_wait() {
    assert_linear("flushes with deadlines", 40_000, |count| {
        let mut agent = agent();
        publish(&mut agent, 1);
        let flush = |number: usize| agent.flush(NOW, Some(NOW.after_millis(1 + number as u64)));
        let tickets: Vec<_> = (0..count).map(flush).collect();
        for _ in 0..count {
            let at = agent.poll_timeout().unwrap();
            agent.handle_timeout(at);
        }
        assert!(tickets.iter().all(|ticket| agent.take_end(*ticket) == Some(End::TimedOut)));
    });
    assert_linear("requests with deadlines", 40_000, |count| {
        let mut agent = agent();
        let request = |number: usize| {
            let message = Outgoing::new("svc", "1").qos(QoS::AtLeastOnce);
            agent.request(NOW, message, None, NOW.after_millis(1 + number as u64)).unwrap()
        };
        let tickets: Vec<_> = (0..count).map(request).collect();
        for _ in 0..count {
            let at = agent.poll_timeout().unwrap();
            agent.handle_timeout(at);
        }
        assert!(tickets.iter().all(|ticket| agent.take_end(*ticket) == Some(End::TimedOut)));
    });
    assert_linear("forgotten tickets", 40_000, |count| {
        let mut agent = agent();
        for ticket in publish(&mut agent, count) {
            agent.flush(NOW, None);
            agent.forget(ticket);
        }
    });
    assert_linear("milestones", 40_000, |count| {
        let mut agent = agent();
        let tickets = publish(&mut agent, count);
        assert!(tickets.iter().all(|ticket| agent.milestone(*ticket).is_some()));
    });
}

fn many_receivers_of_one_message() {
    assert_linear("receivers of one filter", 4_000, |count| {
        let mut pair = pair();
        let mut receivers = Vec::new();
        for _ in 0..count {
            let receiver = pair.agent.receiver(AckMode::OnNext, Qos0Queue::default());
            pair.agent.subscribe(NOW, receiver, &[("a", QoS::AtMostOnce)], FilterOptions::default()).unwrap();
            receivers.push(receiver);
        }
        pair.run();
        for _ in 0..20 {
            pair.server.route("a", b"1", QoS::AtMostOnce);
            pair.run();
        }
        assert_eq!(receivers.iter().filter(|receiver| pair.agent.next(NOW, **receiver).is_some()).count(), count);
    });
}

/// An agent whose link is up and idle, with one filter: what it holds, and its own size.
fn an_idle_agent_is_small() {
    let mut pair = pair();
    let receiver = pair.agent.receiver(AckMode::OnNext, Qos0Queue::default());
    pair.agent.subscribe(NOW, receiver, &[("plant/#", QoS::AtLeastOnce)], FilterOptions::default()).unwrap();
    pair.run();
    pair.forget_all();
    let with_agent = HELD.get();
    let own = size_of_val(&pair.agent);
    drop(pair.agent);
    let heap = with_agent - HELD.get();
    println!("an idle agent: {own} bytes itself, {heap} on the heap");
    assert!(own as i64 + heap <= 5_632, "{own} + {heap}");
}

fn memory_is_given_back_after_a_burst() {
    let mut pair = pair();
    pair.server.is_brief = true;
    publish(&mut pair.agent, 1);
    pair.run();
    let before = HELD.get();
    let tickets: Vec<_> = (0..50_000)
        .map(|_| pair.agent.publish(NOW, Outgoing::new("a", vec![7; 1_000]).qos(QoS::AtLeastOnce)).unwrap().ticket)
        .collect();
    let most = HELD.get() - before;
    pair.run();
    assert!(tickets.iter().all(|ticket| pair.agent.take_end(*ticket).is_some_and(|end| end.is_success())));
    drop(tickets);
    pair.forget_all();
    let left = HELD.get() - before;
    println!("a burst of 50 MB: {most} bytes at most, {left} left");
    assert!(most > 50_000_000 && left < 1_000_000, "{most} {left}");
}
