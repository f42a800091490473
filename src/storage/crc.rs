//! CRC-32 (as in Ethernet and zip), four bits at a time, so that the table in flash has 16 entries, not 256.

/// The CRC of each four-bit value.
const TABLE: [u32; 16] = {
    let mut table = [0; 16];
    let mut rest: &mut [u32] = &mut table;
    let mut value = 0;
    while let [first, others @ ..] = rest {
        let mut crc = value;
        let mut bit = 0;
        while bit < 4 {
            crc = if crc & 1 == 0 { crc >> 1 } else { crc >> 1 ^ 0xEDB8_8320 };
            bit += 1;
        }
        *first = crc;
        value += 1;
        rest = others;
    }
    table
};

/// An unfinished checksum.
#[derive(Clone, Copy)]
pub(crate) struct Crc(u32);

impl Crc {
    pub(crate) const fn new() -> Self {
        Self(u32::MAX)
    }

    #[must_use]
    pub(crate) fn add(self, bytes: &[u8]) -> Self {
        let step =
            |crc: u32, nibble: u32| crc >> 4 ^ TABLE.get((crc ^ nibble) as usize & 15).copied().unwrap_or_default();
        Self(bytes.iter().fold(self.0, |crc, byte| {
            let byte = u32::from(*byte);
            step(step(crc, byte), byte >> 4)
        }))
    }

    pub(crate) const fn value(self) -> u32 {
        !self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_of_the_algorithm() {
        assert_eq!(Crc::new().add(b"1234").add(b"56789").value(), 0xCBF4_3926);
    }
}
