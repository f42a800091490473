//! What the application was promised for the messages that it published, what came of it, and whether that is right. It speaks up at once, so that
//! the shortest script shows what is wrong.

use crate::payload::{Spec, payload_of};
use crate::records::History;
use crate::server::{Seen, Taken};
use pure_mqtt::{Cause, Delivery, Handle, QoS, Risk};
use std::collections::BTreeMap;

/// How a message ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    Done,
    /// The server refused it.
    Refused,
    Outcome(Cause),
    /// `cancel` took it back.
    TakenBack,
    /// Another one took its place: by `replace`, or by the overflow policy.
    Dropped,
}

/// A message that was accepted.
#[derive(Debug)]
pub struct Sent {
    pub spec: Spec,
    pub handle: Handle,
    /// By the client's clock.
    pub expires_at: Option<u64>,
    /// The link on which it was accepted, or the last one before.
    pub link: u32,
    /// The server may have lost what it knew of it.
    pub is_shaken: bool,
    /// It may have been taken for the repetition of another.
    pub is_forgiven: bool,
    /// It was among several candidates to be dropped.
    pub may_be_dropped: bool,
    /// The application supplies the payload.
    pub is_streamed: bool,
    pub taken: u32,
    /// So often it may leave once more at QoS 0, since nobody could know whether it had.
    pub again: u32,
    pub refused: u32,
    pub end: Option<End>,
    /// The message that took its place.
    pub replaced_by: Option<u32>,
    /// It had ended, and is there again, since a loss of power came before the record of that: others may have gone before it.
    pub is_back: bool,
    /// It comes from a log, which doesn't tell how much of it has left.
    pub is_recovered: bool,
    /// A loss of power came before its record.
    pub is_gone: bool,
}

#[derive(Default)]
pub struct Ledger {
    pub sent: Vec<Sent>,
    /// The numbers of the messages behind the handles of this life.
    handles: BTreeMap<Handle, u32>,
    /// SUBSCRIBE and UNSUBSCRIBE: which, and whether it ended.
    pub requests: BTreeMap<Handle, (bool, bool)>,
    /// The message that was taken over last for the first time, at QoS 1 and 2.
    latest: Option<u32>,
}

/// What a judge found.
pub type Verdict = Result<(), String>;

impl Ledger {
    /// The number that the next message gets.
    pub fn next(&self) -> u32 {
        self.sent.len() as u32
    }

    pub fn accept(&mut self, sent: Sent, delivery: &Delivery) -> Verdict {
        let number = self.next();
        if self.handles.insert(delivery.handle, number).is_some() {
            return Err(format!("{:?} was given twice", delivery.handle));
        }
        self.sent.push(sent);
        let Some(dropped) = delivery.dropped else { return Ok(()) };
        let candidates: Vec<u32> =
            self.handles.range(dropped.first..=dropped.last).map(|(_, number)| *number).collect();
        let open: Vec<u32> = candidates.into_iter().filter(|number| self.is_open(*number)).collect();
        let is_sure = open.len() == dropped.count as usize;
        for candidate in open {
            let is_end = [dropped.first, dropped.last].contains(&self.sent[candidate as usize].handle);
            match is_sure || is_end {
                true => {
                    self.end_of(candidate, End::Dropped)?;
                    self.sent[candidate as usize].replaced_by = Some(number);
                }
                false => self.sent[candidate as usize].may_be_dropped = true,
            }
        }
        Ok(())
    }

    fn is_open(&self, number: u32) -> bool {
        let sent = &self.sent[number as usize];
        sent.end.is_none() && !sent.is_gone
    }

    /// The message with this handle, if it has no end yet.
    pub fn number(&self, handle: Handle) -> Option<u32> {
        self.handles.get(&handle).copied()
    }

    /// A handle has its end.
    pub fn end(&mut self, handle: Handle, end: End, now: u64) -> Verdict {
        if let Some((_, has_ended)) = self.requests.get_mut(&handle) {
            return match std::mem::replace(has_ended, true) {
                true => Err(format!("the request {handle:?} ended twice")),
                false => Ok(()),
            };
        }
        let Some(number) = self.number(handle) else { return Err(format!("{handle:?} ended and was never given")) };
        let sent = &self.sent[number as usize];
        if end == End::Outcome(Cause::Expired) && sent.expires_at.is_none_or(|at| at > now) {
            return Err(format!("message {number} expired before its time: {sent:?} at {now}"));
        }
        self.end_of(number, end)
    }

