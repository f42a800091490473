//! The least and the greatest of every limit and of every size of a storage, with a server that keeps to the standard: everything arrives once, or is refused
//! with a typed error; no link ends but by `disconnect`.

use super::rig::{
    Durable, Field, QOS0, QOS1, QOS2, V5, V311, block, borrowed, count, field as text, in_every_storage, message,
    packet, packets,
};
use pure_mqtt::storage::{Borrowed, Buffers, ReceiveSlot, SendSlot};
use pure_mqtt::{
    Ack, Disconnect, Fixed, Heap, Limits, OnSessionLoss, OpenError, Overflow, Payload, Property, Publish, PublishError,
    QoS, RequestError, Subscribe, Subscription, TopicFilter, TopicName, Version,
};
use std::collections::{BTreeMap, VecDeque};

/// What the server has sent and not seen the end of: quality of service, payload, and whether PUBREL has left.
type InFlight = BTreeMap<u16, (u8, Vec<u8>, bool)>;

/// A server with one client, which never breaks the standard.
struct Server {
    version: Version,
    /// What it has for the client, and how much of that it may have in flight.
    queue: VecDeque<(u8, Vec<u8>)>,
    window: usize,
    longest: usize,
    in_flight: InFlight,
    last_id: u16,
    /// QoS 2 messages from the client whose PUBREL has not come.
    open: Vec<[u8; 2]>,
    got: Vec<Vec<u8>>,
    has_session: bool,
    is_up: bool,
    /// On a resumed session messages are sent before PUBRELs.
    messages_first: bool,
}

impl Server {
    fn new(version: Version, window: usize, longest: usize) -> Self {
        let messages =
            [(0, "zero"), (1, "one"), (2, "two"), (1, "uno"), (2, "due"), (2, "deux"), (0, "nul"), (1, "un")];
        let queue = messages.map(|(qos, payload)| (qos, payload.as_bytes().to_vec())).into();
        Self {
            version,
            queue,
            window,
            longest,
            in_flight: InFlight::new(),
            last_id: 0,
            open: Vec::new(),
            got: Vec::new(),
            has_session: false,
            is_up: false,
            messages_first: false,
        }
    }

    /// What it answers to these bytes, and sends by itself.
    fn answer(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut sent = Vec::new();
        for packet in packets(bytes) {
            sent.extend(self.answer_one(packet));
        }
        while self.is_up && self.in_flight.len() < self.window && !self.queue.is_empty() {
            let (qos, payload) = self.queue.pop_front().unwrap();
            let id = self.last_id + 1;
            let bytes = message(self.version, qos, id, "t", &payload);
            if bytes.len() > self.longest {
                continue; // [MQTT-3.1.2-25]
            }
            sent.extend(bytes);
            if qos > 0 {
                self.last_id = id;
                self.in_flight.insert(id, (qos, payload, false));
            }
        }
        sent
    }

    fn answer_one(&mut self, packet: &[u8]) -> Vec<u8> {
        let body = &packet[packet.iter().skip(1).take_while(|byte| **byte & 0x80 != 0).count() + 2..];
        let id = |place: usize| u16::from_be_bytes([body[place], body[place + 1]]);
        match packet[0] >> 4 {
            1 => self.accept(body),
            3 => self.take(packet[0] >> 1 & 3, body),
            4 => {
                assert_eq!(self.in_flight.remove(&id(0)).map(|(qos, ..)| qos), Some(1));
                Vec::new()
            }
            5 => {
                let message = self.in_flight.get_mut(&id(0)).unwrap();
                assert_eq!(message.0, 2);
                message.2 = true;
                [&b"\x62\x02"[..], &body[..2]].concat()
            }
            6 => {
                self.open.retain(|open| open != &body[..2]);
                [&b"\x70\x02"[..], &body[..2]].concat()
            }
            7 => {
                assert_eq!(self.in_flight.remove(&id(0)).map(|(qos, ..)| qos), Some(2));
                Vec::new()
            }
            8 => {
                let properties: &[u8] = if self.version == V5 { &[0] } else { &[] };
                super::rig::packet(0x90, &[&body[..2], properties, &[2]].concat())
            }
            12 => b"\xD0\0".to_vec(),
            14 => {
                self.is_up = false;
                Vec::new()
            }
            other => panic!("packet type {other}"),
        }
    }

