//! Not a client, but the least that each must do: on the way out, write the packet down and note it under its identifier until the acknowledgement names it;
//! on the way in, take the packet apart and look at each byte of its topic. No order, no window, no session, no time, no limits, no properties, no QoS 2.

use crate::client::{Client, Message, Setup, Sink, TOPIC, Version};
use crate::clients::boxed;
use crate::work::add;

/// What is noted of a message: as long as what a real client notes.
#[derive(Clone, Copy, Default)]
struct Note {
    handle: u64,
    start: usize,
    length: usize,
    id: u16,
    is_out: bool,
}

struct Least {
    version: Version,
    /// By identifier.
    notes: Vec<Note>,
    last: u16,
    handle: u64,
    outgoing: Vec<u8>,
    incoming: Vec<u8>,
}

pub fn open(setup: &Setup) -> Option<Box<dyn Client>> {
    let is_simple = !setup.properties && !setup.alias && !setup.shared && setup.qos < 2 && setup.payload <= 4_096;
    // One more than the window: where the identifiers begin anew, 0 is left out.
    let notes = vec![Note::default(); (setup.window + 1).next_power_of_two()];
    let (outgoing, incoming) = (Vec::with_capacity(setup.window * 128), Vec::with_capacity(128 << 10));
    let least = Least { version: setup.version, notes, last: 0, handle: 0, outgoing, incoming };
    is_simple.then(|| boxed(least)).flatten()
}

impl Client for Least {
    fn publish(&mut self, message: &Message<'_>) -> u16 {
        assert!(is_topic(TOPIC.as_bytes()));
        let start = self.outgoing.len();
        let has_id = message.qos > 0;
        let block = usize::from(self.version == Version::V5);
        let remaining = 2 + TOPIC.len() + 2 * usize::from(has_id) + block + message.payload.len();
        self.outgoing.push(0x30 | message.qos << 1);
        varint(remaining, &mut self.outgoing);
        self.outgoing.extend((TOPIC.len() as u16).to_be_bytes());
        self.outgoing.extend(TOPIC.as_bytes());
        if has_id {
            self.last = self.last.wrapping_add(1).max(1);
            self.outgoing.extend(self.last.to_be_bytes());
        }
        self.outgoing.extend(&[0][..block]);
        self.outgoing.extend(message.payload);
        if has_id {
            self.handle += 1;
            let place = usize::from(self.last) & (self.notes.len() - 1);
            let (handle, length) = (self.handle, self.outgoing.len() - start);
            self.notes[place] = Note { handle, start, length, id: self.last, is_out: true };
        }
        self.last
    }

    fn subscribe(&mut self, _filter: &str) -> u16 {
        1
    }

    fn send(&mut self, sink: &mut Sink) {
        sink.take(&self.outgoing);
        self.outgoing.clear();
    }

    fn receive(&mut self, bytes: &[u8]) -> usize {
        self.incoming.extend_from_slice(bytes);
        let (mut rest, mut told) = (&self.incoming[..], 0);
        while let Some((first, body, behind)) = packet(rest) {
            told = add(told, take(first, body, self.version, &mut self.notes));
            rest = behind;
        }
        let taken = self.incoming.len() - rest.len();
        self.incoming.drain(..taken);
        told
    }
}

/// The first byte, the body, and what is behind the packet; `None` if it isn't whole.
fn packet(input: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&first, rest) = input.split_first()?;
    let mut length = 0;
    for (index, byte) in rest.iter().take(4).enumerate() {
        length |= usize::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            let (body, behind) = rest.get(index + 1..)?.split_at_checked(length)?;
            return Some((first, body, behind));
        }
    }
    None
}

fn take(first: u8, body: &[u8], version: Version, notes: &mut [Note]) -> usize {
    if first == 0x40 {
        let id = u16::from_be_bytes([body[0], body[1]]);
        let place = usize::from(id) & (notes.len() - 1);
        let note = std::mem::take(&mut notes[place]);
        assert!(note.is_out && note.id == id);
        std::hint::black_box((note.handle, note.start, note.length));
        return 1;
    }
    let length = usize::from(u16::from_be_bytes([body[0], body[1]]));
    let (topic, rest) = body[2..].split_at(length);
    assert!(is_topic(topic));
    let topic = std::str::from_utf8(topic).expect("UTF-8");
    let rest = &rest[if first & 0b0110 == 0 { 0 } else { 2 }..];
    let payload = &rest[usize::from(version == Version::V5)..];
    std::hint::black_box((topic, payload));
    1
}

/// No wildcard, and no U+0000.
fn is_topic(bytes: &[u8]) -> bool {
    !bytes.iter().fold(false, |found, byte| found | matches!(byte, 0 | b'#' | b'+'))
}

fn varint(mut rest: usize, bytes: &mut Vec<u8>) {
    while rest > 0x7F {
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
}
