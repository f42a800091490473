//! The ring: messages from the server, each there once, until the last of its receivers is done with it.

use pure_mqtt::{PacketId, PendingAck, QoS};

use crate::copying::{close_gap, copy};

/// A message in the ring: topic, properties and payload lie one behind the other.
pub struct Entry {
    pub serial: u32,
    start: usize,
    lengths: [usize; 3],
    /// The receivers that have yet to finish it, one bit for each.
    pub unread: u32,
    pub id: Option<PacketId>,
    /// The quality of service and two flags in a plain number: a type with unused values would make an empty ring other than zeros, which takes flash.
    flags: u8,
    pub ack: Option<PendingAck>,
}

const RETAIN: u8 = 0b0100;
const DUP: u8 = 0b1000;

impl Entry {
    pub fn qos(&self) -> QoS {
        QoS::from_bits(self.flags & 0b11).unwrap_or_default()
    }

    pub const fn retain(&self) -> bool {
        self.flags & RETAIN != 0
    }

    pub const fn dup(&self) -> bool {
        self.flags & DUP != 0
    }

    pub const fn len(&self) -> usize {
        let [topic, properties, payload] = self.lengths;
        topic + properties + payload
    }
}

/// What is known of a message apart from its bytes.
pub struct Head {
    pub unread: u32,
    pub id: Option<PacketId>,
    pub qos: QoS,
    pub retain: bool,
    pub dup: bool,
    pub ack: Option<PendingAck>,
}

/// What is kept of the ring beside its arrays.
pub struct Level {
    used: usize,
    serial: u32,
}

impl Level {
    pub const EMPTY: Self = Self { used: 0, serial: 0 };
}

fn parts<'b>(bytes: &'b [u8], entry: &Entry) -> [&'b [u8]; 3] {
    let mut start = entry.start;
    entry.lengths.map(|length| {
        let part = bytes.get(start..start + length).unwrap_or_default();
        start += length;
        part
    })
}

/// The ring. Freed places close at once, so the order of its entries does not matter, and no receiver holds up another.
pub struct Inbox<'a> {
    pub entries: &'a mut [Option<Entry>],
    pub bytes: &'a mut [u8],
    pub level: &'a mut Level,
}

impl Inbox<'_> {
    /// Whether there is room for a message of so many bytes.
    pub fn has_room(&self, length: usize) -> bool {
        self.bytes.len() - self.level.used.min(self.bytes.len()) >= length && self.entries.iter().any(Option::is_none)
    }

    /// Keeps a message; gives the acknowledgement back if there is no room.
    pub fn put(&mut self, head: Head, parts: [&[u8]; 3]) -> Result<(), Option<PendingAck>> {
        let lengths = parts.map(<[u8]>::len);
        let start = self.level.used;
        let length: usize = lengths.iter().sum();
        let free = self.entries.iter_mut().find(|entry| entry.is_none());
        let (Some(place), Some(mut room)) = (free, self.bytes.get_mut(start..start + length)) else {
            return Err(head.ack);
        };
        for part in parts {
            let count = copy(part, room);
            room = room.get_mut(count..).unwrap_or_default();
        }
        let Head { unread, id, qos, retain, dup, ack } = head;
        let flags = qos.bits() | if retain { RETAIN } else { 0 } | if dup { DUP } else { 0 };
        let serial = self.level.serial;
        *place = Some(Entry { serial, start, lengths, unread, id, flags, ack });
        self.level.used += length;
        self.level.serial = serial.wrapping_add(1);
        Ok(())
    }

    /// The oldest such message that one of these receivers has yet to finish.
    pub fn oldest(&self, receivers: u32, is_such: impl Fn(&Entry) -> bool) -> Option<u32> {
        let age = |serial: u32| self.level.serial.wrapping_sub(serial);
        let mut oldest = None;
        for entry in self.entries.iter().flatten().filter(|entry| entry.unread & receivers != 0) {
            if is_such(entry) && oldest.is_none_or(|oldest| age(entry.serial) > age(oldest)) {
                oldest = Some(entry.serial);
            }
        }
        oldest
    }

    /// The copy of a message of which another one has come, under the same packet identifier: it is not kept twice.
    pub fn copy_of(&mut self, id: Option<PacketId>, qos: QoS, topic: &[u8], payload: &[u8]) -> Option<&mut Entry> {
        id?;
        let bytes = &*self.bytes;
        let mut known = self.entries.iter_mut().flatten().filter(|entry| entry.id == id && entry.qos() == qos);
        known.find(|entry| {
            let [kept, _, rest] = parts(bytes, entry);
            kept == topic && rest == payload
        })
    }

    #[inline(never)]
    pub fn entry(&self, serial: u32) -> Option<&Entry> {
        self.entries.iter().flatten().find(|entry| entry.serial == serial)
    }

    /// Topic, properties and payload.
    pub fn parts(&self, entry: &Entry) -> [&[u8]; 3] {
        parts(self.bytes, entry)
    }

    /// How many bytes and messages these receivers have yet to finish.
    pub fn held(&self, receivers: u32) -> (usize, usize) {
        let waiting = self.entries.iter().flatten().filter(|entry| entry.unread & receivers != 0);
        waiting.fold((0, 0), |(bytes, count), entry| (bytes + entry.len(), count + 1))
    }

    /// These receivers have finished a message. Returns it if they were the last, and its place is free.
    pub fn finish(&mut self, serial: u32, receivers: u32) -> Option<Entry> {
        let is_it = |entry: &&mut Option<Entry>| entry.as_ref().is_some_and(|entry| entry.serial == serial);
        let place = self.entries.iter_mut().find(is_it)?;
        let entry = place.as_mut()?;
        entry.unread &= !receivers;
        if entry.unread != 0 {
            return None;
        }
        let gone = place.take()?;
        let length = gone.len();
        close_gap(self.bytes, gone.start, length, self.level.used);
        self.level.used -= length.min(self.level.used);
        for entry in self.entries.iter_mut().flatten().filter(|entry| entry.start > gone.start) {
            entry.start -= length;
        }
        Some(gone)
    }
}
