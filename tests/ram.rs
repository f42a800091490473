//! The memory that a connection takes against the formulas, with an allocator that counts.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(unsafe_code)] // an allocator cannot be written without; this one only counts

use pure_mqtt::{
    Connect, Connection, Disconnect, Fixed, Heap, Instant, Limits, Overflow, Property, Publish, QoS, ReasonCode,
    Received, Subscribe, Subscription, TopicFilter, TopicName, Version, ram,
};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator; counts the bytes that each thread holds.
struct Counting;

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.set(HELD.get().wrapping_add(layout.size())); // what other threads gave may be freed here
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        HELD.set(HELD.get().wrapping_sub(layout.size()));
        // SAFETY: as above.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const NOW: Instant = Instant::from_millis(0);

/// What `Fixed` takes is known when this is compiled, and the formula says it, but for the alignment.
const _: () = {
    assert!(size_of::<Connection<Fixed<1024, 8, 8>>>() <= ram::fixed(1024, 8, 8, 256, 0, 0));
    assert!(size_of::<Connection<Fixed<512, 4, 4, 128>>>() <= ram::fixed(512, 4, 4, 128, 0, 0));
    assert!(size_of::<Connection<Fixed<4096, 64, 32, 512, 8, 64>>>() <= ram::fixed(4096, 64, 32, 512, 8, 64));
    assert!(size_of::<Connection<Fixed<4096, 64, 32, 512, 8, 64>>>() + 16 > ram::fixed(4096, 64, 32, 512, 8, 64));
    assert!(ram::fixed(1024, 8, 8, 256, 0, 0) < 2_500);
};

const TIGHT: Limits = Limits {
    version: Version::V5,
    max_bytes: 5_000,
    max_received: 20,
    topic_alias_maximum: 3,
    outbound_aliases: 5,
    alias_name_max: 40,
    ..Limits::DEFAULT
};

/// Firmware and gateways can assert their budget like this.
const _: () = assert!(ram::heap(&TIGHT, 100, 60) < 32 * 1024);

fn flush(client: &mut Connection<Heap>) {
    let mut transmit = client.transmit(NOW);
    while !transmit.chunk().is_empty() {
        let count = transmit.chunk().len().min(100);
        transmit.advance(count);
    }
}

/// Does everything at once that takes memory, until it is refused. Returns the largest number of commands that were unfinished.
fn strain(client: &mut Connection<Heap>) -> usize {
    let forever = [Property::SessionExpiryInterval(u32::MAX)];
    client.open(NOW, &Connect::new(Version::V5, "client").properties(&forever)).unwrap();
    flush(client);
    let _ = client.handle_input(NOW, &[0x20, 6, 0, 0, 3, 0x22, 0, 9]).unwrap(); // nine aliases
    let mut most = 0;
    for round in 0..300_u16 {
        for name in ["a", "a/longer/name", "another/name/that/is/not/short"] {
            let payload = vec![7; usize::from(round * 37 % 290)];
            let qos = QoS::from_bits((round % 3) as u8).unwrap();
            let _ = client.publish(NOW, &Publish::new(TopicName::new(name).unwrap(), &payload).qos(qos));
            #[cfg(feature = "bytes")]
            {
                let shared = bytes::Bytes::from_static(&[7; 300]);
                let _ = client.publish(NOW, &Publish::new(TopicName::new(name).unwrap(), &shared).qos(qos));
            }
        }
        let filters = [Subscription::new(TopicFilter::new("some/filter").unwrap(), QoS::AtMostOnce)];
        let _ = client.subscribe(NOW, &Subscribe::new(&filters));
        most = most.max(client.pending());
        if round % 4 == 0 {
            flush(client);
        }
        // QoS 2 messages until the table is as full as it may be, with aliases; they are never released.
        let [high, low] = (round % (client.limits().max_received - 1) + 1).to_be_bytes();
        let topic = if round < 3 { b'a' + round as u8 } else { b'z' };
        let alias = (round % 3) as u8 + 1;
        let message = [0x34, 9, 0, 1, topic, high, low, 3, 0x23, 0, alias];
        match client.handle_input(NOW, &message) {
            Ok(Received::Packet { .. } | Received::Blocked) => {}
            other => panic!("{other:?}"),
        }
    }
    let reason = Disconnect::new(ReasonCode::DISCONNECT_WITH_WILL);
    client.disconnect(NOW, &reason.properties(&[Property::ReasonString("the end of a long day")])).unwrap();
    flush(client);
    client.handle_close(NOW);
    most
}

