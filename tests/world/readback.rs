//! What the client says of its unfinished messages, compared with the ledger.

use crate::ledger::{Sent, Verdict};
use crate::life::World;
use crate::memory::Memory;
use crate::payload::payload_of;
use pure_mqtt::{QoS, Unacknowledged};

impl<S: Memory> World<S> {
    /// E10: each open message can be read back as it was accepted, and no other. Only where nothing waits to be told.
    pub fn check_readback(&self) -> Verdict {
        let ledger = &self.app.ledger;
        let mut count = 0;
        for message in self.mqtt.unacknowledged() {
            let number = ledger.number(message.handle).ok_or(format!("read back and never given: {message:?}"))?;
            let sent = &ledger.sent[number as usize];
            let attempts = self.mqtt.attempts(message.handle);
            let is_right = sent.end.is_none()
                && attempts == Some(message.attempts)
                && u32::from(message.attempts) <= self.app.links.saturating_sub(sent.link) + 1
                && may_be(&message, number, sent);
            if !is_right {
                return Err(format!("[E10] message {number} is read back as {message:?}, {attempts:?}: {sent:?}"));
            }
            count += 1;
        }
        let is_open = |sent: &&Sent| sent.end.is_none() && !sent.is_gone && sent.spec.qos != QoS::AtMostOnce;
        let open = ledger.sent.iter().filter(is_open);
        let sure = open.clone().filter(|sent| !sent.may_be_dropped).count();
        match (sure..=open.count()).contains(&count) {
            true => Ok(()),
            false => Err(format!("[E10] {count} messages are read back, and {sure} are open")),
        }
    }
}

/// Whether this is the message, as far as it has come.
fn may_be(message: &Unacknowledged<'_>, number: u32, sent: &Sent) -> bool {
    let is_shaken = sent.is_shaken || sent.is_forgiven;
    let has_arrived = sent.taken + sent.refused > 0;
    if message.is_released {
        return message.qos == QoS::ExactlyOnce
            && message.may_have_arrived
            && (message.topic.as_str(), message.payload) == ("", &b""[..])
            && (sent.taken > 0 || is_shaken);
    }
    let payload = payload_of(number, sent.spec.length);
    let has_properties = !sent.spec.props.is_empty() || sent.spec.expiry.is_some();
    (message.qos, message.retain, message.topic.as_str()) == (sent.spec.qos, sent.spec.retain, &sent.spec.topic)
        && (message.payload == payload || message.payload.is_empty() && sent.is_streamed)
        && (message.properties.is_empty() || has_properties)
        && (message.may_have_arrived || !has_arrived || is_shaken)
        && (message.attempts > 0 || !message.may_have_arrived || is_shaken || sent.is_recovered)
}
