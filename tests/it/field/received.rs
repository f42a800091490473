//! What was received at QoS 2 on earlier links, and what becomes of it when the server holds another session and nothing says so.

use super::rig::{Durable, Field, QOS2, V5, V31, V311, in_every_storage, message, repeated};
use pure_mqtt::{Fixed, Limits, PendingAck, Version};

const ALL: [Version; 3] = [V31, V311, V5];
const RESUMED: &str = "ConnAck 0x00 Resumed";

/// A PUBREL for each of these, and a PUBCOMP.
fn release<S: Durable>(field: &mut Field<S>, ids: std::ops::RangeInclusive<u16>) {
    for id in ids {
        let [high, low] = id.to_be_bytes();
        assert_eq!(field.hear(&[0x62, 2, high, low]).nothing().sent, [0x70, 2, high, low]);
    }
}

/// As many QoS 2 messages as the table takes come under these identifiers, and the server does nothing more about them. How many there are.
fn fill<S: Durable>(field: &mut Field<S>) -> u16 {
    for id in 100.. {
        let heard = field.hear(&message(field.version, 2, id, "t", b"old"));
        if heard.end.is_some() || heard.told.is_empty() {
            field.again(true).only(RESUMED);
            return id - 100;
        }
    }
    0
}

/// The client went to another server, or its session was lost and made anew while CONNACK got lost. The identifiers of the old session fill the table;
/// the server never comes back to them. Its own messages arrive all the same, on the first link.
#[test]
fn identifiers_of_another_session_give_way_to_new_messages() {
    in_every_storage!(storage => {
        for version in ALL {
            for (manual_acks, max_received) in [(false, 4), (true, 4), (false, 1), (true, 1), (false, 2)] {
                let limits = Limits { manual_acks, max_received, ..Limits::DEFAULT };
                let mut field = Field::new(storage(), version, limits).accepted();
                let count = fill(&mut field);
                assert_eq!(count, if max_received == 4 { 3 } else { 1 });
                for id in 1..=9 {
                    let told = format!("Message t new q2 {id}");
                    field.hear(&message(version, 2, id, "t", b"new")).only(&told);
                    acknowledge_all(&mut field);
                    release(&mut field, id..=id);
                }
                field.again(true).only(RESUMED);
            }
        }
    });
}

/// The same where the storage has one place alone, and a QoS 1 message needs it.
#[test]
fn they_give_way_to_qos_1_as_well() {
    for version in ALL {
        let limits = Limits { manual_acks: true, ..Limits::DEFAULT };
        let mut field = Field::new(Fixed::<256, 4, 1, 64>::new(), version, limits).accepted();
        assert_eq!(fill(&mut field), 1);
        field.hear(&message(version, 1, 1, "t", b"new")).only("Message t new q1 1");
    }
}

fn acknowledge_all<S: Durable>(field: &mut Field<S>) {
    for pending in std::mem::take(&mut field.acks) {
        acknowledge(field, pending);
    }
    field.sent();
}

fn acknowledge<S: Durable>(field: &mut Field<S>, pending: PendingAck) {
    let now = field.at();
    field.mqtt.acknowledge(now, pending, &pure_mqtt::Ack::SUCCESS).unwrap();
}

/// A server that has the session sends what is under way again before anything new. What it came back to stays: the link ends rather than that a
/// message is delivered twice.
#[test]
fn what_the_server_came_back_to_stays() {
    in_every_storage!(storage => {
        for version in ALL {
            let limits = Limits { max_received: 4, ..Limits::DEFAULT };
            let mut field = Field::new(storage(), version, limits).accepted();
            assert_eq!(fill(&mut field), 3);
            for id in 100..=102 {
                field.hear(&repeated(version, id, b"old")).nothing();
            }
            assert!(field.hear(&message(version, 2, 1, "t", b"new")).end.is_some());
            field.again(true).only(RESUMED);
            field.hear(&repeated(version, 100, b"old")).nothing();
            release(&mut field, 101..=102);
            field.hear(&message(version, 2, 1, "t", b"new")).only("Message t new q2 1");
            field.hear(&repeated(version, 100, b"old")).nothing();
        }
    });
}