#[test]
fn what_the_heap_holds_stays_below_the_formula() {
    let sizes = [(300, 8, 0), (1_000, 30, 0), (5_000, 9, 20), (65_536, 50, 0), (100_000, 100, 0)];
    let policies = [Overflow::Reject, Overflow::DropOldest, Overflow::LatestPerTopic];
    for ((max_bytes, max_received, max_queued), overflow) in
        sizes.into_iter().flat_map(|size| policies.map(|policy| (size, policy)))
    {
        let limits = Limits { max_bytes, max_received, max_queued, overflow, ..TIGHT };
        let before = HELD.get();
        let mut client = Connection::new(Heap::new(), limits);
        let mut commands = 0;
        for _ in 0..3 {
            commands = strain(&mut client).max(commands);
        }
        let held = HELD.get().wrapping_sub(before) + size_of_val(&client);
        let bound = ram::heap(&limits, commands, 60);
        assert!(held <= bound, "{held} bytes held, {bound} foretold for {limits:?} and {commands} commands");
        // Not from too far away: payloads that are shared are counted here with the memory of others.
        assert!(bound < held * 3 + 2 * max_bytes as usize, "{held} bytes held, {bound} foretold");
        drop(client);
        assert_eq!(HELD.get(), before);
    }
}

/// The table in the formula's documentation, part by part.
#[test]
fn the_formula_is_the_sum_of_its_parts() {
    #[cfg(feature = "bytes")]
    let payload = |max_bytes: usize, slots: usize| max_bytes + slots * size_of::<bytes::Bytes>();
    #[cfg(not(feature = "bytes"))]
    let payload = |_, _| 0;
    let sum = |slots: usize, max_bytes: usize, arena: usize, received: usize, control: usize, names: usize| {
        let tables = slots * ram::SEND_SLOT + received * ram::RECEIVE_SLOT;
        size_of::<Connection<Heap>>() + tables + arena + payload(max_bytes, slots) + control + names
    };
    let small = Limits { max_bytes: 256, max_received: 8, ..Limits::DEFAULT };
    for (commands, slots) in [(0, 8), (5, 8), (6, 16), (11, 16), (12, 32), (49_151, 65_536), (1_000_000, 65_536)] {
        assert_eq!(ram::heap(&small, commands, 0), sum(slots, 256, 320, 8, 256, 0), "{commands} commands");
    }
    for (max_bytes, arena) in [(1, 256), (204, 256), (208, 260), (65_536, 81_920)] {
        let limits = Limits { max_bytes, ..small };
        assert_eq!(ram::heap(&limits, 0, 0), sum(8, max_bytes as usize, arena, 8, 256, 0), "{max_bytes} bytes");
    }
    for (max_received, received) in [(1, 8), (9, 16), (16_385, 32_768), (32_767, 32_768), (0, 32_768), (65_535, 32_768)]
    {
        let limits = Limits { max_received, ..small };
        assert_eq!(ram::heap(&limits, 0, 0), sum(8, 256, 320, received, 256, 0), "{max_received} received");
    }
    for (length, control) in [(100, 256), (128, 256), (129, 258), (1_000, 2_000)] {
        assert_eq!(ram::heap(&small, 0, length), sum(8, 256, 320, 8, control, 0), "a packet of {length} bytes");
    }
    let latest = Limits { overflow: Overflow::LatestPerTopic, ..small };
    assert_eq!(ram::heap(&latest, 12, 0), sum(32, 256, 320, 8, 256, 32 * 16));
    let aliases = Limits { topic_alias_maximum: 3, outbound_aliases: 5, alias_name_max: 40, ..small };
    assert_eq!(ram::heap(&aliases, 0, 0), sum(8, 256, 320, 8, 256, 8 * (ram::ALIAS + size_of::<Box<[u8]>>() + 40)));
}

