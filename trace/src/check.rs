//! The check value at the end of each record.

/// The start value of the check.
pub(crate) const CHECK_START: u16 = 0xFFFF;

/// Computes CRC-16 with the polynomial 0x1021, the highest bit first (CCITT-FALSE).
pub(crate) fn check(start: u16, bytes: &[u8]) -> u16 {
    bytes.iter().fold(start, |check, byte| {
        let mixed = (check >> 8) ^ u16::from(*byte);
        let folded = mixed ^ (mixed >> 4);
        (check << 8) ^ (folded << 12) ^ (folded << 5) ^ folded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_is_the_well_known_one() {
        assert_eq!(check(CHECK_START, b"123456789"), 0x29B1);
    }
}
