//! The form of a file, which is a head and then records. Numbers are little endian.
//!
//! ```text
//! head    magic "pmqttlog" | format: u32 | generation: u64 | wall clock: u64 | CRC-32
//! record  length: u32 | since: u32 | CRC-32 of the payload | CRC-32 of the three, generation and offset | payload
//! ```
//!
//! The first record is the owner's header, the second one the snapshot, the others were appended. `since` says how far before
//! the record the file was durable when the record was framed: so a record proves that what lies before that point was there
//! once.
//!
//! Generation and offset are in the check, so that no other bytes that a file system may show are taken for a record.

use crc32fast::Hasher;

/// The length of a head.
pub(super) const HEAD: usize = 32;
/// The length of what precedes a payload.
pub(super) const FRAME: usize = 16;
pub(super) const FORMAT: u32 = 1;

const MAGIC: &[u8; 8] = b"pmqttlog";

pub(super) fn head(generation: u64, wall_clock: u64) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    let fields = [&MAGIC[..], &FORMAT.to_le_bytes(), &generation.to_le_bytes(), &wall_clock.to_le_bytes()].concat();
    let check = crc32fast::hash(&fields).to_le_bytes();
    head.iter_mut().zip(fields.iter().chain(&check)).for_each(|(byte, value)| *byte = *value);
    head
}

pub(super) enum Head {
    Good { generation: u64, wall_clock: u64 },
    Newer { format: u32 },
    Damaged,
}

pub(super) fn parse_head(file: &[u8]) -> Head {
    let (Some((magic, _)), Some(format), Some(generation), Some(wall_clock), Some(check)) =
        (file.split_first_chunk::<8>(), u32_at(file, 8), u64_at(file, 12), u64_at(file, 20), u32_at(file, 28))
    else {
        return Head::Damaged;
    };
    match () {
        () if magic != MAGIC => Head::Damaged,
        () if format > FORMAT => Head::Newer { format },
        () if format != FORMAT || file.get(..28).map(crc32fast::hash) != Some(check) => Head::Damaged,
        () => Head::Good { generation, wall_clock },
    }
}

/// What precedes `payload` at `offset`. `None` if it is longer than can be said.
pub(super) fn frame(generation: u64, offset: u64, since: u64, payload: &[u8]) -> Option<[u8; FRAME]> {
    let length = u32::try_from(payload.len()).ok()?.to_le_bytes();
    let since = u32::try_from(since).ok()?.to_le_bytes();
    let payload_check = crc32fast::hash(payload).to_le_bytes();
    let check = check(generation, offset, &[length, since, payload_check]).to_le_bytes();
    let mut frame = [0; FRAME];
    frame.iter_mut().zip([length, since, payload_check, check].as_flattened()).for_each(|(byte, value)| *byte = *value);
    Some(frame)
}

/// What a frame says of its record.
pub(super) struct Frame {
    pub(super) length: u64,
    /// The file was durable up to here.
    pub(super) durable: u64,
    payload_check: u32,
}

/// The frame at `offset`, if there is one.
pub(super) fn parse_frame(file: &[u8], generation: u64, offset: u64) -> Option<Frame> {
    let bytes = file.get(usize::try_from(offset).ok()?..)?.first_chunk::<FRAME>()?;
    if bytes == &[0; FRAME] {
        return None; // space that is reserved; looked at often
    }
    let (length, since) = (u32_at(bytes, 0)?, u32_at(bytes, 4)?);
    let payload_check = u32_at(bytes, 8)?;
    let fields = [length.to_le_bytes(), since.to_le_bytes(), payload_check.to_le_bytes()];
    let durable = offset.checked_sub(u64::from(since))?;
    (check(generation, offset, &fields) == u32_at(bytes, 12)?).then_some(Frame {
        length: u64::from(length),
        durable,
        payload_check,
    })
}

impl Frame {
    /// Where the payload of the frame at `offset` lies, if it is whole.
    pub(super) fn payload(&self, file: &[u8], offset: u64) -> Option<std::ops::Range<usize>> {
        let start = usize::try_from(offset).ok()?.checked_add(FRAME)?;
        let range = start..start.checked_add(usize::try_from(self.length).ok()?)?;
        (crc32fast::hash(file.get(range.clone())?) == self.payload_check).then_some(range)
    }
}

fn check(generation: u64, offset: u64, fields: &[[u8; 4]; 3]) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(&generation.to_le_bytes());
    hasher.update(&offset.to_le_bytes());
    hasher.update(fields.as_flattened());
    hasher.finalize()
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().copied().map(u64::from_le_bytes)
}
