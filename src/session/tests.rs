//! Directed tests of the session, below the protocol.

use std::vec::Vec;

use super::*;
use crate::event::Cause;
use crate::storage::sealed::Sealed;
use crate::storage::{Detail, Fixed, Kind, MOST_ARENA, Marks, Parts};
use crate::types::{Handle, QoS, Version};
use crate::wire::reason::ReasonCode;
use crate::wire::{Decoded, Packet, PacketType, Properties, Property, Publish, Rules};

const OPEN: Peer = Peer { window: 10, ..Peer::UNKNOWN };

const NOTHING_RARE: Rare = Rare { time: None, forms: None, may_fence: true };

const FOUR: Bound = Bound { maximum: 4, held: 8, is_kept: false };

fn push(outgoing: &mut Outgoing, parts: &mut Parts<'_>, qos: QoS, payload: &[u8]) -> Matched {
    push_with(outgoing, parts, qos, payload, Properties::NONE, 0)
}

fn push_with(
    outgoing: &mut Outgoing,
    parts: &mut Parts<'_>,
    qos: QoS,
    payload: &[u8],
    properties: Properties<'_>,
    detail: u32,
) -> Matched {
    let packet = |id| {
        let id = crate::PacketId::new(id).filter(|_| qos != QoS::AtMostOnce);
        Packet::Publish(Publish { dup: false, qos, retain: false, topic: "t", id, properties, payload })
    };
    let version = outgoing.version();
    let length = packet(1).encode(version, &mut [0; 300]).unwrap();
    let kind = [Kind::Publish0, Kind::Publish1, Kind::Publish2][usize::from(qos.bits())];
    let room = outgoing
        .push(parts, &Frame { kind, marks: Marks::NONE, detail: Detail::expires(detail), length, shared: None })
        .unwrap();
    let matched = outgoing.latest();
    assert_eq!(packet(matched.id).encode(version, room), Ok(length));
    matched
}

/// Sends everything that may be sent, and returns it as (DUP, payload).
fn send(outgoing: &mut Outgoing, parts: &mut Parts<'_>, window: u16) -> Vec<(bool, Vec<u8>)> {
    let mut bytes = Vec::new();
    loop {
        outgoing.stage(parts, &Peer { window, ..OPEN }, &NOTHING_RARE);
        let chunk = outgoing.chunk(parts).to_vec();
        if chunk.is_empty() {
            break;
        }
        outgoing.advance(parts, chunk.len());
        bytes.extend(chunk);
    }
    let mut rest = &bytes[..];
    let mut sent = Vec::new();
    while !rest.is_empty() {
        let rules = Rules::new(outgoing.version());
        let Ok(Decoded::Packet { packet: Packet::Publish(publish), length }) = Packet::decode(rest, rules) else {
            panic!("not a PUBLISH: {rest:?}")
        };
        sent.push((publish.dup, publish.payload.to_vec()));
        rest = &rest[length..];
    }
    sent
}

fn fresh(payloads: &[&[u8]]) -> Vec<(bool, Vec<u8>)> {
    payloads.iter().map(|payload| (false, payload.to_vec())).collect()
}

#[test]
fn a_run_shows_many_packets_as_one_slice() {
    let mut storage = Fixed::<256, 8, 1>::new();
    let mut parts = storage.parts();
    let mut outgoing = Outgoing::new(Version::V311);
    for payload in [b"a", b"b", b"c"] {
        push(&mut outgoing, &mut parts, QoS::AtLeastOnce, payload);
    }
    outgoing.stage(&mut parts, &OPEN, &NOTHING_RARE);
    assert_eq!(outgoing.chunk(&parts).len(), 3 * 8);
    assert!(outgoing.advance(&mut parts, 1), "the first is begun");
    assert!(!outgoing.advance(&mut parts, 6));
    assert!(outgoing.advance(&mut parts, 1), "and is out");
}

