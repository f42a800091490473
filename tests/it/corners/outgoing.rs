//! Packets that wait while their time passes, and a control area that is full.

use super::rig::{NOW, delivered, message, reopen, sent, taken, up, up_with};
use pure_mqtt::{
    Ack, Cause, Connection, ConnectionError, Event, Fixed, Heap, Instant, Limits, Overflow, Property, Publish,
    PublishError, QoS, Received, Subscribe, Subscription, Timer, TopicFilter, TopicName, Unsubscribe, Version,
};

fn publish(payload: &[u8]) -> Publish<'_> {
    Publish::new(TopicName::new("t").unwrap(), payload)
}

#[test]
fn a_message_whose_time_is_over_is_not_staged() {
    let limits = Limits { version: Version::V5, ..Limits::DEFAULT };
    let mut client = Connection::new(Fixed::<128, 4, 4, 64>::new(), limits);
    let brief = [Property::MessageExpiryInterval(1)];
    let early = Instant::from_millis(0);
    let lost = client.publish(early, &publish(b"1").qos(QoS::AtLeastOnce).properties(&brief[..])).unwrap();
    client.publish(early, &publish(b"2").properties(&brief[..])).unwrap();
    client.publish(early, &publish(b"3")).unwrap();
    // Nobody calls `handle_timeout`; the link comes up five seconds later.
    reopen(&mut client, Version::V5, false, &[]);
    assert_eq!(sent(&mut client), b"\x30\x05\0\x01t\x003");
    let outcome = client.poll_outcome().unwrap();
    assert_eq!((outcome.handle, outcome.cause), (lost.handle, Cause::Expired));
    assert_eq!(client.poll_outcome(), None);
    assert!(client.is_idle());
}

#[test]
fn pingreq_waits_for_room_and_is_not_lost() {
    let mut client = up(Fixed::<128, 4, 8, 18>::new(), Limits::DEFAULT, Version::V311);
    let later = NOW.after_secs(60);
    for id in 1..=6 {
        assert!(matches!(taken(&mut client, &message(Version::V311, 1, id)), Ok(Some(Event::Message(_)))));
    }
    client.handle_timeout(later).unwrap();
    let mut transmit = client.transmit(later);
    // Four PUBACKs fill sixteen bytes of eighteen; PINGREQ would fit in what is left, but a fifth PUBACK does not.
    assert_eq!(transmit.remaining(), 18);
    assert_eq!(transmit.chunk(), b"\x40\x02\0\x01\x40\x02\0\x02\x40\x02\0\x03\x40\x02\0\x04\xC0\0");
    transmit.advance(18);
    assert_eq!(transmit.chunk(), b"\x40\x02\0\x05\x40\x02\0\x06");
    transmit.advance(8);
    assert_eq!(transmit.remaining(), 0);

    let mut client = up(Fixed::<128, 4, 8, 17>::new(), Limits::DEFAULT, Version::V311);
    for id in 1..=4 {
        assert!(matches!(taken(&mut client, &message(Version::V311, 1, id)), Ok(Some(Event::Message(_)))));
    }
    client.handle_timeout(later).unwrap();
    let mut transmit = client.transmit(later);
    assert_eq!(transmit.remaining(), 16, "one byte is too little for PINGREQ");
    transmit.advance(16);
    assert_eq!(transmit.chunk(), b"\xC0\0");
}

/// PINGREQ can only go behind the packet that is half out: while that makes progress the transport is alive.
#[test]
fn a_long_packet_on_a_slow_line_is_waited_for() {
    let limits = Limits { pingresp_timeout: 5_000, ..Limits::DEFAULT };
    let mut client = up(Heap::new(), limits, Version::V311);
    client.publish(NOW, &publish(&[b'x'; 1_000])).unwrap();
    let mut now = NOW;
    for _ in 0..100 {
        now = now.after_millis(4_999);
        assert_eq!(client.handle_timeout(now), Ok(()));
        client.transmit(now).advance(10);
        assert!(matches!(client.handle_input(now, b"\x30\x03\0\x01t"), Ok(Received::Packet { .. })));
    }
    assert_eq!(client.transmit(now).remaining(), 6);
    assert_eq!(client.handle_timeout(now.after_millis(64_999)), Ok(()));
    assert_eq!(client.handle_timeout(now.after_millis(65_000)), Err(ConnectionError::KeepAliveTimeout), "it stopped");
}