    /// It was withdrawn at this risk: its outcome follows, and at QoS 0 nothing.
    pub fn withdraw(&mut self, handle: Handle, risk: Risk, now: u64) -> Verdict {
        if let Some((_, has_ended)) = self.requests.get(&handle) {
            return if *has_ended {
                Err(format!("the request {handle:?} was withdrawn after its end"))
            } else {
                Ok(())
            };
        }
        let Some(number) = self.number(handle) else {
            return Err(format!("{handle:?} was withdrawn, and never given"));
        };
        let sent = &mut self.sent[number as usize];
        let shaken = sent.is_shaken || sent.is_forgiven;
        let is_right = match risk {
            Risk::None => sent.taken == 0 || shaken,
            Risk::MayBeLost => sent.spec.qos == QoS::ExactlyOnce && (sent.taken > 0 || shaken),
            _ => sent.spec.qos != QoS::AtMostOnce,
        };
        if !is_right || sent.end.is_some() {
            return Err(format!("message {number} was withdrawn at the risk {risk:?}: {sent:?}"));
        }
        if sent.spec.qos == QoS::AtMostOnce { self.end(handle, End::TakenBack, now) } else { Ok(()) }
    }

    fn end_of(&mut self, number: u32, end: End) -> Verdict {
        let sent = &mut self.sent[number as usize];
        if let Some(before) = sent.end {
            return Err(format!("message {number} ended as {before:?}, and then as {end:?}"));
        }
        sent.end = Some(end);
        if sent.spec.qos == QoS::AtMostOnce && !matches!(end, End::TakenBack | End::Dropped) {
            return Err(format!("message {number} is of QoS 0 and ended as {end:?}"));
        }
        let shaken = sent.is_shaken || sent.is_forgiven;
        let is_right = match end {
            End::Done => sent.taken > 0 || sent.is_forgiven,
            End::Refused => sent.refused > 0,
            End::TakenBack | End::Dropped => sent.taken == 0 || shaken,
            End::Outcome(Cause::Released) => sent.taken > 0 && shaken || sent.is_forgiven,
            End::Outcome(Cause::SessionLost) => shaken,
            End::Outcome(Cause::Expired) => sent.taken == 0 || shaken,
            End::Outcome(_) => true,
        };
        if is_right { Ok(()) } else { Err(format!("message {number} must not end so: {sent:?}")) }
    }

    /// The server got a message, for the first time or again.
    pub fn took(&mut self, taken: &Taken, is_refused: bool, link: u32, checks_props: bool) -> Verdict {
        let number = taken.number;
        let Some(sent) = self.sent.get_mut(number as usize) else {
            return Err(format!("message {number} was never sent"));
        };
        let Spec { qos, retain, ref topic, length, ref props, .. } = sent.spec;
        if taken.payload != payload_of(number, length) {
            return Err(format!("the payload of message {number} is damaged: {:02x?}", taken.payload));
        }
        if (taken.qos, taken.retain, &taken.topic) != (qos.bits(), retain, topic) {
            return Err(format!("message {number} became another: {taken:?}, not {:?}", sent.spec));
        }
        if taken.level == 5 && checks_props && *props != without_expiry(&taken.props) {
            return Err(format!("message {number} has the properties {:02x?}, not {props:02x?}", taken.props));
        }
        if taken.dup && sent.link >= link && taken.seen != Some(Seen::Here) {
            return Err(format!("[MQTT-3.3.1-1] message {number} comes with DUP for the first time"));
        }
        if !taken.dup && taken.seen.is_some() && !sent.is_shaken && qos != QoS::AtMostOnce {
            return Err(format!("[MQTT-3.3.1-1] message {number} comes again without DUP"));
        }
        if sent.is_gone && sent.taken == 0 && qos != QoS::AtMostOnce && sent.link >= link {
            return Err(format!("message {number} left before its record was durable"));
        }
        if is_refused {
            sent.refused += 1;
            return Ok(());
        }
        sent.taken += 1;
        let (count, shaken) = (sent.taken, sent.is_shaken || sent.is_forgiven);
        if qos == QoS::AtMostOnce && count > 1 + sent.again || qos == QoS::ExactlyOnce && count > 1 && !shaken {
            return Err(format!("message {number} was taken over {count} times: {sent:?}"));
        }
        let has_gone =
            matches!(sent.end, Some(End::TakenBack | End::Dropped | End::Outcome(Cause::Expired | Cause::Withdrawn)));
        if has_gone && !shaken {
            return Err(format!("message {number} left after its end: {sent:?}"));
        }
        if count == 1 && qos != QoS::AtMostOnce {
            let before = self.latest.filter(|latest| *latest > number && sent.refused == 0 && !sent.is_back);
            self.latest = self.latest.max(Some(number));
            if let Some(later) = before {
                return Err(format!("[MQTT-4.6.0-1] message {number} came behind message {later}"));
            }
        }
        Ok(())
    }

