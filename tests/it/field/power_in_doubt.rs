//! The power fails while nobody knows which session the server holds: a clean start was sent, and its CONNACK lost.

use super::rig::{Field, Offered, QOS0, QOS2, Small, count, message, repeated};
use pure_mqtt::storage::Journaled;
use pure_mqtt::{Ack, Connection, Limits, Version};

const RESUMED: &str = "ConnAck 0x00 Resumed";

type Kept = Journaled<Small, 4096>;

/// A client whose records are durable after each step.
struct Powered {
    field: Field<Kept>,
    log: Vec<u8>,
    limits: Limits,
}

/// What CONNECT asks for, and what is heard of it.
#[derive(Clone, Copy)]
enum Link {
    New,
    Resumed,
    /// A clean start that is carried out, and not answered.
    Unanswered,
}

impl Powered {
    fn new(limits: Limits) -> Self {
        let field = Field::new(Kept::new(Small::new()), limits.version, limits);
        let mut client = Self { field, log: Vec::new(), limits };
        client.save();
        client
    }

    fn save(&mut self) {
        let mqtt = &mut self.field.mqtt;
        self.log.extend(mqtt.journal());
        mqtt.journal_written(mqtt.journal().len());
    }

    fn link(&mut self, link: Link) {
        self.field.clean = matches!(link, Link::Unanswered);
        self.field.open();
        self.save();
        assert_ne!(self.field.take_unsaved(usize::MAX), b"", "CONNECT leaves");
        if !self.field.clean {
            let connack = self.field.connack(matches!(link, Link::Resumed), &[]);
            self.field.offer(&connack).unwrap();
        }
        self.save();
    }

    fn lose(&mut self) {
        let now = self.field.at();
        self.field.mqtt.handle_close(now);
        self.save();
    }

    fn receive(&mut self, ids: std::ops::RangeInclusive<u16>, payload: &[u8]) {
        for id in ids {
            let message = message(self.limits.version, QOS2.bits(), id, "t", payload);
            self.field.offer(&message).unwrap();
        }
        self.save();
    }

    fn acknowledge_all(&mut self) {
        let (now, pending) = (self.field.at(), std::mem::take(&mut self.field.acks));
        assert!(!pending.is_empty());
        for pending in pending {
            self.field.mqtt.acknowledge(now, pending, &Ack::SUCCESS).unwrap();
        }
        self.save();
    }

    /// What is there when the power is back and so much of the log is.
    fn recover(&self, end: usize) -> Field<Kept> {
        let storage = Kept::new(Small::new());
        let (mqtt, _) = Connection::recover(storage, self.limits, self.field.at(), &self.log[..end]).unwrap();
        Field::of(mqtt, self.limits.version)
    }

    fn fail(&mut self) {
        self.field = self.recover(self.log.len());
    }
}

/// Three messages of a session, and a clean start of which nobody knows whether it was carried out.
fn in_doubt(limits: Limits) -> Powered {
    let mut client = Powered::new(limits);
    client.link(Link::New);
    client.receive(1..=3, b"old");
    client.lose();
    client.link(Link::Unanswered);
    client.lose();
    client
}

fn each_version(test: impl Fn(Limits)) {
    Version::ALL.into_iter().for_each(|version| test(Limits { version, ..Limits::DEFAULT }));
}

/// The link that was to settle the doubt stands, or is just over: what comes back is in doubt, or has given the old session up.
#[test]
fn what_comes_back_is_in_doubt_or_has_settled_it() {
    each_version(|limits| {
        let mut client = in_doubt(limits);
        let start = client.log.len();
        client.link(Link::Resumed);
        client.receive(9..=9, b"new");
        client.lose();
        let mut is_settled = false;
        for end in start..=client.log.len() {
            let mut back = client.recover(end);
            back.open();
            back.sent();
            let connack = back.connack(true, &[]);
            is_settled = back.hear(&connack).told == [RESUMED];
            if is_settled {
                back.hear(&repeated(limits.version, 2, b"new")).only("Message t new q2 2");
            }
        }
        assert!(is_settled, "in the end it is");
    });
}

/// The link that was to settle the doubt stands, and that is not durable: a SUBSCRIBE might bring messages that would be taken for those of the old session
/// after a loss of power. So it waits; where nothing is in doubt it needn't.
#[test]
fn nothing_is_subscribed_to_before_the_end_of_the_doubt_is_durable() {
    each_version(|limits| {
        for is_doubtful in [false, true] {
            let mut client = if is_doubtful { in_doubt(limits) } else { Powered::new(limits) };
            client.field.clean = false;
            client.field.open();
            client.save();
            assert_ne!(client.field.take_unsaved(usize::MAX), b"", "CONNECT leaves");
            let connack = client.field.connack(is_doubtful, &[]);
            client.field.offer(&connack).unwrap();
            client.field.subscribe(&["a"]);
            client.field.publish("t", b"x", QOS0);
            let sent = client.field.take_unsaved(usize::MAX);
            assert_eq!((count(&sent, 0x82), count(&sent, 0x30)), if is_doubtful { (0, 0) } else { (1, 1) });
            client.save();
            let sent = [sent, client.field.take_unsaved(usize::MAX)].concat();
            assert_eq!((count(&sent, 0x82), count(&sent, 0x30)), (1, 1), "{limits:?}");
        }
    });
}

