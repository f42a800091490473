//! A disk that fails under a client with a log: what was accepted is delivered once, or its end is told.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use pure_mqtt_client::pure_mqtt::{Publish, QoS, TopicName, Version};
use pure_mqtt_client::{
    CleanStart, Client, Files, Folder, LogFile, LogLevel, MessageInfo, NotPublished, Options, PublishError,
};
use pure_mqtt_test_broker::Broker;

use crate::durable::Folder as Temporary;
use crate::support::{Ear, PATIENCE, eventually};

/// What ails a disk.
#[derive(Default)]
struct Illness {
    is_full: AtomicBool,
    /// So many `fsync` fail.
    failing_syncs: AtomicU32,
}

impl Illness {
    fn check_space(&self) -> io::Result<()> {
        if self.is_full.load(Ordering::SeqCst) { Err(ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

/// A folder on such a disk.
struct Disk(Folder, Arc<Illness>);

struct DiskFile(<Folder as Files>::File, Arc<Illness>);

impl Files for Disk {
    type File = DiskFile;

    fn names(&self) -> io::Result<Vec<String>> {
        self.0.names()
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        self.0.read(name)
    }

    fn create(&mut self, name: &str) -> io::Result<DiskFile> {
        self.1.check_space()?;
        Ok(DiskFile(self.0.create(name)?, Arc::clone(&self.1)))
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.0.rename(from, to)
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.0.remove(name)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path(name)
    }
}

impl Write for DiskFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.1.check_space()?;
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl LogFile for DiskFile {
    fn reserve(&mut self, length: u64) -> io::Result<()> {
        self.0.reserve(length)
    }

    fn sync(&mut self) -> io::Result<()> {
        let fails = |left: u32| left.checked_sub(1);
        match self.1.failing_syncs.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fails) {
            Ok(_) => Err(io::Error::other("the disk has lost what was written")),
            Err(_) => LogFile::sync(&mut self.0),
        }
    }
}

/// A program that publishes through a client with a log on a sick disk.
struct Meter {
    folder: Temporary,
    broker: Broker,
    illness: Arc<Illness>,
    client: Client,
    ear: Ear,
    accepted: Vec<(u64, MessageInfo)>,
}

impl Meter {
    fn new(name: &str, version: Version) -> Self {
        let folder = Temporary::new(&format!("{name}-{version:?}"));
        let (broker, illness) = (Broker::start().unwrap(), Arc::<Illness>::default());
        let (client, ear) = open(&folder, &illness, version);
        client.connect(broker.address()).unwrap();
        client.loop_start().unwrap();
        Self { folder, broker, illness, client, ear, accepted: Vec::new() }
    }

    /// Publishes the next message, by turns at QoS 1 and 2.
    fn publish(&mut self) -> Result<(), PublishError> {
        let number = self.accepted.len() as u64;
        let qos = if number.is_multiple_of(2) { QoS::ExactlyOnce } else { QoS::AtLeastOnce };
        let text = number.to_string();
        let message = Publish::new(TopicName::new("meter").unwrap(), text.as_str()).qos(qos);
        self.accepted.push((number, self.client.publish_tagged(&message, number)?));
        Ok(())
    }

    /// Publishes until the log is found broken. Before that the queue may be full.
    fn publish_until_refused(&mut self) -> PublishError {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            match self.publish() {
                Ok(()) | Err(PublishError::Rejected(_)) => std::thread::yield_now(),
                Err(error) => return error,
            }
        }
        panic!("the log was never found broken");
    }

    /// Each message that was accepted came once at QoS 2, and at least once at QoS 1.
    fn all_arrived(&self) {
        let released = self.broker.texts("meter");
        let once: BTreeSet<u64> = released.iter().map(|text| text.parse().unwrap()).collect();
        let accepted: BTreeSet<u64> = self.accepted.iter().map(|(number, _)| *number).collect();
        assert_eq!(once, accepted);
        for number in once.iter().filter(|number| number.is_multiple_of(2)) {
            assert_eq!(released.iter().filter(|text| **text == number.to_string()).count(), 1, "{number} came twice");
        }
        assert!(self.broker.violations().is_empty(), "{:?}", self.broker.violations());
    }
}

fn open(folder: &Temporary, illness: &Arc<Illness>, version: Version) -> (Client, Ear) {
    let delay = Duration::from_millis(1);
    let options = Options::new("meter").version(version).clean_start(CleanStart::First).reconnect_delay(delay, delay);
    let disk = Disk(Folder::open(&folder.0).unwrap(), Arc::clone(illness));
    let client = Client::open_over(disk, options).unwrap();
    let ear = Ear::of(&client);
    (client, ear)
}

#[test]
fn a_failing_fsync_costs_nothing() {
    for version in Version::ALL {
        let mut meter = Meter::new("fsync", version);
        for round in 0..20 {
            meter.illness.failing_syncs.store(u32::from(round % 4 == 3), Ordering::SeqCst);
            for _ in 0..10 {
                meter.publish().unwrap();
            }
            // Before the next fault the log is whole again: two in a row are a disk that is broken.
            for (number, info) in &meter.accepted {
                assert_eq!(info.wait_for_publish(PATIENCE), Ok(()), "{number}");
            }
        }
        meter.all_arrived();
        assert!(meter.ear.told().log.iter().any(|(level, _)| *level == LogLevel::Error), "the operator learns of it");
    }
}

#[test]
fn a_full_disk_refuses_and_goes_on_when_there_is_room() {
    let mut meter = Meter::new("full", Version::V5);
    for _ in 0..50 {
        meter.publish().unwrap();
    }
    meter.illness.is_full.store(true, Ordering::SeqCst);
    assert_eq!(meter.publish_until_refused(), PublishError::StoreFailed);
    let qos0 = meter.client.publish("other", "x", QoS::AtMostOnce, false);
    assert!(qos0.is_ok(), "QoS 0 promises nothing, so that it is not refused");
    eventually(|| !meter.client.is_connected());
    let told = |told: &crate::support::Told| told.log.iter().any(|(_, line)| line.contains("full"));
    meter.ear.until(told);
    meter.illness.is_full.store(false, Ordering::SeqCst);
    let healed = Instant::now();
    while meter.publish() == Err(PublishError::StoreFailed) {
        assert!(healed.elapsed() < 2 * PATIENCE, "it is tried again every 10 seconds");
        std::thread::yield_now();
    }
    for (number, info) in &meter.accepted {
        assert_eq!(info.wait_for_publish(2 * PATIENCE), Ok(()), "{number}");
    }
    meter.all_arrived();
}

/// The program ends while its disk is full. What it was told to be delivered is delivered; of the rest the next life has what the log has, and the end of what it has not
/// was told.
#[test]
fn a_program_that_ends_with_a_full_disk_knows_what_is_lost() {
    for version in Version::ALL {
        let mut meter = Meter::new("ends", version);
        for _ in 0..50 {
            meter.publish().unwrap();
        }
        meter.illness.is_full.store(true, Ordering::SeqCst);
        assert_eq!(meter.publish_until_refused(), PublishError::StoreFailed);
        let (replaced, _) = (std::mem::replace(&mut meter.client, Client::new("none")), &meter.ear);
        replaced.loop_stop();
        drop(replaced);
        meter.illness.is_full.store(false, Ordering::SeqCst);
        let (client, _ear) = open(&meter.folder, &meter.illness, version);
        let recovered = client.recovered();
        let tags: BTreeSet<_> = recovered.iter().map(|(_, tag)| *tag).collect();
        meter.accepted.retain(|(number, info)| match info.result() {
            Some(Ok(())) => true,
            Some(Err(NotPublished::ClientGone)) => tags.contains(number),
            other => panic!("{number}: {other:?}"),
        });
        client.connect(meter.broker.address()).unwrap();
        client.loop_start().unwrap();
        for (info, tag) in recovered {
            assert_eq!(info.wait_for_publish(PATIENCE), Ok(()), "{tag}");
        }
        meter.all_arrived();
    }
}
