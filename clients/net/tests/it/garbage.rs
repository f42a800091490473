//! Bytes that nobody sends, to every stack, at every stage.

use pure_mqtt_net::Stack;

use crate::support::chain::{self, World};
use crate::support::settle;

/// Feeds random bytes and calls everything; returns when the stack has ended.
fn maul(stack: &mut Stack, random: &mut fastrand::Rng) {
    for _ in 0..30 {
        let length = 1 << random.u32(..10);
        // Often bytes that mean something to somebody.
        let pool: &[u8] = if random.bool() { b"\x82\x02\x00\x05\x01HTTP/1.\r\n 200\x16\x03\x89\x88\x80" } else { &[] };
        let bytes: Vec<u8> =
            (0..length).map(|_| random.choice(pool).copied().unwrap_or_else(|| random.u8(..))).collect();
        stack.received(bytes);
        stack.send(b"something");
        let count = stack.transmit().len();
        stack.advance(random.usize(..=count + 1));
        while stack.read().is_some() {}
        match random.u8(..20) {
            0 => stack.finish(),
            1 => stack.end_of_input(),
            _ => {}
        }
        assert_eq!(stack.unread(), 0);
        assert!(!(stack.is_up() && (stack.failure().is_some() || stack.closed().is_some())));
        let _ = format!("{stack:?} {:?}", stack.failure().map(ToString::to_string));
    }
}

#[test]
fn no_bytes_make_a_stack_panic() {
    let world = World::new();
    let mut random = fastrand::Rng::with_seed(7);
    for chain in chain::all() {
        for round in 0..60 {
            let (mut stack, mut server) = world.pair(chain);
            if round % 2 == 0 {
                settle(&mut stack, &mut server);
                assert!(stack.is_up());
            }
            maul(&mut stack, &mut random);
        }
    }
}
