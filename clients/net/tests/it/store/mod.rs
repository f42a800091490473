//! The durable log, on a disk that fails and on the real one.

mod damage;
mod faults;
mod journal;
mod power;
mod real;
mod threads;
mod worlds;

use pure_mqtt_net::store::{FileStore, Recovered, Snapshot, StoreError};

use crate::support::disk::Disk;

pub type Store = FileStore<Disk>;

/// What the record with this number holds: its number, and bytes that follow from it.
pub fn record(number: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(number);
    let length = if random.u8(..10) == 0 { random.usize(..2_000) } else { random.usize(..60) };
    number.to_le_bytes().into_iter().chain((0..length).map(|_| random.u8(..))).collect()
}

/// The number of a record, whose bytes must be right.
pub fn number(bytes: &[u8]) -> u64 {
    let number = u64::from_le_bytes(bytes[..8].try_into().unwrap());
    assert!(bytes == record(number), "record {number} is not what was stored");
    number
}

/// A snapshot of everything up to this number.
pub fn replace(store: &mut Store, number: u64) -> Result<(), StoreError> {
    let bytes = record(number);
    store.replace(&Snapshot { bytes: &bytes, sequence: number, header: &bytes[..8], wall_clock: number })
}

pub fn append(store: &mut Store, number: u64) -> Result<(), StoreError> {
    store.append(&record(number), number)
}

/// The last number that was recovered; everything before it must be there as well, in order. 0 for nothing.
pub fn last(recovered: &Recovered) -> u64 {
    let Some(snapshot) = &recovered.snapshot else {
        assert!(recovered.records.is_empty());
        return 0;
    };
    let mut last = number(snapshot);
    assert_eq!((&recovered.header[..], recovered.wall_clock), (&snapshot[..8], last));
    for bytes in &recovered.records {
        last += 1;
        assert_eq!(number(bytes), last);
    }
    last
}

/// Opens it once more, and returns the last number.
pub fn reopened(disk: &Disk) -> u64 {
    last(&Store::over(disk.clone()).unwrap().1)
}