    fn accept(&mut self, body: &[u8]) -> Vec<u8> {
        self.is_up = true;
        let mut sent = match self.version {
            Version::V31 => b"\x20\x02\0\0".to_vec(),
            V311 => vec![0x20, 2, self.has_session.into(), 0],
            V5 => vec![0x20, 3, self.has_session.into(), 0, 0],
        };
        if self.version == V5 {
            let properties = &body[11..11 + usize::from(body[10])];
            for at in 0..properties.len() {
                // The values before are of four bytes, and none has this form.
                if let [0x21, high, low, ..] = properties[at..] {
                    self.window = self.window.min(u16::from_be_bytes([high, low]).into());
                }
                if let [0x27, a, b, c, d, ..] = properties[at..] {
                    self.longest = self.longest.min(u32::from_be_bytes([a, b, c, d]) as usize);
                }
            }
        }
        self.has_session = true;
        let again = |releases: bool| {
            let chosen = self.in_flight.iter().filter(move |(_, (_, _, is_released))| *is_released == releases);
            chosen.flat_map(|(id, (qos, payload, is_released))| match is_released {
                true => [&b"\x62\x02"[..], &id.to_be_bytes()].concat(),
                false => {
                    let mut bytes = message(self.version, *qos, *id, "t", payload);
                    bytes[0] |= 8;
                    bytes
                }
            })
        };
        let (first, second) = (!self.messages_first, self.messages_first);
        sent.extend(again(first).chain(again(second)).collect::<Vec<_>>());
        sent
    }

    fn take(&mut self, qos: u8, body: &[u8]) -> Vec<u8> {
        let topic = 2 + usize::from(body[1]);
        let id = [body[topic], *body.get(topic + 1).unwrap_or(&0)];
        let rest = &body[topic + if qos > 0 { 2 } else { 0 }..];
        let payload = if self.version == V5 { &rest[1..] } else { rest };
        if qos != 2 || !self.open.contains(&id) {
            self.got.push(payload.to_vec());
        }
        match qos {
            0 => return Vec::new(),
            1 => return [&b"\x40\x02"[..], &id].concat(),
            _ => self.open.push(id),
        }
        [&b"\x50\x02"[..], &id].concat()
    }
}

/// What came of a life.
#[derive(Debug, Default)]
struct Report {
    opened: Option<OpenError>,
    published: Vec<(QoS, Result<(), PublishError>)>,
    subscribed: Option<RequestError>,
    /// Payloads of messages from the server, and how often each came.
    heard: Vec<String>,
    ends: Vec<String>,
}

