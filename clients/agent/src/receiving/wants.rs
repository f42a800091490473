//! The receivers of a filter.

use alloc::vec::Vec;

use pure_mqtt::QoS;

use crate::ids::Receiver;

/// Receivers, each with its QoS.
#[derive(Debug, Default)]
pub(super) struct Wants {
    /// By receiver. Mostly there is one, and new ones have the highest number.
    all: Vec<(Receiver, QoS)>,
    /// How many want each QoS.
    counts: [u32; 3],
}

impl Wants {
    pub(super) fn insert(&mut self, receiver: Receiver, qos: QoS) {
        self.remove(receiver);
        let place = self.place(receiver).unwrap_or_else(|place| place);
        self.all.insert(place, (receiver, qos));
        self.count(qos, 1);
    }

    /// `None` if it was not there.
    pub(super) fn remove(&mut self, receiver: Receiver) -> Option<QoS> {
        let place = self.place(receiver).ok()?;
        let (_, qos) = self.all.remove(place);
        self.count(qos, -1);
        Some(qos)
    }

    pub(super) fn contains(&self, receiver: Receiver) -> bool {
        self.place(receiver).is_ok()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn receivers(&self) -> impl Iterator<Item = Receiver> {
        self.all.iter().map(|(receiver, _)| *receiver)
    }

    /// Returns the highest QoS of all receivers.
    pub(super) fn highest(&self) -> Option<QoS> {
        let highest = self.counts.iter().rposition(|count| *count > 0)?;
        QoS::from_bits(highest as u8)
    }

    fn place(&self, receiver: Receiver) -> Result<usize, usize> {
        self.all.binary_search_by_key(&receiver, |(one, _)| *one)
    }

    fn count(&mut self, qos: QoS, change: i32) {
        if let Some(count) = self.counts.get_mut(usize::from(qos.bits())) {
            *count = count.saturating_add_signed(change);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_follows_those_who_come_and_go() {
        let mut wants = Wants::default();
        assert_eq!(wants.highest(), None);
        wants.insert(Receiver(2), QoS::AtLeastOnce);
        wants.insert(Receiver(1), QoS::ExactlyOnce);
        assert_eq!(wants.highest(), Some(QoS::ExactlyOnce));
        wants.insert(Receiver(1), QoS::AtMostOnce);
        assert_eq!(wants.highest(), Some(QoS::AtLeastOnce));
        assert!(wants.receivers().eq([Receiver(1), Receiver(2)]));
        assert_eq!((wants.remove(Receiver(2)), wants.remove(Receiver(2))), (Some(QoS::AtLeastOnce), None));
        assert_eq!(wants.highest(), Some(QoS::AtMostOnce));
        assert!(wants.contains(Receiver(1)) && !wants.is_empty());
    }
}
