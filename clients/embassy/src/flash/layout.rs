//! What stands where in the region.
//!
//! ```text
//!   region:  block | block | ...         a block is the pages that are erased together
//!   block:   area | area | ...           as many as fit; if an area is longer than a page, one area in a block of several pages
//!   area:    mark | seal | frame | frame | ... | erased          one log
//!   mark:    "PMQ" form: u8 | length of an area: u32 | checksum: u32 | 0: u32       written first
//!   seal:    sequence number: u32 | checksum: u32                                   written once the first frame is there: from then on the area counts
//!   frame:   length: u16 | its complement: u16 | checksum: u32 | bytes of the log, veiled | 0xFF up to a whole unit
//! ```
//!
//! Numbers are little-endian, and each part begins at a whole unit: the longest of what the flash reads or writes at a time, and 4. Of the sealed areas the
//! one with the highest sequence number counts. Its first frame is a snapshot; records follow. A frame of no bytes says that the log went on elsewhere.

use core::marker::PhantomData;

use crc::{CRC_32_ISO_HDLC, Crc, NoTable};
use embedded_storage_async::nor_flash::NorFlash;

/// What a frame has before its bytes.
pub const FRAME_HEAD: usize = 8;
/// The most bytes of a frame that is not the first one: so little may be torn when the power fails.
pub const MOST_BODY: usize = 256;
const MARK: usize = 16;
const SEAL: usize = 8;
const MAGIC: [u8; 4] = *b"PMQ\x01";

/// The sizes of everything, for one flash and one length of the buffer.
pub struct Layout<F, const LOG: usize>(PhantomData<F>);

impl<F: NorFlash, const LOG: usize> Layout<F, LOG> {
    pub const PAGE: u32 = F::ERASE_SIZE as u32;
    pub const UNIT: usize = longest(longest(F::WRITE_SIZE, F::READ_SIZE), 4);
    /// The longest log.
    pub const CAPACITY: usize = (LOG - FRAME_HEAD) / Self::UNIT * Self::UNIT;
    /// Where the seal stands in an area.
    pub const SEAL: u32 = MARK.next_multiple_of(Self::UNIT) as u32;
    /// Where the first frame begins.
    pub const FRAMES: u32 = Self::SEAL + SEAL.next_multiple_of(Self::UNIT) as u32;
    /// An area has room for the longest log as one frame, and for the frame that ends it. Where records have filled it before, a new log begins.
    pub const AREA: u32 = Self::FRAMES + Self::frame(Self::CAPACITY) + Self::frame(0);
    pub const BLOCK: u32 = Self::AREA.next_multiple_of(Self::PAGE);
    /// How many areas a block has.
    pub const AREAS: u32 = Self::BLOCK / Self::AREA;
    /// The shortest region: a log is copied into one block while it counts in another.
    pub const REGION: u32 = 2 * Self::BLOCK;

    pub const CHECKED: () = {
        assert!(LOG >= 128 && LOG <= 65_000, "LOG must be 128 to 65,000 bytes");
        assert!(
            Self::UNIT.is_power_of_two() && Self::UNIT <= 64,
            "flash that is written in units of more than 64 bytes"
        );
        assert!(F::READ_SIZE <= FRAME_HEAD, "flash that is read in units of more than 8 bytes");
        assert!(F::ERASE_SIZE % Self::UNIT == 0, "a page must be whole units");
    };

    /// How much of an area a frame takes.
    pub const fn frame(body: usize) -> u32 {
        (FRAME_HEAD + body).next_multiple_of(Self::UNIT) as u32
    }
}

const fn longest(one: usize, other: usize) -> usize {
    if one > other { one } else { other }
}

/// Without a table: slower, and 1 kB of flash less.
const CRC: Crc<u32, NoTable> = Crc::<u32, NoTable>::new(&CRC_32_ISO_HDLC);

fn checksum(number: u32, bytes: &[u8]) -> [u8; 4] {
    let mut digest = CRC.digest();
    digest.update(&number.to_le_bytes());
    digest.update(bytes);
    digest.finalize().to_le_bytes()
}

/// The mark of areas of this length.
pub fn mark(area: u32) -> [u8; MARK] {
    let mut mark = [0; MARK];
    let parts = [MAGIC, area.to_le_bytes(), checksum(area, &MAGIC), [0; 4]];
    mark.iter_mut().zip(parts.as_flattened()).for_each(|(to, from)| *to = *from);
    mark
}

/// The length of areas that a mark tells, if it is one.
pub fn marked(bytes: &[u8; MARK]) -> Option<u32> {
    let [_, _, _, _, a, b, c, d, ..] = *bytes;
    let area = u32::from_le_bytes([a, b, c, d]);
    (*bytes == mark(area)).then_some(area)
}

pub fn seal(sequence: u32) -> [u8; SEAL] {
    let [a, b, c, d] = sequence.to_le_bytes();
    let [e, f, g, h] = checksum(sequence, b"seal");
    [a, b, c, d, e, f, g, h]
}

/// The sequence number that a seal tells, if it is one.
pub fn sealed(bytes: &[u8; SEAL]) -> Option<u32> {
    let [a, b, c, d, ..] = *bytes;
    let sequence = u32::from_le_bytes([a, b, c, d]);
    (*bytes == seal(sequence)).then_some(sequence)
}

/// What stands before the bytes of a frame in the area with this sequence number.
pub fn frame_head(sequence: u32, body: &[u8]) -> [u8; FRAME_HEAD] {
    let length = body.len() as u16;
    let ([a, b], [c, d]) = (length.to_le_bytes(), (!length).to_le_bytes());
    let [e, f, g, h] = checksum(sequence ^ u32::from(length), body);
    [a, b, c, d, e, f, g, h]
}

/// Veils the bytes of a frame, or unveils them. Pages may begin anywhere in them, and whoever chose a payload must not be able to make one look like a mark: what
/// is written depends on the checksum of all of the frame, and with it on that of every record before.
pub fn veil(head: &[u8; FRAME_HEAD], body: &mut [u8]) {
    let [_, _, _, _, a, b, c, d] = *head;
    let mut state = u32::from_le_bytes([a, b, c, d]) | 1;
    for word in body.chunks_mut(4) {
        // Marsaglia's xorshift.
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        word.iter_mut().zip(state.to_le_bytes()).for_each(|(byte, mask)| *byte ^= mask);
    }
}

/// The length of a frame, if its head tells one.
pub fn frame_length(head: &[u8; FRAME_HEAD]) -> Option<usize> {
    let [a, b, c, d, ..] = *head;
    let length = u16::from_le_bytes([a, b]);
    (length == !u16::from_le_bytes([c, d])).then_some(length.into())
}