/// Connects, publishes at each quality of service, subscribes, takes what the server has, and leaves. `cut` is after how many exchanges the transport is lost,
/// again and again.
fn live<S: Durable>(mut field: Field<S>, server: &mut Server, cut: Option<usize>) -> Report {
    let mut report = Report::default();
    let filters = [Subscription::new(TopicFilter::new("t").unwrap(), QOS2)];
    let mut to_publish: VecDeque<_> =
        [(QOS0, "a"), (QOS1, "b"), (QOS2, "c"), (QOS1, "d"), (QOS2, "e"), (QOS0, "f")].into();
    let mut links = 0;
    let mut is_subscribed = false;
    let mut turns = 0;
    'links: loop {
        links += 1;
        assert!(links < 40, "link after link: {report:?}");
        let connect = pure_mqtt::Connect::new(field.version, "c").clean_start(false);
        if let Err(error) = field.mqtt.open(field.at(), &connect) {
            report.opened = Some(error);
            return report;
        }
        let mut input = Vec::new();
        loop {
            turns += 1;
            assert!(turns < 2_000, "no end: {report:?}");
            let heard = field.hear(&input);
            report.heard.extend(heard.told);
            report.ends.extend(heard.end.map(|end| format!("{end:?}")));
            for ack in std::mem::take(&mut field.acks) {
                field.mqtt.acknowledge(field.at(), ack, &Ack::SUCCESS).unwrap();
            }
            if let Some((qos, payload)) = to_publish.front() {
                let publish = Publish::new(TopicName::new("t").unwrap(), Payload::from(*payload)).qos(*qos);
                match field.mqtt.publish(field.at(), &publish).map(|_| ()) {
                    Err(PublishError::Full) if field.mqtt.pending() > 0 => {}
                    result => {
                        report.published.push((*qos, result));
                        to_publish.pop_front();
                    }
                }
            } else if !is_subscribed {
                match field.mqtt.subscribe(field.at(), &Subscribe::new(&filters)) {
                    Err(RequestError::Full) if field.mqtt.pending() > 0 => {}
                    result => {
                        report.subscribed = result.err();
                        is_subscribed = true;
                    }
                }
            }
            let sent = [heard.sent, field.sent()].concat();
            while field.mqtt.poll_outcome().is_some() {}
            let ended = !report.ends.is_empty() || field.mqtt.should_close();
            if ended {
                return report;
            }
            if cut.is_some_and(|cut| turns % cut == cut - 1 && turns < 60) {
                let whole = packets(&sent);
                server.answer(&whole[..whole.len() / 2].concat());
                server.is_up = false;
                field.lose();
                continue 'links;
            }
            input = server.answer(&sent);
            let is_done = is_subscribed && input.is_empty() && field.kept.is_empty() && field.mqtt.is_idle();
            if is_done && sent.is_empty() {
                break;
            }
        }
        break;
    }
    field.mqtt.disconnect(field.at(), &Disconnect::default()).unwrap();
    server.answer(&field.sent());
    assert!(field.mqtt.should_close());
    field.lose();
    assert_eq!(field.mqtt.pending(), 0);
    report
}

/// Everything that was accepted arrived, QoS 1 and 2 both ways. With `once`, nothing came twice.
#[track_caller]
fn check(report: &Report, server: &Server, all: &Server, once: bool) {
    assert_eq!(report.ends, [""; 0], "{report:?}");
    if report.opened.is_some() {
        return;
    }
    assert!(server.queue.is_empty() && server.in_flight.is_empty() && server.open.is_empty(), "{report:?}");
    for ((qos, result), payload) in report.published.iter().zip(["a", "b", "c", "d", "e", "f"]) {
        let count = server.got.iter().filter(|got| *got == payload.as_bytes()).count();
        match (qos, result) {
            (_, Err(_)) => assert_eq!(count, 0),
            (QOS0, _) => assert!(count <= 1 && (count == 1 || !once), "{payload}: {report:?}"),
            (QOS1, _) => assert!(count >= 1 && (count == 1 || !once), "{payload} came {count} times: {report:?}"),
            (QOS2, _) => assert_eq!(count, 1, "{payload}: {report:?}"),
        }
    }
    for (qos, payload) in &all.queue {
        let payload = String::from_utf8_lossy(payload);
        if message(server.version, *qos, 1, "t", payload.as_bytes()).len() > server.longest {
            continue;
        }
        let count = report.heard.iter().filter(|told| told.contains(&format!(" {payload} q{qos}"))).count();
        match qos {
            0 => assert!(count <= 1 && (count == 1 || !once), "{payload}: {report:?}"),
            1 => assert!(count >= 1 && (count == 1 || !once), "{payload} came {count} times: {report:?}"),
            _ => assert_eq!(count, 1, "{payload}: {report:?}"),
        }
    }
}