/// What the documentation's formula says, with numbers that are all different.
#[test]
fn the_formula_of_fixed_storage_is_the_one_that_is_documented() {
    let sum = ram::CONNECTION + 1_000 + 16 * ram::SEND_SLOT + 32 * ram::RECEIVE_SLOT + 99;
    let aligned = 8;
    assert_eq!(ram::fixed(1_000, 16, 32, 99, 0, 70), sum + aligned);
    assert_eq!(ram::fixed(1_000, 16, 32, 99, 5, 70), sum + 2 * 5 * (ram::ALIAS + 70) + aligned);
}

/// A journal beside the storage keeps nothing from being given back.
#[cfg(feature = "journal")]
#[test]
fn what_lies_beside_a_journal_is_given_back() {
    use pure_mqtt::storage::Journaled;
    let before = HELD.get();
    let mut client = Connection::new(Journaled::<Heap, 2048>::new(Heap::new()), Limits::DEFAULT);
    let publish = Publish::new(TopicName::new("t").unwrap(), &[7; 1_000]).qos(QoS::AtLeastOnce);
    let delivery = client.publish(NOW, &publish).unwrap();
    let busy = HELD.get().wrapping_sub(before);
    client.cancel(delivery.handle);
    client.shrink();
    let held = HELD.get().wrapping_sub(before);
    assert!(busy > 1_000 && held < 200, "{busy} bytes while a message waited, {held} afterwards");
}

/// Of an earlier version's packets the arena keeps room to encode them for 5.0; not more than it had when it was filled in 5.0, though.
#[test]
fn to_shrink_never_takes_more() {
    let limits = Limits { version: Version::V5, max_bytes: 256, ..Limits::DEFAULT };
    let mut client = Connection::new(Heap::new(), limits);
    let publish = Publish::new(TopicName::new("t").unwrap(), b"").qos(QoS::AtLeastOnce);
    while client.publish(NOW, &publish).is_ok() {}
    client.open(NOW, &Connect::new(Version::V311, "c")).unwrap();
    let before = HELD.get();
    client.shrink();
    let more = HELD.get().wrapping_sub(before) as isize;
    assert!(more <= 0, "{more} bytes");
    assert!(client.pending() > 20);
}

#[test]
fn without_a_bound_there_is_none() {
    assert_eq!(ram::heap(&Limits::DEFAULT, 1, 1), usize::MAX);
    let least = ram::heap(&Limits { max_bytes: 1, max_received: 1, ..Limits::DEFAULT }, 0, 0);
    assert!((700..2_500).contains(&least), "{least}");
    let most = Limits { max_bytes: u32::MAX, max_received: u16::MAX, ..Limits::DEFAULT };
    assert!(ram::heap(&most, usize::from(u16::MAX), 65_535) > 1 << 31);
}

