//! The storages, and what only some of them can.

use pure_mqtt::storage::{Borrowed, Journaled};
use pure_mqtt::{Connection, Fixed, Heap, Instant, Limits, Storage};

/// A storage of a world.
pub trait Memory: Storage + Sized {
    /// The same again, where that is possible.
    fn fork(connection: &Connection<Self>) -> Option<Connection<Self>>;

    /// Records that wait.
    fn journal(_: &Connection<Self>) -> &[u8] {
        &[]
    }

    fn written(_: &mut Connection<Self>, _: usize) {}

    /// A log that leads to the present state.
    fn snapshot(_: &mut Connection<Self>) -> Option<Vec<u8>> {
        None
    }

    /// What a log leads to, and how much of it counts.
    fn recover(_: Limits, _: Instant, _: &[u8]) -> Option<Result<(Connection<Self>, usize), String>> {
        None
    }
}

/// A usual size, a large one and a tiny one.
pub type Usual = Fixed<640, 8, 8, 128, 2, 32>;
pub type Large = Fixed<2048, 16, 32, 256, 4, 40>;
pub type Tiny = Fixed<160, 2, 2, 64, 1, 8>;

macro_rules! plain {
    ($($storage:ty),*) => {$(
        impl Memory for $storage {
            fn fork(connection: &Connection<Self>) -> Option<Connection<Self>> {
                Some(connection.clone())
            }
        }
    )*};
}

plain!(Heap, Usual, Large, Tiny);

impl Memory for Borrowed<'_> {
    fn fork(_: &Connection<Self>) -> Option<Connection<Self>> {
        None
    }
}

macro_rules! journaled {
    ($($storage:ty, $length:literal, $make:expr);*) => {$(
        impl Memory for Journaled<$storage, $length> {
            fn fork(connection: &Connection<Self>) -> Option<Connection<Self>> {
                Some(connection.clone())
            }

            fn journal(connection: &Connection<Self>) -> &[u8] {
                connection.journal()
            }

            fn written(connection: &mut Connection<Self>, count: usize) {
                connection.journal_written(count);
            }

            fn snapshot(connection: &mut Connection<Self>) -> Option<Vec<u8>> {
                let mut log = Vec::new();
                connection.snapshot(&mut |bytes| log.extend(bytes)).then_some(log)
            }

            fn recover(limits: Limits, now: Instant, log: &[u8]) -> Option<Result<(Connection<Self>, usize), String>> {
                let recovered = Connection::recover(Journaled::new($make), limits, now, log);
                Some(recovered.map(|(connection, found)| (connection, found.used)).map_err(|error| error.to_string()))
            }
        }
    )*};
}

journaled!(Heap, 4096, Heap::new(); Large, 1024, Fixed::new(); Tiny, 300, Fixed::new());
