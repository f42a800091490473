//! What a piece of work cost this thread: processor time, and what it asked of the allocator.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use cpu_time::ThreadTime;

/// The system's allocator; counts, in each thread by itself, how often memory is asked for, how much, and how much is held.
pub struct Counting;

thread_local! {
    static ASKED: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
    static HELD: Cell<i64> = const { Cell::new(0) };
}

fn asked(bytes: usize) {
    let (calls, total) = ASKED.get();
    ASKED.set((calls + 1, total + bytes as u64));
}

fn held(change: i64) {
    HELD.set(HELD.get() + change);
}

// SAFETY: every call is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        asked(layout.size());
        held(layout.size() as i64);
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        asked(layout.size());
        held(layout.size() as i64);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        held(-(layout.size() as i64));
        // SAFETY: as above.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        asked(size);
        held(size as i64 - layout.size() as i64);
        // SAFETY: as above.
        unsafe { System.realloc(place, layout, size) }
    }
}

/// What a piece of work cost.
#[derive(Clone, Copy, Default, Debug)]
pub struct Cost {
    pub nanos: f64,
    /// How often memory was asked for.
    pub allocations: f64,
    /// How many bytes were asked for.
    pub allocated: f64,
}

/// Does `work` and says what it cost.
pub fn cost(work: impl FnOnce()) -> Cost {
    let (calls, bytes) = ASKED.get();
    let start = ThreadTime::now();
    work();
    let nanos = start.elapsed().as_nanos() as f64;
    let (calls_after, bytes_after) = ASKED.get();
    Cost { nanos, allocations: (calls_after - calls) as f64, allocated: (bytes_after - bytes) as f64 }
}

/// How many more bytes are held after `work` than before, beside what it returns by value.
pub fn growth<T>(work: impl FnOnce() -> T) -> (T, i64) {
    let before = HELD.get();
    let result = work();
    (result, HELD.get() - before)
}
