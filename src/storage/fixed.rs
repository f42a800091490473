//! Storage of a size fixed at compile time.

use crate::storage::sealed::{Bounds, Sealed};
use crate::storage::{
    AliasEntry, JournalPart, MOST_ARENA, NameStore, Parts, ReceiveSlot, SendSlot, SharedPayloads, SharedView, Side,
    Storage, View,
};

/// Storage inside the connection itself. It never allocates.
///
/// | parameter | counts | rule of thumb |
/// |---|---|---|
/// | `ARENA` | bytes of all unfinished outgoing packets | a few times the longest message |
/// | `SEND` | unfinished outgoing packets; a power of two | messages in flight and queued, plus two |
/// | `RECV` | unfinished QoS 1 and 2 messages from the server; a power of two | 8; 32 or more if QoS 2 messages arrive in bursts; not 1 with manual acknowledgements or streamed messages |
/// | `CONTROL` | bytes for CONNECT, AUTH, DISCONNECT and acknowledgements; at least 16 | the longest CONNECT |
/// | `ALIASES` | topic aliases in each direction | 0 |
/// | `NAME` | the longest topic name behind an alias | 0 |
///
/// [`ram::fixed`](crate::ram::fixed) computes the memory that this takes.
///
/// ```
/// use pure_mqtt::{Connection, Fixed, Limits};
///
/// static CONNECTION: std::sync::Mutex<Connection<Fixed<1024, 8, 8>>> =
///     std::sync::Mutex::new(Connection::new(Fixed::new(), Limits::DEFAULT));
///
/// fn main() {
///     assert!(CONNECTION.lock().unwrap().is_idle());
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Fixed<
    const ARENA: usize,
    const SEND: usize,
    const RECV: usize,
    const CONTROL: usize = 256,
    const ALIASES: usize = 0,
    const NAME: usize = 0,
> {
    slots: [SendSlot; SEND],
    inbox: [ReceiveSlot; RECV],
    arena: [u8; ARENA],
    control: [u8; CONTROL],
    names: Inline<ALIASES, NAME>,
}

/// The topic names of the server's aliases, and those of our own.
#[derive(Clone, Debug)]
struct Inline<const ALIASES: usize, const NAME: usize> {
    entries: [[AliasEntry; ALIASES]; 2],
    bytes: [[[u8; NAME]; ALIASES]; 2],
}

impl<const A: usize, const S: usize, const R: usize, const C: usize, const L: usize, const N: usize>
    Fixed<A, S, R, C, L, N>
{
    /// Creates empty storage. All its bytes are zero, so a `static` one takes no flash.
    ///
    /// Does not compile if `SEND` or `RECV` is not a power of two up to 32,768, or `CONTROL` is below 16.
    pub const fn new() -> Self {
        const {
            assert!(S.is_power_of_two() && S <= 32_768, "SEND must be a power of two up to 32,768");
            assert!(R.is_power_of_two() && R <= 32_768, "RECV must be a power of two up to 32,768");
            assert!(C >= 16, "CONTROL must be at least 16 bytes");
            assert!(A <= MOST_ARENA, "ARENA must be below 2 GiB");
        }
        Self {
            slots: [SendSlot::FREE; S],
            inbox: [ReceiveSlot::FREE; R],
            arena: [0; A],
            control: [0; C],
            names: Inline { entries: [[AliasEntry::UNBOUND; L]; 2], bytes: [[[0; N]; L]; 2] },
        }
    }
}

impl<const A: usize, const S: usize, const R: usize, const C: usize, const L: usize, const N: usize> Default
    for Fixed<A, S, R, C, L, N>
{
    fn default() -> Self {
        Self::new()
    }
}

impl<const L: usize, const N: usize> NameStore for Inline<L, N> {
    fn lengths(&self, _side: Side) -> (usize, usize) {
        (L, L * N)
    }

    fn entries(&self, side: Side) -> &[AliasEntry] {
        side.of::<[_; L]>(&self.entries)
    }

    fn name(&self, side: Side, index: usize) -> &[u8] {
        side.of(&self.bytes).get(index).map_or(&[], |bytes| bytes)
    }

    fn bind(&mut self, side: Side, index: usize, length: usize) -> Option<(&mut AliasEntry, &mut [u8])> {
        let entry = side.of_mut(&mut self.entries).get_mut(index)?;
        let bytes = side.of_mut(&mut self.bytes).get_mut(index)?;
        Some((entry, bytes.get_mut(..length).unwrap_or_default()))
    }

    fn clear(&mut self) {
        self.entries = [[AliasEntry::UNBOUND; L]; 2];
    }
}

impl<const A: usize, const S: usize, const R: usize, const C: usize, const L: usize, const N: usize> Storage
    for Fixed<A, S, R, C, L, N>
{
}

impl<const A: usize, const S: usize, const R: usize, const C: usize, const L: usize, const N: usize> Sealed
    for Fixed<A, S, R, C, L, N>
{
    const MAY_HAVE_ALIASES: bool = L > 0;

    fn view(&self) -> View<'_> {
        View {
            slots: &self.slots,
            arena: &self.arena,
            inbox: &self.inbox,
            control: &self.control,
            names: if Self::MAY_HAVE_ALIASES { Some(&self.names) } else { None },
            payloads: SharedView::NONE,
        }
    }

    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn parts(&mut self) -> Parts<'_> {
        Parts {
            slots: &mut self.slots,
            arena: &mut self.arena,
            inbox: &mut self.inbox,
            control: &mut self.control,
            names: if Self::MAY_HAVE_ALIASES { Some(&mut self.names) } else { None },
            payloads: SharedPayloads::NONE,
            journal: JournalPart::NONE,
        }
    }

    fn bounds(&self) -> Bounds {
        Bounds {
            send_slots: S,
            slots_now: S,
            arena: A,
            arena_now: A,
            receive_slots: R,
            control: C,
            aliases: L,
            shares_payloads: false,
        }
    }
}