/// One life after the other: undisturbed, and with a transport that is lost again and again.
#[track_caller]
fn try_out<S: Durable>(storage: impl Fn() -> S, version: Version, limits: Limits, window: usize) -> Report {
    let longest = if version == V5 { usize::MAX } else { limits.inline_max.max(5) as usize };
    let mut first = None;
    for cut in [None, Some(2), Some(3), Some(5), Some(7)] {
        for messages_first in [false, true] {
            let mut server = Server { messages_first, ..Server::new(version, window, longest) };
            let report = live(Field::new(storage(), version, limits), &mut server, cut);
            check(&report, &server, &Server::new(version, window, longest), cut.is_none());
            first = first.or(Some(report));
        }
    }
    first.unwrap()
}

/// Storage in memory that is lent, of these sizes.
fn lent(arena: usize, send: usize, receive: usize, control: usize) -> Borrowed<'static> {
    Borrowed::new(Buffers {
        arena: vec![0; arena].leak(),
        send: vec![SendSlot::default(); send].leak(),
        receive: vec![ReceiveSlot::default(); receive].leak(),
        control: vec![0; control].leak(),
        ..Buffers::default()
    })
}

#[test]
fn every_limit_at_its_ends() {
    type Change = fn(&mut Limits, bool);
    let changes: [(&str, Change); 20] = [
        ("max_inflight", |limits, most| limits.max_inflight = if most { u16::MAX } else { 1 }),
        ("max_queued", |limits, most| limits.max_queued = if most { u32::MAX } else { 1 }),
        ("max_bytes", |limits, most| limits.max_bytes = if most { u32::MAX } else { 30 }),
        ("receive_maximum", |limits, most| limits.receive_maximum = if most { u16::MAX } else { 1 }),
        ("max_received", |limits, most| limits.max_received = if most { u16::MAX } else { 1 }),
        ("stream_max", |limits, most| limits.stream_max = if most { u32::MAX } else { 1 }),
        ("inline_max", |limits, most| limits.inline_max = if most { u32::MAX } else { 16 }),
        ("topic_alias_maximum", |limits, most| limits.topic_alias_maximum = if most { u16::MAX } else { 1 }),
        ("outbound_aliases", |limits, most| limits.outbound_aliases = if most { u16::MAX } else { 1 }),
        ("alias_name_max", |limits, most| limits.alias_name_max = if most { u16::MAX } else { 1 }),
        ("connack_timeout", |limits, most| limits.connack_timeout = if most { u32::MAX } else { 1 }),
        ("close_timeout", |limits, most| limits.close_timeout = if most { u32::MAX } else { 1 }),
        ("pingresp_timeout", |limits, most| limits.pingresp_timeout = if most { u32::MAX } else { 1 }),
        ("ack_timeout", |limits, most| limits.ack_timeout = if most { u32::MAX } else { 1 }),
        ("retry_interval", |limits, most| limits.retry_interval = if most { u32::MAX } else { 1 }),
        ("manual_acks", |limits, most| limits.manual_acks = most),
        ("strict", |limits, most| limits.strict = most),
        ("refuse_offline_qos0", |limits, most| limits.refuse_offline_qos0 = most),
        ("on_session_loss", |limits, most| {
            limits.on_session_loss = if most { OnSessionLoss::Abort } else { OnSessionLoss::Republish };
        }),
        ("overflow", |limits, most| {
            limits.overflow = if most { Overflow::DropOldest } else { Overflow::LatestPerTopic };
        }),
    ];
    for version in Version::ALL {
        for most in [false, true] {
            for (name, change) in changes {
                let mut limits = Limits::DEFAULT;
                change(&mut limits, most);
                println!("{version:?} {name} {most}");
                let window = if limits.max_received == 1 { 1 } else { 5 };
                try_out(Heap::new, version, limits, window);
                try_out(Fixed::<1024, 8, 8, 256, 4, 40>::new, version, limits, window);
                try_out(borrowed, version, limits, window);
                // One slot for what is received, with everything else.
                try_out(Fixed::<1024, 8, 1, 256, 4, 40>::new, version, limits, 1);
            }
        }
    }
}

