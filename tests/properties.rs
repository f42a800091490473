//! Properties of whole scripts of commands, time and bytes, in every version; what breaks one is shrunk to the shortest script.
//!
//! ```text
//! PURE_MQTT_CASES=100000 cargo test --release --test properties
//! PURE_MQTT_SEED=7 cargo test --test properties
//! ```
//!
//! The first tries more scripts, the second others. A failure prints the script and the seed.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::expect_used)]

#[path = "properties/player.rs"]
mod player;
#[path = "properties/script.rs"]
mod script;

use player::{Manner, Play, play};
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};
use pure_mqtt::{Fixed, Heap};
use script::{Script, script};

/// Scripts tried for each property, unless the environment asks for more.
const CASES: u32 = 150;
const SEED: u64 = 1;

fn asked_for<T: std::str::FromStr>(variable: &str, otherwise: T) -> T {
    std::env::var(variable).map_or(otherwise, |text| text.parse().ok().expect("the variable holds a number"))
}

/// Tries many scripts. The same ones each time, so that the suite fails only for those who broke something.
fn for_scripts(property: impl Fn(&Script)) {
    let seed = asked_for("PURE_MQTT_SEED", SEED);
    let config = ProptestConfig {
        cases: asked_for("PURE_MQTT_CASES", CASES),
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let outcome = TestRunner::new(config).run(&script(), |script| {
        property(&script);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("PURE_MQTT_SEED={seed}: {error}");
    }
}

fn fixed(script: &Script, manner: Manner) -> Play<Fixed<256, 8, 4, 64, 2, 8>> {
    play(Fixed::new(), script, manner)
}

fn heap(script: &Script, manner: Manner) -> Play<Heap> {
    play(Heap::new(), script, manner)
}

#[test]
fn it_does_not_matter_how_input_is_cut_into_pieces() {
    for_scripts(|script| {
        let whole = fixed(script, Manner::WHOLE);
        for read in [1, 2, 3, 7] {
            whole.assert_same(&fixed(script, Manner { read, ..Manner::WHOLE }));
        }
        heap(script, Manner::WHOLE).assert_same(&heap(script, Manner { read: 1, ..Manner::WHOLE }));
    });
}

#[test]
fn it_does_not_matter_how_output_is_cut_into_pieces() {
    for_scripts(|script| {
        let whole = fixed(script, Manner::WHOLE);
        for write in [1, 2, 3, 7] {
            whole.assert_same(&fixed(script, Manner { write, ..Manner::WHOLE }));
        }
        heap(script, Manner::WHOLE).assert_same(&heap(script, Manner { write: 1, ..Manner::WHOLE }));
    });
}

/// Usual packets have a short way, which the other call doesn't know.
#[test]
fn it_does_not_matter_by_which_call_input_is_taken() {
    for_scripts(|script| {
        for read in [usize::MAX, 3] {
            let usual = Manner { read, ..Manner::WHOLE };
            let streaming = Manner { is_streaming: true, ..usual };
            fixed(script, usual).assert_same(&fixed(script, streaming));
            heap(script, usual).assert_same(&heap(script, streaming));
        }
    });
}

#[test]
fn the_same_calls_give_the_same_results() {
    for_scripts(|script| {
        fixed(script, Manner::WHOLE).assert_same(&fixed(script, Manner::WHOLE));
        heap(script, Manner::WHOLE).assert_same(&heap(script, Manner::WHOLE));
    });
}

/// The player compares before and after each command that is refused, and looks at each deadline just before it and when it has come.
#[test]
fn refused_commands_change_nothing_and_deadlines_do_not_lie() {
    for_scripts(|script| {
        fixed(script, Manner { is_watched: true, ..Manner::WHOLE });
        heap(script, Manner { is_watched: true, ..Manner::WHOLE });
    });
}

#[test]
fn a_tick_that_wraps_is_like_any_other() {
    for_scripts(|script| {
        let early = fixed(script, Manner { tick: 1_000, ..Manner::WHOLE });
        // In whole seconds, since messages expire in them: shortly before the tick wraps, and half way round.
        for seconds in [u32::MAX / 1000 - 16, u32::MAX / 2000] {
            early.assert_alike(&fixed(script, Manner { tick: seconds * 1000, ..Manner::WHOLE }));
        }
    });
}
