//! Every single cut.

use crate::scenes::{Small, asked_for, scenes};
use crate::world::{Order, Reach, Scene, Then, World};
use pure_mqtt::{Heap, Storage, Version};
use std::collections::HashSet;
use std::time::Instant;

/// Names the cut that failed.
struct Cut(Scene, Reach, Then);

impl Drop for Cut {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the cut was {:?}, then {:?}, of {:?}", self.1, self.2, self.0);
        }
    }
}

/// The bytes of the exchange that is not cut, out and in.
fn uncut<S: Storage + Clone>(storage: S, scene: Scene) -> (usize, usize) {
    let mut world = World::new(storage, scene, 0);
    world.finish(Then::Resume);
    (world.sent, world.read)
}

/// Goes byte by byte along one direction, with the other one at its end, and shows the world at each step. True ends it.
fn sweep<S: Storage + Clone>(world: &mut World<S>, end: Reach, mut look: impl FnMut(&World<S>, Reach) -> bool) {
    world.connect(Then::Resume);
    let steps = if end.order == Order::WritesFirst { end.down } else { end.up };
    for step in 0..=steps {
        let reach = match end.order {
            Order::WritesFirst => Reach { down: step, ..end },
            Order::ReadsFirst => Reach { up: step, ..end },
        };
        world.run(reach);
        if (world.sent, world.read) == (reach.up, reach.down) && look(world, reach) {
            return;
        }
    }
}

/// Plays the exchange once more, cuts it there, and goes on.
fn play<S: Storage + Clone>(storage: S, scene: Scene, reach: Reach, then: Then) {
    let _named = Cut(scene, reach, then);
    let mut world = World::new(storage, scene, 400);
    sweep(&mut world, reach, |_, there| there == reach);
    assert_eq!((world.sent, world.read), (reach.up, reach.down));
    world.cut();
    world.finish(then);
}

fn every_cut<S: Storage + Clone>(name: &str, scene: Scene, storage: fn() -> S) {
    let start = Instant::now();
    let plays_all = asked_for().is_some();
    let (up, down) = uncut(storage(), scene);
    let (mut pairs, mut known, mut played) = (HashSet::new(), HashSet::new(), 0);
    let writing = (0..=up).map(|up| Reach { up, down, order: Order::WritesFirst });
    let reading = (0..=down).map(|down| Reach { up, down, order: Order::ReadsFirst });
    for end in writing.chain(reading) {
        sweep(&mut World::new(storage(), scene, 0), end, |world, reach| {
            pairs.insert((reach.up, reach.down));
            // What follows from a state that was known is known.
            if known.insert(world.state_if_cut()) || plays_all {
                Then::ALL.into_iter().for_each(|then| play(storage(), scene, reach, then));
                played += Then::ALL.len();
            }
            false
        });
    }
    let (pairs, states, time) = (pairs.len(), known.len(), start.elapsed());
    println!("{name}, {scene}: {pairs} cuts of {up} + {down} bytes, {states} states, {played} played in {time:.1?}");
    assert!(pairs > up + down && states > 20, "hardly anything was cut");
}

fn every_cut_of(version: Version) {
    for scene in scenes(version) {
        every_cut("Heap", scene, Heap::new);
        every_cut("Fixed", scene, Small::new);
    }
}

#[test]
fn every_cut_of_3_1() {
    every_cut_of(Version::V31);
}

#[test]
fn every_cut_of_3_1_1() {
    every_cut_of(Version::V311);
}

#[test]
fn every_cut_of_5() {
    every_cut_of(Version::V5);
}
