//! A store on a thread of its own.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;

use bytes::Bytes;

use crate::store::error::Operation;
use crate::store::{FileStore, Files, Folder, Snapshot, StoreError};

/// A group is committed at this size, even if more records are waiting.
const LARGEST_GROUP: usize = 1024 * 1024;

/// A [`FileStore`] on a thread of its own, so that no caller waits for an `fsync`: records are sent to the thread, and results
/// come back as events.
///
/// Records sent during an `fsync` share the next one. Dropping this value commits what was sent, blocks until that is done, and
/// ends the thread; dropped within `wake`, it doesn't block.
///
/// ```
/// use std::time::Duration;
///
/// use pure_mqtt_net::store::{FileStore, OwnedSnapshot, StoreEvent, StoreThread};
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let folder = tempfile::tempdir()?; // a program has one that stays
///     let (store, _) = FileStore::open(folder.path())?;
///     let (wake, woken) = std::sync::mpsc::channel();
///     let mut store = StoreThread::start(store, move || wake.send(()).unwrap_or_default())?;
///     store.replace(OwnedSnapshot { bytes: "state".into(), sequence: 0, header: "".into(), wall_clock: 0 });
///     store.append("one", 1);
///     let mut stored = None;
///     while stored != Some(1) {
///         woken.recv_timeout(Duration::from_secs(10))?; // a host wakes its loop instead
///         while let Some(event) = store.poll() {
///             match event {
///                 StoreEvent::Stored(sequence) | StoreEvent::Replaced(sequence) => stored = Some(sequence),
///                 StoreEvent::NotReplaced(error) | StoreEvent::Failed(error) => return Err(error.into()),
///             }
///         }
///     }
///     Ok(())
/// }
/// ```
pub struct StoreThread<F: Files = Folder> {
    commands: Option<Sender<Command>>,
    events: Receiver<StoreEvent>,
    backlog: Arc<AtomicUsize>,
    thread: Option<JoinHandle<FileStore<F>>>,
}

/// The result of records or a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreEvent {
    /// Everything up to this sequence is stored.
    Stored(u64),
    /// A snapshot is stored, and everything up to this sequence with it.
    Replaced(u64),
    /// A snapshot could not be written. The old file is still in use, and nothing is lost.
    NotReplaced(StoreError),
    /// Writing failed. Records that were not reported as stored are lost, and further records are discarded. Send a snapshot
    /// that is made after this event.
    Failed(StoreError),
}

/// A [`Snapshot`] that owns its bytes.
#[derive(Clone)]
pub struct OwnedSnapshot {
    /// The owner's state, in the owner's form.
    pub bytes: Bytes,
    /// What is durable when it is.
    pub sequence: u64,
    /// What else the owner wants to know after a restart.
    pub header: Bytes,
    /// The wall clock, in seconds since 1970.
    pub wall_clock: u64,
}

enum Command {
    Append(Bytes, u64),
    Replace(OwnedSnapshot),
}

impl Command {
    const fn length(&self) -> usize {
        match self {
            Self::Append(bytes, _) => bytes.len(),
            Self::Replace(snapshot) => snapshot.bytes.len(),
        }
    }
}

impl<F: Files + Send + 'static> StoreThread<F>
where
    F::File: Send,
{
    /// Moves `store` to a new thread, which calls `wake` after each new event.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the system has no thread left.
    pub fn start(store: FileStore<F>, wake: impl Fn() + Send + 'static) -> Result<Self, StoreError> {
        let (commands, inbox) = mpsc::channel();
        let (outbox, events) = mpsc::channel();
        let backlog = Arc::new(AtomicUsize::new(0));
        let path = store.files.path("");
        let tell = move |event| {
            let _ = outbox.send(event); // nobody may be there any more, at the end
            wake();
        };
        let worker = Worker { store, inbox, backlog: Arc::clone(&backlog), tell };
        let thread = std::thread::Builder::new().name("mqtt-store".into()).spawn(move || worker.run());
        let thread = thread.map_err(|error| StoreError::io(Operation::StartThread, path, &error))?;
        Ok(Self { commands: Some(commands), events, backlog, thread: Some(thread) })
    }
}

