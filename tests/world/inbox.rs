//! What others published to the client, what of it arrived, and whether that is right.

use crate::ledger::Verdict;
use crate::payload::payload_of;

/// A message that the server queued for the client.
#[derive(Clone, Debug)]
pub struct Queued {
    pub qos: u8,
    pub length: usize,
    pub sid: u64,
    /// It may not arrive.
    pub is_forgiven: bool,
    pub arrived: u32,
    /// How often it may arrive at QoS 2.
    pub allowed: u32,
    /// Where the journal stood when it counted as received.
    pub noted_at: u64,
    /// Its topic is none.
    pub is_bad: bool,
    /// It is thrown away, and that is told.
    pub is_discarded: bool,
}

#[derive(Default)]
pub struct Inbox {
    pub queued: Vec<Option<Queued>>,
    /// The message that arrived last for the first time, at each quality of service, and its session.
    latest: [(u64, u32); 3],
    /// So many were told as thrown away at QoS 1 and 2, and so many of those acknowledged.
    pub told: u32,
    discarded: u32,
}

impl Inbox {
    pub fn next(&self) -> u32 {
        self.queued.len() as u32
    }

    /// A message arrived whole; its record will stand in the journal at `at`, if there is one.
    pub fn arrive(&mut self, payload: &[u8], qos: u8, at: u64, is_bad: bool) -> Verdict {
        let number = payload.first_chunk().map_or(u32::MAX, |bytes| u32::from_be_bytes(*bytes));
        let Some(Some(queued)) = self.queued.get_mut(number as usize) else {
            return Err(format!("a message arrived that was never sent: {payload:02x?}"));
        };
        if payload != payload_of(number, queued.length) || qos != queued.qos {
            return Err(format!("message {number} arrived damaged at QoS {qos}: {payload:02x?}, {queued:?}"));
        }
        if queued.is_discarded || queued.is_bad != is_bad {
            return Err(format!("message {number} arrived, marked {is_bad}: {queued:?}"));
        }
        queued.arrived += 1;
        queued.noted_at = at;
        if qos == 0 && queued.arrived > 1 || qos == 2 && queued.arrived > queued.allowed {
            return Err(format!("message {number} arrived {} times: {queued:?}", queued.arrived));
        }
        if queued.arrived == 1 {
            let (sid, latest) = std::mem::replace(&mut self.latest[usize::from(qos)], (queued.sid, number));
            if sid == queued.sid && latest > number && !queued.is_forgiven {
                return Err(format!("[MQTT-4.6.0-6] message {number} arrived behind message {latest}"));
            }
        }
        Ok(())
    }

    /// The client acknowledged it for good.
    pub fn acknowledged(&mut self, number: u32) -> Verdict {
        let is_discarded =
            |queued: &Option<Queued>| queued.as_ref().is_some_and(|queued| queued.is_discarded && !queued.is_forgiven);
        self.discarded += u32::from(self.queued.get(number as usize).is_some_and(is_discarded));
        if self.discarded > self.told {
            return Err(format!("message {number} was thrown away, and that was not told"));
        }
        match self.queued.get(number as usize) {
            Some(Some(queued)) if queued.arrived == 0 && !queued.is_forgiven && !queued.is_discarded => {
                Err(format!("message {number} was acknowledged and did not arrive: {queued:?}"))
            }
            _ => Ok(()),
        }
    }

    /// A session is gone, and with it what it had for the client.
    pub fn drop_session(&mut self, sid: u64) {
        self.forgive(|queued| queued.sid == sid);
    }

    /// These may not arrive, or once more.
    pub fn forgive(&mut self, which: impl Fn(&Queued) -> bool) {
        for queued in self.queued.iter_mut().flatten().filter(|queued| which(queued)) {
            queued.is_forgiven = true;
        }
    }

    /// The client has forgotten what it knew: what is under way may arrive once more.
    pub fn forget(&mut self) {
        self.queued.iter_mut().flatten().for_each(|queued| queued.allowed = queued.arrived + 1);
    }

    /// This one may arrive once more.
    pub fn allow_again(&mut self, number: u32) {
        if let Some(Some(queued)) = self.queued.get_mut(number as usize) {
            queued.allowed = queued.arrived + 1;
        }
    }

    /// The power failed when so much of the journal was durable.
    pub fn lose_power(&mut self, durable: u64) {
        for queued in self.queued.iter_mut().flatten().filter(|queued| queued.noted_at > durable) {
            queued.allowed = queued.arrived + 1;
        }
    }

    /// What did not arrive, and should have by now.
    pub fn open(&self) -> Option<String> {
        let is_open =
            |queued: &Queued| queued.arrived == 0 && queued.qos > 0 && !queued.is_forgiven && !queued.is_discarded;
        let number = self.queued.iter().position(|queued| queued.as_ref().is_some_and(is_open))?;
        Some(format!("message {number} for the client: {:?}", self.queued[number]))
    }
}
