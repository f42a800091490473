//! Client identifiers that every server accepts.

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A client identifier of 22 letters and digits made of a random number: what a client of 3.1 uses that has none, since 3.1 demands one and
/// every server accepts 1 to 23 alphanumeric characters `[MQTT-3.1.3-5]`.
///
/// ```
/// use pure_mqtt::ClientId;
///
/// let id = ClientId::from_random(0x1234_5678_9ABC_DEF0_1234_5678_9ABC_DEF0);
/// assert_eq!(id.as_str().len(), 22);
/// assert_ne!(id, ClientId::from_random(1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientId([u8; 22]);

impl ClientId {
    /// The identifier for `random`; different numbers give different identifiers.
    pub fn from_random(mut random: u128) -> Self {
        let base = ALPHABET.len() as u128;
        Self([b'0'; 22].map(|_| {
            let digit = ALPHABET.get((random % base) as usize).copied().unwrap_or(b'0');
            random /= base;
            digit
        }))
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }
}
#[cfg(feature = "defmt")]
impl defmt::Format for ClientId {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=str}", self.as_str());
    }
}