/// A question that the last link left open is not held against the next one.
#[test]
fn an_unanswered_pingreq_goes_with_its_link() {
    for version in Version::ALL {
        let limits = Limits { pingresp_timeout: 5_000, ..Limits::DEFAULT };
        let mut client = up(Heap::new(), limits, version);
        let due = NOW.after_secs(60);
        client.handle_timeout(due).unwrap();
        assert_eq!(sent(&mut client), b"\xC0\0");
        assert_eq!(client.next_timer(), Some((Timer::PingResp, due.after_millis(5_000))));
        client.handle_close(due);
        assert_eq!(client.next_timer(), None);
        reopen(&mut client, version, true, &[]);
        assert!(client.is_idle());
        assert_eq!(client.next_timer(), Some((Timer::KeepAlive, due.after_secs(60))));
        assert_eq!(taken(&mut client, b"\xD0\0"), Ok(None), "nobody asked on this link");
    }
}

/// While the window is closed a second cursor looks behind the first; what it has passed must not be forgotten when the window opens.
#[test]
fn the_second_cursor_falls_back_when_the_window_opens() {
    let limits = Limits { max_inflight: 1, ..Limits::DEFAULT };
    let mut client = up(Heap::new(), limits, Version::V311);
    client.publish(NOW, &publish(b"1").qos(QoS::AtLeastOnce)).unwrap();
    client.publish(NOW, &publish(b"2").qos(QoS::AtLeastOnce)).unwrap();
    client.publish(NOW, &publish(b"a")).unwrap();
    client.publish(NOW, &publish(b"3").qos(QoS::AtLeastOnce)).unwrap();
    let filters = [Subscription::new(TopicFilter::new("f").unwrap(), QoS::AtMostOnce)];
    client.subscribe(NOW, &Subscribe::new(&filters)).unwrap();
    client.publish(NOW, &publish(b"b")).unwrap();
    assert_eq!(order(&mut client), "1asb");
    client.publish(NOW, &publish(b"c")).unwrap();
    assert!(matches!(taken(&mut client, &[0x40, 2, 0, 1]), Ok(Some(Event::PubAck(_)))));
    assert_eq!(order(&mut client), "2c");
    client.publish(NOW, &publish(b"d")).unwrap();
    assert!(matches!(taken(&mut client, &[0x40, 2, 0, 2]), Ok(Some(Event::PubAck(_)))));
    assert_eq!(order(&mut client), "3d");
}

/// A request that is out stands in a list of its own: the second cursor, which stood on it, doesn't follow it there.
#[test]
fn the_second_cursor_does_not_follow_a_request_that_left() {
    let limits = Limits { max_inflight: 1, ..Limits::DEFAULT };
    let mut client = up(Heap::new(), limits, Version::V311);
    client.publish(NOW, &publish(b"1").qos(QoS::AtLeastOnce)).unwrap();
    client.publish(NOW, &publish(b"2").qos(QoS::AtLeastOnce)).unwrap();
    let filters = [Subscription::new(TopicFilter::new("f").unwrap(), QoS::AtMostOnce)];
    client.subscribe(NOW, &Subscribe::new(&filters)).unwrap();
    assert_eq!(order(&mut client), "1s");
    client.publish(NOW, &publish(b"a")).unwrap();
    assert_eq!(order(&mut client), "a", "SUBACK has not come");
}

