//! mqttbytes is a codec without a client: it can only decode.

use bytes::BytesMut;
use mqttbytes::{Error, v4, v5};

use crate::client::{Client, Message, Setup, Sink, Version};
use crate::clients::boxed;

const LONGEST: usize = 2 << 20;

struct Codec {
    version: Version,
    input: BytesMut,
}

pub fn open(setup: &Setup) -> Option<Box<dyn Client>> {
    let only_decodes = setup.qos == 0 && setup.window == 0 && !setup.alias;
    only_decodes.then(|| boxed(Codec { version: setup.version, input: BytesMut::new() })).flatten()
}

impl Client for Codec {
    fn publish(&mut self, _message: &Message<'_>) -> u16 {
        unreachable!("it has no state")
    }

    fn subscribe(&mut self, _filter: &str) -> u16 {
        unreachable!("it has no state")
    }

    fn send(&mut self, sink: &mut Sink) {
        sink.take(b"");
    }

    fn receive(&mut self, bytes: &[u8]) -> usize {
        self.input.extend_from_slice(bytes);
        let mut told = 0;
        loop {
            let step = match self.version {
                Version::V311 => v4::read(&mut self.input, LONGEST).map(|packet| drop(std::hint::black_box(packet))),
                Version::V5 => v5::read(&mut self.input, LONGEST).map(|packet| drop(std::hint::black_box(packet))),
            };
            match step {
                Ok(()) => told += 1,
                Err(Error::InsufficientBytes(_)) => return told,
                Err(error) => panic!("a good packet: {error}"),
            }
        }
    }
}
