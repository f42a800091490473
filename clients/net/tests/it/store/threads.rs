//! A store on a thread of its own, over a folder whose writing can be held up.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pure_mqtt_net::store::{FileStore, Files, Folder, LogFile, OwnedSnapshot, StoreEvent, StoreThread};

use super::{number, record};

/// What a test does to the disk.
#[derive(Clone, Default)]
struct Control {
    syncs: Arc<AtomicU64>,
    fails: Arc<AtomicBool>,
    gate: Arc<Mutex<()>>,
}

struct Watched {
    folder: Folder,
    control: Control,
}

struct WatchedFile {
    file: std::fs::File,
    control: Control,
}

impl Files for Watched {
    type File = WatchedFile;

    fn names(&self) -> io::Result<Vec<String>> {
        self.folder.names()
    }
    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        self.folder.read(name)
    }
    fn create(&mut self, name: &str) -> io::Result<WatchedFile> {
        Ok(WatchedFile { file: self.folder.create(name)?, control: self.control.clone() })
    }
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.folder.rename(from, to)
    }
    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.folder.remove(name)
    }
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path(name)
    }
}

impl Write for WatchedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl LogFile for WatchedFile {
    fn reserve(&mut self, length: u64) -> io::Result<()> {
        self.file.reserve(length)
    }
    fn sync(&mut self) -> io::Result<()> {
        let _passed = self.control.gate.lock().unwrap();
        self.control.syncs.fetch_add(1, Ordering::SeqCst);
        if self.control.fails.load(Ordering::SeqCst) { Err(io::Error::other("no")) } else { Ok(()) }
    }
}

struct Test {
    thread: StoreThread<Watched>,
    woken: Receiver<()>,
    control: Control,
    folder: tempfile::TempDir,
}

fn start() -> Test {
    let folder = tempfile::tempdir().unwrap();
    let control = Control::default();
    let files = Watched { folder: Folder::open(folder.path()).unwrap(), control: control.clone() };
    let (wake, woken) = mpsc::channel();
    let wake = move || {
        let _ = wake.send(());
    };
    let thread = StoreThread::start(FileStore::over(files).unwrap().0, wake).unwrap();
    let mut test = Test { thread, woken, control, folder };
    test.replace(0);
    assert_eq!(test.next(), StoreEvent::Replaced(0));
    test
}

impl Test {
    fn next(&mut self) -> StoreEvent {
        self.woken.recv_timeout(Duration::from_secs(30)).expect("it is woken");
        self.thread.poll().expect("there is something")
    }

    fn replace(&mut self, sequence: u64) {
        let bytes = record(sequence);
        self.thread.replace(OwnedSnapshot { bytes: bytes.into(), sequence, header: "".into(), wall_clock: 0 });
    }

    fn append(&mut self, sequence: u64) {
        self.thread.append(record(sequence), sequence);
    }

    fn found(self) -> Vec<u64> {
        let Self { thread, folder, .. } = self;
        drop(thread);
        let (_, recovered) = FileStore::open(folder.path()).unwrap();
        recovered.snapshot.iter().chain(&recovered.records).map(|bytes| number(bytes)).collect()
    }
}

#[test]
fn what_gathers_while_the_disk_is_slow_shares_one_fsync() {
    let mut test = start();
    let before = test.control.syncs.load(Ordering::SeqCst);
    let gate = test.control.gate.clone();
    let held = gate.lock().unwrap();
    for sequence in 1..=1_000 {
        test.append(sequence); // never waits
    }
    assert!(test.thread.poll().is_none());
    drop(held);
    let mut stored = 0;
    while stored < 1_000 {
        let StoreEvent::Stored(sequence) = test.next() else { panic!() };
        assert!(sequence > stored);
        stored = sequence;
    }
    let syncs = test.control.syncs.load(Ordering::SeqCst) - before;
    assert!((1..=2).contains(&syncs), "{syncs} for a thousand records");
    assert_eq!(test.thread.backlog(), 0);
    assert_eq!(test.found(), (0..=1_000).collect::<Vec<_>>());
}

#[test]
fn after_a_failure_nothing_is_stored_until_a_snapshot_is() {
    let mut test = start();
    test.control.fails.store(true, Ordering::SeqCst);
    test.append(1);
    assert!(matches!(test.next(), StoreEvent::Failed(_)));
    test.control.fails.store(false, Ordering::SeqCst);
    test.append(2);
    test.append(3);
    test.replace(3);
    test.append(4);
    assert_eq!(test.next(), StoreEvent::Replaced(3));
    assert_eq!(test.next(), StoreEvent::Stored(4));
    assert_eq!(test.found(), [3, 4]);
}

#[test]
fn a_snapshot_that_fails_loses_nothing() {
    let mut test = start();
    test.append(1);
    assert_eq!(test.next(), StoreEvent::Stored(1));
    test.control.fails.store(true, Ordering::SeqCst);
    test.replace(1);
    assert!(matches!(test.next(), StoreEvent::NotReplaced(_)));
    test.control.fails.store(false, Ordering::SeqCst);
    test.append(2);
    assert_eq!(test.next(), StoreEvent::Stored(2));
    assert_eq!(test.found(), [0, 1, 2]);
}

#[test]
fn the_store_comes_back_when_everything_is_done() {
    let mut test = start();
    for sequence in 1..=10 {
        test.append(sequence);
    }
    let store = test.thread.finish().unwrap();
    assert!(store.is_writable() && store.stored() == 10);
}