/// The program acknowledges a message of the old session while the link stands on which the doubt would show. It was a new session: its messages are new,
/// whatever identifiers they have.
#[test]
fn what_is_acknowledged_in_doubt_is_of_the_old_session() {
    for qos in [1, 2] {
        each_version(|limits| {
            let mut client = in_doubt(Limits { manual_acks: true, ..limits });
            client.link(Link::Resumed);
            client.acknowledge_all();
            client.fail();
            client.link(Link::Resumed);
            for id in 1..=3 {
                let new = message(limits.version, qos, id, "t", b"new");
                client.field.hear(&new).only(&format!("Message t new q{qos} {id}"));
            }
        });
    }
}

/// It was the old session, as its repetition shows: what the program acknowledged meanwhile is not delivered again.
#[test]
fn what_is_acknowledged_in_doubt_is_known_once_the_doubt_is_over() {
    each_version(|limits| {
        let mut client = in_doubt(Limits { manual_acks: true, ..limits });
        client.link(Link::Resumed);
        client.acknowledge_all();
        let first = repeated(limits.version, 1, b"old");
        assert_eq!(client.field.offer(&first), Ok(Offered::Taken(first.len(), None)));
        client.save();
        client.fail();
        client.link(Link::Resumed);
        for id in 1..=3 {
            client.field.hear(&repeated(limits.version, id, b"old")).nothing();
        }
    });
}

/// What came on the link that was to settle the doubt is of the session that goes on: after a loss of power it is known, and what came before is not.
#[test]
fn what_came_in_doubt_is_not_delivered_again() {
    each_version(|limits| {
        let mut client = in_doubt(limits);
        client.link(Link::Resumed);
        client.receive(9..=9, b"of this session");
        client.fail();
        client.link(Link::Resumed);
        client.field.hear(&repeated(limits.version, 9, b"of this session")).nothing();
        client.field.hear(&repeated(limits.version, 2, b"new")).only("Message t new q2 2");
    });
}

/// The same from a snapshot: it keeps what was received before the doubt and what came on the link apart.
#[test]
fn a_snapshot_tells_what_came_in_doubt_from_what_came_before() {
    each_version(|limits| {
        let mut client = in_doubt(limits);
        client.link(Link::Resumed);
        client.receive(9..=9, b"of this session");
        client.log.clear();
        let Powered { field, log, .. } = &mut client;
        assert!(field.mqtt.snapshot(&mut |bytes| log.extend(bytes)));
        client.fail();
        client.link(Link::Resumed);
        client.field.hear(&repeated(limits.version, 9, b"of this session")).nothing();
        client.field.hear(&repeated(limits.version, 2, b"new")).only("Message t new q2 2");
    });
}

/// Messages of new sessions come under the identifiers of those before, again and again: none takes more room than its own.
#[test]
fn sessions_that_were_replaced_leave_no_room_taken() {
    each_version(|limits| {
        let fill = |rounds: usize| {
            let mut client = in_doubt(limits);
            for _ in 0..rounds {
                client.link(Link::Resumed);
                client.receive(1..=3, b"new");
                client.lose();
                client.link(Link::Unanswered);
                client.lose();
            }
            client.link(Link::Resumed);
            client.receive(1..=3, b"new");
            client.field.sent();
            let mut taken = Vec::new();
            for id in 101..=110 {
                let message = message(limits.version, QOS2.bits(), id, "t", b"x");
                taken.push(client.field.offer(&message));
                client.field.sent();
            }
            taken
        };
        assert_eq!(fill(10), fill(0));
    });
}

/// A session that was in doubt when the power failed is in doubt once more, by another clean start: so is what it received meanwhile.
#[test]
fn a_second_clean_start_puts_all_in_doubt_again() {
    for qos in [1, 2] {
        each_version(|limits| {
            let mut client = in_doubt(limits);
            client.link(Link::Resumed);
            client.receive(9..=9, b"of the second session");
            client.fail();
            client.link(Link::Unanswered);
            client.fail();
            client.link(Link::Resumed);
            let new = message(limits.version, qos, 9, "t", b"new");
            client.field.hear(&new).only(&format!("Message t new q{qos} 9"));
        });
    }
}

/// The program says that the server holds its session. Which one it is the program can't know either.
#[test]
fn adopting_a_session_ends_no_doubt() {
    for fails in [false, true] {
        each_version(|limits| {
            let mut client = in_doubt(limits);
            if fails {
                client.fail();
            }
            assert!(client.field.mqtt.adopt_session());
            client.save();
            client.link(Link::Resumed);
            let new = message(limits.version, 1, 1, "t", b"new");
            client.field.hear(&new).only("Message t new q1 1");
        });
    }
}
