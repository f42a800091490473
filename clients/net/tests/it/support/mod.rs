//! Peers in memory, and bytes that are cut on their way.

pub mod chain;
pub mod disk;
pub mod pki;
pub mod server;
pub mod v1;

use pure_mqtt_net::Stack;
pub use server::Server;

/// How bytes are cut: the server's alone, or of both sides if at random.
#[derive(Clone)]
pub enum Pieces {
    Whole,
    /// Of so many bytes.
    Of(usize),
    Random(fastrand::Rng),
    /// One cut, after so many bytes.
    CutAfter(usize),
}

impl Pieces {
    fn next(&mut self, available: usize) -> usize {
        match self {
            Self::Whole => available,
            Self::Of(length) => available.min(*length),
            Self::Random(random) => available.min(1 << random.u32(..12)).min(random.usize(1..=available)),
            Self::CutAfter(0) => available,
            Self::CutAfter(left) => {
                let length = available.min(*left);
                *left -= length;
                length
            }
        }
    }
}

/// Moves bytes both ways until nothing moves any more, and counts those that came from the server.
/// What MQTT gets is appended to `read`.
pub fn drive(stack: &mut Stack, server: &mut Server, pieces: &mut Pieces, read: &mut Vec<u8>) -> usize {
    let mut count = 0;
    let mut rounds = 0;
    loop {
        let mut is_moving = false;
        let to_server = stack.transmit();
        if !to_server.is_empty() {
            // Tungstenite's server takes a request in tiny pieces for an attack.
            let is_cut = matches!(pieces, Pieces::Random(_));
            let length = if is_cut { pieces.next(to_server.len()) } else { to_server.len() };
            server.received(&to_server[..length]);
            stack.advance(length);
            is_moving = true;
        }
        server.step();
        let mut from_server = server.take();
        count += from_server.len();
        while !from_server.is_empty() {
            let length = pieces.next(from_server.len());
            let piece: Vec<_> = from_server.drain(..length).collect();
            if rounds % 2 == 0 {
                stack.received(piece)
            } else {
                stack.received_slice(&piece)
            }
            is_moving = true;
            while let Some(bytes) = stack.read() {
                read.extend_from_slice(&bytes);
            }
        }
        if !is_moving {
            return count;
        }
        rounds += 1;
        assert!(rounds < 1_000_000, "it never comes to rest");
    }
}

/// Until nothing moves, in whole pieces.
pub fn settle(stack: &mut Stack, server: &mut Server) -> Vec<u8> {
    let mut read = Vec::new();
    drive(stack, server, &mut Pieces::Whole, &mut read);
    read
}