/// Every size from the least on: what has no room is refused, and what has arrives.
#[test]
fn every_size_of_a_storage() {
    for version in Version::ALL {
        let connect = match version {
            Version::V31 => 17,
            V311 => 15,
            V5 => 24,
        };
        for arena in [0, 1, 5, 9, 16, 30, 64] {
            for send in [1, 2, 4] {
                for receive in [1, 2, 4] {
                    for control in [16, 17, 23, 24, 64] {
                        let window = 1.max(receive - 1);
                        let report = try_out(|| lent(arena, send, receive, control), version, Limits::DEFAULT, window);
                        let case = format!("{version:?} {arena} {send} {receive} {control}: {report:?}");
                        assert_eq!(report.opened.is_some(), control < connect, "{case}");
                        if report.opened.is_none() {
                            let is_accepted = |result: &Result<(), PublishError>| match result {
                                Ok(()) => true,
                                Err(error) => {
                                    assert_eq!(*error, PublishError::TooLarge, "{case}");
                                    false
                                }
                            };
                            let count = report.published.iter().filter(|(_, result)| is_accepted(result)).count();
                            assert!(count == 6 || arena < 16, "{case}");
                            assert!(report.subscribed.is_none() || arena < 16, "{case}");
                        }
                    }
                }
            }
        }
    }
}

/// One place for messages from the server: QoS 2 is taken, and QoS 1 beside it, whichever the server sends first on a resumed session.
#[test]
fn one_place_is_enough_for_each_quality_of_service() {
    fn try_each<S: Durable>(storage: impl Fn() -> S, limits: Limits) {
        for version in [V311, V5] {
            for qos in [1, 2] {
                let mut field = Field::new(storage(), version, limits).accepted();
                field.hear(&message(version, qos, 7, "t", b"x")).only(&format!("Message t x q{qos} 7"));
                for ack in std::mem::take(&mut field.acks) {
                    field.mqtt.acknowledge(field.at(), ack, &Ack::SUCCESS).unwrap();
                }
                field.sent();
                if qos == 1 {
                    continue;
                }
                // PUBREC is out. On the next link the server sends its QoS 1 messages first.
                for _ in 0..3 {
                    let heard = field.again(true);
                    assert_eq!(heard.end, None);
                    for id in [8, 9] {
                        let mut bytes = message(version, 1, id, "t", b"y");
                        bytes[0] |= 8;
                        let heard = field.hear(&bytes);
                        assert_eq!(
                            (heard.end, heard.told),
                            (None, vec![format!("Message t y q1 {id}")]),
                            "{version:?}"
                        );
                        let mut sent = heard.sent;
                        for ack in std::mem::take(&mut field.acks) {
                            field.mqtt.acknowledge(field.at(), ack, &Ack::SUCCESS).unwrap();
                        }
                        sent.extend(field.sent());
                        assert_eq!(sent, [0x40, 2, 0, id as u8]);
                    }
                }
                assert_eq!(field.hear(b"\x62\x02\0\x07").sent, b"\x70\x02\0\x07");
                field.hear(&message(version, 2, 10, "t", b"z")).only("Message t z q2 10");
            }
        }
    }
    let one = Limits { max_received: 1, ..Limits::DEFAULT };
    for limits in [one, Limits { manual_acks: true, ..one }] {
        try_each(Heap::new, limits);
        try_each(Fixed::<256, 4, 4>::new, limits);
    }
    try_each(Fixed::<256, 4, 1>::new, Limits::DEFAULT);
    try_each(Fixed::<256, 4, 1>::new, one);
}