    /// The server got it once more, and knows it.
    pub fn repeated(&self, taken: &Taken) -> Verdict {
        let number = taken.number;
        let Some(sent) = self.sent.get(number as usize) else { return Err(format!("message {number} was never sent")) };
        if taken.payload != payload_of(number, sent.spec.length) || !taken.dup && !sent.is_shaken {
            return Err(format!("message {number} is repeated as another, or without DUP: {taken:?}"));
        }
        Ok(())
    }

    /// The server has forgotten what it knew of what is under way.
    pub fn shake(&mut self) {
        self.sent.iter_mut().filter(|sent| sent.end.is_none()).for_each(|sent| sent.is_shaken = true);
    }

    /// What was shown to the transport was taken back, and may have left all the same: at QoS 0 whatever comes behind the message with the handle that `last_sent_qos0` returns.
    pub fn take_back(&mut self, left: Handle) {
        for sent in self.sent.iter_mut().filter(|sent| sent.end.is_none()) {
            (sent.is_shaken, sent.is_forgiven) = (true, true);
            sent.again += u32::from(sent.handle > left);
        }
    }

    /// What has no end yet, and needs one.
    pub fn open(&self) -> Option<String> {
        let request = self.requests.iter().find(|(_, (_, has_ended))| !has_ended);
        if let Some((handle, _)) = request {
            return Some(format!("the request {handle:?}"));
        }
        let open = self.sent.iter().position(|sent| {
            sent.end.is_none() && !sent.is_gone && !sent.may_be_dropped && sent.spec.qos != QoS::AtMostOnce
        });
        open.map(|number| format!("message {number}: {:?}", self.sent[number]))
    }

    /// The power failed, and durable memory says this: what counts of what was promised. Of some messages the end was not fetched.
    pub fn lose_power(&mut self, history: &History, ended: &[Handle]) -> Verdict {
        for number in 0..self.next() {
            let sent = &self.sent[number as usize];
            let handle = sent.handle.get();
            let is_gone = sent.is_gone || !history.accepted.contains(&handle) || sent.spec.qos == QoS::AtMostOnce;
            let has_ended = sent.end.is_some() && history.ended.contains(&handle);
            if !is_gone && has_ended && sent.end == Some(End::Dropped) {
                self.check_replaced(number, history, ended)?;
            }
            let sent = &mut self.sent[number as usize];
            (sent.is_gone, sent.is_recovered) = (is_gone, true);
            if let Some(end) = sent.end.take_if(|_| !is_gone && !has_ended) {
                sent.is_back = true;
                sent.may_be_dropped |= end != End::Dropped; // it was told
            }
        }
        self.handles.retain(|_, number| !self.sent[*number as usize].is_gone);
        self.requests.clear();
        Ok(())
    }

    /// The end of this message is durable because another one took its place: so that one was accepted for good, or something came of it.
    fn check_replaced(&self, number: u32, history: &History, ended: &[Handle]) -> Verdict {
        let mut next = self.sent[number as usize].replaced_by;
        while let Some(by) = next.map(|by| &self.sent[by as usize]) {
            if by.spec.qos == QoS::AtMostOnce || history.accepted.contains(&by.handle.get()) {
                return Ok(());
            }
            next = by.replaced_by;
            // One that is gone was looked at when the power failed before; one that was among several candidates may be over as well.
            let has_ended = by.end.is_some() || by.may_be_dropped || ended.contains(&by.handle);
            if next.is_none() && !has_ended && !by.is_gone {
                return Err(format!("message {number} was dropped for one that is lost: {by:?}"));
            }
        }
        Ok(())
    }

    /// After a loss of power: the handles that are there again. Those that had ended unnoticed may be missing.
    pub fn recovered(&mut self, handles: &[u64], ended: &[Handle]) -> Verdict {
        for handle in handles {
            let known = self.handles.iter().find(|(known, _)| known.get() == *handle);
            let Some((_, number)) = known else {
                return Err(format!("handle {handle} was never durable, and is back"));
            };
            if let Some(end) = self.sent[*number as usize].end {
                return Err(format!("message {number} ended as {end:?} for good, and is back"));
            }
        }
        for (handle, number) in &self.handles {
            let sent = &mut self.sent[*number as usize];
            if sent.end.is_none() && !handles.contains(&handle.get()) {
                if !ended.contains(handle) && !sent.may_be_dropped {
                    return Err(format!("message {number} was durable, and is lost: {sent:?}"));
                }
                sent.is_gone = true;
            }
        }
        Ok(())
    }
}

/// Message Expiry grows less on the way, so it is looked at apart.
fn without_expiry(props: &[crate::server::codec::Prop]) -> Vec<crate::server::codec::Prop> {
    props.iter().filter(|(id, _)| *id != 0x02).cloned().collect()
}