/// Messages at QoS 0 go past one that waits for the window. They were shown and are taken back: nothing of that changes their order, or leaves one behind.
#[test]
fn what_is_taken_back_behind_a_message_that_waits_leaves_in_its_order() {
    let limits = Limits { max_inflight: 1, ..Limits::DEFAULT };
    let mut client = up(Heap::new(), limits, Version::V311);
    for payload in [b"1", b"2"] {
        client.publish(NOW, &publish(payload).qos(QoS::AtLeastOnce)).unwrap();
    }
    assert_eq!(order(&mut client), "1");
    for _ in 0..3 {
        for payload in [b"a", b"b", b"c"] {
            client.publish(NOW, &publish(payload)).unwrap();
        }
        assert!(client.transmit(NOW).chunk().len() > 10, "they are shown together");
        let other = client.publish(NOW, &publish(b"3").qos(QoS::AtLeastOnce)).unwrap().handle;
        assert!(client.cancel(other));
        assert_eq!(order(&mut client), "abc");
    }
}

/// PUBREL left on the last link, and is shown again: the answer to the first counts, whether the transport has taken the second or not.
#[test]
fn a_pubcomp_for_a_pubrel_of_the_last_link_counts_at_once() {
    for version in Version::ALL {
        let mut client = up(Heap::new(), Limits::DEFAULT, version);
        client.publish(NOW, &publish(b"1").qos(QoS::ExactlyOnce)).unwrap();
        sent(&mut client);
        assert_eq!(taken(&mut client, b"\x50\x02\0\x01"), Ok(None));
        assert_eq!(sent(&mut client), b"\x62\x02\0\x01");
        client.handle_close(NOW);
        reopen(&mut client, version, version != Version::V31, &[]);
        assert_eq!(client.transmit(NOW).chunk(), b"\x62\x02\0\x01");
        assert!(matches!(taken(&mut client, b"\x70\x02\0\x01"), Ok(Some(Event::PubComp(_)))), "{version:?}");
    }
}

/// And so does a message after PUBREC: what was passed over in search of one to drop doesn't lead there.
#[test]
fn the_search_for_the_oldest_does_not_follow_a_message_after_pubrec() {
    let limits = Limits { max_inflight: 1, max_queued: 3, overflow: Overflow::DropOldest, ..Limits::DEFAULT };
    let mut client = up(Heap::new(), limits, Version::V311);
    client.publish(NOW, &publish(b"1").qos(QoS::ExactlyOnce)).unwrap();
    sent(&mut client);
    let waiting =
        [b"2", b"3"].map(|payload| client.publish(NOW, &publish(payload).qos(QoS::AtLeastOnce)).unwrap().handle);
    let dropped = client.publish(NOW, &publish(b"4").qos(QoS::AtLeastOnce)).unwrap().dropped;
    assert_eq!(dropped.map(|dropped| (dropped.first, dropped.count)), Some((waiting[0], 1)));
    assert_eq!(taken(&mut client, b"\x50\x02\0\x01"), Ok(None));
    let dropped = client.publish(NOW, &publish(b"5").qos(QoS::AtLeastOnce)).unwrap().dropped;
    assert_eq!(dropped.map(|dropped| (dropped.first, dropped.count)), Some((waiting[1], 1)));
}

/// What leaves: of each message the last byte of its payload, of SUBSCRIBE an "s".
fn order(client: &mut Connection<Heap>) -> String {
    let bytes = sent(client);
    let (mut rest, mut order) = (&bytes[..], String::new());
    while let [first, length, ..] = *rest {
        let (packet, behind) = rest.split_at(2 + usize::from(length));
        order.push(if first == 0x82 { 's' } else { char::from(packet[packet.len() - 1]) });
        rest = behind;
    }
    order
}

#[test]
fn a_server_may_refuse_retained_messages_that_wait() {
    let limits = Limits { version: Version::V5, ..Limits::DEFAULT };
    let mut client = up_with(Heap::new(), limits, Version::V5, &[0x25, 0]);
    client.publish(NOW, &publish(b"x")).unwrap();
    assert!(client.publish(NOW, &publish(b"x").retain(true)).is_err());
}