/// A table of one place is full of a QoS 2 message: what is invalid is answered with its reason, and acknowledgements that find no place wait.
#[test]
fn messages_beside_a_full_table_are_answered_in_order() {
    let limits = Limits { check_payload_format: true, ..Limits::DEFAULT };
    let mut field = Field::new(Fixed::<256, 4, 1>::new(), V5, limits).accepted();
    field.hear(&message(V5, 2, 7, "t", b"x")).only("Message t x q2 7");
    let text_marked = |id: u16, payload: &[u8]| {
        let body = [&text("t")[..], &id.to_be_bytes(), &block(&[1, 1]), payload].concat();
        packet(0x32, &body)
    };
    let input = [text_marked(8, b"\xFF"), text_marked(9, b"a"), text_marked(10, b"b"), text_marked(11, b"c")].concat();
    let heard = field.hear(&input);
    assert_eq!(heard.end, None);
    assert_eq!(heard.told, ["Message t a q1 9", "Message t b q1 10", "Message t c q1 11"]);
    assert_eq!(heard.sent, b"\x40\x03\0\x08\x99\x40\x02\0\x09\x40\x02\0\x0A\x40\x02\0\x0B");
}

/// Maximum QoS 0 or 1: what goes beyond is refused while the link is up, and ends with its cause if it has waited. All else is sent.
#[test]
fn a_server_gets_every_quality_of_service_that_it_takes_and_no_other() {
    in_every_storage!(storage => {
        for most in [0, 1, 2] {
            let property = [0x24, most];
            let properties = if most < 2 { &property[..] } else { &[] };
            let mut field = Field::new(storage(), V5, Limits::DEFAULT);
            for qos in [QOS0, QOS1, QOS2] {
                field.publish("t", b"x", qos);
            }
            field.open();
            field.sent();
            let connack = field.connack(false, properties);
            let sent = field.hear(&connack).sent;
            let first = |qos: QoS| 0x30 | qos.bits() << 1;
            for qos in [QOS0, QOS1, QOS2] {
                let is_taken = qos.bits() <= most;
                let publish = Publish::new(TopicName::new("t").unwrap(), b"y").qos(qos);
                let published = field.mqtt.publish(field.at(), &publish).map(drop);
                let expected = if is_taken { Ok(()) } else { Err(PublishError::QoSNotSupported) };
                assert_eq!((published, count(&sent, first(qos))), (expected, is_taken.into()), "{most} {qos:?}");
            }
            assert_eq!(field.outcomes().len(), usize::from(2 - most));
        }
    });
}

/// Maximum Packet Size: a message of that length is sent, and one byte more is refused, whatever its quality of service.
#[test]
fn the_servers_longest_packet_is_sent_and_none_that_is_longer() {
    in_every_storage!(storage => {
        for most in [20_u8, 100, 200] {
            let mut field = Field::new(storage(), V5, Limits::DEFAULT).accepted_with(&[0x27, 0, 0, 0, most]);
            for qos in [QOS0, QOS1, QOS2] {
                let head = 2 + usize::from(most > 129) + 3 + if qos == QOS0 { 0 } else { 2 } + 1;
                let payload = vec![b'x'; usize::from(most) - head + 1];
                let publish = |payload| Publish::new(TopicName::new("t").unwrap(), payload).qos(qos);
                let refused = field.mqtt.publish(field.at(), &publish(&payload[..]));
                assert_eq!(refused, Err(PublishError::ServerMaximum), "{most} {qos:?}");
                field.mqtt.publish(field.at(), &publish(&payload[1..])).unwrap();
                assert_eq!(field.sent().len(), usize::from(most));
            }
        }
    });
}

