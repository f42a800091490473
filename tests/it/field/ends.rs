//! A link always ends: in every state something is due, and once a link is over `should_close` is true soon, even if the transport never takes another
//! byte.

use super::rig::{Durable, Field, OLD, Offered, QOS0, QOS1, QOS2, V5, in_every_storage, message, packets};
use pure_mqtt::{Auth, Connect, ConnectionError, Disconnect, Limits, Overflow, Property, State, Version};

/// The default of `Limits::close_timeout` in milliseconds.
const FAREWELL: u64 = 3_000;
const CONNACK_TIME: u64 = 20_000;

/// A host that does only what the contract says, over a transport that takes no more than `room` bytes: returns when the link was over and when the
/// transport was to be closed. Fails if there is nothing to wait for, if deadlines spin, or if the farewell takes too long.
#[track_caller]
fn until_closed<S: Durable>(field: &mut Field<S>, mut room: usize) -> (u64, u64) {
    let mut over = None;
    for turn in 0.. {
        room -= field.take(room).len();
        if over.is_none() && field.mqtt.close_reason() != ConnectionError::NotOpen {
            over = Some(field.now);
        }
        if field.mqtt.should_close() {
            break;
        }
        let at = field.mqtt.poll_timeout().unwrap_or_else(|| panic!("nothing to wait for: {:?}", field.mqtt));
        assert!(turn < 50, "deadlines spin: {:?} at {}", field.mqtt.next_timer(), field.now);
        field.now = field.now.max(at.as_millis());
        let _ = field.mqtt.handle_timeout(field.at());
    }
    let over = over.expect("it is over");
    assert!(field.now - over <= FAREWELL, "over at {over}, to be closed at {}", field.now);
    (over, field.now)
}

/// A camera uploads 20 kB over a mobile network that takes 5 kB and then stalls, without an error, until the operating system gives up after hours.
#[test]
fn an_upload_that_stalls_ends_with_the_keep_alive() {
    for version in Version::ALL {
        for qos in [QOS0, QOS1, QOS2] {
            for taken in [0, 1, 2, 10, 5_000, 19_999] {
                let mut field = Field::up(version, Limits::DEFAULT);
                field.publish("t", &[7; 20_000], qos);
                let started = field.now;
                let (over, _) = until_closed(&mut field, taken);
                assert_eq!(field.mqtt.close_reason(), ConnectionError::KeepAliveTimeout);
                assert_eq!(over - started, 60_000, "{version:?} {qos:?}, {taken} bytes were taken");
                assert!(field.mqtt.next_timer().is_none() || field.mqtt.should_close());
            }
        }
    }
}

/// The same with a payload that the application supplies.
#[test]
fn a_streamed_upload_that_stalls_ends_with_the_keep_alive() {
    in_every_storage!(storage => {
        for version in Version::ALL {
            for taken in [0, 3, 8, 5_000] {
                let mut field = Field::new(storage(), version, Limits::DEFAULT).accepted();
                field.publish_streamed("t", 20_000, QOS1);
                let started = field.now;
                let (over, _) = until_closed(&mut field, taken);
                assert_eq!(field.mqtt.close_reason(), ConnectionError::KeepAliveTimeout);
                assert_eq!(over - started, 60_000);
            }
        }
    });
}

/// Only the uplink is clogged: the broker goes on sending. That its bytes arrive doesn't help what can't leave.
#[test]
fn an_uplink_that_is_clogged_ends_the_link_while_messages_arrive() {
    for version in Version::ALL {
        let mut field = Field::up(version, Limits::DEFAULT);
        field.publish("t", &[7; 20_000], QOS1);
        let started = field.now;
        let mut end = None;
        field.take(5_000);
        while end.is_none() && field.now - started < 300_000 {
            field.now += 5_000;
            end = field.mqtt.handle_timeout(field.at()).err();
            if end.is_none() {
                let arrived = field.offer(&message(version, 0, 0, "t", b"y"));
                assert!(matches!(arrived, Ok(Offered::Taken(_, Some(_)))), "{arrived:?}");
            }
        }
        assert_eq!(end, Some(ConnectionError::KeepAliveTimeout));
        assert!(field.now - started <= 65_000, "{version:?}: after {} ms", field.now - started);
    }
}

