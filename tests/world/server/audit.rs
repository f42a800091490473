//! What a client may do on one link, as far as the server can be sure: an exchange is open until its last answer has set out.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

#[derive(Default, Debug)]
pub struct Audit {
    /// The client may believe that its session goes on.
    pub is_resumed: bool,
    /// Messages of the client's that have no last answer yet.
    pub open: BTreeMap<u16, u32>,
    /// SUBSCRIBE and UNSUBSCRIBE that have no answer yet.
    pub requests: BTreeSet<u16>,
    /// PUBRECs that ask for a PUBREL, in order.
    pub recs: VecDeque<u16>,
    /// Those among them that a later one's PUBREL came before.
    passed: Vec<u16>,
    /// PUBLISHes to the client that ask for PUBACK, and for PUBREC.
    pub published: [VecDeque<u16>; 2],
    /// Messages of the client's that came whole.
    pub seen: BTreeSet<u32>,
    /// PUBRELs to the client.
    pub releases: BTreeSet<u16>,
}

impl Audit {
    /// SUBSCRIBE or UNSUBSCRIBE.
    pub fn request(&mut self, id: u16) -> Option<String> {
        let in_use = self.open.contains_key(&id) || !self.requests.insert(id);
        in_use.then(|| format!("[MQTT-2.2.1-3] identifier {id} of a request is in use"))
    }

    /// A PUBLISH at QoS 1 or 2, of which `most` may be open.
    pub fn publish(&mut self, id: u16, number: u32, dup: bool, is_v5: bool, most: usize) -> Option<String> {
        match self.open.insert(id, number) {
            Some(_) if is_v5 => return Some(format!("[MQTT-4.4.0-1] PUBLISH {id} again on one link")),
            Some(other) if other != number || !dup => {
                return Some(format!("[MQTT-2.2.1-3] identifier {id} of message {number} is in use for {other}"));
            }
            _ => {}
        }
        if self.requests.contains(&id) {
            return Some(format!("[MQTT-2.2.1-3] identifier {id} of message {number} is in use for a request"));
        }
        let count = self.open.len();
        (count > most).then(|| format!("[MQTT-3.3.4-9] {count} messages are out, not {most} at most"))
    }

    /// PUBREL.
    pub fn release(&mut self, id: u16) -> Option<String> {
        if let Some(place) = self.recs.iter().position(|rec| *rec == id) {
            self.passed.extend(self.recs.drain(..place)); // a message that was withdrawn has none
            self.recs.remove(0);
            return None;
        }
        let place = self.passed.iter().position(|rec| *rec == id)?;
        self.passed.remove(place);
        Some(format!("[MQTT-4.6.0-4] PUBREL {id} is not in the order of the PUBRECs"))
    }

    /// PUBACK or PUBREC.
    pub fn acknowledged(&mut self, qos: u8, id: u16) -> Option<String> {
        let queue = &mut self.published[usize::from(qos - 1)];
        let Some(place) = queue.iter().position(|sent| *sent == id) else {
            return Some(format!(
                "[MQTT5 4.3] an acknowledgement at QoS {qos} of {id}, which was not sent on this link"
            ));
        };
        queue.remove(place);
        (place > 0).then(|| format!("[MQTT-4.6.0-2] [MQTT-4.6.0-3] acknowledgement {id} at QoS {qos} is out of order"))
    }

    /// PUBCOMP. Where PUBREL came before PUBREC had left it takes the place of that, which never comes then: see "EarlyRelease" in docs/tolerances.md.
    pub fn completed(&mut self, id: u16) -> Option<String> {
        if !self.releases.remove(&id) {
            return Some(format!("[MQTT-4.3.3-11] PUBCOMP {id} for no PUBREL"));
        }
        match self.published[1].contains(&id) {
            true => self.acknowledged(2, id),
            false => None,
        }
    }
}
