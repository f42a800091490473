//! A list of subscriptions that asks through a recorder.

use crate::NOW;
use pure_mqtt::subscriptions::{HeapList, Subscriptions};
use pure_mqtt::{Connect, Heap, Limits, QoS, Received, Subscription, TopicFilter, Version};
use pure_mqtt_trace::{Recorder, Trace};

/// A link on `client`; the list hears of CONNACK.
fn link(client: &mut Recorder<Heap, Vec<u8>>, list: &mut Subscriptions<HeapList>, version: Version) {
    client.open(NOW, &Connect::new(version, "c").clean_start(false)).unwrap();
    out(client);
    tell(client, list, if version == Version::V5 { b"\x20\x03\0\0\0" } else { b"\x20\x02\0\0" });
}

/// One packet of the server, for both.
fn tell(client: &mut Recorder<Heap, Vec<u8>>, list: &mut Subscriptions<HeapList>, packet: &[u8]) {
    match client.handle_input(NOW, packet) {
        Ok(Received::Packet { event: Some(event), .. }) => list.on_event(&event),
        other => panic!("{other:?}"),
    };
}

/// All that waits.
fn out(client: &mut Recorder<Heap, Vec<u8>>) -> Vec<u8> {
    let mut transmit = client.transmit(NOW);
    let mut bytes = Vec::new();
    while !transmit.chunk().is_empty() {
        bytes.push(transmit.chunk()[0]);
        transmit.advance(1);
    }
    bytes
}

#[test]
fn a_recorder_is_asked_through_as_a_connection_is() {
    for (version, again) in [(Version::V31, true), (Version::V311, false)] {
        let (mut client, mut list) =
            (Recorder::new(Heap::new(), Limits::DEFAULT, Vec::new()), Subscriptions::new(HeapList::new()));
        list.subscribe(Subscription::new(TopicFilter::new("a").unwrap(), QoS::AtMostOnce)).unwrap();
        list.sync(NOW, &mut client);
        link(&mut client, &mut list, version);
        list.sync(NOW, &mut client);
        assert_eq!(out(&mut client), b"\x82\x06\0\x01\0\x01a\0");
        tell(&mut client, &mut list, b"\x90\x03\0\x01\0");
        client.handle_close(NOW);
        client.open(NOW, &Connect::new(version, "c").clean_start(false)).unwrap();
        out(&mut client);
        tell(&mut client, &mut list, if version == Version::V31 { b"\x20\x02\0\0" } else { b"\x20\x02\x01\0" });
        list.sync(NOW, &mut client);
        assert_eq!(!out(&mut client).is_empty(), again, "{version:?}: whether the session was lost, 3.1 can't say");
        let trace = client.into_parts().1;
        assert_eq!(Trace::read(&trace).unwrap().replay(|_, _| {}), Ok(()));
    }
}
