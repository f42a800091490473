//! Any trace: reading and replaying it never panics, and an error names a place inside.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pure_mqtt_trace::{ReplayError, Trace};
use pure_mqtt_fuzz::trace::assemble;

fuzz_target!(|data: &[u8]| {
    replay(data);
    replay(&assemble(data));
});

fn replay(bytes: &[u8]) {
    let Ok(trace) = Trace::read(bytes) else { return };
    let mut last = 0;
    let result = trace.replay(|entry, _| {
        assert!(entry.offset > last, "records come in order");
        last = entry.offset;
    });
    let offset = match result {
        Ok(()) => return,
        Err(ReplayError::Trace(error)) => error.offset,
        Err(ReplayError::Answer(difference)) => difference.offset,
        Err(ReplayError::Output { offset, .. }) => offset,
        Err(other) => panic!("{other}"),
    };
    assert!(offset > last && offset < bytes.len());
}