#[test]
fn qos_0_passes_a_closed_window_in_order() {
    let mut storage = Fixed::<256, 8, 1>::new();
    let mut parts = storage.parts();
    let mut outgoing = Outgoing::new(Version::V311);
    let first = push(&mut outgoing, &mut parts, QoS::AtLeastOnce, b"1");
    push(&mut outgoing, &mut parts, QoS::AtLeastOnce, b"2");
    push(&mut outgoing, &mut parts, QoS::AtMostOnce, b"x");
    push(&mut outgoing, &mut parts, QoS::AtLeastOnce, b"3");
    push(&mut outgoing, &mut parts, QoS::AtMostOnce, b"y");
    assert_eq!(send(&mut outgoing, &mut parts, 1), fresh(&[b"1", b"x", b"y"]));
    push(&mut outgoing, &mut parts, QoS::AtMostOnce, b"z");
    assert_eq!(send(&mut outgoing, &mut parts, 1), fresh(&[b"z"]));
    outgoing.answered(&mut parts, (PacketType::PubAck, first.id), 0, false).unwrap();
    push(&mut outgoing, &mut parts, QoS::AtMostOnce, b"q");
    assert_eq!(send(&mut outgoing, &mut parts, 1), fresh(&[b"2", b"q"]));
}

#[test]
fn a_cut_sets_dup_only_where_a_byte_had_left() {
    let mut storage = Fixed::<256, 8, 1>::new();
    let mut parts = storage.parts();
    let mut outgoing = Outgoing::new(Version::V311);
    for payload in [b"a", b"b", b"c"] {
        push(&mut outgoing, &mut parts, QoS::AtLeastOnce, payload);
    }
    outgoing.stage(&mut parts, &OPEN, &NOTHING_RARE);
    outgoing.advance(&mut parts, 9); // one packet and a byte of the second
    outgoing.link_lost(&mut parts);
    let expected = [(true, b"a".to_vec()), (true, b"b".to_vec()), (false, b"c".to_vec())];
    assert_eq!(send(&mut outgoing, &mut parts, 10), expected);
}

#[test]
fn the_arena_is_compacted_while_a_packet_is_half_out() {
    let mut storage = Fixed::<64, 8, 1>::new();
    let mut parts = storage.parts();
    let mut outgoing = Outgoing::new(Version::V311);
    let first = push(&mut outgoing, &mut parts, QoS::AtLeastOnce, b"first message");
    assert_eq!(send(&mut outgoing, &mut parts, 10).len(), 1);
    push(&mut outgoing, &mut parts, QoS::AtLeastOnce, b"second message");
    outgoing.stage(&mut parts, &OPEN, &NOTHING_RARE);
    let begun = outgoing.chunk(&parts)[..5].to_vec();
    outgoing.advance(&mut parts, 5);
    outgoing.answered(&mut parts, (PacketType::PubAck, first.id), 0, false).unwrap();
    push(&mut outgoing, &mut parts, QoS::AtLeastOnce, b"third message"); // only fits after compaction
    let rest = outgoing.chunk(&parts).to_vec();
    let whole = [begun, rest].concat();
    let Ok(Decoded::Packet { packet: Packet::Publish(publish), .. }) = Packet::decode(&whole, Rules::default()) else {
        panic!()
    };
    assert_eq!(publish.payload, b"second message");
}

#[test]
fn dropping_the_oldest_names_them_and_spares_what_has_begun() {
    let mut storage = Fixed::<64, 8, 1>::new();
    let mut parts = storage.parts();
    let mut outgoing = Outgoing::new(Version::V5);
    for payload in [b"aaaaaaaa", b"bbbbbbbb", b"cccccccc"] {
        push(&mut outgoing, &mut parts, QoS::AtLeastOnce, payload);
    }
    outgoing.stage(&mut parts, &OPEN, &NOTHING_RARE);
    outgoing.advance(&mut parts, 1);
    let need = Need { bytes: 40, shared: 0, is_publish: true, is_kept: true };
    let most = Capacity { slots: 8, arena: 64, bytes: 64, queued: 0 };
    let dropped = outgoing.drop_oldest(&mut parts, &need, &most).unwrap();
    assert_eq!(dropped, Dropped { first: Handle(0x2_0002), last: Handle(0x3_0003), count: 2 });
    assert!(outgoing.drop_oldest(&mut parts, &Need { bytes: 60, ..need }, &most).is_none());
    assert_eq!(outgoing.pending(), 1);
}

#[test]
fn a_change_of_version_keeps_every_message() {
    let mut storage = Fixed::<700, 8, 1>::new();
    let mut parts = storage.parts();
    let mut outgoing = Outgoing::new(Version::V5);
    let long = [b'x'; 122]; // its remaining length passes the border of one byte on the way
    let list = [Property::ContentType("text"), Property::MessageExpiryInterval(9)];
    push_with(&mut outgoing, &mut parts, QoS::AtMostOnce, b"zero", Properties::new(&list), 0);
    push_with(&mut outgoing, &mut parts, QoS::AtLeastOnce, &long, Properties::NONE, 0);
    push_with(&mut outgoing, &mut parts, QoS::ExactlyOnce, b"two", Properties::new(&list), 0);
    for version in [Version::V311, Version::V5, Version::V31, Version::V311, Version::V5] {
        outgoing.reencode_for(&mut parts, version, Some(FORMS.has_more));
    }
    let sent = send(&mut outgoing, &mut parts, 10);
    assert_eq!(sent, fresh(&[b"zero", &long, b"two"]));
}