/// Before 5.0 two bytes a packet are kept free, so that a change of version never fails: the second message fits to the byte, or not at all.
#[test]
fn room_is_counted_to_the_byte() {
    fn second<const ARENA: usize>() -> bool {
        let mut client = up(Fixed::<ARENA, 4, 4, 64>::new(), Limits::DEFAULT, Version::V311);
        client.publish(NOW, &publish(b"x").qos(QoS::AtLeastOnce)).unwrap();
        client.publish(NOW, &publish(b"y").qos(QoS::AtLeastOnce)).is_ok()
    }
    assert!(second::<20>() && !second::<19>());
}

/// An acknowledgement for a message that was shown to the transport counts once it is known to have left; one for a message that waits fits nothing.
#[test]
fn acknowledgements_of_what_has_not_left_wait_or_are_unknown() {
    let limits = Limits { max_inflight: 1, ..Limits::DEFAULT };
    let mut client = up(Heap::new(), limits, Version::V311);
    client.publish(NOW, &publish(b"1").qos(QoS::AtLeastOnce)).unwrap();
    assert!(client.transmit(NOW).remaining() > 0, "it is staged");
    assert_eq!(client.handle_input(NOW, b"\x40\x02\0\x01"), Ok(Received::Blocked));
    client.publish(NOW, &publish(b"2").qos(QoS::AtLeastOnce)).unwrap();
    assert_eq!(taken(&mut client, b"\x40\x02\0\x02"), Ok(None));
    assert_eq!((client.stats().unknown_acks, client.pending()), (1, 2));
    let length = client.transmit(NOW).chunk().len();
    client.transmit(NOW).advance(length);
    assert!(matches!(taken(&mut client, b"\x40\x02\0\x01"), Ok(Some(Event::PubAck(_)))));
    assert_eq!(client.pending(), 1);
}

/// The first message from the server and the first to it, each in the place with the number 1: what is owed for both leaves.
#[test]
fn an_acknowledgement_and_a_pubrel_of_the_same_number_both_leave() {
    let mut client = up(Heap::new(), Limits::DEFAULT, Version::V311);
    client.publish(NOW, &publish(b"1").qos(QoS::ExactlyOnce)).unwrap();
    sent(&mut client);
    assert!(taken(&mut client, &message(Version::V311, 1, 1)).is_ok());
    assert_eq!(taken(&mut client, b"\x50\x02\0\x01"), Ok(None));
    assert_eq!(sent(&mut client), b"\x40\x02\0\x01\x62\x02\0\x01");
}

/// A PUBREC that comes before its message is sent again on the new link takes its unit of the window all the same.
#[test]
fn an_early_pubrec_holds_a_unit_until_pubcomp() {
    let limits = Limits { max_inflight: 1, ..Limits::DEFAULT };
    let mut client = up(Heap::new(), limits, Version::V311);
    client.publish(NOW, &publish(b"1").qos(QoS::ExactlyOnce)).unwrap();
    sent(&mut client);
    client.handle_close(NOW);
    reopen(&mut client, Version::V311, true, &[]);
    client.publish(NOW, &publish(b"2").qos(QoS::ExactlyOnce)).unwrap();
    assert_eq!(taken(&mut client, b"\x50\x02\0\x01"), Ok(None));
    assert_eq!(sent(&mut client), b"\x62\x02\0\x01");
    assert_eq!(client.send_quota(), 0);
    assert!(matches!(taken(&mut client, b"\x70\x02\0\x01"), Ok(Some(Event::PubComp(_)))));
    assert_eq!(sent(&mut client), b"\x34\x06\0\x01t\0\x022");
}

#[cfg(feature = "bytes")]
#[test]
fn a_shared_payload_gives_its_bytes_back() {
    let limits = Limits { max_bytes: 1_000, ..Limits::DEFAULT };
    let mut client = up(Heap::new(), limits, Version::V311);
    let payload = bytes::Bytes::from(vec![b'x'; 600]);
    let topic = TopicName::new("t").unwrap();
    for id in 1..=5 {
        client.publish(NOW, &Publish::new(topic, &payload).qos(QoS::AtLeastOnce)).unwrap();
        assert!(client.publish(NOW, &Publish::new(topic, &payload).qos(QoS::AtLeastOnce)).is_err());
        sent(&mut client);
        assert!(matches!(taken(&mut client, &[0x40, 2, 0, id]), Ok(Some(Event::PubAck(_)))));
    }
}

