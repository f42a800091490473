//! Reads what a broker sends, with a decoder of its own, to see whether it keeps the handshake of QoS 2: after PUBREL it must not send PUBLISH again, and each PUBREL must be answered.

use std::collections::{BTreeMap, BTreeSet};

/// What was seen on all links of one session.
#[derive(Default)]
pub struct Handshakes {
    /// The payload of the last PUBLISH at QoS 2 under an identifier.
    published: BTreeMap<u16, Vec<u8>>,
    /// PUBREL came for it.
    released: BTreeSet<u16>,
    /// Payloads that were published again under the same identifier after PUBREL.
    pub repeated: Vec<Vec<u8>>,
    /// Of messages to the broker: PUBREC came, and no PUBCOMP.
    pub taken: BTreeSet<u16>,
}

/// The bytes of one link that are no whole packet yet.
#[derive(Default)]
pub struct Tap(Vec<u8>);

impl Tap {
    /// Takes bytes that the broker has sent. `is_v5`: PUBLISH has properties.
    pub fn take(&mut self, bytes: &[u8], is_v5: bool, handshakes: &mut Handshakes) {
        self.0.extend_from_slice(bytes);
        while let Some((first, body, length)) = split(&self.0) {
            handshakes.see(first, body, is_v5);
            self.0.drain(..length);
        }
    }
}

impl Handshakes {
    fn see(&mut self, first: u8, body: &[u8], is_v5: bool) {
        match first {
            0x62 => self.released.extend(number(body)),
            0x50 => self.taken.extend(number(body)),
            0x70 => self.taken.retain(|id| Some(*id) != number(body)),
            0x34 | 0x35 | 0x3C | 0x3D => {
                if let Some((id, payload)) = publish(body, is_v5) {
                    self.see_publish(id, payload);
                }
            }
            _ => {}
        }
    }

    fn see_publish(&mut self, id: u16, payload: &[u8]) {
        let is_same = self.published.get(&id).is_some_and(|before| before == payload);
        if is_same && self.released.contains(&id) {
            self.repeated.push(payload.to_vec());
        }
        self.published.insert(id, payload.to_vec());
        self.released.remove(&id);
    }
}

/// The first packet: its first byte, what follows the fixed header, and its whole length.
fn split(bytes: &[u8]) -> Option<(u8, &[u8], usize)> {
    let (&first, rest) = bytes.split_first()?;
    let end = rest.iter().position(|byte| byte & 0x80 == 0)?;
    let digits = rest.get(..=end)?;
    let length = digits.iter().rev().fold(0, |length, byte| length << 7 | usize::from(byte & 0x7F));
    let body = rest.get(end + 1..end + 1 + length)?;
    Some((first, body, end + 2 + length))
}

/// Packet identifier and payload of a PUBLISH at QoS 2; with properties of fewer than 128 bytes.
fn publish(body: &[u8], is_v5: bool) -> Option<(u16, &[u8])> {
    let rest = body.get(2 + usize::from(number(body)?)..)?;
    let id = number(rest)?;
    let rest = rest.get(2..)?;
    let properties = if is_v5 { 1 + usize::from(*rest.first()?) } else { 0 };
    Some((id, rest.get(properties..)?))
}

fn number(bytes: &[u8]) -> Option<u16> {
    bytes.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repeated(packets: &[&[u8]]) -> usize {
        let (mut tap, mut handshakes) = (Tap::default(), Handshakes::default());
        for byte in packets.concat() {
            tap.take(&[byte], false, &mut handshakes);
        }
        handshakes.repeated.len()
    }

    #[test]
    fn only_publish_after_pubrel_is_against_the_rules() {
        let (publish, again, release) = (b"\x34\x06\0\x01a\0\x07x", b"\x3C\x06\0\x01a\0\x07x", b"\x62\x02\0\x07");
        assert_eq!(repeated(&[publish, again, release, release]), 0);
        assert_eq!(repeated(&[publish, release, b"\x34\x06\0\x01a\0\x07y"]), 0);
        assert_eq!(repeated(&[publish, release, again]), 1);
    }
}
