//! Storage that the caller lends.

use crate::storage::sealed::{Bounds, Sealed};
use crate::storage::{
    AliasEntry, JournalPart, Names, Parts, ReceiveSlot, SendSlot, SharedPayloads, SharedView, Storage, View,
};

/// The slices that [`Borrowed`] is made of. Their contents are overwritten.
#[derive(Debug, Default)]
pub struct Buffers<'a> {
    /// Outgoing packets that are not finished; cut to a power of two.
    pub send: &'a mut [SendSlot],
    /// Incoming QoS 1 and 2 messages that are not finished; cut to a power of two.
    pub receive: &'a mut [ReceiveSlot],
    /// The bytes of all outgoing packets that are not finished.
    pub arena: &'a mut [u8],
    /// CONNECT, AUTH, DISCONNECT and acknowledgements; at least 16 bytes.
    pub control: &'a mut [u8],
    /// Topic aliases of the server: entries, and room for names that is shared out equally.
    pub aliases_in: (&'a mut [AliasEntry], &'a mut [u8]),
    /// Topic aliases of our own.
    pub aliases_out: (&'a mut [AliasEntry], &'a mut [u8]),
}

/// Storage in slices that the caller lends: a linker section, external RAM, a part of a larger buffer.
///
/// ```
/// use pure_mqtt::storage::{Borrowed, Buffers, ReceiveSlot, SendSlot};
/// use pure_mqtt::{Connection, Limits};
///
/// let mut send = [SendSlot::default(); 4];
/// let mut receive = [ReceiveSlot::default(); 4];
/// let (mut arena, mut control) = ([0; 512], [0; 128]);
/// let buffers =
///     Buffers { send: &mut send, receive: &mut receive, arena: &mut arena, control: &mut control, ..Buffers::default() };
/// let connection = Connection::new(Borrowed::new(buffers), Limits::DEFAULT);
/// assert!(connection.is_idle());
/// ```
#[derive(Debug)]
pub struct Borrowed<'a>(Buffers<'a>);

impl<'a> Borrowed<'a> {
    /// Takes the slices and clears their tables.
    pub fn new(buffers: Buffers<'a>) -> Self {
        let buffers = Buffers { send: power_of_two(buffers.send), receive: power_of_two(buffers.receive), ..buffers };
        buffers.send.fill(SendSlot::FREE);
        buffers.receive.fill(ReceiveSlot::FREE);
        buffers.aliases_in.0.fill(AliasEntry::UNBOUND);
        buffers.aliases_out.0.fill(AliasEntry::UNBOUND);
        Self(buffers)
    }
}

/// The longest start of `slots` whose length is a power of two, at most 32,768.
fn power_of_two<T>(slots: &mut [T]) -> &mut [T] {
    let length = slots.len().min(32_768).checked_ilog2().map_or(0, |log| 1 << log);
    slots.split_at_mut_checked(length).map_or(&mut [], |(start, _)| start)
}

impl Storage for Borrowed<'_> {}

impl Sealed for Borrowed<'_> {
    fn view(&self) -> View<'_> {
        let buffers = &self.0;
        View {
            slots: buffers.send,
            arena: buffers.arena,
            inbox: buffers.receive,
            control: buffers.control,
            alias_entries: [buffers.aliases_in.0, buffers.aliases_out.0],
            alias_names: [buffers.aliases_in.1, buffers.aliases_out.1],
            payloads: SharedView::NONE,
        }
    }

    fn parts(&mut self) -> Parts<'_> {
        let buffers = &mut self.0;
        Parts {
            slots: buffers.send,
            arena: buffers.arena,
            inbox: buffers.receive,
            control: buffers.control,
            names_in: Names { entries: buffers.aliases_in.0, bytes: buffers.aliases_in.1 },
            names_out: Names { entries: buffers.aliases_out.0, bytes: buffers.aliases_out.1 },
            payloads: SharedPayloads::NONE,
            journal: JournalPart::NONE,
        }
    }

    fn bounds(&self) -> Bounds {
        Bounds {
            send_slots: self.0.send.len(),
            slots_now: self.0.send.len(),
            arena: self.0.arena.len(),
            arena_now: self.0.arena.len(),
            receive_slots: self.0.receive.len(),
            control: self.0.control.len(),
            aliases: self.0.aliases_in.0.len().min(self.0.aliases_out.0.len()),
            shares_payloads: false,
        }
    }
}