/// A message that is about to be sent again holds its unit of the window, also when another one is taken out of the queue meanwhile.
#[test]
fn a_message_on_the_wire_keeps_its_unit_while_it_waits_to_be_repeated() {
    let limits = Limits { max_inflight: 2, retry_interval: 1_000, ..Limits::DEFAULT };
    let mut client = up(Heap::new(), limits, Version::V311);
    client.publish(NOW, &publish(b"1").qos(QoS::AtLeastOnce)).unwrap();
    sent(&mut client);
    let later = NOW.after_secs(1);
    client.handle_timeout(later).unwrap();
    let second = client.publish(later, &publish(b"2").qos(QoS::AtLeastOnce)).unwrap();
    let later = NOW.after_secs(2);
    client.handle_timeout(later).unwrap();
    assert_eq!(client.transmit(later).remaining(), 16, "the first again, and the second");
    assert_eq!(client.send_quota(), 0);
    assert!(client.cancel(second.handle));
    assert_eq!(
        client.send_quota(),
        2,
        "the unit of the second is free, and that of the first until it is staged again"
    );
    client.publish(later, &publish(b"3").qos(QoS::AtLeastOnce)).unwrap();
    client.publish(later, &publish(b"4").qos(QoS::AtLeastOnce)).unwrap();
    let mut transmit = client.transmit(later);
    assert_eq!(transmit.chunk(), b"\x3A\x06\0\x01t\0\x011\x32\x06\0\x01t\0\x033");
    transmit.advance(16);
    assert_eq!(client.send_quota(), 0);
}

/// The second cursor has come to rest on a stored acknowledgement when the first one, for which the window has opened, passes it.
#[test]
fn the_first_cursor_may_pass_the_second() {
    let limits = Limits { max_inflight: 1, manual_acks: true, ..Limits::DEFAULT };
    let mut client = up(Heap::new(), limits, Version::V5);
    client.publish(NOW, &publish(b"1").qos(QoS::AtLeastOnce)).unwrap();
    client.publish(NOW, &publish(b"2").qos(QoS::AtLeastOnce)).unwrap();
    let [first, second] = [1, 2].map(|id| delivered(&mut client, &message(Version::V5, 1, id)));
    let because = [Property::ReasonString("because")];
    client.acknowledge(NOW, second, &Ack::SUCCESS.properties(&because[..])).unwrap();
    assert_eq!(order(&mut client), "1");
    assert!(matches!(taken(&mut client, &[0x40, 2, 0, 1]), Ok(Some(Event::PubAck(_)))));
    assert_eq!(order(&mut client), "2");
    client.publish(NOW, &publish(b"3").qos(QoS::AtLeastOnce)).unwrap();
    client.publish(NOW, &publish(b"a")).unwrap();
    assert_eq!(order(&mut client), "a");
    client.acknowledge(NOW, first, &Ack::SUCCESS).unwrap();
    assert_eq!(sent(&mut client), b"\x40\x02\0\x01\x40\x0E\0\x02\0\x0A\x1F\0\x07because");
    client.publish(NOW, &publish(b"b")).unwrap();
    assert!(matches!(taken(&mut client, &[0x40, 2, 0, 2]), Ok(Some(Event::PubAck(_)))));
    assert_eq!(order(&mut client), "3b");
}

/// A message taken back from the end of the queue doesn't take those before it along.
#[test]
fn what_is_cancelled_leaves_the_second_cursor_where_it_was() {
    let limits = Limits { max_inflight: 1, ..Limits::DEFAULT };
    let mut client = up(Heap::new(), limits, Version::V311);
    client.publish(NOW, &publish(b"1").qos(QoS::AtLeastOnce)).unwrap();
    client.publish(NOW, &publish(b"2").qos(QoS::AtLeastOnce)).unwrap();
    assert_eq!(order(&mut client), "1");
    client.publish(NOW, &publish(b"a")).unwrap();
    let last = client.publish(NOW, &publish(b"b")).unwrap();
    assert!(client.cancel(last.handle));
    assert_eq!(order(&mut client), "a");
}

