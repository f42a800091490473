//! No client at all: what the harness itself costs.

use crate::client::{Client, Message, Setup, Sink};
use crate::clients::boxed;

struct Floor {
    id: u16,
}

pub fn open(setup: &Setup) -> Option<Box<dyn Client>> {
    // Where the work is the client's alone, there is no floor.
    (setup.payload <= 4_096).then(|| boxed(Floor { id: 0 })).flatten()
}

impl Client for Floor {
    fn publish(&mut self, message: &Message<'_>) -> u16 {
        std::hint::black_box(message);
        self.id = self.id.wrapping_add(1).max(1);
        self.id
    }

    fn subscribe(&mut self, _filter: &str) -> u16 {
        1
    }

    fn send(&mut self, sink: &mut Sink) {
        sink.take(b"x");
    }

    fn receive(&mut self, bytes: &[u8]) -> usize {
        std::hint::black_box(bytes);
        crate::work::ANY
    }

    fn resume(&mut self) -> bool {
        true
    }
}
