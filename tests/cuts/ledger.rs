//! What was promised to the application, what came of it, and whether that is right.

use crate::common::broker::Broker;
use pure_mqtt::{Cause, Handle, OnSessionLoss, QoS};

/// The messages of the application, in order. The second half waits for the end of `b1`.
pub const SCRIPT: [(&str, QoS); 6] = [
    ("a0", QoS::AtMostOnce),
    ("b1", QoS::AtLeastOnce),
    ("c2", QoS::ExactlyOnce),
    ("d2", QoS::ExactlyOnce),
    ("e1", QoS::AtLeastOnce),
    ("f0", QoS::AtMostOnce),
];
/// How many of them don't wait.
pub const FIRST_HALF: usize = 3;
/// The messages of others, in order.
pub const SERVED: [(&str, u8); 4] = [("w0", 0), ("x1", 1), ("y2", 2), ("z2", 2)];

/// How a message ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum End {
    Done,
    Outcome(Cause),
}

/// A message that the client accepted.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Sent {
    pub name: &'static str,
    pub qos: QoS,
    pub handle: Handle,
    pub end: Option<End>,
    /// The session was lost before it ended.
    pub shaken: bool,
}

/// All that the test knows.
#[derive(Clone, Default, PartialEq, Eq, Hash, Debug)]
pub struct Ledger {
    pub sent: Vec<Sent>,
    /// Requests, and whether they ended.
    pub requests: Vec<(Handle, bool)>,
    /// The messages of others were published while somebody wanted them.
    pub served: bool,
    /// What was served may not arrive: the session was lost on the way.
    pub forgiven: bool,
    /// The session was lost, and nobody can tell the client (3.1).
    pub undetected: bool,
    pub arrived: Vec<String>,
}

impl Ledger {
    pub fn end(&mut self, handle: Handle, end: End) {
        if let Some(request) = self.requests.iter_mut().find(|(other, _)| *other == handle) {
            assert!(!request.1, "the request {handle:?} ended twice");
            request.1 = true;
            return;
        }
        let sent = self.sent.iter_mut().find(|sent| sent.handle == handle).expect("the end of what was accepted");
        assert_eq!(sent.end.replace(end), None, "{} ended twice, now with {end:?}", sent.name);
    }

    pub fn has_ended(&self, name: &str) -> bool {
        self.sent.iter().any(|sent| sent.name == name && sent.end.is_some())
    }

    /// A request waits for its answer.
    pub fn is_asking(&self) -> bool {
        self.requests.iter().any(|(_, ended)| !ended)
    }

    /// The session is lost: what was under way may arrive twice, or not at all.
    pub fn lose(&mut self) {
        self.forgiven |= self.served;
        self.sent.iter_mut().filter(|sent| sent.end.is_none()).for_each(|sent| sent.shaken = true);
    }

    pub fn judge(&self, broker: &Broker, policy: OnSessionLoss) {
        assert!(broker.violations().is_empty(), "{:?}", broker.violations());
        assert_eq!(self.sent.len(), SCRIPT.len(), "everything was accepted in the end");
        assert!(!self.is_asking(), "a request has no end");
        let released: Vec<&[u8]> = broker.released().iter().map(|message| &message.payload[..]).collect();
        for sent in &self.sent {
            let count = released.iter().filter(|payload| **payload == sent.name.as_bytes()).count();
            assert!(self.is_right(sent, count, policy), "{sent:?} was released {count} times");
        }
        let firsts = |waits: bool| {
            let ours = self.sent.iter().filter(move |sent| (sent.qos != QoS::AtMostOnce) == waits);
            ours.filter_map(|sent| released.iter().position(|payload| *payload == sent.name.as_bytes()))
        };
        assert!(firsts(true).is_sorted() && firsts(false).is_sorted(), "released out of order: {released:?}");
        self.judge_arrived();
    }

    fn is_right(&self, sent: &Sent, count: usize, policy: OnSessionLoss) -> bool {
        let may_repeat = sent.shaken && (policy == OnSessionLoss::Republish || self.undetected);
        match (sent.qos, sent.end) {
            (QoS::AtMostOnce, None) => count <= 1,
            (QoS::AtLeastOnce, Some(End::Done)) => count >= 1,
            (QoS::ExactlyOnce, Some(End::Done)) => count == 1 || may_repeat && count > 1,
            (QoS::ExactlyOnce, Some(End::Outcome(Cause::Released))) => {
                sent.shaken && (count == 1 || may_repeat && count > 1)
            }
            (qos, Some(End::Outcome(Cause::SessionLost))) => {
                let is_right = count <= 1 || qos == QoS::AtLeastOnce || self.undetected;
                sent.shaken && policy == OnSessionLoss::Abort && is_right
            }
            _ => false,
        }
    }

    fn judge_arrived(&self) {
        assert!(self.served, "the messages of others were published");
        for (name, qos) in SERVED {
            let count = self.arrived.iter().filter(|arrived| *arrived == name).count();
            let is_right = match qos {
                0 => count <= 1,
                1 => count >= 1 || self.forgiven,
                _ => count == 1 || count == 0 && (self.forgiven || self.undetected),
            };
            assert!(is_right, "{name} arrived {count} times");
        }
        for qos in [1, 2] {
            let ours = SERVED.iter().filter(|(_, other)| *other == qos);
            let mut firsts = ours.filter_map(|(name, _)| self.arrived.iter().position(|arrived| arrived == name));
            assert!(firsts.by_ref().is_sorted(), "arrived out of order: {:?}", self.arrived);
        }
    }
}
