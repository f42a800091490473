//! What is sent again on a new connection.

use super::*;

#[test]
fn unacknowledged_messages_come_again_in_order() {
    let mut broker = broker();
    let link = connect(&mut broker, RESUME_V311);
    ask(&mut broker, link, SUBSCRIBE_V311);
    broker.publish("t", b"1", 1, false);
    broker.publish("t", b"2", 2, false);
    broker.publish("t", b"3", 2, false);
    assert_eq!(ask(&mut broker, link, b"\x50\x02\x00\x02").len(), 3 * 8 + 4);
    broker.cut(link);
    broker.publish("t", b"4", 1, false);
    let (link, answer) = open(&mut broker, RESUME_V311);
    let expected = [
        &b"\x20\x02\x01\x00"[..],
        b"\x3a\x06\x00\x01t\x00\x011",
        b"\x62\x02\x00\x02",
        b"\x3c\x06\x00\x01t\x00\x033",
        b"\x32\x06\x00\x01t\x00\x044",
    ];
    assert_eq!(answer, expected.concat());
    let rest =
        ask(&mut broker, link, b"\x40\x02\x00\x01\x70\x02\x00\x02\x50\x02\x00\x03\x40\x02\x00\x04\x70\x02\x00\x03");
    assert_eq!(rest, b"\x62\x02\x00\x03");
    assert!(broker.idle());
    assert_clean(&broker);
}

#[test]
fn a_resend_waits_for_the_receive_maximum() {
    let mut broker = broker();
    let link = connect(&mut broker, RESUME_V5);
    ask(&mut broker, link, SUBSCRIBE_V5);
    broker.publish("t", b"1", 1, false);
    broker.publish("t", b"2", 1, false);
    broker.cut(link);
    // The same session, now with a Receive Maximum of 1.
    let small = b"\x10\x16\x00\x04MQTT\x05\x00\x00\x3c\x08\x11\x00\x00\x00\xff\x21\x00\x01\x00\x01a";
    let (link, answer) = open(&mut broker, small);
    assert!(answer.ends_with(b"\x3a\x07\x00\x01t\x00\x01\x001"), "{answer:02x?}");
    assert_eq!(ask(&mut broker, link, b"\x40\x02\x00\x01"), b"\x3a\x07\x00\x01t\x00\x02\x002");
    assert_clean(&broker);
}

#[test]
fn a_clean_start_forgets() {
    let mut broker = broker();
    let link = connect(&mut broker, RESUME_V311);
    ask(&mut broker, link, SUBSCRIBE_V311);
    broker.publish("t", b"1", 1, false);
    broker.cut(link);
    assert_eq!(open(&mut broker, CONNECT_V311).1, b"\x20\x02\x00\x00");
    assert_eq!((broker.queued("a"), broker.subscriptions("a").len()), (0, 0));
}

#[test]
fn a_client_may_send_again_what_never_arrived() {
    let mut broker = broker();
    let link = connect(&mut broker, RESUME_V311);
    broker.input(link, b"\x32\x07\x00\x01t\x00");
    broker.cut(link);
    let link = connect(&mut broker, RESUME_V311);
    assert_eq!(ask(&mut broker, link, b"\x3a\x07\x00\x01t\x00\x01hi"), b"\x40\x02\x00\x01");
    assert_clean(&broker);
}

#[test]
fn an_answer_that_left_may_or_may_not_have_arrived() {
    for again in [b"\x3a\x07\x00\x01t\x00\x01hi", b"\x32\x07\x00\x01t\x00\x01ho"] {
        let mut broker = broker();
        let link = connect(&mut broker, RESUME_V311);
        ask(&mut broker, link, b"\x32\x07\x00\x01t\x00\x01hi");
        broker.cut(link);
        let link = connect(&mut broker, RESUME_V311);
        ask(&mut broker, link, again);
        assert_clean(&broker);
    }
}

#[test]
fn an_answer_sent_before_the_broker_closed_counts() {
    let mut broker = broker();
    let link = connect(&mut broker, RESUME_V5);
    broker.input(link, b"\x32\x08\x00\x01t\x00\x01\x00hi");
    broker.tick(90_001);
    assert_eq!(broker.output(link), b"\x40\x02\x00\x01\xe0\x01\x8d");
    broker.cut(link);
    let link = connect(&mut broker, RESUME_V5);
    ask(&mut broker, link, b"\x32\x08\x00\x01t\x00\x01\x00ho");
    assert_clean(&broker);
}

#[test]
fn a_lost_answer_does_not_confuse_the_order() {
    let mut broker = broker();
    let both = b"\x3a\x06\x00\x01t\x00\x01x\x3a\x06\x00\x01t\x00\x02y";
    let link = connect(&mut broker, RESUME_V311);
    // The answer to the first message leaves the broker but does not arrive; the second is not answered in time.
    ask(&mut broker, link, b"\x32\x06\x00\x01t\x00\x01x");
    broker.input(link, b"\x32\x06\x00\x01t\x00\x02y");
    for _ in 0..2 {
        broker.cut(link);
        let link = connect(&mut broker, RESUME_V311);
        broker.input(link, both);
        broker.cut(link);
    }
    assert_clean(&broker);
}