/// The laptop's lid is closed, the application says goodbye: `disconnect` over a transport that takes nothing.
#[test]
fn a_goodbye_that_cannot_leave_does_not_hold_the_program() {
    in_every_storage!(storage => {
        for version in Version::ALL {
            for keep_alive in [0, 30] {
                for room in [0, 1] {
                    let mut field = Field::new(storage(), version, Limits::DEFAULT);
                    field.keep_alive = keep_alive;
                    let mut field = field.accepted();
                    field.mqtt.disconnect(field.at(), &Disconnect::default()).unwrap();
                    let asked = field.now;
                    let (_, closed) = until_closed(&mut field, room);
                    assert!(closed - asked <= FAREWELL);
                    assert_eq!(field.mqtt.close_reason(), ConnectionError::Disconnected);
                    field.lose();
                    assert_eq!(field.mqtt.state(), State::Closed);
                }
            }
        }
    });
}

/// How a link gets to where it then ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    Connecting,
    ConnectOut,
    Idle,
    Publishing(usize),
    Streaming,
    Acknowledging,
    Requesting,
    PingOwed,
    PingOut,
    Blocked,
    Arriving,
    Challenged,
    Answering,
    Reauthenticating,
}

use Stage::*;

const STAGES: [Stage; 15] = [
    Connecting,
    ConnectOut,
    Idle,
    Publishing(1),
    Publishing(20_000),
    Streaming,
    Acknowledging,
    Requesting,
    PingOwed,
    PingOut,
    Blocked,
    Arriving,
    Challenged,
    Answering,
    Reauthenticating,
];

impl Stage {
    fn is_up(self) -> bool {
        !matches!(self, Connecting | ConnectOut | Challenged | Answering)
    }

    /// A link that has got there; nothing that waits was taken.
    fn reach(self, version: Version, keep_alive: u16) -> Option<Field> {
        let limits = Limits { ack_timeout: 20_000, inline_max: 64, stream_max: 10_000, ..Limits::DEFAULT };
        let limits = if self == Blocked { Limits { manual_acks: true, max_received: 1, ..limits } } else { limits };
        let mut field = Field::with(version, limits);
        field.keep_alive = keep_alive;
        field.streaming = true;
        let method = [Property::AuthenticationMethod("m")];
        if matches!(self, Challenged | Answering | Reauthenticating) {
            if version != V5 {
                return None;
            }
            let connect = Connect::new(V5, "c").keep_alive(keep_alive).properties(&method);
            field.mqtt.open(field.at(), &connect).unwrap();
            field.sent();
            let auth = Auth::continue_with(&method);
            if self == Reauthenticating {
                field.hear(b"\x20\x07\0\0\x04\x15\0\x01m").only("ConnAck 0x00 New");
                let again = Auth::re_authenticate(&method);
                field.mqtt.authenticate(field.at(), &again).unwrap();
            } else {
                field.hear(b"\xF0\x06\x18\x04\x15\0\x01m").only("Auth 0x18");
                if self == Answering {
                    field.mqtt.authenticate(field.at(), &auth).unwrap();
                }
            }
            return Some(field);
        }
        if self == Connecting || self == ConnectOut {
            field.open();
            if self == ConnectOut {
                field.sent();
            }
            return Some(field);
        }
        let mut field = field.accepted();
        match self {
            Publishing(length) => drop(field.publish("t", &vec![7; length], QOS1)),
            Streaming => drop(field.publish_streamed("t", 1_000, QOS2)),
            Acknowledging => {
                for id in 1..=3 {
                    let packet = message(version, 1 + id as u8 % 2, id, "t", b"x");
                    assert!(matches!(field.offer(&packet), Ok(Offered::Taken(_, Some(_)))));
                }
            }
            Requesting => drop(field.subscribe(&["a", "b"])),
            PingOwed | PingOut if keep_alive == 0 => return None,
            PingOwed | PingOut => {
                field.tick(30_000).unwrap();
                if self == PingOut {
                    assert_eq!(field.sent(), b"\xC0\0");
                }
            }
            Blocked => {
                let mut id = 1;
                while !matches!(field.offer(&message(version, 2, id, "t", b"x")), Ok(Offered::Blocked) | Err(_)) {
                    id += 1;
                    assert!(id < 10);
                }
            }
            Arriving => {
                let packet = message(version, 1, 1, "t", &[7; 500]);
                assert!(matches!(field.offer(&packet[..100]), Ok(Offered::Taken(_, Some(_)))));
            }
            _ => {}
        }
        Some(field)
    }
}