/// A table that is full to the last place is full: the policy decides, and finds a place.
#[test]
fn the_policy_frees_a_place_in_a_full_table() {
    for (overflow, victim) in [(Overflow::DropOldest, 0), (Overflow::LatestPerTopic, 2)] {
        let mut client = Connection::new(Fixed::<256, 4, 4, 64>::new(), Limits { overflow, ..Limits::DEFAULT });
        let send = |client: &mut Connection<_>, topic: &str| {
            client.publish(NOW, &Publish::new(TopicName::new(topic).unwrap(), b"x").qos(QoS::AtLeastOnce))
        };
        let handles = ["a", "b", "c", "d"].map(|topic| send(&mut client, topic).unwrap().handle);
        let dropped = send(&mut client, "c").unwrap().dropped.unwrap();
        assert_eq!((dropped.first, dropped.last, dropped.count), (handles[victim], handles[victim], 1));
        assert_eq!(client.pending(), 4);
    }
}

/// Encoded anew for 5.0 a message is longer: the arena of `Heap` has room for that, however full it was.
#[test]
fn a_change_of_version_finds_its_room_on_the_heap() {
    let pairs = (110..130).flat_map(|first| (110..130).map(move |second| [first, second]));
    for lengths in pairs {
        let mut client = Connection::new(Heap::new(), Limits::DEFAULT);
        let payloads = lengths.map(|length| vec![b'x'; length]);
        for payload in &payloads {
            client.publish(NOW, &publish(payload).qos(QoS::AtLeastOnce)).unwrap();
        }
        reopen(&mut client, Version::V5, false, &[]);
        let packet = |id: u8, payload: &[u8]| {
            let remaining = payload.len() as u8 + 6;
            let length: &[u8] = if remaining < 128 { &[remaining] } else { &[remaining, 1] };
            [&[0x32], length, &[0, 1, b't', 0, id, 0], payload].concat()
        };
        assert_eq!(sent(&mut client), [packet(1, &payloads[0]), packet(2, &payloads[1])].concat(), "{lengths:?}");
    }
}

/// A tick of the retry timer is for what is on the wire.
#[test]
fn what_has_not_left_is_not_retried() {
    let limits = Limits { max_inflight: 1, retry_interval: 1_000, ..Limits::DEFAULT };
    let mut client = up(Heap::new(), limits, Version::V311);
    client.publish(NOW, &publish(b"1").qos(QoS::AtLeastOnce)).unwrap();
    client.publish(NOW, &publish(b"2").qos(QoS::AtLeastOnce)).unwrap();
    sent(&mut client);
    for second in 1..=4 {
        client.handle_timeout(NOW.after_secs(second)).unwrap();
    }
    assert_eq!(sent(&mut client), b"\x3A\x06\0\x01t\0\x011");
    assert!(matches!(taken(&mut client, &[0x40, 2, 0, 1]), Ok(Some(Event::PubAck(_)))));
    assert_eq!(sent(&mut client), b"\x32\x06\0\x01t\0\x022", "for the first time");
}

/// 5.0's options of a SUBSCRIBE go, wherever in the arena it lies, and nothing behind it is touched.
#[test]
fn a_change_of_version_clears_options_and_nothing_else() {
    let limits = Limits { version: Version::V5, ..Limits::DEFAULT };
    let mut client = Connection::new(Fixed::<20_000, 4, 4, 64>::new(), limits);
    let filters = [Subscription::new(TopicFilter::new("f").unwrap(), QoS::AtLeastOnce).no_local(true)];
    client.subscribe(NOW, &Subscribe::new(&filters)).unwrap();
    let payload = vec![b'x'; 19_900];
    client.publish(NOW, &publish(&payload)).unwrap();
    client.subscribe(NOW, &Subscribe::new(&filters)).unwrap();
    reopen(&mut client, Version::V311, false, &[]);
    let subscribe = |id: u8| [0x82, 6, 0, id, 0, 1, b'f', 1];
    let message = [&b"\x30\xBF\x9B\x01\0\x01t"[..], &payload].concat();
    assert!(sent(&mut client) == [&subscribe(1)[..], &message, &subscribe(3)].concat());
}

