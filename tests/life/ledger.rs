//! What the application was promised today, what came of it, and whether that is right.

use crate::streaming::number_of;
use pure_mqtt::{Cause, Handle, OnSessionLoss, QoS};
use std::collections::{BTreeMap, HashMap};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    Done,
    Outcome(Cause),
}

/// A message that the client accepted.
#[derive(Debug)]
pub struct Sent {
    pub number: u64,
    pub length: usize,
    pub qos: QoS,
    pub expires_at: Option<u64>,
    /// The session was lost before it ended.
    pub shaken: bool,
    pub end: Option<End>,
}

/// A message that the server queued for the client.
#[derive(Debug)]
pub struct Queued {
    pub qos: u8,
    pub length: usize,
    /// It may not arrive: its session was lost, or it can expire.
    pub forgiven: bool,
}

/// One day.
#[derive(Default, Debug)]
pub struct Ledger {
    pub sent: BTreeMap<Handle, Sent>,
    pub requests: BTreeMap<Handle, bool>,
    pub queued: BTreeMap<u64, Queued>,
    pub arrived: Vec<u64>,
}

impl Ledger {
    pub fn end(&mut self, handle: Handle, end: End, now: u64) {
        if let Some(ended) = self.requests.get_mut(&handle) {
            assert!(!std::mem::replace(ended, true), "the request {handle:?} ended twice");
            return;
        }
        let sent = self.sent.get_mut(&handle).expect("the end of what was accepted");
        assert_eq!(sent.end.replace(end), None, "{handle:?} ended twice, now with {end:?}");
        if end == End::Outcome(Cause::Expired) {
            assert!(sent.expires_at.is_some_and(|at| at <= now), "{handle:?} expired early: {sent:?} at {now}");
        }
    }

    /// The number of a message that the server took over, whole and undamaged.
    pub fn released(&self, payload: &[u8]) -> u64 {
        let number = number_of(payload);
        let sent = self.sent.values().find(|sent| sent.number == number);
        assert_eq!(sent.map(|sent| sent.length), Some(payload.len()), "message {number}");
        number
    }

    pub fn is_asking(&self) -> bool {
        self.requests.values().any(|ended| !ended)
    }

    /// The session is lost: what is under way may arrive twice, or not at all.
    pub fn lose(&mut self) {
        self.queued.values_mut().for_each(|queued| queued.forgiven = true);
        self.sent.values_mut().filter(|sent| sent.end.is_none()).for_each(|sent| sent.shaken = true);
    }

    /// Judges the day by what the server took over in it. Returns how often a message at QoS 1 was doubled, out and in.
    pub fn judge(&self, released: &[u64], policy: OnSessionLoss) -> u64 {
        assert!(!self.is_asking(), "a request has no end");
        let (places, mut doubles) = (places(released), 0);
        let mut last = [None; 2];
        for (handle, sent) in &self.sent {
            let places = places.get(&sent.number).copied().unwrap_or_default();
            assert!(is_right(sent, places.count, policy), "{handle:?}, {sent:?} was released {} times", places.count);
            if sent.qos == QoS::AtLeastOnce {
                doubles += u64::from(places.count.saturating_sub(1));
            }
            if places.count > 0 {
                let last = &mut last[usize::from(sent.qos != QoS::AtMostOnce)];
                assert!(*last < Some(places.first), "{handle:?}, {sent:?} was released out of order");
                *last = Some(places.first);
            }
        }
        doubles + self.judge_arrived()
    }

    fn judge_arrived(&self) -> u64 {
        let (places, mut doubles) = (places(&self.arrived), 0);
        let mut last = [None; 2];
        for (number, queued) in &self.queued {
            let places = places.get(number).copied().unwrap_or_default();
            let is_right = match queued.qos {
                2 => places.count == 1 || places.count == 0 && queued.forgiven,
                _ => places.count >= 1 || queued.forgiven,
            };
            assert!(is_right, "message {number}, {queued:?} arrived {} times", places.count);
            if queued.qos == 1 {
                doubles += u64::from(places.count.saturating_sub(1));
            }
            if places.count > 0 {
                let last = &mut last[usize::from(queued.qos - 1)];
                assert!(*last < Some(places.first), "message {number}, {queued:?} arrived out of order");
                *last = Some(places.first);
            }
        }
        doubles
    }
}

fn is_right(sent: &Sent, count: u32, policy: OnSessionLoss) -> bool {
    let may_repeat = sent.shaken && policy == OnSessionLoss::Republish;
    match (sent.qos, sent.end) {
        (QoS::AtMostOnce, None) => count <= 1,
        (QoS::AtLeastOnce, Some(End::Done)) => count >= 1,
        (QoS::ExactlyOnce, Some(End::Done)) => count == 1 || may_repeat && count > 1,
        (QoS::ExactlyOnce, Some(End::Outcome(Cause::Released))) => {
            sent.shaken && (count == 1 || may_repeat && count > 1)
        }
        (_, Some(End::Outcome(Cause::Expired))) => count == 0 || may_repeat,
        // At QoS 1 it may have been sent whole on an earlier link.
        (qos, Some(End::Outcome(Cause::Abandoned))) => count == 0 || qos == QoS::AtLeastOnce || may_repeat,
        (qos, Some(End::Outcome(Cause::SessionLost))) => {
            sent.shaken && policy == OnSessionLoss::Abort && (count <= 1 || qos == QoS::AtLeastOnce)
        }
        _ => false,
    }
}

/// How often a number occurs, and where for the first time.
#[derive(Clone, Copy, Default)]
struct Places {
    count: u32,
    first: usize,
}

fn places(numbers: &[u64]) -> HashMap<u64, Places> {
    let mut places = HashMap::new();
    for (index, number) in numbers.iter().enumerate() {
        places.entry(*number).or_insert(Places { count: 0, first: index }).count += 1;
    }
    places
}
