//! Day after day, life after life.

use crate::common::clock::given_seed;
use crate::device::Device;
use crate::ledger::Ledger;
use crate::trouble::{Character, Counts, HOUR, MINUTE};
use indicatif::{ProgressBar, ProgressStyle};
use pure_mqtt::{Fixed, Heap, Storage, Version};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Unless the environment asks for more.
const SOME_DAYS: u64 = 90;
/// Then another device takes over.
const DAYS_OF_A_LIFE: u64 = 6;

/// Before 5.0 a server may send as much as it likes, so the table of what was received should not be small.
type Small = Fixed<1024, 16, 32, 128, 2, 32>;
type SmallOf5 = Fixed<1024, 16, 8, 128, 2, 32>;

struct Life<S: Storage> {
    device: Device<S>,
    /// How much of what the server took over was judged.
    judged: usize,
    publishes_at: u64,
    serves_at: u64,
    suffers_at: u64,
}

impl<S: Storage + Clone> Life<S> {
    fn run(mut self) -> Counts {
        for day in 1..=DAYS_OF_A_LIFE {
            self.live_until(day * 24 * HOUR);
            self.end_day();
        }
        self.device.counts
    }

    fn live_until(&mut self, end: u64) {
        while self.device.now < end {
            let next = [self.publishes_at, self.serves_at, self.suffers_at].into_iter().fold(end, u64::min);
            self.device.advance(self.device.next().min(next));
            self.meet();
        }
    }

    /// What comes from outside at this time.
    fn meet(&mut self) {
        let device = &mut self.device;
        let now = device.now;
        let again = |rng: &mut fastrand::Rng, mean: u64| now + 1 + rng.u64(0..2 * mean);
        if now >= self.publishes_at {
            self.publishes_at = again(&mut device.rng, 8 * MINUTE);
            let count = if device.rng.u8(0..20) == 0 { device.rng.u8(2..25) } else { 1 };
            if device.is_awake() {
                (0..count).for_each(|_| device.publish());
            }
        }
        if now >= self.serves_at {
            self.serves_at = again(&mut device.rng, 12 * MINUTE);
            let count = if device.rng.u8(0..20) == 0 { device.rng.u8(2..25) } else { 1 };
            (0..count).for_each(|_| device.serve());
        }
        if now >= self.suffers_at {
            self.suffers_at = again(&mut device.rng, 90 * MINUTE);
            device.suffer();
        }
        device.advance(now);
    }

    /// The link stays up for once, and everything comes to its end.
    fn end_day(&mut self) {
        let device = &mut self.device;
        device.is_calm = true;
        device.out_until = 0;
        device.advance(device.sleeps_until);
        if let Some(link) = &mut device.link {
            link.left = (usize::MAX, usize::MAX);
        }
        let patience = device.now + 3 * HOUR;
        while !device.is_at_rest() {
            let next = device.next();
            assert!(next <= patience, "it does not come to rest");
            device.advance(next);
        }
        assert_eq!(device.client.pending(), 0);
        assert!(device.broker.violations().is_empty(), "{:?}", device.broker.violations());
        let released = device.broker.released()[self.judged..].iter();
        let numbers: Vec<u64> = released.map(|message| device.ledger.released(&message.payload)).collect();
        self.judged += numbers.len();
        device.counts.doubles += std::mem::take(&mut device.ledger).judge(&numbers, device.character.policy);
        device.counts.days += 1;
        device.ledger = Ledger::default();
        device.is_calm = false;
    }
}

fn live<S: Storage + Clone>(storage: S, rng: fastrand::Rng, character: Character, lines: usize) -> Counts {
    let device = Device::new(storage, rng, character, lines);
    Life { device, judged: 0, publishes_at: 0, serves_at: 0, suffers_at: HOUR }.run()
}

fn life(seed: u64, lines: usize) -> Counts {
    struct Named(u64);
    impl Drop for Named {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("again: PURE_MQTT_SEED={} cargo test --test life -- --nocapture", self.0);
            }
        }
    }
    let _named = Named(seed);
    let mut rng = fastrand::Rng::with_seed(seed);
    let character = Character::new(&mut rng);
    match (rng.bool(), character.version) {
        (true, _) => live(Heap::new(), rng, character, lines),
        (false, Version::V5) => live(SmallOf5::new(), rng, character, lines),
        (false, _) => live(Small::new(), rng, character, lines),
    }
}

/// How many days the environment asks for in `PURE_MQTT_DAYS`.
fn asked_for() -> Option<u64> {
    let text = std::env::var("PURE_MQTT_DAYS").ok()?;
    Some(text.parse().expect("PURE_MQTT_DAYS is a number"))
}

#[test]
fn nothing_is_lost_in_the_life_of_a_device() {
    if let Some(seed) = given_seed() {
        println!("{:#?}", life(seed, 2_000));
        return;
    }
    let start = Instant::now();
    let lives = asked_for().unwrap_or(SOME_DAYS).div_ceil(DAYS_OF_A_LIFE);
    let bar = ProgressBar::new(lives * DAYS_OF_A_LIFE);
    bar.set_style(ProgressStyle::with_template("{wide_bar} {pos} of {len} days, {eta} left").unwrap());
    let (next, total) = (AtomicU64::new(1), Mutex::new(Counts::default()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let work = || {
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed > lives {
                    break;
                }
                let counts = life(seed, 0);
                let mut total = total.lock().unwrap();
                *total += counts;
                bar.set_position(total.days);
            }
        };
        (0..threads).for_each(|_| drop(scope.spawn(work)));
    });
    bar.finish_and_clear();
    let total = total.into_inner().unwrap();
    println!("{lives} lives, seeds 1 to {lives}, in {:.1?}: {total:#?}", start.elapsed());
}