/// Why a link is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Cause {
    /// Nothing comes, and nothing leaves.
    Silence,
    Disconnect,
    NoPacket,
    ForbiddenPacket,
    ServersDisconnect,
    Refusal,
    Abandon,
}

const CAUSES: [Cause; 7] = [
    Cause::Silence,
    Cause::Disconnect,
    Cause::NoPacket,
    Cause::ForbiddenPacket,
    Cause::ServersDisconnect,
    Cause::Refusal,
    Cause::Abandon,
];

impl Cause {
    /// Brings it about; false if it can't be in this place.
    fn strike(self, field: &mut Field, stage: Stage) -> bool {
        match self {
            Self::Silence => {
                return !(field.keep_alive == 0 && matches!(stage, Idle | Blocked | Arriving | Acknowledging));
            }
            Self::Disconnect => field.mqtt.disconnect(field.at(), &Disconnect::default()).unwrap(),
            _ if stage == Arriving => return false, // what comes is payload
            Self::NoPacket => drop(field.offer(b"\0\0")),
            Self::ForbiddenPacket if stage.is_up() => drop(field.offer(b"\x20\x02\0\0")),
            Self::ForbiddenPacket => drop(field.offer(b"\xD0\0")),
            Self::ServersDisconnect if field.version == V5 => drop(field.offer(b"\xE0\x01\x8B")),
            Self::Refusal if !stage.is_up() && field.version == V5 => drop(field.offer(b"\x20\x03\0\x87\0")),
            Self::Refusal if !stage.is_up() => drop(field.offer(b"\x20\x02\0\x05")),
            Self::Abandon if stage == Streaming => {
                field.take(5);
                let handle = field.mqtt.transmit(field.at()).payload_request().map(|wanted| wanted.handle);
                let handle = handle.unwrap_or_else(|| {
                    let mut probe = field.mqtt.clone();
                    let transmit = &mut probe.transmit(field.at());
                    while !transmit.chunk().is_empty() {
                        transmit.advance(1);
                    }
                    transmit.payload_request().unwrap().handle
                });
                assert!(field.mqtt.abandon(field.at(), handle));
            }
            _ => return false,
        }
        true
    }
}

/// Every state of a link, every version, every cause, and a transport that takes so many bytes more and then none: it takes every number.
#[test]
fn whatever_ends_a_link_it_is_to_be_closed_soon() {
    for version in Version::ALL {
        for stage in STAGES {
            for keep_alive in [30, 0] {
                for cause in CAUSES {
                    let Some(probe) = stage.reach(version, keep_alive) else { continue };
                    let most = probe.clone_for_probe().sent().len() + 5;
                    let rooms: Vec<usize> = (0..most.min(60)).chain([most / 2, most, 100_000]).collect();
                    for room in rooms {
                        let mut field = stage.reach(version, keep_alive).unwrap();
                        if !cause.strike(&mut field, stage) {
                            continue;
                        }
                        let case = format!("{version:?} {stage:?} {cause:?}, keep alive {keep_alive}, {room} bytes");
                        let is_bounded = keep_alive > 0 || !stage.is_up() || cause != Cause::Silence;
                        // The application holds the message that blocks the input: as long as the transport takes PINGREQ, the link stays.
                        let waits = stage == Blocked && cause == Cause::Silence;
                        if !is_bounded || waits && room > 2 {
                            continue; // nothing is promised without a keep alive
                        }
                        let started = field.now;
                        let result =
                            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| until_closed(&mut field, room)));
                        let (over, closed) = result.unwrap_or_else(|_| panic!("{case}"));
                        let most = match cause {
                            Cause::Silence if room == 2 && waits => 120_000, // after the first PINGREQ
                            Cause::Silence => 90_000,
                            // An answer to what has not left waits for it, or for the time that CONNACK has.
                            Cause::Refusal | Cause::ServersDisconnect if stage == Connecting => CONNACK_TIME,
                            _ => 0,
                        };
                        assert!(over - started <= most, "{case}: over after {} ms", over - started);
                        assert!(closed - over <= FAREWELL, "{case}: closed {} ms after the end", closed - over);
                        field.lose();
                        field.open();
                        assert_eq!(field.sent()[0], 0x10, "{case}: the next link is fresh");
                    }
                }
            }
        }
    }
}

