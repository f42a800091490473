//! What a stack costs in memory, idle and after a burst.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../../tests/allocations/counting.rs"]
mod counting;
#[allow(dead_code)] // these tests don't need all of it
#[path = "it/support/mod.rs"]
mod support;

use counting::HELD;
use support::chain::{Chain, Through, World};
use support::settle;

/// What a stack holds after a megabyte each way, and another one.
fn held(chain: Chain) -> i64 {
    let world = World::new();
    drop(world.pair(chain)); // what is made once per process
    let before = HELD.get();
    let (mut stack, mut server) = world.pair(chain);
    settle(&mut stack, &mut server);
    assert!(stack.is_up());
    for _ in 0..2 {
        for _ in 0..100 {
            assert_eq!(stack.send(&[7; 10_000]), 10_000);
            server.write(&[8; 10_000]);
            assert_eq!(settle(&mut stack, &mut server).len(), 10_000);
        }
    }
    let after = HELD.get();
    drop(server);
    let of_server = after - HELD.get();
    let held = after - before - of_server;
    drop(stack);
    held
}

#[test]
fn memory_is_given_back_after_a_burst() {
    for (tls, websocket, most) in
        [(false, false, 1_000), (false, true, 2_000), (true, false, 30_000), (true, true, 30_000)]
    {
        let held = held(Chain { through: Through::Nothing, tls, websocket });
        println!("TLS {tls}, WebSocket {websocket}: {held} bytes");
        assert!((0..most).contains(&held), "TLS {tls}, WebSocket {websocket}: {held} bytes");
    }
}

/// A stack with nothing on the stream costs nothing but its own size.
#[test]
fn a_bare_stack_has_no_buffers() {
    let server = pure_mqtt_net::Server::tcp("broker.example", 1883);
    let before = HELD.get();
    let mut stack = pure_mqtt_net::Stack::new(&server).unwrap();
    assert!(stack.transmit().is_empty() && stack.read().is_none());
    assert_eq!(HELD.get() - before, 0);
    assert!(size_of_val(&stack) <= 256, "{} bytes", size_of_val(&stack));
}
