//! Each failure, one at a time.

use std::io::ErrorKind;

use pure_mqtt_net::store::Operation;

use super::*;
use crate::support::disk::Faults;

fn begun(disk: &Disk) -> Store {
    let (mut store, _) = Store::over(disk.clone()).unwrap();
    assert!(!store.is_writable());
    assert_eq!(append(&mut store, 1), Err(StoreError::NeedsSnapshot));
    assert_eq!(store.commit(), Err(StoreError::NeedsSnapshot));
    replace(&mut store, 1).unwrap();
    append(&mut store, 2).unwrap();
    assert_eq!((store.stored(), store.commit(), store.stored()), (1, Ok(2), 2));
    store
}

fn operation(error: &StoreError) -> Operation {
    let StoreError::Io { operation, path, .. } = error else { panic!("{error:?}") };
    assert!(path.starts_with("/disk") && error.to_string().contains("/disk"), "{error}");
    *operation
}

#[test]
fn after_a_failed_fsync_only_a_snapshot_heals() {
    for (faults, expected) in [
        (Faults { sync: 1_000, ..Faults::default() }, Operation::Sync),
        (Faults { write: 1_000, ..Faults::default() }, Operation::Write),
    ] {
        let disk = Disk::new(1);
        let mut store = begun(&disk);
        append(&mut store, 3).unwrap();
        disk.faults(faults);
        assert_eq!(operation(&store.commit().unwrap_err()), expected);
        disk.faults(Faults::default());
        // The disk is well again: nevertheless, the file is not touched any more.
        assert_eq!((store.is_writable(), store.stored(), store.length(), store.pending()), (false, 2, 0, 0));
        assert_eq!(append(&mut store, 4), Err(StoreError::NeedsSnapshot));
        assert_eq!(store.commit(), Err(StoreError::NeedsSnapshot));
        assert!(reopened(&disk.lose_power(1)) <= 3);
        replace(&mut store, 4).unwrap();
        append(&mut store, 5).unwrap();
        assert_eq!(store.commit(), Ok(5));
        for seed in 0..20 {
            assert_eq!(reopened(&disk.lose_power(seed)), 5);
        }
    }
}

#[test]
fn a_snapshot_that_fails_leaves_the_log_as_it_was() {
    for faults in [Faults { sync: 1_000, ..Faults::default() }, Faults { write: 1_000, ..Faults::default() }] {
        let disk = Disk::new(1);
        let mut store = begun(&disk);
        append(&mut store, 3).unwrap();
        disk.faults(faults);
        replace(&mut store, 3).unwrap_err();
        disk.faults(Faults::default());
        assert!(store.is_writable() && store.pending() > 0);
        assert_eq!(disk.list().len(), 1, "what was not finished is removed");
        append(&mut store, 4).unwrap();
        assert_eq!(store.commit(), Ok(4));
        for seed in 0..20 {
            assert_eq!(reopened(&disk.lose_power(seed)), 4);
        }
    }
}

#[test]
fn a_name_that_may_not_be_durable_ends_both_files() {
    for seed in 0..40 {
        let disk = Disk::new(seed);
        let mut store = begun(&disk);
        disk.faults(Faults { folder: 500, ..Faults::default() });
        let result = replace(&mut store, 3);
        disk.faults(Faults::default());
        match result {
            Ok(()) => assert_eq!(append(&mut store, 4), Ok(())),
            Err(error) => {
                assert!(matches!(operation(&error), Operation::Rename | Operation::SyncFolder));
                assert_eq!((store.is_writable(), store.stored()), (false, 2));
                assert!((2..=3).contains(&reopened(&disk.lose_power(seed))));
                replace(&mut store, 4).unwrap();
            }
        }
        assert_eq!(disk.list().len(), 1);
        assert!((3..=4).contains(&reopened(&disk.lose_power(seed))));
    }
}

#[test]
fn a_full_disk_is_told_and_healed_by_space() {
    let disk = Disk::new(1);
    let mut store = begun(&disk);
    assert!(!store.is_space_low());
    disk.space(Some(10));
    append(&mut store, 3).unwrap();
    let error = store.commit().unwrap_err();
    assert!(matches!(&error, StoreError::Io { kind: ErrorKind::StorageFull, .. }));
    assert!(error.to_string().starts_with("there is no space left"), "{error}");
    let error = replace(&mut store, 3).unwrap_err();
    assert!(matches!(error, StoreError::Io { kind: ErrorKind::StorageFull, .. }) && !store.is_writable());
    assert_eq!((reopened(&disk.lose_power(1)), store.stored()), (2, 2));
    disk.space(None);
    replace(&mut store, 3).unwrap();
    assert_eq!(reopened(&disk.lose_power(1)), 3);
}

/// Before the disk is full the owner is told.
#[test]
fn space_that_cannot_be_reserved_is_told_before() {
    let disk = Disk::new(1);
    let mut store = begun(&disk).with_reserve(100_000_000);
    disk.space(Some(1_000_000));
    append(&mut store, 3).unwrap();
    assert_eq!((store.commit(), store.is_space_low(), store.is_writable()), (Ok(3), true, true));
    disk.space(None);
    append(&mut store, 4).unwrap();
    assert_eq!((store.commit(), store.is_space_low()), (Ok(4), false));
}

#[test]
fn a_group_is_one_fsync_and_writes_may_be_short() {
    let disk = Disk::new(1);
    let mut store = begun(&disk);
    disk.faults(Faults { short: 900, ..Faults::default() });
    let before = disk.syncs();
    for number in 3..500 {
        append(&mut store, number).unwrap();
    }
    assert_eq!((store.commit(), disk.syncs() - before), (Ok(499), 1));
    assert_eq!((store.commit(), disk.syncs() - before), (Ok(499), 1), "nothing is to be done");
    assert_eq!(reopened(&disk.lose_power(1)), 499);
}

#[test]
fn empty_records_are_none() {
    let disk = Disk::new(1);
    let mut store = begun(&disk);
    store.append(b"", 3).unwrap();
    assert_eq!((store.pending(), store.commit()), (0, Ok(3)));
    let (_, recovered) = Store::over(disk.lose_power(1)).unwrap();
    assert_eq!((recovered.records.len(), recovered.cut), (1, None));
}
