//! What was accepted, what arrived, and what must have.

use std::collections::BTreeMap;

/// What is known of one message.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fate {
    pub qos: u8,
    /// The end that the client told, if it was asked.
    pub is_confirmed: bool,
    /// How often it arrived.
    pub arrived: u32,
}

/// Both directions.
#[derive(Default)]
pub struct Ledger {
    /// Messages that the client accepted, by payload.
    pub up: BTreeMap<String, Fate>,
    /// Messages that were published to the client while it was subscribed.
    pub down: BTreeMap<String, Fate>,
    /// The server has lost a session: messages may be doubled, and those for the client lost.
    pub has_losses: bool,
    /// A message is being echoed, and may not have been accepted yet.
    pub is_echoing: bool,
    /// Nothing new is published any more.
    pub is_leaving: bool,
}

impl Ledger {
    /// What has yet to arrive.
    pub fn missing(&self) -> Vec<String> {
        let is_owed = |fate: &Fate| fate.arrived == 0 && fate.qos > 0;
        let up = self.up.iter().filter(|(_, fate)| is_owed(fate)).map(|(name, _)| name.clone());
        let down = self.down.iter().filter(|(_, fate)| is_owed(fate) && !self.has_losses);
        up.chain(down.map(|(name, _)| name.clone())).collect()
    }

    /// Nothing is missing, and nothing is about to be accepted.
    pub fn is_complete(&self) -> bool {
        !self.is_echoing && self.missing().is_empty()
    }

    pub fn check(&self) {
        for (name, fate) in self.up.iter().chain(&self.down) {
            let is_doubled = fate.qos == 2 && fate.arrived > 1 && !self.has_losses;
            assert!(!is_doubled, "{name} arrived {} times", fate.arrived);
            assert!(!fate.is_confirmed || fate.arrived > 0 || fate.qos == 0, "{name} is confirmed, and never arrived");
        }
        assert!(self.missing().is_empty(), "missing: {:?}", self.missing());
    }
}