impl<F: Files> StoreThread<F> {
    /// Sends a record, without blocking. [`StoreEvent::Stored`] follows, one for several records.
    pub fn append(&mut self, bytes: impl Into<Bytes>, sequence: u64) {
        self.send(Command::Append(bytes.into(), sequence));
    }

    /// Sends a snapshot, without blocking. It covers everything sent before. [`StoreEvent::Replaced`],
    /// [`StoreEvent::NotReplaced`] or [`StoreEvent::Failed`] follows.
    pub fn replace(&mut self, snapshot: OwnedSnapshot) {
        self.send(Command::Replace(snapshot));
    }

    fn send(&mut self, command: Command) {
        self.backlog.fetch_add(command.length(), Ordering::Relaxed);
        if let Some(commands) = &self.commands {
            let _ = commands.send(command); // the thread ends only with this value
        }
    }

    /// Returns the next event, in order; `None` if there is none.
    pub fn poll(&mut self) -> Option<StoreEvent> {
        self.events.try_recv().ok()
    }

    /// Returns how many bytes were sent and not yet processed by the thread: the memory that a slow disk costs.
    pub fn backlog(&self) -> usize {
        self.backlog.load(Ordering::Relaxed)
    }

    /// Processes everything that was sent, ends the thread, and returns the store. `None` if `wake` panicked.
    pub fn finish(mut self) -> Option<FileStore<F>> {
        self.commands = None;
        self.thread.take().and_then(|thread| thread.join().ok())
    }
}

impl<F: Files> Drop for StoreThread<F> {
    fn drop(&mut self) {
        self.commands = None;
        if let Some(thread) = self.thread.take() {
            // `wake` may drop this value: its thread can't wait for itself, and ends by itself.
            if thread.thread().id() != std::thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}

struct Worker<F: Files, T> {
    store: FileStore<F>,
    inbox: Receiver<Command>,
    backlog: Arc<AtomicUsize>,
    tell: T,
}

impl<F: Files, T: Fn(StoreEvent)> Worker<F, T> {
    fn run(mut self) -> FileStore<F> {
        while let Ok(command) = self.inbox.recv() {
            self.take(command);
            while self.store.pending() < LARGEST_GROUP {
                let Ok(command) = self.inbox.try_recv() else { break };
                self.take(command);
            }
            self.commit();
        }
        self.store
    }

    fn take(&mut self, command: Command) {
        self.backlog.fetch_sub(command.length(), Ordering::Relaxed);
        match command {
            // After a failure a snapshot is on its way that has what comes until then.
            Command::Append(..) if !self.store.is_writable() => {}
            Command::Append(bytes, sequence) => {
                if let Err(error) = self.store.append(&bytes, sequence) {
                    (self.tell)(StoreEvent::Failed(error));
                }
            }
            Command::Replace(snapshot) => (self.tell)(match self.store.replace(&snapshot.borrow()) {
                Ok(()) => StoreEvent::Replaced(snapshot.sequence),
                Err(error) if self.store.is_writable() => StoreEvent::NotReplaced(error),
                Err(error) => StoreEvent::Failed(error),
            }),
        }
    }

    fn commit(&mut self) {
        if self.store.pending() == 0 {
            return;
        }
        (self.tell)(match self.store.commit() {
            Ok(sequence) => StoreEvent::Stored(sequence),
            Err(error) => StoreEvent::Failed(error),
        });
    }
}

impl OwnedSnapshot {
    fn borrow(&self) -> Snapshot<'_> {
        let Self { bytes, sequence, header, wall_clock } = self;
        Snapshot { bytes, sequence: *sequence, header, wall_clock: *wall_clock }
    }
}

impl<F: Files> fmt::Debug for StoreThread<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreThread").field("backlog", &self.backlog()).finish_non_exhaustive()
    }
}

/// Without what is to be stored.
impl fmt::Debug for OwnedSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.borrow().fmt(f)
    }
}
