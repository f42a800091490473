//! Storage that the caller lends.

use crate::storage::sealed::{Bounds, Sealed};
use crate::storage::{
    AliasEntry, JournalPart, NameStore, Names, Parts, ReceiveSlot, SendSlot, SharedPayloads, SharedView, Storage, View,
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
pub struct Borrowed<'a> {
    send: &'a mut [SendSlot],
    receive: &'a mut [ReceiveSlot],
    arena: &'a mut [u8],
    control: &'a mut [u8],
    names: Lent<'a>,
}

/// Names behind the server's aliases, and behind our own.
#[derive(Debug)]
struct Lent<'a>([(&'a mut [AliasEntry], &'a mut [u8]); 2]);

impl<'a> Borrowed<'a> {
    /// Takes the slices and clears their tables.
    pub fn new(buffers: Buffers<'a>) -> Self {
        let Buffers { send, receive, arena, control, aliases_in, aliases_out } = buffers;
        let (send, receive) = (power_of_two(send), power_of_two(receive));
        send.fill(SendSlot::FREE);
        receive.fill(ReceiveSlot::FREE);
        aliases_in.0.fill(AliasEntry::UNBOUND);
        aliases_out.0.fill(AliasEntry::UNBOUND);
        Self { send, receive, arena, control, names: Lent([aliases_in, aliases_out]) }
    }
}

/// The longest start of `slots` whose length is a power of two, at most 32,768.
fn power_of_two<T>(slots: &mut [T]) -> &mut [T] {
    let length = slots.len().min(32_768).checked_ilog2().map_or(0, |log| 1 << log);
    slots.split_at_mut_checked(length).map_or(&mut [], |(start, _)| start)
}

impl NameStore for Lent<'_> {
    fn inbound_entries(&self) -> &[AliasEntry] {
        let [(entries, _), _] = &self.0;
        entries
    }

    fn inbound(&mut self) -> Names<'_> {
        let [(entries, bytes), _] = &mut self.0;
        Names { entries, bytes }
    }

    fn outbound(&mut self) -> Names<'_> {
        let [_, (entries, bytes)] = &mut self.0;
        Names { entries, bytes }
    }
}

impl Storage for Borrowed<'_> {}

impl Sealed for Borrowed<'_> {
    fn view(&self) -> View<'_> {
        let [inbound, outbound] = &self.names.0;
        View {
            slots: self.send,
            arena: self.arena,
            inbox: self.receive,
            control: self.control,
            alias_entries: [inbound.0, outbound.0],
            alias_names: [inbound.1, outbound.1],
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
