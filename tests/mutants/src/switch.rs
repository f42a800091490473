//! Which mutant is on. This file is copied into the crate that is tested.

extern crate std;

use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

/// No mutant has this number.
const UNKNOWN: usize = usize::MAX;
const NONE: usize = usize::MAX - 1;
static CHOSEN: AtomicUsize = AtomicUsize::new(UNKNOWN);
static SEEN: [AtomicBool; COUNT] = [const { AtomicBool::new(false) }; COUNT];

/// Whether this mutant is on. What the compiler computes is not changed.
#[inline(always)]
pub const fn on(mutant: usize) -> bool {
    core::intrinsics::const_eval_select((mutant,), never, is_chosen)
}

const fn never(_: usize) -> bool {
    false
}

fn is_chosen(mutant: usize) -> bool {
    let mut chosen = CHOSEN.load(Relaxed);
    if chosen == UNKNOWN {
        chosen = std::env::var("MUTANT").map_or(NONE, |number| number.parse().unwrap());
        CHOSEN.store(chosen, Relaxed);
    }
    if !SEEN[mutant].swap(true, Relaxed) {
        note(mutant);
    }
    chosen == mutant
}

/// Says that the code of this mutant was reached.
#[cold]
fn note(mutant: usize) {
    use std::io::Write;
    let Ok(path) = std::env::var("MUTANTS_SEEN") else { return };
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
    file.write_all(std::format!("{mutant}\n").as_bytes()).unwrap();
}
