//! Compares a session, the log as the connection describes it, and the result of a recovery.

use std::collections::BTreeMap;
use std::format;
use std::string::String;
use std::vec::Vec;

use crate::connection::Connection;
use crate::limits::Limits;
use crate::storage::{Fact, MessageMarks, Next, Record, START, SendSlot, SessionFact, Stands, Storage};
use crate::time::Instant;
use crate::types::Version;
use crate::wire::{DUP, Layout};

/// The durable part of a session.
#[derive(Debug, PartialEq, Eq)]
pub struct Durable {
    version: Version,
    session: SessionFact,
    /// The number of the handle that was assigned last.
    last_number: u64,
    /// In the order of sending.
    messages: Vec<u64>,
    /// In the order of PUBREC.
    released: Vec<u64>,
    received: Vec<u16>,
}

/// The bytes of each message, and whether the application supplies its payload.
type Frames = BTreeMap<u64, (Vec<u8>, bool)>;

impl Durable {
    /// Returns the durable part of a connection without a link.
    fn of<S: Storage>(mqtt: &Connection<S>) -> Self {
        let view = mqtt.storage.view();
        let outgoing = &mqtt.core.outgoing;
        let handles = |stands: Stands| {
            let slots = outgoing.packets(view.slots).map(|(_, slot)| slot);
            let slots = slots.filter(|slot| slot.kind.is_windowed() && slot.progress.stands() == stands);
            slots.map(|slot| slot.handle).collect()
        };
        let mut received: Vec<u16> = view.inbox.iter().filter(|slot| slot.is_received()).map(|slot| slot.id).collect();
        received.sort_unstable();
        Self {
            version: mqtt.version(),
            session: mqtt.core.session_fact(),
            last_number: outgoing.last_handle() >> 16,
            messages: handles(Stands::First),
            released: handles(Stands::Release),
            received,
        }
    }
}

/// Returns the encoded packet of each message to be sent, without DUP, which every message has after a recovery.
fn frames<S: Storage>(mqtt: &Connection<S>) -> Frames {
    let view = mqtt.storage.view();
    let bytes = |(index, slot): (usize, &SendSlot)| {
        let start = slot.position as usize;
        let mut bytes = view.arena[start..start + slot.length as usize].to_vec();
        bytes[0] &= !DUP;
        let is_shared = slot.marks.message().has(MessageMarks::SHARED_PAYLOAD);
        bytes.extend_from_slice(if is_shared { view.payloads.get(index) } else { &[] });
        (slot.handle, (bytes, slot.marks.message().has(MessageMarks::STREAMED)))
    };
    let is_sent = |slot: &SendSlot| slot.kind.is_windowed() && slot.progress.is_first();
    mqtt.core.outgoing.packets(view.slots).filter(|(_, slot)| is_sent(slot)).map(bytes).collect()
}

/// The messages that expire: the time that is left is written into their frames when they are sent.
fn is_expiring<S: Storage>(mqtt: &Connection<S>, handle: u64) -> bool {
    mqtt.storage.view().slots.iter().any(|slot| slot.handle == handle && slot.detail.get() != 0)
}

/// Messages that the log says were replaced, while it doesn't have what replaced them yet; and the highest number that
/// it speaks of in such places.
fn replaced(log: &[u8]) -> (Vec<u64>, u64) {
    let (mut rest, mut chain, mut highest) = (log.get(START.len()..).unwrap_or_default(), 0, 0);
    let (mut waiting, mut known): (BTreeMap<u64, Vec<u64>>, Vec<u64>) = Default::default();
    while let Next::Record { record, length, chain: next } = Next::read(rest, chain) {
        (rest, chain) = (&rest[length..], next);
        match record {
            Record::Accepted { handle, .. } => {
                known.push(handle);
                waiting.remove(&(handle >> 16));
            }
            Record::Replaced { handle, by } => {
                let mut over = waiting.remove(&(handle >> 16)).unwrap_or_default();
                over.extend(known.contains(&handle).then_some(handle));
                highest = highest.max(u64::from(by)).max(handle >> 16);
                if by != 0 {
                    waiting.entry(by.into()).or_default().extend(over);
                }
            }
            Record::Done(id) | Record::Released(id) => {
                waiting.values_mut().for_each(|over| over.retain(|handle| *handle as u16 != id));
            }
            Record::NewSession { aborted, .. } => {
                waiting.values_mut().for_each(|over| over.retain(|handle| *handle > aborted));
            }
            Record::Discarded => waiting.clear(),
            _ => {}
        }
    }
    (waiting.into_values().flatten().collect(), highest)
}