impl Field {
    fn clone_for_probe(&self) -> Self {
        Field { mqtt: self.mqtt.clone(), acks: Vec::new(), kept: Vec::new(), ..*self }
    }
}

/// A host that takes an event of the end for granted: after the end there is no deadline that never comes, and none that is due again and again.
#[test]
fn there_is_a_deadline_until_the_transport_is_to_be_closed() {
    for version in Version::ALL {
        for keep_alive in [0, 30] {
            let mut field = Field::with(version, Limits::DEFAULT);
            field.keep_alive = keep_alive;
            let mut field = field.accepted();
            field.publish("t", &[7; 100], QOS1);
            field.take(10);
            field.mqtt.disconnect(field.at(), &Disconnect::default()).unwrap();
            let at = field.mqtt.poll_timeout().expect("a deadline");
            assert!(at.as_millis() > field.now && at.as_millis() <= field.now + FAREWELL);
            field.now = at.as_millis() - 1;
            let _ = field.mqtt.handle_timeout(field.at());
            assert!(!field.mqtt.should_close());
            assert_eq!(field.mqtt.poll_timeout(), Some(at));
            field.now += 1;
            let _ = field.mqtt.handle_timeout(field.at());
            assert!(field.mqtt.should_close());
        }
    }
}

/// What may still leave does: a transport that is slow, but not stuck, gets the rest of the packet and DISCONNECT.
#[test]
fn a_slow_transport_still_gets_the_goodbye() {
    for version in Version::ALL {
        let mut field = Field::up(version, Limits::DEFAULT);
        field.publish("t", &[7; 100], QOS1);
        let mut sent = field.take(10);
        field.mqtt.disconnect(field.at(), &Disconnect::default()).unwrap();
        while !field.mqtt.should_close() {
            field.tick(10).ok();
            let piece = field.take(1);
            assert!(!piece.is_empty());
            sent.extend(piece);
        }
        assert!(sent.ends_with(b"\xE0\0"));
    }
}

/// In 3.1 and 3.1.1 there is nothing to say when the server broke the protocol: the transport is closed at once unless a packet is half out.
#[test]
fn without_a_farewell_the_transport_is_closed_at_once() {
    for version in OLD {
        let mut field = Field::up(version, Limits::DEFAULT);
        assert!(field.offer(b"\0\0").is_err());
        assert!(field.mqtt.should_close());
    }
}

/// The same for AUTH.
#[test]
fn a_transport_is_not_late_before_auth_waits_for_it() {
    in_every_storage!(storage => {
        let method = [Property::AuthenticationMethod("m")];
        let mut field = Field::new(storage(), V5, Limits { connack_timeout: 0, ..Limits::DEFAULT });
        let connect = Connect::new(V5, "c").keep_alive(30).properties(&method);
        field.mqtt.open(field.at(), &connect).unwrap();
        field.sent();
        field.hear(b"\x20\x07\0\0\x04\x15\0\x01m").only("ConnAck 0x00 New");
        field.now += 29_000;
        field.mqtt.authenticate(field.at(), &Auth::re_authenticate(&method)).unwrap();
        let start = field.now;
        let (over, _) = until_closed(&mut field, 0);
        assert_eq!(over - start, 60_000);
    });
}

/// A message waits for the window, and nothing for the transport: PINGREQ then has as much time to leave as on an idle link.
#[test]
fn what_waits_for_the_window_does_not_wait_for_the_transport() {
    in_every_storage!(storage => {
        for version in Version::ALL {
            for waits in [false, true] {
                let limits = Limits { max_inflight: 1, pingresp_timeout: 5_000, ..Limits::DEFAULT };
                let mut field = Field::new(storage(), version, limits).accepted();
                field.publish("t", b"x", QOS1);
                field.sent();
                if waits {
                    field.publish("t", b"y", QOS1);
                    field.shown();
                }
                let start = field.now;
                let (over, _) = until_closed(&mut field, 0);
                assert_eq!(over - start, 30_000 + 35_000, "{version:?}");
            }
        }
    });
}