/// The table of received messages has places for those that are owed an answer, and gets them back.
#[test]
fn what_is_not_kept_takes_no_memory() {
    let mut client = Connection::new(Heap::new(), Limits::DEFAULT);
    client.open(NOW, &Connect::new(Version::V311, "c")).unwrap();
    flush(&mut client);
    let before = HELD.get();
    assert!(client.handle_input(NOW, b"\x20\x02\0\0").is_ok());
    assert_eq!(HELD.get(), before);
    let publish = Publish::new(TopicName::new("t").unwrap(), b"x").qos(QoS::AtLeastOnce);
    client.publish(NOW, &publish).unwrap();
    flush(&mut client);
    let before = HELD.get();
    for packet in [&b"\x30\x03\0\x01t"[..], b"\x40\x02\0\x01", b"\x62\x02\0\x07"] {
        assert!(client.handle_input(NOW, packet).is_ok());
        flush(&mut client);
        assert_eq!(HELD.get(), before, "{packet:x?}");
    }
    let mut held = Vec::with_capacity(100);
    for _ in 0..100 {
        assert!(client.handle_input(NOW, b"\x32\x05\0\x01t\0\x07").is_ok());
        flush(&mut client);
        held.push(HELD.get());
    }
    assert_eq!(held.first(), held.last());
}

/// A server may use as many aliases as there are, for names of any length: memory is taken for those that it uses, and given back with the link.
#[test]
fn aliases_take_what_is_bound() {
    let limits = Limits { topic_alias_maximum: u16::MAX, outbound_aliases: u16::MAX, ..Limits::DEFAULT };
    let mut client = Connection::new(Heap::new(), limits);
    let connect = Connect::new(Version::V5, "client");
    let accept = |client: &mut Connection<Heap>| {
        client.open(NOW, &connect).unwrap();
        flush(client);
        assert!(client.handle_input(NOW, b"\x20\x06\0\0\x03\x22\xFF\xFF").is_ok());
    };
    let bind = |client: &mut Connection<Heap>, alias: u16, length: u16| {
        let properties = [Property::TopicAlias(alias)];
        let topic = "n".repeat(length.into());
        let packet = pure_mqtt::wire::Publish {
            dup: false,
            qos: QoS::AtMostOnce,
            retain: false,
            topic: &topic,
            id: None,
            properties: (&properties).into(),
            payload: b"x",
        };
        let mut bytes = vec![0; topic.len() + 20];
        let length = pure_mqtt::wire::Packet::Publish(packet).encode(Version::V5, &mut bytes).unwrap();
        assert!(client.handle_input(NOW, &bytes[..length]).is_ok());
    };
    let before = HELD.get();
    accept(&mut client);
    let open = HELD.get().wrapping_sub(before);
    assert!(open < 512, "{open}");
    bind(&mut client, 3, 10_000);
    bind(&mut client, 4, 1_000);
    let bound = HELD.get().wrapping_sub(before);
    assert!((open + 11_000..open + 11_200).contains(&bound), "{bound}");
    bind(&mut client, 3, 9_000);
    bind(&mut client, 4, 1);
    assert_eq!(HELD.get().wrapping_sub(before), bound, "what is there is used again");
    client.handle_close(NOW);
    let closed = HELD.get().wrapping_sub(before);
    assert!(closed < open + 200, "{closed}");
    client.shrink();
    assert!(HELD.get().wrapping_sub(before) <= open, "{open}");
    // The highest alias takes a table for all below it, and each name what it is long.
    accept(&mut client);
    bind(&mut client, u16::MAX, 1);
    let most = HELD.get().wrapping_sub(before);
    assert!(most < open + 65_535 * (ram::ALIAS + size_of::<Box<[u8]>>()) + 100, "{most}");
    client.handle_close(NOW);
    client.shrink();
    assert!(HELD.get().wrapping_sub(before) <= open, "{open}");
}

/// Filters that come and go leave nothing behind, however many they are.
#[test]
fn a_router_grows_with_its_filters_and_not_with_their_history() {
    let mut router = pure_mqtt::router::Router::new();
    let mut held = Vec::with_capacity(1_000);
    for number in 0..1_000 {
        let text = format!("site/{number}/+/alarm/{number}/#");
        let filter = TopicFilter::new(&text).unwrap();
        assert_eq!(router.insert(filter, number), None);
        assert_eq!(router.remove(filter), Some(number));
        drop(text);
        held.push(HELD.get());
    }
    assert_eq!(held.get(10), held.last());
}
