//! A storage with a journal.

use crate::storage::journal::{Buffer, JournalPart, LEAST, Log};
use crate::storage::sealed::{Bounds, Demand, Sealed, Used};
use crate::storage::{Parts, Storage, View};

/// A storage with a journal: another storage, and `N` bytes for records that are not yet durable. See
/// [`journal`](crate::journal).
///
/// `N` must be about 100 bytes more than the longest message; a longer buffer leads to fewer, longer writes. With an
/// allocator, use [`Heap::with_journal`](crate::Heap::with_journal), whose buffer grows.
///
/// ```
/// use pure_mqtt::storage::Journaled;
/// use pure_mqtt::{Connection, Fixed, Limits};
///
/// type Mqtt = Connection<Journaled<Fixed<1024, 8, 8>, 512>>;
/// static CONNECTION: std::sync::Mutex<Mqtt> =
///     std::sync::Mutex::new(Connection::new(Journaled::new(Fixed::new()), Limits::DEFAULT));
///
/// fn main() {
///     assert!(CONNECTION.lock().unwrap().journal().is_empty());
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Journaled<S, const N: usize> {
    storage: S,
    log: Log,
    bytes: [u8; N],
}

impl<S, const N: usize> Journaled<S, N> {
    /// Adds an empty journal to `storage`.
    ///
    /// Does not compile if `N` is below 80.
    pub const fn new(storage: S) -> Self {
        const { assert!(N >= LEAST, "N must be at least 80") };
        Self { storage, log: Log::EMPTY, bytes: [0; N] }
    }
}

impl<S: Storage, const N: usize> Storage for Journaled<S, N> {}

impl<S: Sealed, const N: usize> Sealed for Journaled<S, N> {
    const MAY_HAVE_ALIASES: bool = S::MAY_HAVE_ALIASES;
    const MAY_HAVE_JOURNAL: bool = true;
    const MAY_INDEX_TOPICS: bool = S::MAY_INDEX_TOPICS;

    fn view(&self) -> View<'_> {
        self.storage.view()
    }

    fn parts(&mut self) -> Parts<'_> {
        let journal = JournalPart::new(&mut self.log, Buffer::Fixed(&mut self.bytes));
        Parts { journal, ..self.storage.parts() }
    }

    fn has_journal(&self) -> bool {
        true
    }

    fn records(&self) -> &[u8] {
        self.log.waiting(&self.bytes)
    }

    fn grow(&mut self, demand: Demand) {
        self.storage.grow(demand);
    }

    fn bounds(&self) -> Bounds {
        self.storage.bounds()
    }

    fn shrink(&mut self, used: Used) {
        self.storage.shrink(used);
    }
}
