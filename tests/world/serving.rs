//! Messages for the application: others publish them, and it acknowledges.

use crate::app::{Held, LONG_NAME};
use crate::features::Feature;
use crate::inbox::Queued;
use crate::ledger::Verdict;
use crate::life::World;
use crate::memory::Memory;
use crate::payload::payload_of;
use crate::server::Served;
use pure_mqtt::{Ack, ReasonCode, RequestError, Version};

impl<S: Memory> World<S> {
    /// Another client publishes.
    pub fn serve(&mut self, rng: &mut fastrand::Rng) {
        let odd = self.character.config.odd;
        let number = self.app.inbox.next();
        let is_bad = odd.bad_topics && rng.u8(0..5) == 0;
        let is_too_long = odd.too_long && rng.u8(0..5) == 0;
        let long = if self.character.limits.stream_max > 0 { 700 } else { 80 };
        let length = if is_too_long { 1_200 } else { rng.choice([4, 4, 6, 30, 60, long]).unwrap_or(4) };
        // Longer than the host's buffer. Where there may be aliases, the link ends at it.
        let is_long_topic = is_too_long && !self.character.has.has(Feature::AliasIn) && rng.bool();
        let long_name = "d/".to_owned() + &"x".repeat(LONG_NAME - 2);
        let topic = match rng.u8(0..8) {
            _ if is_bad => rng.choice([&b"d/\xFF\xFE"[..], b"d/+/a", b"d/#"]).unwrap_or(b"#").to_vec(),
            _ if is_long_topic => b"d/a".iter().copied().chain([b'y'; 250]).collect(),
            0 => long_name.into_bytes(),
            _ => b"d/a".to_vec(),
        };
        let served =
            Served { number, qos: rng.u8(0..3), topic, payload: payload_of(number, length), props: Vec::new() };
        let queued = self.server().offer(served);
        self.app.say(|| format!("  serve {number}: {queued:?}"));
        self.act_if(Feature::BadTopic, is_bad && queued.is_some());
        self.act_if(Feature::TooLong, is_too_long && queued.is_some());
        let has = self.character.has;
        let is_discarded = is_too_long && has.has(Feature::Discard) || is_bad && !has.has(Feature::Deliver);
        let is_lost = is_too_long && !is_discarded; // and with it what is behind it
        let is_forgiven = is_lost || queued.is_some_and(|(_, sid)| sid == self.app.confused_sid);
        let (arrived, allowed, noted_at) = (0, 1, 0);
        let queued = queued.map(|(qos, sid)| Queued {
            qos,
            length,
            sid,
            is_forgiven,
            arrived,
            allowed,
            noted_at,
            is_bad,
            is_discarded,
        });
        self.app.inbox.queued.push(queued);
    }

    /// Acknowledges a message that waits for it.
    pub fn acknowledge(&mut self, rng: &mut fastrand::Rng) -> Verdict {
        if self.app.held.is_empty() {
            return Ok(());
        }
        let Held { pending, number, qos } = self.app.held.swap_remove(rng.usize(0..self.app.held.len()));
        let fails = self.character.has.has(Feature::AckErrors) && rng.u8(0..3) == 0;
        let ack = if fails { Ack::new(ReasonCode(0x83)) } else { Ack::SUCCESS };
        let time = self.time();
        let result = self.mqtt.acknowledge(time, pending, &ack);
        self.app.say(|| format!("  acknowledge {number} with {:?}: {result:?}", ack.reason));
        match result {
            Ok(()) => {
                self.app.act(Feature::ManualAcks);
                self.act_if(Feature::AckErrors, fails);
                let at = self.app.disk.noted_at(&self.mqtt);
                let is_v5 = self.mqtt.version() == Version::V5;
                if let Some(Some(queued)) = self.app.inbox.queued.get_mut(number as usize) {
                    queued.noted_at = at;
                    // In 5.0 an error ends the message, so that the identifier is free for a new one [MQTT-4.3.3-9].
                    if fails && is_v5 {
                        queued.allowed = queued.arrived + 1;
                    }
                }
            }
            Err(error) => match error.error {
                RequestError::Stale => {}
                RequestError::Full => self.app.held.push(Held { pending: error.pending, number, qos }),
                error => return Err(format!("an acknowledgement was refused: {error:?}")),
            },
        }
        Ok(())
    }
}
