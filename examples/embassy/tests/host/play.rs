//! A play: the station in a thread of its own, and a script that talks with it through mosquitto, cuts its links and sees what becomes of it.

use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use async_io::Timer;
use embassy_futures::select::{Either, Either3, select, select3};
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use pure_mqtt_embassy::{Event, Options, RunError, Version};
use pure_mqtt_embassy_examples::station::{self, Station};

pub type Signal = embassy_sync::signal::Signal<CriticalSectionRawMutex, ()>;

/// Connections that the gateway takes at a time.
pub const CONNECTIONS: usize = 3;

/// How long anything may take.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// How long a play may take.
const LONGEST: Duration = Duration::from_secs(120);

pub const CLIENT: &str = "station";

/// What script and station share.
pub struct Stage {
    pub mqtt: Station,
    pub is_unplugged: AtomicBool,
    pub cuts: [Signal; CONNECTIONS],
    has_failed: Signal,
}

impl Stage {
    pub const fn new() -> Self {
        Self {
            mqtt: station::new(),
            is_unplugged: AtomicBool::new(false),
            cuts: [const { Signal::new() }; CONNECTIONS],
            has_failed: Signal::new(),
        }
    }

    /// Plays `script` while the station is connected by `links`, and then ends the station in order.
    pub fn play<L, F>(&self, links: L, script: impl FnOnce())
    where
        L: FnOnce() -> F + Send,
        F: Future<Output = Result<(), RunError>>,
    {
        thread::scope(|scope| {
            let station = scope.spawn(|| self.run(links()));
            let failing = OnFailure(&self.has_failed);
            script();
            self.mqtt.disconnect();
            station.join().unwrap();
            drop(failing);
        });
    }

    /// The station, until `links` is over.
    fn run(&self, links: impl Future<Output = Result<(), RunError>>) {
        let commands = station::commands(&self.mqtt).unwrap();
        let application = station::answer(&self.mqtt, commands);
        let all = select3(links, application, self.has_failed.wait());
        match async_io::block_on(select(all, Timer::after(LONGEST))) {
            Either::First(Either3::First(end)) => end.unwrap(),
            Either::First(Either3::Second(Err(error))) => panic!("{error}"),
            Either::First(Either3::Third(())) => {} // the script has told why
            Either::Second(_) => panic!("the station has no end"),
        }
    }

    pub fn cut(&self) {
        self.cuts.iter().for_each(|cut| cut.signal(()));
    }

    /// Waits for an event.
    pub fn await_event(&self, is_it: impl Fn(&Event) -> bool) {
        let event = async { while !is_it(&self.mqtt.event().await) {} };
        let waited = async_io::block_on(select(event, Timer::after(PATIENCE)));
        assert!(matches!(waited, Either::First(())), "the event never came");
    }
}

/// The station ends with a script that has failed.
struct OnFailure<'s>(&'s Signal);

impl Drop for OnFailure<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.signal(());
        }
    }
}

/// As the program's own, but that a dead link is found within two seconds, and pauses are short.
pub fn options(version: Version) -> Options<'static> {
    let mut options = station::options(version, CLIENT).backoff(20, 200);
    options.connect = options.connect.keep_alive(1).clean_start(false);
    options.limits.pingresp_timeout = 500;
    options
}