/// What the transport has been shown stays as it is, although its time is over before the first byte is taken.
#[test]
fn what_is_shown_does_not_expire() {
    let limits = Limits { version: Version::V5, ..Limits::DEFAULT };
    let mut client = up(Heap::new(), limits, Version::V5);
    let brief = [Property::MessageExpiryInterval(1)];
    for payload in [b"1", b"2"] {
        client.publish(NOW, &publish(payload).qos(QoS::AtLeastOnce).properties(&brief[..])).unwrap();
    }
    let shown = client.transmit(NOW).chunk().to_vec();
    let later = NOW.after_secs(5);
    client.handle_timeout(later).unwrap();
    assert_eq!(client.poll_outcome(), None);
    assert_eq!((shown.len(), client.transmit(later).chunk()), (28, &shown[..]));
}

/// PINGRESP can only come behind the packet that is arriving: so it has its time once more behind that, but not behind the next.
#[test]
fn pingresp_has_its_time_once_more_behind_an_unfinished_packet() {
    let limits = Limits { pingresp_timeout: 5_000, ..Limits::DEFAULT };
    let mut client = up(Heap::new(), limits, Version::V311);
    let packet = b"\x30\x03\0\x01t";
    let due = NOW.after_secs(60);
    client.handle_timeout(due).unwrap();
    assert_eq!(sent(&mut client), b"\xC0\0");
    for (seconds, shown) in [(4, 1), (8, 2)] {
        assert!(matches!(client.handle_input(due.after_secs(seconds), &packet[..shown]), Ok(Received::Partial { .. })));
        assert_eq!(client.next_timer(), Some((Timer::PingResp, due.after_secs(seconds + 5))));
    }
    assert!(matches!(client.handle_input(due.after_secs(12), packet), Ok(Received::Packet { .. })));
    assert_eq!(client.next_timer(), Some((Timer::PingResp, due.after_secs(17))));
    assert!(matches!(client.handle_input(due.after_secs(16), &packet[..1]), Ok(Received::Partial { .. })));
    assert!(matches!(client.handle_input(due.after_secs(20), packet), Ok(Received::Packet { .. })));
    assert_eq!(client.handle_timeout(due.after_secs(20)), Err(ConnectionError::KeepAliveTimeout));
}

/// While the input can't be taken, an answer that may be in it can't be late.
#[test]
fn deadlines_pause_while_input_waits() {
    let limits = Limits { pingresp_timeout: 5_000, manual_acks: true, ..Limits::DEFAULT };
    let mut client = up(Fixed::<128, 4, 1, 64>::new(), limits, Version::V311);
    let ack = delivered(&mut client, &message(Version::V311, 1, 1));
    let due = NOW.after_secs(60);
    client.handle_timeout(due).unwrap();
    client.transmit(due).advance(2);
    assert_eq!(client.next_timer(), Some((Timer::PingResp, due.after_secs(5))));
    let next = message(Version::V311, 1, 2);
    assert!(matches!(client.handle_input(due.after_secs(1), &next), Ok(Received::Blocked)));
    let later = due.after_secs(40);
    assert_eq!(client.handle_timeout(later), Ok(()));
    client.acknowledge(later, ack, &Ack::SUCCESS).unwrap();
    client.transmit(later).advance(4);
    assert!(matches!(client.handle_input(later, &next), Ok(Received::Packet { .. })));
    assert_eq!(client.next_timer(), Some((Timer::PingResp, due.after_secs(5 + 39))));
}

