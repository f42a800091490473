//! Clients whose messages survive a power failure: the agent's log, in a folder.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use pure_mqtt_agent::{Agent, Bytes, RecoverError};
use pure_mqtt_net::store::{FileStore, Files, Folder, OwnedSnapshot, StoreError, StoreEvent, StoreThread};

use crate::client::Client;
use crate::options::Options;
use crate::shared::{Shared, Wakeup};
use crate::state::State;
use crate::ticket::MessageInfo;

/// # Durability
impl Client {
    /// Creates a client that keeps a log in `folder`, which is created if it is missing, and continues from the log that is there. Messages at QoS 1 and 2 survive the end of
    /// the program and a power failure, and QoS 2 messages are still delivered exactly once. Only one process at a time can use a folder.
    ///
    /// A message is safe once its record is durable. This takes an `fsync` after [`publish`](Self::publish), and the loop must run. Nothing that depends on a record is sent
    /// before that. [`recovered`](Self::recovered) returns the messages from before the restart. Subscriptions must be made again before the program connects; only the
    /// differences are sent to the server.
    ///
    /// The session must be kept as well: [`CleanStart::Always`](crate::CleanStart::Always) counts as `First`, which here means the first link of a folder. In 5.0 the session
    /// expires after a day without a link, unless [`Options::properties`] sets another Session Expiry Interval.
    ///
    /// If the log cannot be written (the disk is full or fails), the link is closed, publishes at QoS 1 and 2 return
    /// [`PublishError::StoreFailed`](crate::PublishError::StoreFailed), and writing is retried every 10 seconds; [`on_log`](Self::on_log) reports it.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use pure_mqtt_client::pure_mqtt::QoS;
    /// use pure_mqtt_client::{Client, Options};
    /// use pure_mqtt_test_broker::Broker;
    ///
    /// fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///     let broker = Broker::start()?; // or a server of your own
    ///     let folder = tempfile::tempdir()?; // or a folder that stays
    ///
    ///     let client = Client::open(folder.path(), Options::new("meter-7"))?;
    ///     client.connect(broker.address())?;
    ///     client.loop_start()?;
    ///     client.publish("meter/7", "4711", QoS::ExactlyOnce, false)?.wait_for_publish(Duration::from_secs(10))?;
    ///     client.disconnect();
    ///     client.loop_stop();
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// [`StorageError`]: another process uses the folder, the folder can't be read or written, or the log is damaged or belongs to another client. In that case nothing is changed.
    pub fn open(folder: impl Into<PathBuf>, options: Options) -> Result<Self, StorageError> {
        Self::open_over(Folder::open(folder)?, options)
    }

    /// Like [`open`](Self::open), with files of your own: encrypted ones, or those of a test that simulates a full disk. You must make sure that no other process uses them.
    ///
    /// # Errors
    /// Same errors as [`open`](Self::open).
    pub fn open_over<F: Files<File: Send> + Send + 'static>(files: F, options: Options) -> Result<Self, StorageError> {
        let (store, recovered) = FileStore::over(files)?;
        let wakeup = Arc::new(Wakeup::default());
        let woken = Arc::clone(&wakeup);
        let state = State::recover(options.lasting(), &recovered.concatenated()).map_err(StorageError::Log)?;
        let store = StoreThread::start(store, move || woken.wake())?;
        let client = Self::over(Shared::of(state, wakeup));
        let mut state = client.shared.lock();
        let mut storage = Storage { store: Box::new(store) };
        storage.compact(&mut state.agent); // a store begins with a snapshot
        state.storage = Some(storage);
        state.find_recovered(client.shared.number);
        drop(state);
        Ok(client)
    }

    /// Returns the unfinished messages from before the restart, in order, each with the number that it was [published](Self::publish_tagged) with.
    pub fn recovered(&self) -> Vec<(MessageInfo, u64)> {
        self.shared.lock().recovered.clone()
    }

    /// Returns the number of the latest QoS 1 or 2 message that was [published](Self::publish_tagged) with a number, finished or not; 0 if there was none. Right after
    /// [`open`](Self::open) this is the latest message that the log has accepted: a program that numbers its input continues after that number, and publishes nothing twice.
    pub fn latest_tag(&self) -> u64 {
        self.shared.lock().agent.latest_tag()
    }
}

/// Passes the log to the thread that writes it.
pub(crate) struct Storage {
    store: Box<dyn Store + Send>,
}

/// A [`StoreThread`] over any kind of files.
trait Store {
    fn poll(&mut self) -> Option<StoreEvent>;
    fn append(&mut self, bytes: Vec<u8>, sequence: u64);
    fn replace(&mut self, snapshot: OwnedSnapshot);
}

impl<F: Files> Store for StoreThread<F> {
    fn poll(&mut self) -> Option<StoreEvent> {
        StoreThread::poll(self)
    }

    fn append(&mut self, bytes: Vec<u8>, sequence: u64) {
        StoreThread::append(self, bytes, sequence);
    }

    fn replace(&mut self, snapshot: OwnedSnapshot) {
        StoreThread::replace(self, snapshot);
    }
}

impl Storage {
    /// Passes pending records to the store thread, and reports to the agent which are durable.
    pub(crate) fn save(&mut self, agent: &mut Agent, now: pure_mqtt::Instant) -> Option<StoreError> {
        let mut failure = None;
        while let Some(event) = self.store.poll() {
            match event {
                StoreEvent::Stored(sequence) => agent.stored(now, sequence),
                StoreEvent::Replaced(sequence) => agent.log_replaced(now, sequence),
                StoreEvent::NotReplaced(error) | StoreEvent::Failed(error) => {
                    agent.store_failed(now);
                    failure = Some(error);
                }
            }
        }
        while let Some((bytes, sequence)) = agent.take_log() {
            self.store.append(bytes, sequence);
        }
        failure
    }

    /// Writes a new snapshot, unless records of the old log are still being written: then the agent asks again.
    pub(crate) fn compact(&mut self, agent: &mut Agent) {
        let mut bytes = Vec::new();
        if let Some(sequence) = agent.snapshot(&mut |piece| bytes.extend_from_slice(piece)) {
            self.store.replace(OwnedSnapshot { bytes: bytes.into(), sequence, header: Bytes::new(), wall_clock: 0 });
        }
    }
}

/// A client can't be opened in a folder.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum StorageError {
    /// The folder, or a file in it, can't be used.
    Store(StoreError),
    /// The content of the log can't be used.
    Log(RecoverError),
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Log(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for StorageError {}

impl From<StoreError> for StorageError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
