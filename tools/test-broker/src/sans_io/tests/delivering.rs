//! SUBSCRIBE, UNSUBSCRIBE and PUBLISH to the client.

use super::super::{Config, Prop, prop_id, topic_matches};
use super::*;

/// A broker with client `a` subscribed to `t` in 5.0.
fn subscribed(config: Config) -> (Broker, LinkId) {
    let mut broker = Broker::new(config);
    let link = connect(&mut broker, RESUME_V5);
    assert_eq!(ask(&mut broker, link, SUBSCRIBE_V5), b"\x90\x04\x00\x0a\x00\x02");
    (broker, link)
}

#[test]
fn each_qos_is_delivered_before_v5() {
    for hello in [CONNECT_V31, CONNECT_V311] {
        let mut broker = broker();
        let link = connect(&mut broker, hello);
        assert_eq!(ask(&mut broker, link, SUBSCRIBE_V311), b"\x90\x03\x00\x0a\x02");
        broker.publish("t", b"0", 0, false);
        assert_eq!(broker.output(link), b"\x30\x04\x00\x01t0");
        broker.publish("t", b"1", 1, false);
        assert_eq!(broker.output(link), b"\x32\x06\x00\x01t\x00\x011");
        assert_eq!(broker.in_flight("a"), 1);
        broker.publish("t", b"2", 2, false);
        assert_eq!(broker.output(link), b"\x34\x06\x00\x01t\x00\x022");
        assert_eq!(ask(&mut broker, link, b"\x40\x02\x00\x01"), b"");
        assert_eq!(ask(&mut broker, link, b"\x50\x02\x00\x02"), b"\x62\x02\x00\x02");
        assert_eq!(ask(&mut broker, link, b"\x70\x02\x00\x02"), b"");
        assert!(broker.idle());
        assert_clean(&broker);
    }
}

#[test]
fn unsubscribe_ends_delivery() {
    let (mut broker, link) = subscribed(Config::default());
    assert_eq!(ask(&mut broker, link, b"\xa2\x09\x00\x0b\x00\x00\x01t\x00\x01u"), b"\xb0\x05\x00\x0b\x00\x00\x11");
    broker.publish("t", b"0", 0, false);
    assert_eq!(broker.output(link), b"");
    let old = connect(&mut broker, CONNECT_V311);
    assert_eq!(ask(&mut broker, old, b"\xa2\x05\x00\x0b\x00\x01t"), b"\xb0\x02\x00\x0b");
}

#[test]
fn properties_are_forwarded_and_time_is_taken_off() {
    let mut broker = broker();
    let link = connect(&mut broker, RESUME_V5);
    // Subscription identifier 9.
    ask(&mut broker, link, b"\x82\x09\x00\x0a\x02\x0b\x09\x00\x01t\x02");
    broker.cut(link);
    let expiry = (prop_id::MESSAGE_EXPIRY, Prop::Four(10));
    let user = (prop_id::USER, Prop::Pair("k".into(), "v".into()));
    broker.publish_with("t", b"x", 1, false, &[expiry.clone(), user]);
    broker.publish_with("t", b"y", 1, false, &[(prop_id::MESSAGE_EXPIRY, Prop::Four(3))]);
    broker.tick(4_000);
    let (_, answer) = open(&mut broker, RESUME_V5);
    let expected = b"\x32\x15\x00\x01t\x00\x01\x0e\x02\x00\x00\x00\x06\x26\x00\x01k\x00\x01v\x0b\x09x";
    assert!(answer.ends_with(expected), "{answer:02x?}");
    assert_eq!(broker.queued("a"), 1, "the other message expired");
}

#[test]
fn the_clients_receive_maximum_is_honoured() {
    let mut broker = broker();
    let link = connect(&mut broker, b"\x10\x11\x00\x04MQTT\x05\x02\x00\x3c\x03\x21\x00\x01\x00\x01a");
    ask(&mut broker, link, SUBSCRIBE_V5);
    broker.publish("t", b"1", 1, false);
    broker.publish("t", b"2", 2, false);
    assert_eq!(broker.output(link), b"\x32\x07\x00\x01t\x00\x01\x001");
    assert_eq!(ask(&mut broker, link, b"\x40\x02\x00\x01"), b"\x34\x07\x00\x01t\x00\x02\x002");
    assert_clean(&broker);
}

#[test]
fn too_large_messages_are_dropped() {
    let mut broker = broker();
    let link = connect(&mut broker, b"\x10\x13\x00\x04MQTT\x05\x02\x00\x3c\x05\x27\x00\x00\x00\x0a\x00\x01a");
    ask(&mut broker, link, SUBSCRIBE_V5);
    broker.publish("t", b"12", 1, false);
    broker.publish("t", b"123", 1, false);
    assert_eq!(broker.output(link), b"\x32\x08\x00\x01t\x00\x01\x0012");
    assert_eq!(broker.queued("a"), 1);
}

