//! The file system of this machine.

use pure_mqtt_net::store::{FileStore, Folder, Operation, OwnedSnapshot, StoreThread};

use super::*;

fn snapshot(bytes: &[u8]) -> Snapshot<'_> {
    Snapshot { bytes, sequence: 0, header: b"me", wall_clock: 7 }
}

#[test]
fn a_folder_is_made_and_belongs_to_one_store() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("deep/er");
    let (store, recovered) = FileStore::open(&folder).unwrap();
    assert_eq!(recovered.snapshot, None);
    let error = FileStore::open(&folder).unwrap_err();
    assert_eq!(error, StoreError::InUse { folder: folder.clone() });
    assert!(error.to_string().contains("in use"), "{error}");
    drop(store);
    FileStore::open(&folder).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    }
}

/// Also one in another process: it is this test itself, once more.
#[test]
fn a_second_process_is_refused() {
    const VARIABLE: &str = "PURE_MQTT_STORE_FOLDER";
    if let Some(folder) = std::env::var_os(VARIABLE) {
        assert!(matches!(FileStore::open(folder), Err(StoreError::InUse { .. })));
        return;
    }
    let temporary = tempfile::tempdir().unwrap();
    let (_store, _) = FileStore::open(temporary.path()).unwrap();
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::real::a_second_process_is_refused"])
        .env(VARIABLE, temporary.path())
        .output()
        .unwrap();
    assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{output:?}");
}

#[test]
fn what_was_stored_comes_back() {
    let temporary = tempfile::tempdir().unwrap();
    let large = vec![7; 700_000];
    for round in 0..3_u64 {
        let (mut store, recovered) = FileStore::open(temporary.path()).unwrap();
        if round > 0 {
            assert_eq!(recovered.concatenated().len(), 700_000 + 4 + 1_000 * 5);
            assert_eq!((recovered.records.len(), recovered.cut, recovered.wall_clock), (1_000, None, 7));
        }
        store.replace(&snapshot(&large)).unwrap();
        store.replace(&snapshot(&[&large[..], b"last"].concat())).unwrap();
        for number in 0..1_000 {
            store.append(b"12345", number).unwrap();
            if number % 100 == 99 {
                store.commit().unwrap();
            }
        }
        assert!(!store.is_space_low());
        let names: Vec<_> =
            std::fs::read_dir(temporary.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
        assert_eq!(names.len(), 2, "{names:?}");
    }
}

/// A record that was being written when the process ended, and a file that was being made.
#[test]
fn unfinished_work_is_cut() {
    use std::io::Write;
    let temporary = tempfile::tempdir().unwrap();
    let (store, _) = FileStore::open(temporary.path()).unwrap();
    let mut store = store.with_reserve(0);
    store.replace(&snapshot(b"state")).unwrap();
    store.append(b"whole", 1).unwrap();
    store.commit().unwrap();
    let length = store.length();
    drop(store);
    let mut file =
        std::fs::OpenOptions::new().append(true).open(temporary.path().join("log-0000000000000001")).unwrap();
    file.write_all(&[5, 0, 0, 0, 0, 0]).unwrap();
    std::fs::write(temporary.path().join("log-0000000000000002.new"), b"pmqtt").unwrap();
    let (mut store, recovered) = FileStore::open(temporary.path()).unwrap();
    assert_eq!(recovered.concatenated(), b"statewhole");
    let cut = recovered.cut.unwrap();
    assert_eq!((cut.offset, cut.length), (length, 1)); // zeros at the end may be reserved space
    store.replace(&snapshot(b"new")).unwrap();
    let mut names: Vec<_> =
        std::fs::read_dir(temporary.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    names.sort();
    assert_eq!(names, ["lock", "log-0000000000000003"]);
}

#[test]
fn a_folder_that_cannot_be_made_is_told() {
    let temporary = tempfile::tempdir().unwrap();
    let file = temporary.path().join("file");
    std::fs::write(&file, b"").unwrap();
    let error = Folder::open(file.join("folder")).unwrap_err();
    assert!(matches!(&error, StoreError::Io { operation: Operation::MakeFolder, .. }), "{error}");
    assert!(error.to_string().contains("file"), "{error}");
}

#[test]
fn a_thread_stores_for_real() {
    let temporary = tempfile::tempdir().unwrap();
    let (store, _) = FileStore::open(temporary.path()).unwrap();
    let mut thread = StoreThread::start(store, || {}).unwrap();
    thread.replace(OwnedSnapshot { bytes: "state".into(), sequence: 0, header: "me".into(), wall_clock: 7 });
    for number in 1..=500 {
        thread.append(record(number), number);
    }
    drop(thread); // commits what was sent
    let (_, recovered) = FileStore::open(temporary.path()).unwrap();
    assert_eq!(recovered.records.iter().map(|bytes| number(bytes)).collect::<Vec<_>>(), (1..=500).collect::<Vec<_>>());
}
