//! Copying without a way to panic: the standard library's functions for it keep one, which firmware would carry.

/// Copies as many bytes as both have, and returns how many.
pub fn copy(from: &[u8], to: &mut [u8]) -> usize {
    let mut count = 0;
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
        count += 1;
    }
    count
}

/// Takes `length` bytes at `start` out of the first `used`: what lies behind them moves up.
pub fn close_gap(bytes: &mut [u8], start: usize, length: usize, used: usize) {
    for place in start..used.saturating_sub(length) {
        let byte = bytes.get(place + length).copied().unwrap_or_default();
        if let Some(target) = bytes.get_mut(place) {
            *target = byte;
        }
    }
}
