//! Once, after every byte.

use crate::world::{Character, World};
use pure_mqtt::Version;

fn every_byte(version: Version) {
    for manual_acks in [false, true] {
        for (compacts_at, piece, is_eager) in
            [(usize::MAX, 1, true), (150, 1, false), (150, 1, true), (150, usize::MAX, true)]
        {
            let character = Character { version, manual_acks, compacts_at, piece, is_eager };
            let mut world = World::new(character, u64::MAX);
            world.live(|| unreachable!("there is enough power"));
            let used = world.used;
            for supply in 0..used {
                let named = Named(character, supply);
                World::new(character, supply).live(|| u64::MAX);
                std::mem::forget(named);
            }
            println!("{character:?}: the power failed after each of {used} bytes");
            assert!(used > 400, "hardly anything happened");
        }
    }
}

struct Named(Character, u64);

impl Drop for Named {
    fn drop(&mut self) {
        eprintln!("the power failed after {} bytes of {:?}", self.1, self.0);
    }
}

#[test]
fn every_byte_of_3_1() {
    every_byte(Version::V31);
}

#[test]
fn every_byte_of_3_1_1() {
    every_byte(Version::V311);
}

#[test]
fn every_byte_of_5() {
    every_byte(Version::V5);
}