#[test]
fn an_expired_message_ends_and_the_next_deadline_is_known() {
    let mut storage = Fixed::<256, 8, 1>::new();
    let mut parts = storage.parts();
    let mut outgoing = Outgoing::new(Version::V311);
    push_with(&mut outgoing, &mut parts, QoS::AtLeastOnce, b"short", Properties::NONE, 10);
    push_with(&mut outgoing, &mut parts, QoS::AtLeastOnce, b"long", Properties::NONE, 20);
    outgoing.find_next_expiry(parts.slots);
    assert_eq!(outgoing.next_expiry(), 10);
    outgoing.expire(&mut parts, Time { over: 10, next: 10, expiring: &EXPIRING });
    assert_eq!(outgoing.next_expiry(), 20);
    let (ended, _, cause) = outgoing.poll_ended(&mut parts, None).unwrap();
    assert_eq!((Handle(ended.handle).get(), cause), (1, Cause::Expired));
    assert!(outgoing.poll_ended(&mut parts, None).is_none());
}

#[test]
fn acknowledgements_leave_in_order_of_arrival() {
    let mut storage = Fixed::<16, 1, 4>::new();
    let parts = storage.parts();
    let mut incoming = Incoming::EMPTY;
    let mut handles = Vec::new();
    for id in [7, 8, 9] {
        let Arrival::New { place, serial } = incoming.arrive(parts.inbox, id, QoS::AtLeastOnce, FOUR, None, false)
        else {
            panic!()
        };
        handles.push((place, serial));
    }
    for (place, serial) in handles.into_iter().rev() {
        assert_eq!(incoming.due(parts.inbox), None);
        incoming.held(parts.inbox, place, serial).unwrap().acknowledged = true;
        assert!(incoming.held(parts.inbox, place, serial).is_none());
    }
    for id in [7, 8, 9] {
        let due = incoming.due(parts.inbox).unwrap();
        assert_eq!((due.packet, due.id), (PacketType::PubAck, id));
        incoming.settle(parts.inbox, true);
    }
    assert!(incoming.owes_nothing());
}

#[test]
fn colliding_identifiers_are_told_apart() {
    let mut storage = Fixed::<16, 1, 8>::new();
    let parts = storage.parts();
    let mut incoming = Incoming::EMPTY;
    for id in [8, 16, 24, 32] {
        assert!(matches!(
            incoming.arrive(parts.inbox, id, QoS::ExactlyOnce, FOUR, Some(ReasonCode::SUCCESS), false),
            Arrival::New { .. }
        ));
        incoming.settle(parts.inbox, true);
    }
    assert_eq!(
        incoming.arrive(parts.inbox, 40, QoS::ExactlyOnce, FOUR, Some(ReasonCode::SUCCESS), false),
        Arrival::Full { exceeds_maximum: true, clears: false }
    );
    for id in [16, 32, 8, 24] {
        assert_eq!(
            incoming.arrive(parts.inbox, id, QoS::ExactlyOnce, FOUR, Some(ReasonCode::SUCCESS), false),
            Arrival::Repeated
        );
        incoming.settle(parts.inbox, true);
        assert_eq!(incoming.release(parts.inbox, id, false), Release::Completing);
        incoming.settle(parts.inbox, true);
        assert_eq!(incoming.release(parts.inbox, id, false), Release::Unknown);
        incoming.settle(parts.inbox, true);
    }
    assert!(matches!(
        incoming.arrive(parts.inbox, 40, QoS::ExactlyOnce, FOUR, Some(ReasonCode::SUCCESS), false),
        Arrival::New { .. }
    ));
}

