//! Memory is bounded, and given back.

use pure_mqtt_net::Stack;

use crate::support::chain::{self, Chain, Through, World};
use crate::support::{Server, settle};

fn up(world: &World, chain: Chain) -> (Stack, Server) {
    let (mut stack, mut server) = world.pair(chain);
    settle(&mut stack, &mut server);
    assert!(stack.is_up());
    (stack, server)
}

#[test]
fn a_stack_takes_no_more_than_its_limit() {
    let world = World::new();
    for chain in chain::all() {
        let (stack, mut server) = up(&world, chain);
        let mut stack = stack.with_limits(1_000, 10_000);
        assert_eq!(stack.send(&[7; 30_000]), 10_000);
        assert_eq!((stack.room(), stack.send(b"x")), (0, 0));
        let wrapped = stack.transmit().len();
        assert!((10_000..10_200).contains(&wrapped), "{wrapped}");
        assert_eq!(stack.room(), 0);
        stack.advance(wrapped - 5_000);
        assert_eq!(stack.send(&[8; 30_000]), 5_000);
        // Pieces of two frames or records are there; both arrive in order.
        let rest = stack.transmit().len();
        assert!((10_000..10_200).contains(&rest), "{rest}");
        server.write(&[9; 5_000]);
        let from_server = server.take();
        stack.received(from_server);
        assert_eq!((stack.unread(), stack.wants_input()), (5_000, false));
        let read: Vec<u8> = std::iter::from_fn(|| stack.read()).flatten().collect();
        assert_eq!((read, stack.unread(), stack.wants_input()), (vec![9; 5_000], 0, true));
    }
}

/// A thousand small packets are one frame or record.
#[test]
fn small_packets_go_together() {
    let world = World::new();
    for chain in chain::all() {
        let (mut stack, mut server) = up(&world, chain);
        for index in 0..1_000_u16 {
            assert_eq!(stack.send(&index.to_be_bytes()), 2);
        }
        let wire = stack.transmit().to_vec();
        assert!(wire.len() <= 2_000 + 8 + 22, "{chain:?} {}", wire.len());
        stack.advance(wire.len());
        server.received(&wire);
        server.step();
        assert!(server.reads == 1 && server.read.len() == 2_000);
        // And those of the server's come up in one piece, though each has a frame of its own.
        for index in 0..1_000_u16 {
            server.write(&index.to_be_bytes());
        }
        let bytes = server.take();
        stack.received(bytes);
        assert_eq!(stack.read().map(|read| read.len()), Some(2_000));
        assert_eq!(stack.read(), None);
    }
}

/// A host may move everything to a thread of its own.
#[test]
fn all_parts_are_send() {
    fn is_send<T: Send>() {}
    is_send::<Stack>();
    is_send::<pure_mqtt_net::Server>();
    is_send::<pure_mqtt_net::DialPlan>();
    is_send::<pure_mqtt_net::store::FileStore>();
    is_send::<pure_mqtt_net::store::StoreThread>();
}

/// Nothing is copied where nothing lies on the stream.
#[test]
fn a_bare_stack_passes_bytes_through() {
    let bytes = bytes::Bytes::from(vec![1; 10_000]);
    let address = bytes.as_ptr();
    let mut stack = Stack::new(&pure_mqtt_net::Server::tcp("h", 1)).unwrap();
    assert!(stack.is_bare() && stack.is_up());
    stack.received(bytes);
    assert_eq!(stack.read().map(|read| read.as_ptr()), Some(address));
}

/// The payload of a long frame of WebSocket is shared with what came.
#[test]
fn long_frames_are_not_copied() {
    let (mut stack, mut server) = up(&World::new(), Chain { through: Through::Nothing, tls: false, websocket: true });
    server.write(&[1; 10_000]);
    let bytes = bytes::Bytes::from(server.take());
    let payload = bytes.slice(4..).as_ptr();
    stack.received(bytes);
    assert_eq!(stack.read().map(|read| read.as_ptr()), Some(payload));
}

/// What a server claims costs nothing: a frame of a terabyte passes through as it comes.
#[test]
fn a_frame_may_be_longer_than_memory() {
    let (mut stack, mut server) = up(&World::new(), Chain { through: Through::Nothing, tls: false, websocket: true });
    server.write_raw(&[0x82, 127]);
    server.write_raw(&(1_u64 << 40).to_be_bytes());
    let head = server.take();
    stack.received(head);
    for _ in 0..1_000 {
        stack.received(vec![5; 10_000]);
        assert_eq!(stack.read().map(|read| read.len()), Some(10_000));
        assert_eq!(stack.read(), None);
    }
}