/// What a server lacks it says with a 0, and that it has something perhaps with a 1: each only bears on what needs it.
#[test]
fn a_server_is_asked_for_everything_that_it_does_not_lack() {
    const PROPERTIES: [u8; 4] = [0x25, 0x28, 0x29, 0x2A]; // retained messages, wildcards, identifiers, shared subscriptions
    for lacking in PROPERTIES {
        for said in [0, 1] {
            let mut field = Field::with(V5, Limits::DEFAULT).accepted_with(&[lacking, said]);
            for (asked, property) in PROPERTIES.into_iter().enumerate() {
                let is_refused = said == 0 && property == lacking;
                if asked == 0 {
                    let publish = Publish::new(TopicName::new("t").unwrap(), b"x").retain(true);
                    let published = field.mqtt.publish(field.at(), &publish).map(drop);
                    let expected = if is_refused { Err(PublishError::RetainNotSupported) } else { Ok(()) };
                    assert_eq!(published, expected, "{lacking:#X} {said}");
                    continue;
                }
                let filter = TopicFilter::new(["", "a/#", "a", "$share/g/a"][asked]).unwrap();
                let list = [Subscription::new(filter, QOS1)];
                let identifier = [Property::SubscriptionIdentifier(7)];
                let properties = if asked == 2 { &identifier[..] } else { &[] };
                let asked = field.mqtt.subscribe(field.at(), &Subscribe::new(&list).properties(properties)).map(drop);
                let expected = if is_refused { Err(RequestError::NotSupported) } else { Ok(()) };
                assert_eq!(asked, expected, "{lacking:#X} {said} {property:#X}");
            }
        }
    }
}

/// An empty queue doesn't take a message that is longer than the limit of bytes, although the memory is there since it was full.
#[test]
fn a_message_longer_than_all_that_may_wait_is_refused() {
    for version in Version::ALL {
        let mut field = Field::up(version, Limits { version, max_bytes: 1_000, ..Limits::DEFAULT });
        while field.mqtt.publish(field.at(), &Publish::new(TopicName::new("t").unwrap(), &[b'x'; 30])).is_ok() {}
        field.sent();
        for length in 950..1_050 {
            let payload = vec![b'x'; length];
            let total = 3 + 3 + usize::from(version == V5) + length;
            let published = field.mqtt.publish(field.at(), &Publish::new(TopicName::new("t").unwrap(), &payload));
            let kept_free = if version == V5 { 0 } else { 2 };
            assert_eq!(published.is_ok(), total + kept_free <= 1_000, "{version:?} {total}");
            assert_eq!(field.sent().len(), if published.is_ok() { total } else { 0 });
        }
    }
}

/// A program lowers the limit below what waits already: no more is taken until that is fewer, with a link or without.
#[test]
fn a_limit_that_is_lowered_below_what_waits_holds() {
    in_every_storage!(storage => {
        for has_link in [false, true] {
            let limits = Limits { max_inflight: 1, max_queued: 6, ..Limits::DEFAULT };
            let mut field = Field::new(storage(), V311, limits);
            for _ in 0..6 {
                field.publish("t", b"x", QOS1);
            }
            assert!(field.mqtt.set_limits(Limits { max_queued: 4, version: V311, ..limits }));
            let publish = Publish::new(TopicName::new("t").unwrap(), b"y").qos(QOS1);
            let mut field = if has_link { field.accepted() } else { field };
            assert_eq!(field.mqtt.publish(field.at(), &publish).err(), Some(PublishError::Full));
            if has_link {
                for id in 1..=3 {
                    field.sent();
                    assert_eq!(field.mqtt.publish(field.at(), &publish).err(), Some(PublishError::Full), "{id}");
                    field.hear(&[0x40, 2, 0, id]);
                }
                assert!(field.mqtt.publish(field.at(), &publish).is_ok());
            }
        }
    });
}

/// A packet that is not taken in pieces is held to the limit for those, also if it is just as long as a message in pieces may be.
#[test]
fn a_packet_that_is_too_long_names_the_limit_that_it_breaks() {
    let limits = Limits { inline_max: 64, stream_max: 100, ..Limits::DEFAULT };
    for length in [65, 99, 100] {
        let mut field = Field::up(V311, limits);
        let heard = field.hear(&packet(0x90, &vec![1; length - 2]));
        let end = heard.end.map(|end| format!("{end:?}"));
        assert!(end.as_ref().is_some_and(|end| end.contains("limit: 64")), "{length}: {end:?}");
    }
}