/// The seconds that are left are written over those that it began with, wherever they stand.
#[test]
fn a_message_of_any_quality_tells_how_long_it_has_left() {
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let limits = Limits { version: Version::V5, ..Limits::DEFAULT };
        let mut client = Connection::new(Heap::new(), limits);
        let list = [Property::ContentType("text"), Property::MessageExpiryInterval(100)];
        let early = Instant::from_millis(0);
        client.publish(early, &publish(b"x").qos(qos).properties(&list[..])).unwrap();
        reopen(&mut client, Version::V5, false, &[]); // five seconds later
        let bytes = sent(&mut client);
        assert!(bytes.ends_with(b"\x0C\x03\0\x04text\x02\0\0\0\x5Fx"), "{bytes:02X?}");
    }
}

/// Each of the two time-outs is watched alone, and both are if they are equal.
#[test]
fn acknowledgements_are_watched_by_either_time_out() {
    for (ack_timeout, retry_interval, timer) in [
        (0, 0, None),
        (10_000, 0, Some(Timer::Ack)),
        (0, 10_000, Some(Timer::Retry)),
        (10_000, 10_000, Some(Timer::Ack)),
    ] {
        let limits = Limits { ack_timeout, retry_interval, ..Limits::DEFAULT };
        let mut client = up(Heap::new(), limits, Version::V311);
        client.publish(NOW, &publish(b"1").qos(QoS::AtLeastOnce)).unwrap();
        sent(&mut client);
        let expected = timer.map_or((Timer::KeepAlive, NOW.after_secs(60)), |timer| (timer, NOW.after_secs(10)));
        assert_eq!(client.next_timer(), Some(expected));
    }
}

/// The index by topic has fingerprints: two topics that share one are still two.
#[test]
fn topics_with_one_fingerprint_are_told_apart() {
    let limits = Limits { overflow: Overflow::LatestPerTopic, max_queued: 1, ..Limits::DEFAULT };
    let fnv = |text: &str| {
        text.bytes().fold(0x811C_9DC5, |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
    };
    assert_eq!(fnv("costarring"), fnv("liquid"));
    let mut client = Connection::new(Heap::new(), limits);
    let send = |client: &mut Connection<_>, topic: &str| {
        client.publish(NOW, &Publish::new(TopicName::new(topic).unwrap(), b"x").qos(QoS::AtLeastOnce))
    };
    send(&mut client, "costarring").unwrap();
    assert_eq!(send(&mut client, "liquid"), Err(PublishError::Full), "no message to this topic waits");
    let limits = Limits { max_queued: 2, ..limits };
    let mut client = Connection::new(Heap::new(), limits);
    send(&mut client, "costarring").unwrap();
    let second = send(&mut client, "liquid").unwrap().handle;
    assert_eq!(send(&mut client, "liquid").unwrap().dropped.unwrap().first, second);
}

/// A request that an earlier version can't carry whole leaves without the rest, whichever of 5.0's options it has.
#[test]
fn each_thing_that_only_5_has_is_left_out_of_a_request() {
    let filter = TopicFilter::new("f").unwrap();
    let user = [Property::UserProperty(("k", "v"))];
    let retain_as_published = [Subscription::new(filter, QoS::AtLeastOnce).retain_as_published(true)];
    let mut client = up(Heap::new(), Limits::DEFAULT, Version::V311);
    assert!(client.subscribe(NOW, &Subscribe::new(&retain_as_published)).unwrap().reduced);
    assert!(client.unsubscribe(NOW, &Unsubscribe::new(&[filter]).properties(&user)).unwrap().reduced);
    assert!(!client.unsubscribe(NOW, &Unsubscribe::new(&[filter])).unwrap().reduced);
    let unsubscribe = |id: u8| [0xA2, 5, 0, id, 0, 1, b'f'];
    assert_eq!(sent(&mut client), [&[0x82, 6, 0, 1, 0, 1, b'f', 1][..], &unsubscribe(2), &unsubscribe(3)].concat());
}
