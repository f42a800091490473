//! Two cuts, and sometimes a third: where, and how it goes on, is random.

use crate::common::clock::{given_seed, with_seeds};
use crate::scenes::{Small, asked_for, scenes};
use crate::world::{Order, Reach, Scene, Then, World};
use pure_mqtt::{Heap, Storage, Version};
use std::cell::RefCell;
use std::collections::HashSet;
use std::time::Instant;

/// In all versions together, unless the environment asks for more.
const SOME: u64 = 21_000;
/// No link of the script carries more bytes in one direction.
const FAR: usize = 145;

/// Where the links were cut, in bytes out and in.
type Places = Vec<(usize, usize)>;

fn cuts<S: Storage + Clone>(storage: S, scene: Scene, rng: &mut fastrand::Rng, lines: usize) -> Places {
    let mut world = World::new(storage, scene, lines);
    let mut places = Vec::new();
    let mut then = Then::Resume;
    for _ in 0..2 + usize::from(rng.u8(0..4) == 0) {
        let order = if rng.bool() { Order::WritesFirst } else { Order::ReadsFirst };
        world.connect(then);
        world.run(Reach { up: rng.usize(0..FAR), down: rng.usize(0..FAR), order });
        places.push((world.sent, world.read));
        world.cut();
        then = rng.choice([Then::Resume, Then::Resume, Then::Lost, Then::Clean]).unwrap();
    }
    world.finish(then);
    places
}

fn double_cuts_of(version: Version) {
    let start = Instant::now();
    let count = asked_for().unwrap_or(SOME).div_ceil(Version::ALL.len() as u64);
    let lines = given_seed().map_or(0, |_| 400);
    let different = RefCell::new(HashSet::new());
    with_seeds(1, count, |seed| {
        let mut rng = fastrand::Rng::with_seed(seed);
        let scene = rng.choice(scenes(version)).unwrap();
        let places = match rng.bool() {
            true => cuts(Heap::new(), scene, &mut rng, lines),
            false => cuts(Small::new(), scene, &mut rng, lines),
        };
        different.borrow_mut().insert(places);
    });
    let (different, time) = (different.borrow().len(), start.elapsed());
    println!("{version:?}: {count} double cuts from seed 1 on, at {different} different places, in {time:.1?}");
}

#[test]
fn double_cuts_of_3_1() {
    double_cuts_of(Version::V31);
}

#[test]
fn double_cuts_of_3_1_1() {
    double_cuts_of(Version::V311);
}

#[test]
fn double_cuts_of_5() {
    double_cuts_of(Version::V5);
}
