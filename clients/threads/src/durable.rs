//! A client whose messages survive a loss of power: the agent's log, in a folder.

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
    /// A client that keeps a log in `folder`, which is created if it is missing, and goes on where the log ends: messages at QoS 1 and 2 survive the end of the
    /// program and a loss of power, and QoS 2 stays exactly once. One process at a time uses a folder.
    ///
    /// A message is safe once its record is durable, which takes an `fsync` after [`publish`](Self::publish) and needs the loop; nothing that depends on a record leaves
    /// before. Messages of before the restart are told by [`recovered`](Self::recovered). Subscriptions are the program's to make again, before it connects: the server
    /// is asked for the difference only.
    ///
    /// The session has to live as long: [`CleanStart::Always`](crate::CleanStart::Always) counts as `First`, which means the first link of a folder, and in 5.0 a
    /// session expires after a day unless [`Options::properties`] say otherwise.
    ///
    /// If the log can't be written (a full disk, a failing one), the link is given up, publishes at QoS 1 and 2 are refused with
    /// [`PublishError::StoreFailed`](crate::PublishError::StoreFailed), and it is tried again every 10 seconds; [`on_log`](Self::on_log) tells it.
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
    /// [`StorageError`]: another process uses the folder, it can't be read or written, or the log is damaged or another client's. Nothing is changed then.
    pub fn open(folder: impl Into<PathBuf>, options: Options) -> Result<Self, StorageError> {
        Self::open_over(Folder::open(folder)?, options)
    }

    /// The same on files that are no folder of the system's: encrypted ones, or those of a test, whose disk is full when it wants. That nobody else uses them is theirs to see to.
    ///
    /// # Errors
    /// As [`open`](Self::open).
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

    /// The messages of before the restart that are not finished, in their order, each with the number that it was
    /// [published](Self::publish_tagged) with.
    pub fn recovered(&self) -> Vec<(MessageInfo, u64)> {
        self.shared.lock().recovered.clone()
    }

    /// The number of the latest message at QoS 1 or 2 that was [published](Self::publish_tagged) with one, finished or not; 0 if there was none. Right after
    /// [`open`](Self::open) it is that of the latest message which the log has accepted: a program that numbers its input goes on behind it, and publishes
    /// nothing twice.
    pub fn latest_tag(&self) -> u64 {
        self.shared.lock().agent.latest_tag()
    }
}

/// The log's way to the disk.
pub(crate) struct Storage {
    store: Box<dyn Store + Send>,
}

/// A [`StoreThread`], whatever its files are.
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
    /// Hands to the disk what waits, and tells the agent what is there.
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

    /// Writes everything anew, unless records of the old log are still awaited: then the agent asks again.
    pub(crate) fn compact(&mut self, agent: &mut Agent) {
        let mut bytes = Vec::new();
        if let Some(sequence) = agent.snapshot(&mut |piece| bytes.extend_from_slice(piece)) {
            self.store.replace(OwnedSnapshot { bytes: bytes.into(), sequence, header: Bytes::new(), wall_clock: 0 });
        }
    }
}

/// Why a client can't be opened in a folder.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum StorageError {
    /// The folder, or a file in it.
    Store(StoreError),
    /// What the log says.
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