#[test]
fn aliases_are_used_if_both_sides_want() {
    let mut broker = Broker::new(Config { use_aliases: true, ..Config::default() });
    let link = connect(&mut broker, b"\x10\x11\x00\x04MQTT\x05\x02\x00\x3c\x03\x22\x00\x01\x00\x01a");
    ask(&mut broker, link, b"\x82\x07\x00\x0a\x00\x00\x01+\x02");
    broker.publish("t", b"1", 0, false);
    broker.publish("t", b"2", 0, false);
    broker.publish("u", b"3", 0, false);
    let expected = b"\x30\x08\x00\x01t\x03\x23\x00\x011\x30\x07\x00\x00\x03\x23\x00\x012\x30\x05\x00\x01u\x003";
    assert_eq!(broker.output(link), expected);
}

#[test]
fn retained_messages_greet_subscribers() {
    let mut broker = broker();
    broker.publish("t", b"r", 1, true);
    let link = connect(&mut broker, CONNECT_V311);
    assert_eq!(ask(&mut broker, link, SUBSCRIBE_V311), b"\x90\x03\x00\x0a\x02\x33\x06\x00\x01t\x00\x01r");
    broker.publish("t", b"", 0, true);
    assert_eq!(broker.output(link), b"\x30\x03\x00\x01t", "live messages lose the flag");
    assert_eq!(broker.retained_count(), 0);
}

#[test]
fn retain_options_are_obeyed() {
    let mut broker = broker();
    broker.publish("t", b"r", 0, true);
    let link = connect(&mut broker, CONNECT_V5);
    // Retain handling 1 and retain as published.
    let subscribe = b"\x82\x07\x00\x0a\x00\x00\x01t\x18";
    assert_eq!(ask(&mut broker, link, subscribe), b"\x90\x04\x00\x0a\x00\x00\x31\x05\x00\x01t\x00r");
    assert_eq!(ask(&mut broker, link, subscribe), b"\x90\x04\x00\x0a\x00\x00");
    broker.publish("t", b"s", 0, true);
    assert_eq!(broker.output(link), b"\x31\x05\x00\x01t\x00s");
    assert_eq!(ask(&mut broker, link, b"\x82\x07\x00\x0b\x00\x00\x01t\x20"), b"\x90\x04\x00\x0b\x00\x00");
}

#[test]
fn no_local_spares_the_publisher() {
    let mut broker = broker();
    let link = connect(&mut broker, CONNECT_V5);
    ask(&mut broker, link, b"\x82\x07\x00\x0a\x00\x00\x01t\x04");
    assert_eq!(ask(&mut broker, link, b"\x30\x05\x00\x01t\x00x"), b"");
    broker.publish("t", b"y", 0, false);
    assert_eq!(broker.output(link), b"\x30\x05\x00\x01t\x00y");
}

#[test]
fn shared_subscriptions_take_turns() {
    let mut broker = broker();
    let share = b"\x82\x10\x00\x0a\x00\x00\x0a$share/g/t\x00";
    let links = [connect(&mut broker, CONNECT_V5), connect(&mut broker, CONNECT_B_V5)];
    for link in links {
        assert_eq!(ask(&mut broker, link, share), b"\x90\x04\x00\x0a\x00\x00");
    }
    let [first, second] = links;
    broker.publish("t", b"1", 0, false);
    broker.publish("t", b"2", 0, false);
    broker.publish("t", b"3", 0, false);
    assert_eq!(broker.output(first), b"\x30\x05\x00\x01t\x001\x30\x05\x00\x01t\x003");
    assert_eq!(broker.output(second), b"\x30\x05\x00\x01t\x002");
    assert_clean(&broker);
}

#[test]
fn filters_match_as_the_standard_says() {
    let matching =
        [("#", "a/b"), ("a/#", "a"), ("a/#", "a/b/c"), ("+/b", "a/b"), ("a/+", "a/"), ("/+", "/a"), ("$x/#", "$x/y")];
    let different = [("a", "a/b"), ("a/+", "a"), ("+", "/a"), ("#", "$x"), ("+/y", "$x/y"), ("a/b", "a"), ("a", "A")];
    assert!(matching.iter().all(|(filter, topic)| topic_matches(filter, topic)));
    assert!(!different.iter().any(|(filter, topic)| topic_matches(filter, topic)));
}

#[test]
fn overlapping_subscriptions_give_one_copy() {
    let mut broker = broker();
    let link = connect(&mut broker, CONNECT_V5);
    ask(&mut broker, link, b"\x82\x09\x00\x0a\x02\x0b\x01\x00\x01t\x00\x82\x09\x00\x0b\x02\x0b\x02\x00\x01#\x01");
    broker.publish("t", b"x", 2, false);
    assert_eq!(broker.output(link), b"\x32\x0b\x00\x01t\x00\x01\x04\x0b\x02\x0b\x01x");
}
