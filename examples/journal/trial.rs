//! The broker, and the process that kills the device.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::store::{Done, Store};
use pure_mqtt_test_broker::{Broker, Message};

pub struct Plan {
    pub failures: u32,
    pub readings: u32,
    pub seed: u64,
}

/// How long everything may take.
const PATIENCE: Duration = Duration::from_secs(120);

type Failure = Box<dyn std::error::Error>;

/// Kills the device as often as planned, then lets it finish, and counts.
pub fn run(plan: &Plan) -> Result<(), Failure> {
    println!("seed {}", plan.seed);
    let broker = Broker::start()?;
    let folder = Folder::new()?;
    let file = folder.0.join("session");
    let mut rng = fastrand::Rng::with_seed(plan.seed);
    let mut commands = 0;
    for failure in 1..=plan.failures {
        let mut device = Device::start(&broker, &file, plan)?;
        std::thread::sleep(Duration::from_millis(rng.u64(1..60))); // not to wait for anything: a moment of no one's choice
        commands += u32::from(broker.publish(&Message::new("commands", commands.to_string()).qos(2)) > 0);
        device.0.kill()?;
        device.0.wait()?;
        println!("power failure {failure}: {:?}", Store::look(&file).unwrap_or_default());
    }
    let _device = Device::start(&broker, &file, plan)?;
    let start = Instant::now();
    loop {
        let done = Store::look(&file)?;
        let is_done = done == Done { published: plan.readings, received: commands };
        let has_arrived = broker.texts("readings").len() >= plan.readings as usize; // the device says before it sends
        if is_done && has_arrived && broker.is_idle() {
            break;
        }
        if start.elapsed() > PATIENCE {
            return Err(format!("it does not come to its end: {done:?}, of {commands} commands").into());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    judge(&broker, plan.readings)?;
    println!("{} readings arrived exactly once, {commands} messages were counted exactly once", plan.readings);
    Ok(())
}

fn judge(broker: &Broker, readings: u32) -> Result<(), Failure> {
    let mut arrived = BTreeMap::new();
    for payload in broker.texts("readings") {
        *arrived.entry(payload).or_insert(0_u32) += 1;
    }
    for number in 0..readings {
        match arrived.get(&number.to_string()) {
            Some(1) => {}
            count => return Err(format!("reading {number} arrived {} times", count.unwrap_or(&0)).into()),
        }
    }
    match &broker.violations()[..] {
        [] => Ok(()),
        violations => Err(violations.join("; ").into()),
    }
}

/// A running device, which ends with this value.
struct Device(Child);

impl Device {
    fn start(broker: &Broker, file: &Path, plan: &Plan) -> Result<Self, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--readings").arg(plan.readings.to_string());
        command.arg("--device").arg(broker.address().to_string()).arg(file);
        Ok(Self(command.stdout(std::process::Stdio::null()).spawn()?))
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A folder that ends with this value.
struct Folder(PathBuf);

impl Folder {
    fn new() -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(format!("pure-mqtt-journal-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
