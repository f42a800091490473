//! Storage that the caller lends.

use crate::storage::sealed::{Bounds, Sealed};
use crate::storage::{
    AliasEntry, JournalPart, MOST_ARENA, NameStore, Parts, ReceiveSlot, SendSlot, SharedPayloads, SharedView, Side,
    Storage, View, longest_name,
};

/// The slices that [`Borrowed`] is made of. Their contents are overwritten.
#[derive(Debug, Default)]
pub struct Buffers<'a> {
    /// Slots for unfinished outgoing packets; the largest power of two of them is used.
    pub send: &'a mut [SendSlot],
    /// Slots for unfinished QoS 1 and 2 messages from the server; the largest power of two of them is used. Without
    /// any, no QoS 2 message can be received.
    pub receive: &'a mut [ReceiveSlot],
    /// The bytes of all unfinished outgoing packets; at most 2 GiB are used.
    pub arena: &'a mut [u8],
    /// CONNECT, AUTH, DISCONNECT and acknowledgements; at least 16 bytes.
    pub control: &'a mut [u8],
    /// Topic aliases of the server: entries, and bytes for names, of which each alias gets an equal part.
    pub aliases_in: (&'a mut [AliasEntry], &'a mut [u8]),
    /// Topic aliases of outgoing messages, in the same way.
    pub aliases_out: (&'a mut [AliasEntry], &'a mut [u8]),
}

/// Storage in slices that the caller lends, for example a linker section, external RAM or part of a larger buffer.
///
/// ```
/// use pure_mqtt::storage::{Borrowed, Buffers, ReceiveSlot, SendSlot};
/// use pure_mqtt::{Connection, Limits};
///
/// fn main() {
///     let mut send = [SendSlot::default(); 4];
///     let mut receive = [ReceiveSlot::default(); 4];
///     let (mut arena, mut control) = ([0; 512], [0; 128]);
///     let buffers =
///         Buffers { send: &mut send, receive: &mut receive, arena: &mut arena, control: &mut control, ..Buffers::default() };
///     let connection = Connection::new(Borrowed::new(buffers), Limits::DEFAULT);
///     assert!(connection.is_idle());
/// }
/// ```
#[derive(Debug)]
pub struct Borrowed<'a> {
    send: &'a mut [SendSlot],
    receive: &'a mut [ReceiveSlot],
    arena: &'a mut [u8],
    control: &'a mut [u8],
    names: Lent<'a>,
}

/// The topic names of the server's aliases, and those of our own.
#[derive(Debug)]
struct Lent<'a>([(&'a mut [AliasEntry], &'a mut [u8]); 2]);

impl<'a> Borrowed<'a> {
    /// Takes the slices and clears their tables.
    pub fn new(buffers: Buffers<'a>) -> Self {
        let Buffers { send, receive, arena, control, aliases_in, aliases_out } = buffers;
        let (send, receive) = (power_of_two(send), power_of_two(receive));
        let arena = start(arena, MOST_ARENA);
        send.fill(SendSlot::FREE);
        receive.fill(ReceiveSlot::FREE);
        aliases_in.0.fill(AliasEntry::UNBOUND);
        aliases_out.0.fill(AliasEntry::UNBOUND);
        Self { send, receive, arena, control, names: Lent([aliases_in, aliases_out]) }
    }
}

/// Returns the longest prefix of `slots` whose length is a power of two, at most 32,768.
fn power_of_two<T>(slots: &mut [T]) -> &mut [T] {
    start(slots, slots.len().min(32_768).checked_ilog2().map_or(0, |log| 1 << log))
}

/// Returns the first `most` elements.
fn start<T>(slice: &mut [T], most: usize) -> &mut [T] {
    let length = slice.len().min(most);
    slice.split_at_mut_checked(length).map_or(&mut [], |(start, _)| start)
}

impl NameStore for Lent<'_> {
    fn lengths(&self, side: Side) -> (usize, usize) {
        let (entries, bytes) = side.of(&self.0);
        (entries.len(), bytes.len())
    }

    fn entries(&self, side: Side) -> &[AliasEntry] {
        side.of(&self.0).0
    }

    fn name(&self, side: Side, index: usize) -> &[u8] {
        let longest = longest_name(self, side);
        let (_, bytes) = side.of(&self.0);
        bytes.get(index * longest..).and_then(|bytes| bytes.get(..longest)).unwrap_or_default()
    }

    fn bind(&mut self, side: Side, index: usize, length: usize) -> Option<(&mut AliasEntry, &mut [u8])> {
        let longest = longest_name(self, side);
        let (entries, bytes) = side.of_mut(&mut self.0);
        let entry = entries.get_mut(index)?;
        let bytes = bytes.get_mut(index * longest..).filter(|_| length <= longest);
        Some((entry, bytes.and_then(|bytes| bytes.get_mut(..length)).unwrap_or_default()))
    }

    fn clear(&mut self) {
        let [(server, _), (client, _)] = &mut self.0;
        server.fill(AliasEntry::UNBOUND);
        client.fill(AliasEntry::UNBOUND);
    }
}

impl Storage for Borrowed<'_> {}

impl Sealed for Borrowed<'_> {
    fn view(&self) -> View<'_> {
        View {
            slots: self.send,
            arena: self.arena,
            inbox: self.receive,
            control: self.control,
            names: Some(&self.names),
            payloads: SharedView::NONE,
        }
    }

    fn parts(&mut self) -> Parts<'_> {
        Parts {
            slots: self.send,
            arena: self.arena,
            inbox: self.receive,
            control: self.control,
            names: Some(&mut self.names),
            payloads: SharedPayloads::NONE,
            journal: JournalPart::NONE,
        }
    }

    fn bounds(&self) -> Bounds {
        let [inbound, outbound] = &self.names.0;
        Bounds {
            send_slots: self.send.len(),
            slots_now: self.send.len(),
            arena: self.arena.len(),
            arena_now: self.arena.len(),
            receive_slots: self.receive.len(),
            control: self.control.len(),
            aliases: inbound.0.len().min(outbound.0.len()),
            shares_payloads: false,
        }
    }
}
