//! Copies that cannot panic: the standard library's functions would link panic code into firmware.

/// Copies as many bytes as both slices have.
#[cfg_attr(target_pointer_width = "32", inline(always))]
pub(crate) fn copy(from: &[u8], to: &mut [u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}

/// Returns the bytes from `from` to `to`; an empty slice if the range is not wholly inside `bytes`.
#[cfg_attr(target_pointer_width = "32", inline(never))]
#[cfg_attr(not(target_pointer_width = "32"), inline(always))]
pub(crate) fn part(bytes: &[u8], from: usize, to: usize) -> &[u8] {
    bytes.get(from..to).unwrap_or_default()
}

/// Moves `length` bytes within `bytes`; the ranges may overlap. Does nothing if either range is not wholly inside.
pub(crate) fn shift(bytes: &mut [u8], from: usize, length: usize, to: usize) {
    let is_inside = length <= bytes.len() && from.max(to) <= bytes.len() - length;
    if from == to || !is_inside {
        return;
    }
    if usize::BITS > 32 { shift_chunks(bytes, from, length, to) } else { shift_bytes(bytes, from, length, to) }
}

/// Bytes moved at a time.
const CHUNK: usize = 64;

/// Not inlined, so that a caller without anything to move saves no registers for it.
#[inline(never)]
fn shift_chunks(bytes: &mut [u8], from: usize, length: usize, to: usize) {
    let mut chunk = [0; CHUNK];
    let mut done = 0;
    while done < length {
        let step = CHUNK.min(length - done);
        // Bytes that move up are moved from the end, so that none is overwritten before it is read.
        let offset = if to < from { done } else { length - done - step };
        copy(bytes.get(from + offset..).unwrap_or_default(), &mut chunk);
        if let Some(target) = bytes.get_mut(to + offset..to + offset + step) {
            copy(&chunk, target);
        }
        done += step;
    }
}

/// Moves byte by byte: firmware has too little stack for chunks.
fn shift_bytes(bytes: &mut [u8], from: usize, length: usize, to: usize) {
    for done in 0..length {
        let offset = if to < from { done } else { length - done - 1 };
        let byte = bytes.get(from + offset).copied().unwrap_or_default();
        if let Some(target) = bytes.get_mut(to + offset) {
            *target = byte;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn moving_is_what_the_standard_library_does() {
        for length in [0, 1, 63, 64, 65, 130, 200] {
            for (from, to) in [(0, 0), (0, 1), (1, 0), (0, 64), (64, 0), (10, 90), (90, 10), (100, 0), (0, 100)] {
                let before: Vec<u8> = (0..=255).chain(0..45).collect();
                let mut expected = before.clone();
                expected.copy_within(from..from + length, to);
                for way in [shift, shift_chunks, shift_bytes] {
                    let mut bytes = before.clone();
                    way(&mut bytes, from, length, to);
                    assert_eq!(bytes, expected, "{length} bytes from {from} to {to}");
                }
            }
        }
    }

    #[test]
    fn what_is_outside_is_left_alone() {
        let mut bytes = [1, 2, 3];
        for (from, length, to) in [(0, 4, 0), (1, 3, 0), (0, 3, 1), (4, 0, 0), (0, usize::MAX, 1), (usize::MAX, 1, 0)] {
            shift(&mut bytes, from, length, to);
            assert_eq!(bytes, [1, 2, 3]);
        }
    }
}