#[test]
fn a_refused_qos_2_message_is_over_and_the_next_is_new() {
    // [MQTT-4.3.3-9]
    let mut storage = Fixed::<16, 1, 4>::new();
    let parts = storage.parts();
    let mut incoming = Incoming::EMPTY;
    let Arrival::New { place, serial } = incoming.arrive(parts.inbox, 3, QoS::ExactlyOnce, FOUR, None, false) else {
        panic!()
    };
    let slot = incoming.held(parts.inbox, place, serial).unwrap();
    (slot.acknowledged, slot.reason) = (true, ReasonCode::QUOTA_EXCEEDED.0);
    assert_eq!(incoming.due(parts.inbox).unwrap().reason, ReasonCode::QUOTA_EXCEEDED);
    incoming.settle(parts.inbox, true);
    assert!(matches!(incoming.arrive(parts.inbox, 3, QoS::ExactlyOnce, FOUR, None, false), Arrival::New { .. }));
}

/// Found by fuzzing: the slot was freed twice.
#[test]
fn an_identifier_that_waits_for_its_pubcomp_is_not_taken_away() {
    let mut storage = Fixed::<16, 1, 8>::new();
    let parts = storage.parts();
    let mut incoming = Incoming::EMPTY;
    assert!(matches!(
        incoming.arrive(parts.inbox, 3, QoS::ExactlyOnce, FOUR, Some(ReasonCode::SUCCESS), false),
        Arrival::New { .. }
    ));
    incoming.settle(parts.inbox, true);
    incoming.link_lost(parts.inbox);
    assert_eq!(incoming.release(parts.inbox, 3, false), Release::Completing);
    assert_eq!(
        incoming.arrive(parts.inbox, 3, QoS::AtLeastOnce, FOUR, Some(ReasonCode::SUCCESS), false),
        Arrival::Blocked
    );
    incoming.link_lost(parts.inbox);
    assert!(matches!(
        incoming.arrive(parts.inbox, 3, QoS::AtLeastOnce, FOUR, Some(ReasonCode::SUCCESS), false),
        Arrival::New { .. }
    ));
}

/// From an identifier in place 0 through all other places, across the wrap of the numbers, and through all others
/// again.
#[test]
fn the_only_free_place_is_found_across_the_wrap() {
    let mut storage = Fixed::<256, 8, 1>::new();
    let mut parts = storage.parts();
    let mut outgoing = Outgoing::new(Version::V311);
    outgoing.last_handle = 65_520;
    for id in 65_521..=65_528 {
        assert_eq!(push(&mut outgoing, &mut parts, QoS::AtLeastOnce, b"x").id, id);
    }
    assert!(outgoing.cancel(&mut parts, Handle(8 << 16 | 65_528)));
    assert_eq!(push(&mut outgoing, &mut parts, QoS::AtLeastOnce, b"y").id, 8);
}

/// The limits of the largest arena, since a test cannot have that much memory.
const MOST: Capacity = Capacity { slots: 8, arena: MOST_ARENA, bytes: usize::MAX, queued: 0 };

#[test]
fn an_arena_is_full_where_its_positions_end() {
    for version in Version::ALL {
        let mut outgoing = Outgoing::new(version);
        let spare = outgoing.spare(2);
        (outgoing.arena.live, outgoing.arena.frames) = (MOST_ARENA as u32 - 1_000, 1);
        let need = |bytes: usize| Need { bytes, shared: 0, is_publish: true, is_kept: true };
        assert!(outgoing.has_room(&need(1_000 - spare), &MOST));
        assert!(!outgoing.has_room(&need(1_001 - spare), &MOST));
        assert!(outgoing.could_ever_fit(&need(MOST_ARENA - outgoing.spare(1)), &MOST));
        assert!(!outgoing.could_ever_fit(&need(MOST_ARENA - outgoing.spare(1) + 1), &MOST));
        // Positions have 32 bits, whatever the length of the arena.
        outgoing.arena.end = u32::MAX / 2;
        let wanted = outgoing.wants_arena(MOST_ARENA - 1, 1_000, MOST.arena).unwrap();
        assert!(wanted > MOST_ARENA && u32::try_from(wanted).is_ok());
    }
}

#[cfg(feature = "bytes")]
#[test]
fn what_is_shared_can_be_more_than_all_memory() {
    let mut outgoing = Outgoing::new(Version::V5);
    outgoing.arena.shared = usize::MAX - 1_000;
    let need = |bytes: usize, shared: usize| Need { bytes, shared, is_publish: true, is_kept: true };
    assert!(outgoing.has_room(&need(100, 900), &MOST));
    for need in [need(100, 901), need(1_001, 0), need(0, 1_001), need(100, usize::MAX)] {
        assert!(!outgoing.has_room(&need, &MOST), "{need:?}");
        assert!(!outgoing.fits(&need, 8, 100, &MOST), "{need:?}");
    }
}
