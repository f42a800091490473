//! Random lives on random disks, replayed from their seeds.

use super::*;
use crate::support::disk::Faults;

struct World {
    random: fastrand::Rng,
    disk: Disk,
    /// Reported as stored.
    stored: u64,
    /// Given to the store, or part of the state that a snapshot is made of.
    given: u64,
    seen: Seen,
}

/// What has happened, so that the test can tell that it tests something.
#[derive(Default, Debug)]
struct Seen {
    records_found: usize,
    tails_cut: usize,
    commits: usize,
    commits_failed: usize,
    snapshots: usize,
    snapshots_failed: usize,
    healed: usize,
}

impl World {
    /// A process, until it ends in one way or another.
    fn live(&mut self) {
        let (store, recovered) = Store::over(self.disk.clone()).expect("what is there was written by a store");
        let found = last(&recovered);
        self.seen.records_found += recovered.records.len();
        self.seen.tails_cut += usize::from(recovered.cut.is_some());
        assert!((self.stored..=self.given).contains(&found), "{}..={}: {found}", self.stored, self.given);
        (self.stored, self.given) = (found.min(self.stored), found);
        let mut store = store.with_reserve(self.random.u64(..3_000));
        for _ in 0..self.random.u32(..60) {
            if self.disk.is_dead() {
                return;
            }
            self.step(&mut store);
        }
    }

    fn step(&mut self, store: &mut Store) {
        match self.random.u8(..20) {
            0..=9 => {
                self.given += 1;
                let is_writable = store.is_writable();
                assert_eq!(append(store, self.given).is_ok(), is_writable);
            }
            10..=15 => {
                let is_writable = store.is_writable();
                match store.commit() {
                    Ok(sequence) => {
                        assert_eq!(sequence, self.given);
                        self.stored = sequence;
                        self.seen.commits += 1;
                    }
                    Err(_) => self.seen.commits_failed += usize::from(is_writable),
                }
            }
            16..=17 => {
                let is_writable = store.is_writable();
                self.given += u64::from(!is_writable); // so that it isn't what was there before
                match replace(store, self.given) {
                    Ok(()) => {
                        self.stored = self.given;
                        self.seen.snapshots += 1;
                        self.seen.healed += usize::from(!is_writable);
                    }
                    Err(_) => {
                        assert!(is_writable || !store.is_writable());
                        self.seen.snapshots_failed += 1;
                    }
                }
            }
            18 => {
                let chance = |random: &mut fastrand::Rng| if random.u8(..4) == 0 { random.u32(..400) } else { 0 };
                let random = &mut self.random;
                let (sync, write, folder, short) = (chance(random), chance(random), chance(random), chance(random));
                self.disk.faults(Faults { sync, write, folder, short });
            }
            _ => {
                let space = (self.random.u8(..3) == 0).then(|| self.random.usize(..5_000));
                self.disk.space(space);
            }
        }
        assert!(store.stored() <= self.given && (!store.is_writable() || store.length() > 0));
    }
}

#[test]
fn random_lives_lose_nothing() {
    let count = std::env::var("PURE_MQTT_STORES").ok().and_then(|count| count.parse().ok()).unwrap_or(1_500);
    let mut seen = Seen::default();
    for seed in 0..count {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut world = World { disk: Disk::new(random.u64(..)), random, stored: 0, given: 0, seen };
        for _ in 0..5 {
            if world.random.bool() {
                world.disk.fail_after(world.random.u64(..80));
            }
            world.live();
            world.disk = match world.random.u8(..3) {
                0 => world.disk.killed(),
                _ => world.disk.lose_power(world.random.u64(..)),
            };
        }
        world.live();
        seen = world.seen;
    }
    println!("{seen:?}");
    let Seen { records_found, tails_cut, commits, commits_failed, snapshots, snapshots_failed, healed } = seen;
    let least =
        [records_found, tails_cut, commits, commits_failed, snapshots, snapshots_failed, healed].into_iter().min();
    assert!(least >= Some(count as usize / 10), "{seen:?}");
}
