//! Cuts a byte stream into packets.

use super::Wrong;
use super::reader::varint;

/// One whole packet, not looked into yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    /// Packet type and flags.
    pub first: u8,
    /// Everything behind the fixed header.
    pub body: Vec<u8>,
}

/// Bytes that have come, and were not cut into packets yet.
#[derive(Clone, Default, Debug)]
pub struct Inbox {
    bytes: Vec<u8>,
    done: usize,
}

impl Inbox {
    /// More bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.done);
        self.done = 0;
        self.bytes.extend(bytes);
    }

    /// Takes the first whole packet, or `None` while it is incomplete. A packet above `limit` is refused as soon as its length is known.
    pub fn take(&mut self, limit: usize) -> Result<Option<Frame>, Wrong> {
        let found = first(self.rest(), limit)?;
        Ok(found.map(|(frame, used)| {
            self.done += used;
            frame
        }))
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.rest().is_empty()
    }

    /// Drops everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    fn rest(&self) -> &[u8] {
        self.bytes.get(self.done..).unwrap_or_default()
    }
}

impl Frame {
    /// The packet at the start of what the broker itself has encoded.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        first(bytes, usize::MAX).ok().flatten().map(|(frame, _)| frame)
    }
}

/// The first packet, and how many bytes it takes.
fn first(bytes: &[u8], limit: usize) -> Result<Option<(Frame, usize)>, Wrong> {
    let Some((&first, rest)) = bytes.split_first() else { return Ok(None) };
    let Some((length, used)) = varint(rest)? else { return Ok(None) };
    let total = 1 + used + length as usize;
    if total > limit {
        return Err(Wrong::new(0x95, format!("[MQTT-3.2.2-15] a packet of {total} bytes is above the maximum")));
    }
    let body = bytes.get(1 + used..total).map(<[u8]>::to_vec);
    Ok(body.map(|body| (Frame { first, body }, total)))
}
