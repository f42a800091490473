//! Servers in the field that are wrong without doing harm: each a switch, with the first letter of its row in the table of tolerances.

use crate::features::{Feature, Set};

/// What a server does wrong.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Oddities {
    /// PUBACK for a QoS 2 message, before 5.0; it is taken over all the same.
    pub puback_at_qos2: bool,
    /// Codes behind acknowledgements and UNSUBACK, before 5.0.
    pub trailing_codes: bool,
    /// Flag bits in acknowledgements, before 5.0.
    pub flag_bits: bool,
    /// Failure codes that are not listed for the packet, in 5.0.
    pub unlisted_codes: bool,
    /// Session Present after a clean start, in 3.1.1.
    pub present_after_clean: bool,
    /// Now and then DISCONNECT instead of CONNACK, in 5.0.
    pub early_disconnect: bool,
    /// DUP at QoS 0.
    pub dup_at_qos0: bool,
    /// An alias above the maximum beside a name, in 5.0.
    pub alias_above: bool,
    /// PUBREL for a message whose PUBREC may not have left, at each new link.
    pub early_release: bool,
    /// Now and then a topic with a wildcard, or one that is not UTF-8.
    pub bad_topics: bool,
    /// Now and then a packet above the limits.
    pub too_long: bool,
    /// Two messages more than Receive Maximum.
    pub overrun: bool,
}

impl Oddities {
    /// Those of the features that a world has.
    pub fn draw(has: Set, rng: &mut fastrand::Rng) -> Self {
        let mut of = |feature| has.has(feature) && rng.u8(0..10) < 7;
        Self {
            puback_at_qos2: of(Feature::OddAcks),
            trailing_codes: of(Feature::OddAcks),
            flag_bits: of(Feature::OddAcks),
            unlisted_codes: of(Feature::OddAcks),
            present_after_clean: of(Feature::OddConnack),
            early_disconnect: of(Feature::OddConnack),
            dup_at_qos0: of(Feature::OddMessages),
            alias_above: of(Feature::OddMessages),
            early_release: has.has(Feature::EarlyRelease),
            bad_topics: has.has(Feature::BadTopic),
            too_long: has.has(Feature::TooLong),
            overrun: has.has(Feature::Overrun),
        }
    }

    /// Whether there are any.
    pub fn any(&self) -> bool {
        *self != Self::default()
    }
}
