//! Client identifiers that every server accepts.

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A client identifier of 22 letters and digits, made from a random number. Use it for a client of 3.1 without an
/// identifier of its own: 3.1 requires one, and every server accepts 1 to 23 alphanumeric characters `[MQTT-3.1.3-5]`.
///
/// ```
/// use pure_mqtt::ClientId;
///
/// fn main() {
///     let id = ClientId::from_random(0x1234_5678_9ABC_DEF0_1234_5678_9ABC_DEF0);
///     assert_eq!(id.as_str().len(), 22);
///     assert_ne!(id, ClientId::from_random(1));
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientId([u8; 22]);

impl ClientId {
    /// Returns the identifier for `random`; different numbers give different identifiers.
    pub fn from_random(random: u128) -> Self {
        let mut bytes = random.to_be_bytes();
        Self([b'0'; 22].map(|zero| {
            let digit = divide(&mut bytes, ALPHABET.len() as u32);
            ALPHABET.get(digit as usize).copied().unwrap_or(zero)
        }))
    }

    /// Returns the identifier as text.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }
}
/// Divides the big-endian number in `bytes`, and returns the remainder. (The compiler's division of 128 bits takes 1.6
/// kB of flash.)
fn divide(bytes: &mut [u8], by: u32) -> u32 {
    bytes.iter_mut().fold(0, |rest, byte| {
        let part = rest << 8 | u32::from(*byte);
        *byte = (part / by) as u8;
        part % by
    })
}

#[cfg(feature = "defmt")]
impl defmt::Format for ClientId {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=str}", self.as_str());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_digit_comes_first() {
        for number in [0, 1, 61, 62, 0xFFFF_FFFF, 1 << 64, u128::MAX / 3, u128::MAX] {
            let (mut rest, identifier) = (number, ClientId::from_random(number));
            for digit in identifier.as_str().bytes() {
                assert_eq!(digit, ALPHABET[(rest % 62) as usize], "{number}");
                rest /= 62;
            }
            assert_eq!(rest, 0);
        }
    }
}
