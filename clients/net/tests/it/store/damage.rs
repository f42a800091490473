//! Bytes that are not what was written.

use std::path::Path;

use super::*;

const FILE: &str = "log-0000000000000001";

/// Three groups; returns where each of the records begins, and where the last group does.
fn written(disk: &Disk) -> (Vec<u64>, u64) {
    let mut store = Store::over(disk.clone()).unwrap().0.with_reserve(1_000);
    replace(&mut store, 1).unwrap();
    let mut starts = Vec::new();
    let mut last_group = 0;
    for group in [2..5, 5..6, 6..9] {
        last_group = store.length();
        for number in group {
            starts.push(store.length());
            append(&mut store, number).unwrap();
        }
        store.commit().unwrap();
    }
    starts.push(store.length());
    (starts, last_group)
}

#[test]
fn a_bit_that_flips_is_told_with_its_place_and_never_believed() {
    let disk = Disk::new(1);
    let (starts, last_group) = written(&disk);
    let end = *starts.last().unwrap() as usize;
    for offset in 0..end {
        for bits in [1, 0x80, 0xFF] {
            disk.flip(FILE, offset, bits);
            match Store::over(disk.clone()) {
                Err(StoreError::Damaged { path, offset: told }) => {
                    assert_eq!(path, Path::new("/disk").join(FILE));
                    let in_record = starts.iter().rev().find(|start| **start <= offset as u64);
                    assert!(told == *in_record.unwrap_or(&told) && told <= offset as u64, "{told} for {offset}");
                    assert!((told as usize) < last_group as usize);
                }
                Err(StoreError::NewerFormat { format, .. }) => assert!((8..12).contains(&offset) && format > 1),
                Err(error) => panic!("{error}"),
                Ok((_, recovered)) => {
                    // Nothing says that the last group was ever durable: it may have been on its way.
                    assert!(offset >= last_group as usize, "{offset} is not noticed");
                    let count = starts.iter().filter(|start| **start <= offset as u64).count() as u64;
                    assert_eq!(last(&recovered), count, "offset {offset}");
                    let cut = recovered.cut.expect("it is told");
                    assert_eq!(cut.offset, starts[count as usize - 1]);
                }
            }
            disk.flip(FILE, offset, bits);
        }
    }
    assert_eq!(reopened(&disk), 8);
}

/// Also in the last group, once something was written behind it.
#[test]
fn the_next_group_vouches_for_the_one_before() {
    let disk = Disk::new(1);
    let (mut store, _) = Store::over(disk.clone()).unwrap();
    replace(&mut store, 1).unwrap();
    let start = store.length();
    append(&mut store, 2).unwrap();
    store.commit().unwrap();
    disk.flip(FILE, start as usize + 20, 1);
    assert_eq!(reopened(&disk), 1);
    append(&mut store, 3).unwrap();
    store.commit().unwrap();
    let error = Store::over(disk.clone()).unwrap_err();
    assert_eq!(error, StoreError::Damaged { path: Path::new("/disk").join(FILE), offset: start });
    assert!(error.to_string().contains(&format!("byte {start}")) && error.to_string().contains(FILE), "{error}");
}

/// Bytes of a record that hold records themselves vouch for nothing.
#[test]
fn a_payload_that_looks_like_a_log_is_only_a_payload() {
    let disk = Disk::new(1);
    written(&disk);
    let log = disk.bytes(FILE).clone();
    let disk = Disk::new(2);
    let (mut store, _) = Store::over(disk.clone()).unwrap();
    store.replace(&Snapshot { bytes: &log, sequence: 0, header: &log, wall_clock: 0 }).unwrap();
    let start = store.length() as usize;
    store.append(&log, 1).unwrap();
    store.commit().unwrap();
    disk.flip(FILE, start, 1);
    let (_, recovered) = Store::over(disk.clone()).unwrap();
    assert_eq!((recovered.records.len(), recovered.snapshot.as_deref()), (0, Some(&log[..])));
}

#[test]
fn other_files_are_left_alone() {
    use pure_mqtt_net::store::Files;
    let mut disk = Disk::new(1);
    for name in ["notes.txt", "log-1", "log-000000000000000A", "log-zzzzzzzzzzzzzzzz", "log-0000000000000007.new"] {
        disk.create(name).unwrap();
    }
    let (mut store, recovered) = Store::over(disk.clone()).unwrap();
    assert_eq!(last(&recovered), 0);
    replace(&mut store, 1).unwrap();
    let names = disk.list();
    assert!(names.contains(&"notes.txt".to_owned()) && names.contains(&"log-0000000000000008".to_owned()), "{names:?}");
    assert_eq!(names.len(), 5);
}

/// What a file before had at the same place, as a file system may show it after a crash, is no record of this one.
#[test]
fn records_of_an_older_file_are_not_believed() {
    let disk = Disk::new(1);
    let (starts, _) = written(&disk);
    let (first, end) = (starts[0] as usize, *starts.last().unwrap() as usize);
    let old = disk.bytes(FILE)[first..end].to_vec();
    let (mut store, _) = Store::over(disk.clone()).unwrap();
    replace(&mut store, 1).unwrap();
    assert_eq!(store.length(), first as u64);
    disk.overwrite("log-0000000000000002", first, &old);
    let (_, recovered) = Store::over(disk.clone()).unwrap();
    assert_eq!((last(&recovered), recovered.cut.map(|cut| cut.offset)), (1, Some(first as u64)));
}
