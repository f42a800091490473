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

/// Takes the first whole packet out of `buffer`, or `None` while it is incomplete.
///
/// A packet above `limit` is refused as soon as its length is known.
pub fn take_frame(buffer: &mut Vec<u8>, limit: Option<u32>) -> Result<Option<Frame>, Wrong> {
    let Some((&first, rest)) = buffer.split_first() else {
        return Ok(None);
    };
    let Some((length, used)) = varint(rest)? else {
        return Ok(None);
    };
    let total = 1 + used + length as usize;
    if limit.is_some_and(|limit| total > limit as usize) {
        return Err(Wrong::new(0x95, format!("[MQTT-3.2.2-15] a packet of {total} bytes is above the maximum")));
    }
    if buffer.len() < total {
        return Ok(None);
    }
    let packet: Vec<u8> = buffer.drain(..total).collect();
    let body = packet.into_iter().skip(1 + used).collect();
    Ok(Some(Frame { first, body }))
}