/// The handler of a message publishes, then works for two minutes: what no transport was offered none has refused.
#[test]
fn output_that_was_not_shown_is_not_stuck() {
    in_every_storage!(storage => {
        for version in Version::ALL {
            let mut field = Field::new(storage(), version, Limits::DEFAULT).accepted();
            field.subscribe(&["a"]);
            assert_eq!(field.tick(120_000), Ok(()), "{version:?}");
            assert_eq!(packets(&field.sent()).len(), 2, "PINGREQ, and the request");
        }
    });
}

/// Messages are taken out of a queue again and again whose first bytes a transport doesn't take.
#[test]
fn taking_messages_back_does_not_free_a_transport_that_is_stuck() {
    in_every_storage!(storage => {
        for version in Version::ALL {
            let mut field = Field::new(storage(), version, Limits::DEFAULT).accepted();
            let handles: Vec<_> = (0..7).map(|_| field.publish("t", b"x", QOS1).handle).collect();
            let start = field.now;
            for handle in &handles[..5] {
                field.shown();
                assert!(field.mqtt.cancel(*handle));
                field.tick(4_000).unwrap();
            }
            let (over, _) = until_closed(&mut field, 0);
            assert_eq!(over - start, 60_000, "{version:?}");
        }
    });
}

/// A sensor keeps its latest reading alone, and drops the one before: to a transport that takes nothing that makes no difference.
#[test]
fn a_queue_that_is_changed_does_not_free_a_transport_that_is_stuck() {
    in_every_storage!(storage => {
        for version in Version::ALL {
            for overflow in [Overflow::DropOldest, Overflow::LatestPerTopic] {
                let limits = Limits { max_queued: 1, overflow, ..Limits::DEFAULT };
                let mut field = Field::new(storage(), version, limits).accepted();
                field.publish("t", b"x", QOS1);
                let start = field.now;
                for _ in 0..5 {
                    field.shown();
                    field.now += 5_000; // and no deadline has come
                    assert!(field.publish("t", b"y", QOS1).dropped.is_some());
                }
                let (over, _) = until_closed(&mut field, 0);
                assert_eq!(over - start, 60_000, "{version:?} {overflow:?}");
            }
        }
    });
}

/// The other way round: nothing waited for 29 seconds, so that the transport has all its time once something does.
#[test]
fn a_transport_is_not_late_before_anything_waits_for_it() {
    in_every_storage!(storage => {
        for version in Version::ALL {
            let mut field = Field::new(storage(), version, Limits::DEFAULT).accepted();
            field.now += 29_000;
            field.publish("t", b"x", QOS1);
            let start = field.now;
            let (over, _) = until_closed(&mut field, 0);
            assert_eq!(over - start, 60_000, "{version:?}");
        }
    });
}

/// A small sensor host with manual acknowledgements: input is blocked until the application has acknowledged, minutes later. It sleeps meanwhile.
#[test]
fn a_host_that_is_blocked_by_its_application_sleeps() {
    for version in OLD {
        let limits = Limits { manual_acks: true, max_received: 2, ..Limits::DEFAULT };
        let mut field = Field::up(version, limits);
        let burst: Vec<u8> = (1..=5).flat_map(|id| message(version, 1, id, "t", b"x")).collect();
        let heard = field.hear(&burst);
        assert_eq!(heard.end, None);
        assert!(!field.kept.is_empty(), "it is blocked");
        let mut turns = 0;
        let until = field.now + 25_000;
        loop {
            turns += 1;
            field.hear(b"").nothing();
            let at = field.mqtt.poll_timeout().map_or(until, pure_mqtt::Instant::as_millis);
            assert!(at > field.now, "a deadline in the past: {:?}", field.mqtt.next_timer());
            if at >= until {
                break;
            }
            field.now = at;
            field.mqtt.handle_timeout(field.at()).unwrap();
        }
        assert!(turns < 10, "{turns} turns");
        for ack in std::mem::take(&mut field.acks) {
            field.mqtt.acknowledge(field.at(), ack, &pure_mqtt::Ack::SUCCESS).unwrap();
        }
        assert!(!field.hear(b"").told.is_empty(), "it goes on");
    }
}
