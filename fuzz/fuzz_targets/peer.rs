//! A whole life: commands, ticks and cuts against a server that mostly does what it should.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pure_mqtt::{Fixed, Heap};
use pure_mqtt_fuzz::play::{Life, play};

fuzz_target!(|life: Life| {
    if life.heap { play(Heap::new, &life) } else { play(Fixed::<256, 4, 4, 64, 2, 8>::new, &life) }
});