/// Compares everything after a call. `highest` is the highest number of a handle in the log.
pub fn compare<S: Storage>(mqtt: &mut Connection<S>, log: &[u8], make: fn() -> S, limits: Limits, highest: &mut u64) {
    let books = *mqtt.storage.parts().journal.books().unwrap();
    let view = mqtt.storage.view();
    assert!(mqtt.core.outgoing.owes_what_differs(view.slots), "a message differs and owes nothing");
    assert!(mqtt.core.incoming.owes_what_differs(view.inbox), "a received message differs and owes nothing");
    let noted = |fact: Fact| {
        let handles = view.slots.iter().filter(|slot| slot.notes.noted() == fact).map(|slot| slot.handle);
        let mut handles: Vec<u64> = handles.collect();
        handles.sort_unstable();
        handles
    };
    let is_behind =
        books.is_behind || books.queue.0 != 0 || view.inbox.iter().any(|slot| slot.fact() != slot.notes.noted());
    if mqtt.journal().is_empty() {
        assert!(!is_behind, "nothing waits, and not all is noted");
        assert!(view.slots.iter().all(|slot| !slot.notes.is_finished()), "a finished message keeps its slot");
    }
    if books.loss.get().is_some() {
        return; // the log says what was true before; nothing else is noted meanwhile
    }
    let mut received: Vec<u16> =
        view.inbox.iter().filter(|slot| slot.notes.noted() == Fact::Received).map(|slot| slot.id).collect();
    received.sort_unstable();
    let (mut messages, mut released) = (noted(Fact::Accepted), noted(Fact::Released));
    let whole = [log, mqtt.journal()].concat();
    let (replaced, number) = replaced(&whole);
    *highest = messages.iter().chain(&released).map(|handle| handle >> 16).fold(number.max(*highest), u64::max);
    messages.extend(replaced);
    messages.sort_unstable();
    messages.dedup(); // after a loss of power they are there

    let recovered = Connection::recover(make(), limits, Instant::from_millis(0), &whole);
    let (mut again, found) = recovered.unwrap_or_else(|error| panic!("{error}: {:?}", records(&whole)));
    assert_eq!(found.used, whole.len());
    let mut back = Durable::of(&again);
    if books.version.get().is_none() {
        back.version = mqtt.version(); // nothing is in the log that a version would be needed for
    }
    if !is_behind {
        // All is noted: what comes back is what is true, in its order.
        let mut live = Durable::of(mqtt);
        live.last_number = *highest;
        assert_eq!(back, live);
    }
    back.released.sort_unstable();
    released.sort_unstable();
    let version = books.version.get().unwrap_or(mqtt.version());
    let session = books.session;
    assert_eq!(back, Durable { version, session, last_number: *highest, messages, released, received });
    if version == mqtt.version() {
        let (ours, theirs) = (frames(mqtt), frames(&again));
        for (handle, frame) in &theirs {
            let is_same =
                ours.get(handle).is_none_or(|ours| ours == frame || has_lost_properties(ours, frame, version));
            assert!(
                is_same || is_expiring(mqtt, *handle),
                "message {handle}: {:02X?}, and recovered {frame:02X?}",
                ours.get(handle)
            );
        }
    }
    compare_in_place(&mut Connection::new(make(), limits), &again, &whole);
    assert!(again.journal().is_empty());
    let mut snapshot = Vec::new();
    assert!(again.snapshot(&mut |bytes| snapshot.extend_from_slice(bytes)));
    assert!(again.longest_snapshot().is_none_or(|longest| snapshot.len() <= longest));
    let (same, _) = Connection::recover(make(), limits, Instant::from_millis(0), &snapshot).unwrap();
    assert_eq!((Durable::of(&same), frames(&same)), (Durable::of(&again), frames(&again)), "by way of a snapshot");
}

/// The message was encoded for an earlier version and back while there was no room to note it: the log has the
/// properties that it lost.
fn has_lost_properties(ours: &(Vec<u8>, bool), noted: &(Vec<u8>, bool), version: Version) -> bool {
    let parts = |(frame, is_streamed): &(Vec<u8>, bool)| {
        let Layout { first_byte, start, properties, rest, .. } = Layout::of(frame, version);
        ((first_byte, frame[start..properties].to_vec(), frame[rest..].to_vec(), *is_streamed), rest - properties)
    };
    let ((ours, properties), (noted, _)) = (parts(ours), parts(noted));
    properties == 1 && ours == noted
}

/// All records of a log.
fn records(log: &[u8]) -> Vec<String> {
    let (mut rest, mut chain, mut records) = (log.get(START.len()..).unwrap_or_default(), 0, Vec::new());
    while let Next::Record { record, length, chain: next } = Next::read(rest, chain) {
        records.push(format!("{record:02X?}"));
        (rest, chain) = (&rest[length..], next);
    }
    records
}

/// In place of a new connection the same comes back, also after an attempt with a log that is damaged behind
/// everything.
fn compare_in_place<S: Storage>(fresh: &mut Connection<S>, again: &Connection<S>, whole: &[u8]) {
    let now = Instant::from_millis(0);
    fresh.restore(now, &[whole, &[0x55; 20]].concat()).unwrap_err();
    assert_eq!(fresh.restore(now, whole).unwrap().used, whole.len());
    assert_eq!((Durable::of(fresh), frames(fresh)), (Durable::of(again), frames(again)), "in place");
    let is_used = fresh.pending() > 0 || fresh.has_session();
    assert!(!is_used || fresh.restore(now, whole) == Err(crate::journal::RecoverError::NotNew));
}