/// PUBREL for one that gave way is answered like any other.
#[test]
fn pubrel_for_one_that_gave_way_is_answered() {
    in_every_storage!(storage => {
        for version in ALL {
            let limits = Limits { max_received: 2, ..Limits::DEFAULT };
            let mut field = Field::new(storage(), version, limits).accepted();
            assert_eq!(fill(&mut field), 1);
            field.hear(&message(version, 2, 1, "t", b"new")).only("Message t new q2 1");
            let unknown: &[u8] = if version == V5 { &[0x70, 3, 0, 100, 0x92] } else { &[0x70, 2, 0, 100] };
            assert_eq!(field.hear(&[0x62, 2, 0, 100]).nothing().sent, unknown);
            release(&mut field, 1..=1);
        }
    });
}

/// The session is another one, and its PUBREL has an identifier that was in use in the old one: the server is right, also to the letter.
#[test]
fn pubrel_of_another_session_is_answered() {
    in_every_storage!(storage => {
        for (version, strict) in ALL.iter().flat_map(|version| [(*version, false), (*version, true)]) {
            let limits = Limits { manual_acks: true, strict, ..Limits::DEFAULT };
            let mut field = Field::new(storage(), version, limits).accepted();
            field.hear(&message(version, 2, 1, "t", b"old")).only("Message t old q2 1");
            let pending = field.acks.remove(0);
            field.again(true).only(RESUMED);
            assert_eq!(field.hear(b"\x62\x02\0\x01").nothing().sent, b"");
            acknowledge(&mut field, pending);
            assert_eq!(field.sent(), b"\x70\x02\0\x01");
            field.hear(&message(version, 2, 1, "t", b"new")).only("Message t new q2 1");
        }
    });
}

/// A connection that has received messages at QoS 2 under the identifiers 1 to 3, and then began clean without an answer. The server has a session: the old
/// one or a new one.
fn in_doubt<S: Durable>(storage: S, version: Version) -> Field<S> {
    let mut field = Field::new(storage, version, Limits::DEFAULT).accepted();
    for id in 1..=3 {
        field.hear(&message(version, QOS2.bits(), id, "t", b"old"));
    }
    field.lose();
    field.clean = true;
    field.open();
    assert_ne!(field.sent(), b"");
    field.lose();
    field.clean = false;
    field.open();
    field.sent();
    let connack = field.connack(true, &[]);
    field.hear(&connack).only("ConnAck 0x00 Adopted");
    field
}

/// It was a new session, as its first message shows. So all that is known is of the old one, also where it seems to be repeated on the next link.
#[test]
fn a_new_message_settles_the_doubt_about_all() {
    in_every_storage!(storage => {
        for version in ALL {
            let mut field = in_doubt(storage(), version);
            field.hear(&message(version, 2, 1, "t", b"new")).only("Message t new q2 1");
            field.hear(&repeated(version, 1, b"new")).nothing();
            field.hear(&repeated(version, 2, b"new")).only("Message t new q2 2");
            field.again(true).only(RESUMED);
            field.hear(&repeated(version, 1, b"new")).nothing();
            field.hear(&repeated(version, 3, b"new")).only("Message t new q2 3");
            field.hear(&repeated(version, 3, b"new")).nothing();
        }
    });
}

/// A new session has nothing to repeat and nothing to release: it was the old one, which goes on for good.
#[test]
fn a_repetition_settles_the_doubt_as_well() {
    in_every_storage!(storage => {
        for version in ALL {
            for repeats in [true, false] {
                let mut field = in_doubt(storage(), version);
                match repeats {
                    true => drop(field.hear(&repeated(version, 1, b"old")).nothing()),
                    false => release(&mut field, 1..=1),
                }
                field.again(true).only(RESUMED);
                field.hear(&repeated(version, 2, b"old")).nothing();
                field.hear(&repeated(version, 3, b"old")).nothing();
                release(&mut field, 2..=3);
            }
        }
    });
}

/// The link said nothing of it. On the next one a new session would repeat what it had sent on this one: nothing is lost.
#[test]
fn nothing_is_lost_where_the_doubt_stays() {
    in_every_storage!(storage => {
        for version in ALL {
            let mut field = in_doubt(storage(), version);
            field.hear(&message(version, 2, 9, "t", b"new")).only("Message t new q2 9");
            field.again(true).only(RESUMED);
            field.hear(&repeated(version, 9, b"new")).nothing();
            field.hear(&repeated(version, 2, b"new")).only("Message t new q2 2");
            field.hear(&message(version, 1, 3, "t", b"new")).only("Message t new q1 3");
        }
    });
}
