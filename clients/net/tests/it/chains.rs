//! All that can lie on a stream, on top of each other, cut anywhere.

use pure_mqtt_net::{Closed, Failure, Stage};

use crate::support::chain::{Chain, Through, World, all};
use crate::support::{Pieces, drive, settle};

fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    std::iter::repeat_with(|| random.u8(..)).take(length).collect()
}

/// Up, then `length` bytes each way at once, then the end in order.
fn talk(world: &World, chain: Chain, mut pieces: Pieces, length: usize) {
    let (mut stack, mut server) = world.pair(chain);
    let (up, down) = (noise(length, 1), noise(length, 2));
    let mut read = Vec::new();
    drive(&mut stack, &mut server, &mut pieces, &mut read);
    assert!(stack.is_up() && server.is_up(), "{chain:?}: {:?}", stack.failure());
    let (mut left_up, mut left_down) = (&up[..], &down[..]);
    while !left_up.is_empty() || !left_down.is_empty() {
        left_up = &left_up[stack.send(left_up)..];
        let (now, later) = left_down.split_at(left_down.len().min(9_000));
        if !now.is_empty() {
            server.write(now);
        }
        left_down = later;
        drive(&mut stack, &mut server, &mut pieces, &mut read);
    }
    assert!(server.read == up && read == down, "{chain:?}");
    stack.finish();
    assert_eq!((stack.room(), stack.is_finished()), (0, !chain.tls && !chain.websocket));
    drive(&mut stack, &mut server, &mut pieces, &mut read);
    assert!(stack.is_finished() && server.error.is_none(), "{chain:?} {:?}", server.error);
    assert_eq!(server.is_finished, chain.tls || chain.websocket, "{chain:?}");
}

#[test]
fn every_chain_carries_bytes_both_ways() {
    let world = World::new();
    for chain in all() {
        talk(&world, chain, Pieces::Whole, 200_000);
        for seed in 0..5 {
            talk(&world, chain, Pieces::Random(fastrand::Rng::with_seed(seed)), 50_000);
        }
        talk(&world, chain, Pieces::Of(1), 3_000);
    }
}

#[test]
fn the_servers_bytes_may_be_cut_anywhere() {
    let world = World::new();
    for chain in all() {
        let step = if chain.tls { 61 } else { 1 };
        let mut cut = 0;
        loop {
            let (mut stack, mut server) = world.pair(chain);
            let mut read = Vec::new();
            let mut pieces = Pieces::CutAfter(cut);
            let mut count = drive(&mut stack, &mut server, &mut pieces, &mut read);
            assert!(stack.is_up(), "{chain:?} cut after {cut}: {:?}", stack.failure());
            server.write(b"hello");
            count += drive(&mut stack, &mut server, &mut pieces, &mut read);
            assert_eq!(read, b"hello", "{chain:?} cut after {cut}");
            if cut >= count {
                break;
            }
            cut += step;
        }
    }
}

#[test]
fn an_end_before_the_start_names_the_stage() {
    let world = World::new();
    for chain in all() {
        let first = match chain {
            Chain { through: Through::Http | Through::Socks, .. } => Stage::Proxy,
            Chain { tls: true, .. } => Stage::Tls,
            Chain { websocket: true, .. } => Stage::WebSocket,
            _ => Stage::Up,
        };
        let (mut stack, mut server) = world.pair(chain);
        assert_eq!(stack.stage(), first);
        stack.end_of_input();
        if first == Stage::Up {
            assert_eq!(stack.closed(), Some(&Closed::Stream));
        } else {
            assert_eq!(stack.failure(), Some(&Failure::EndedEarly(first)));
        }
        settle(&mut stack, &mut server); // and nothing more happens
        assert!(!stack.is_up() && !stack.wants_input() && stack.send(b"x") == 0);
    }
}

#[test]
fn an_end_afterwards_says_how() {
    let world = World::new();
    for chain in all() {
        let (mut stack, mut server) = world.pair(chain);
        settle(&mut stack, &mut server);
        server.write(b"last");
        assert_eq!(settle(&mut stack, &mut server), b"last");
        stack.end_of_input();
        let is_bare = !chain.tls && !chain.websocket;
        assert_eq!(stack.closed(), Some(if is_bare { &Closed::Stream } else { &Closed::Truncated }), "{chain:?}");
        if chain.tls {
            let (mut stack, mut server) = world.pair(chain);
            settle(&mut stack, &mut server);
            server.write(b"last");
            server.close_tls();
            let bytes = server.take();
            stack.received(bytes);
            assert_eq!(stack.closed(), Some(&Closed::Tls));
            assert_eq!(stack.read().as_deref(), Some(&b"last"[..])); // what came before is still there
            stack.received(&b"garbage"[..]);
            assert_eq!((stack.read(), stack.failure()), (None, None));
            stack.finish();
            settle(&mut stack, &mut server);
            assert!(stack.is_finished());
        }
    }
}

/// What came before something wrong was right, also if it came in the same read.
#[test]
fn what_came_before_a_broken_record_is_read() {
    let world = World::new();
    for chain in all().filter(|chain| chain.tls) {
        let (mut stack, mut server) = world.pair(chain);
        settle(&mut stack, &mut server);
        server.write(b"last");
        server.write_raw(b"\x17\x03\x03\x00\x1812345678901234567890abcd");
        let bytes = server.take();
        stack.received(bytes);
        assert!(matches!(stack.failure(), Some(Failure::Tls(_))), "{:?}", stack.failure());
        assert_eq!(stack.read().as_deref(), Some(&b"last"[..]));
    }
}
